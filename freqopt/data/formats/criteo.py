"""Criteo Kaggle display advertising: `train.txt` and `test.txt`.

**Format** tab-separated, no header. 40 columns: label, I1..I13 (integers, may be negative),
C1..C26 (32-bit hashes as 8 hexadecimal characters); 39 columns without the label in a test file.
An empty field is a missing value. Rows are in time order, without a time column.

**Presets**

* `dlrm`, the reference recipe: missing -> 0 for integers and hashes (which merges it with the
  hash 00000000), negative integers -> 0, dense value log(x + 1). With `hash_range`, hashes are
  taken modulo it. `dlrm_split` gives the recipe's days and parts.
* `keep-missing`: integers as they are, NaN where missing; a missing hash is a token of its own
  (-1 in the vocabulary), distinct from 00000000.

**Differs from** the reference recipe: its log is in float32, ours in float64; it stores hashes as
int32, where half of them do not fit, ours stay positive.

**Official size** 45,840,617 training and 6,042,135 test rows.

**Source** facebookresearch/dlrm, `data_utils.py`: getCriteoAdData, transformCriteoAdData.
The data are the user's own copy under Criteo's terms.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from freqopt.data.datasets import Clicks
from freqopt.data.options import require_choice, require_positive
from freqopt.data.parsing.click_rows import ClickRows, gather
from freqopt.data.parsing.columns import Columns, Mask
from freqopt.data.parsing.lines import blocks
from freqopt.data.parsing.unpacked import DataFile, Where, checksum
from freqopt.data.split import Split, permutation
from freqopt.data.vocabulary import Order, check_order
from freqopt.errors import DataError
from freqopt.streams.elementary import log
from freqopt.streams.stream import Stream

INTEGERS = tuple(f"I{k}" for k in range(1, 14))
HASHES = tuple(f"C{k}" for k in range(1, 27))
COLUMNS = ("label", *INTEGERS, *HASHES)
MISSING = -1
DAYS = 7

Preset = Literal["dlrm", "keep-missing"]
Shuffle = Literal["none", "day", "total"]


class Impression(NamedTuple):
    """One line; None where a field is missing, `label` None in a test file."""

    label: int | None
    integers: tuple[int | None, ...]
    hashes: tuple[int | None, ...]


class _Rows(NamedTuple):
    labels: NDArray[np.int8] | None  # (R,)
    integers: NDArray[np.int64]  # (R, 13), 0 where missing
    no_integer: Mask  # (R, 13)
    hashes: NDArray[np.int64]  # (R, 26), MISSING where missing


def iterate(path: str | Path, *, member: str | None = None) -> Iterator[Impression]:
    """Yield one record per line, in constant memory."""
    for rows in _parse(DataFile(Path(path), member)):
        labels = [None] * len(rows.integers) if rows.labels is None else rows.labels.tolist()
        integers = np.where(rows.no_integer, None, rows.integers)  # type: ignore[call-overload]
        hashes = np.where(rows.hashes == MISSING, None, rows.hashes)  # type: ignore[call-overload]
        for label, numbers, codes in zip(labels, integers.tolist(), hashes.tolist(), strict=True):
            yield Impression(label, tuple(numbers), tuple(codes))


def read(
    path: str | Path,
    *,
    preset: Preset = "dlrm",
    hash_range: int | None = None,
    order: Order = "appearance",
    limit: int | None = None,
    sha256: str | None = None,
    member: str | None = None,
) -> Clicks:
    """Read `train.txt` or `test.txt`, plain, gzip or zip.

    Parameters
    ----------
    path
        The file.
    preset
        How values are turned into features, see above.
    hash_range
        Hashes are taken modulo this number, before they are numbered; `dlrm` only.
    order
        Numbering of each field's tokens, see `freqopt.data.vocabulary.Order`.
    limit
        Read this many rows from the start.
    sha256
        Declared checksum of the file; compared before anything is read.
    member
        Which file of a zip archive, where it has several.

    Returns
    -------
    Clicks
        26 categorical and 13 dense features; `timestamps` are row numbers.

    Raises
    ------
    DataError
        The file is missing, damaged or not in this format; the message names the line.
    """
    check_order(order)
    require_choice("preset", preset, get_args(Preset))
    for name, value in (("limit", limit), ("hash_range", hash_range)):
        if value is not None:
            require_positive(name, value)
    if hash_range is not None and preset != "dlrm":
        raise DataError(
            f"hash_range is {hash_range} with preset {preset!r}; expected it with preset 'dlrm' "
            "only. Leave it out: keep-missing keeps the hashes."
        )
    digest = checksum(path, sha256)
    return gather(
        _featurised(DataFile(Path(path), member), preset, hash_range),
        order=order,
        limit=limit,
        token_names=HASHES,
        dense_names=INTEGERS,
        name=f"Criteo Kaggle ({preset})",
        source=str(path),
        sha256=digest,
    )


def dlrm_split(n: int, shuffle: Shuffle = "none", stream: Stream | None = None) -> Split:
    """Cut n rows as the reference recipe does.

    Seven "days" of equal row count (the first n mod 7 have one more), not calendar days. The first
    six are for training; of the last, the first half is for test and the second for validation
    (of an odd day the test half has one more).

    Parameters
    ----------
    n : int
        Number of rows.
    shuffle
        Of the training rows: `none`, within each `day`, or in `total`.
    stream
        Random words for the shuffle; word 0 .. of step d for day d.

    Raises
    ------
    DataError
        Fewer than 14 rows, an unknown shuffle, or a shuffle without a stream.
    """
    if n < 2 * DAYS:
        raise DataError(
            f"{n} rows cannot be cut into 7 days of at least 2; expected 14 rows or more. "
            "Use random_split for small data."
        )
    require_choice("shuffle", shuffle, get_args(Shuffle))
    if shuffle != "none" and stream is None:
        raise DataError(
            f"shuffle is {shuffle!r} without a stream; expected one to draw from. Pass a Stream."
        )
    days = np.array_split(np.arange(n), DAYS)
    test, validation = np.array_split(days[-1], 2)
    train = days[:-1]
    if stream is not None and shuffle == "day":
        train = [day[permutation(day.size, stream, d)] for d, day in enumerate(train)]
    joined = np.concatenate(train)
    if stream is not None and shuffle == "total":
        joined = joined[permutation(joined.size, stream)]
    return Split(joined, validation, test)


def _parse(path: Where) -> Iterator[_Rows]:
    columns: tuple[str, ...] = ()
    for block in blocks(path, official=True):
        if not columns:  # the first line tells a training file from a test file
            labelled = block.data.count(b"\t", 0, block.data.index(b"\n")) != len(COLUMNS) - 2
            columns = COLUMNS if labelled else COLUMNS[1:]
        fields = Columns(block, "\t", columns)
        integers, hashes = slice(-39, -26), slice(-26, None)
        values = fields.hashes(hashes, blank=True).astype(np.int64)
        values[fields.empty(hashes)] = MISSING
        yield _Rows(
            fields.binary(0) if labelled else None,
            fields.integers(integers, blank=True),
            fields.empty(integers),
            values,
        )


def _featurised(path: Where, preset: Preset, hash_range: int | None) -> Iterator[ClickRows]:
    count = 0
    for labels, integers, no_integer, hashes in _parse(path):
        if preset == "dlrm":
            dense = log(np.maximum(integers, 0).astype(np.float64) + 1)
            hashes = np.maximum(hashes, 0)
            if hash_range is not None:
                hashes %= hash_range
        else:
            dense = np.where(no_integer, np.nan, integers)
        yield ClickRows(labels, hashes, dense, np.arange(count, count + len(hashes)))
        count += len(hashes)
