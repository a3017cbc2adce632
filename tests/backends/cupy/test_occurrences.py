"""The sort of a step's occurrences: right for every number of them, and not quadratic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from freqopt.backends.cupy import _twin
from freqopt.backends.cupy._loop import kernel_of
from freqopt.backends.cupy._problem import find_problem

from .test_twin_loop import begin
from .twins import needs_compiler

pytestmark = needs_compiler
ENTRY = """
ENTRY sort_keys(i64* keys, i64 n, i64* comparisons) {
    const Group group;
    compared = 0;
    sort(group, keys, n);
    *comparisons = compared;
}
"""


def sorter(lanes):
    """A function that sorts keys in place and returns the comparisons of the lanes."""
    (simulation,) = begin(("token_quadratic", {"dimension": 3}), "sgd")
    source = kernel_of(simulation, find_problem(simulation.problem), lanes)
    text = source.text.replace("DEVICE void sort(", "std::atomic<i64> compared;\nDEVICE void sort(")
    text = text.replace("if (b < a)", "compared++;\nif (b < a)")
    module = _twin.Module(replace(source, text=text + ENTRY))

    def sort(keys):
        comparisons = np.zeros(1, np.int64)
        module.launch("sort_keys", 1, 0, keys, keys.size, comparisons)
        return int(comparisons[0])

    return sort


@pytest.mark.parametrize("lanes", [1, 4])
def test_keys_of_any_number_are_sorted(lanes):
    sort, rng = sorter(lanes), np.random.default_rng(0)
    for n in (*range(20), 31, 32, 33, 100):
        keys = rng.permutation(n) << 7 | rng.integers(0, 100, n)
        right = np.sort(keys)
        sort(keys)
        np.testing.assert_array_equal(keys, right)


def test_twice_the_keys_are_little_more_than_twice_the_work():
    sort = sorter(1)
    work = [sort(np.arange(n)[::-1].copy()) for n in (32, 256, 2048)]
    assert work == [16 * 15, 128 * 36, 1024 * 66]  # n / 2 comparisons in L (L + 1) / 2 passes
