"""A batch is partitioned: whole rows, in order, and nearly equal shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from freqopt.backends.numba import Workspace
from freqopt.backends.numba.batch._index import BINS
from freqopt.backends.numba.batch._partition import partition
from freqopt.backends.numba.jit._compile import entry

from .compared import zipf_batch


@entry("test: partition all")
def partition_all(rows: Any, space: Any, found: Any) -> None:
    """Where each part begins and ends."""
    for part in range(len(found)):
        found[part, 0], found[part, 1], _ = partition(part, rows, space)


@pytest.mark.parametrize("parts", [1, 2, 3, 16])
@pytest.mark.parametrize("batch", [0, 1, 40, 4096])
def test_every_part_gets_whole_rows_in_order(parts: int, batch: int) -> None:
    table = np.zeros((1000, 1))
    rows = zipf_batch(np.random.default_rng(0), 1000, batch)
    space = Workspace().space(table, parts, batch, squares=False)
    found = np.zeros((parts, 2), np.int64)
    partition_all(rows, space, found)
    starts, own = space.starts, space.own
    shares = [own[start:end] for start, end in found]
    assert sorted(np.concatenate(shares)) == list(range(batch))
    assert all((np.diff(share) > 0).all() for share in shares)
    held = [set(rows[share]) for share in shares]
    assert sum(map(len, held)) == len(set(rows))
    # One free place behind each part.
    assert list(starts[:-1]) == list(found[:, 0])
    assert list(starts[1:]) == list(found[:, 1] + 1)


@pytest.mark.parametrize("parts", [2, 3, 4])
def test_a_frequent_row_does_not_make_its_part_late(parts: int) -> None:
    """Light bins, of twice the mean at most, make up for what heavy ones leave unequal."""
    table = np.zeros((100_000, 1))
    rows = (100_000 ** np.random.default_rng(0).random(65536)).astype(np.int64)  # Zipf(1)
    space = Workspace().space(table, parts, rows.size, squares=False)
    found = np.zeros((parts, 2), np.int64)
    partition_all(rows, space, found)
    assert np.bincount(rows).max() > 5 * rows.size / BINS
    assert np.ptp(found[:, 1] - found[:, 0]) <= 2 * rows.size / BINS
