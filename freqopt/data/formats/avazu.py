"""Avazu click-through rate prediction: `train` and `test` CSV files.

**Format** comma-separated with a header of 24 columns; a test file lacks `click`, leaving 23.
`id` has up to 20 digits and needs 64 unsigned bits; it is checked and is no feature. `hour` is
YYMMDDHH in UTC, parsed by position: 14091123 is 23:00 on 11 September 2014. The nine columns
`site_*`, `app_*`, device_id, device_ip and device_model are hashes of 8 hexadecimal characters; the
other twelve are integers. No field is empty: nulls are hashed too, and C20 uses -1.

**Presets**, both with 21 categorical fields and one dense feature:

* `plain`: the hour of the day, 0 to 23;
* `mlet`: log(hour of the day + 1), split at random 80/10/10 in the sequel of the MLET paper.

**Differs from** the notebook of benghaem/dlrm_mlet: it reads `hour` as a Unix time, so that its
dense feature is not the hour of the day.

**Official size** 40,428,967 training and 4,577,464 test rows, in time order.

The data are the user's own copy under Avazu's terms.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from freqopt.data.datasets import Clicks
from freqopt.data.options import require_choice, require_positive
from freqopt.data.parsing.click_rows import ClickRows, gather
from freqopt.data.parsing.columns import Columns
from freqopt.data.parsing.faults import bad_line, shown
from freqopt.data.parsing.lines import Block, blocks, no_rows
from freqopt.data.parsing.unpacked import DataFile, Where, checksum
from freqopt.data.vocabulary import Order, check_order
from freqopt.streams.elementary import log

HASHED = (
    *("site_id", "site_domain", "site_category", "app_id", "app_domain", "app_category"),
    *("device_id", "device_ip", "device_model"),
)
FIELDS = (
    *("C1", "banner_pos", *HASHED, "device_type", "device_conn_type"),
    *(f"C{k}" for k in range(14, 22)),
)
COLUMNS = ("id", "click", "hour", *FIELDS)

Preset = Literal["plain", "mlet"]


class Impression(NamedTuple):
    """One line: `hour` in seconds since 1970-01-01 UTC, `values` in the order of `FIELDS`."""

    id: int
    click: int | None
    hour: int
    values: tuple[int, ...]


class _Rows(NamedTuple):
    ids: NDArray[np.uint64]  # (R,)
    labels: NDArray[np.int8] | None  # (R,)
    seconds: NDArray[np.int64]  # (R,)
    values: NDArray[np.int64]  # (R, 21)


def iterate(path: str | Path, *, member: str | None = None) -> Iterator[Impression]:
    """Yield one record per line below the header, in constant memory."""
    for rows in _parse(DataFile(Path(path), member)):
        labels = [None] * len(rows.ids) if rows.labels is None else rows.labels.tolist()
        values = map(tuple, rows.values.tolist())
        yield from map(Impression, rows.ids.tolist(), labels, rows.seconds.tolist(), values)


def read(
    path: str | Path,
    *,
    preset: Preset = "plain",
    order: Order = "appearance",
    limit: int | None = None,
    sha256: str | None = None,
    member: str | None = None,
) -> Clicks:
    """Read `train` or `test`, plain, gzip or zip.

    Parameters
    ----------
    path
        The file.
    preset
        The dense feature, see above.
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
        21 categorical features and 1 dense; `timestamps` are full hours.

    Raises
    ------
    DataError
        The file is missing, damaged or not in this format; the message names the line.
    """
    check_order(order)
    require_choice("preset", preset, get_args(Preset))
    if limit is not None:
        require_positive("limit", limit)
    digest = checksum(path, sha256)
    return gather(
        _featurised(DataFile(Path(path), member), preset),
        order=order,
        limit=limit,
        token_names=FIELDS,
        dense_names=("hour",),
        name=f"Avazu ({preset})",
        source=str(path),
        sha256=digest,
    )


def _parse(path: Where) -> Iterator[_Rows]:
    columns: tuple[str, ...] = ()
    line = 1
    for block in blocks(path, official=True):
        if not columns:
            columns = _header(block)
            block = block.below_first()
            if not block.data:
                continue
        fields = Columns(block, ",", columns)
        first = columns.index(FIELDS[0])
        values = np.empty((fields.size, len(FIELDS)), dtype=np.int64)
        values[:, :2] = fields.integers(slice(first, first + 2))
        values[:, 2:11] = fields.hashes(slice(first + 2, first + 11))
        values[:, 11:] = fields.integers(slice(first + 11, None))
        yield _Rows(
            fields.unsigned(slice(0, 1))[:, 0],
            fields.binary(1) if "click" in columns else None,
            _seconds(fields, columns.index("hour")),
            values,
        )
        line += fields.size
    if line == 1:
        raise no_rows(path)


def _header(block: Block) -> tuple[str, ...]:
    """Columns of a training or a test file; anything else is refused."""
    line = block.data[: block.data.index(b"\n")]
    for columns in (COLUMNS, tuple(name for name in COLUMNS if name != "click")):
        if line == ",".join(columns).encode():
            return columns
    raise bad_line(
        block.path,
        1,
        f"the header is {shown(line)}",
        f"{','.join(COLUMNS)!r}, without click in a test file",
        "Check that the file is Avazu's train or test CSV with its header.",
    )


def _seconds(fields: Columns, column: int) -> NDArray[np.int64]:
    """Seconds since 1970-01-01 UTC of YYMMDDHH, years 2000 to 2099."""
    digits, back = np.unique(
        fields.integers(slice(column, column + 1), signed=False)[:, 0], return_inverse=True
    )
    seconds = np.full(digits.size, -1)
    for k, number in enumerate(digits.tolist()):
        year, month, day, hour = (number // 100**place % 100 for place in (3, 2, 1, 0))
        with suppress(ValueError):  # no such date or hour: stays -1 and is refused below
            seconds[k] = datetime(2000 + year, month, day, hour, tzinfo=UTC).timestamp()
    eight = fields.stop[:, column] - fields.start[:, column] == 8
    fields.require(eight & (seconds[back] >= 0), column, "an hour as YYMMDDHH")
    return seconds[back]


def _featurised(path: Where, preset: Preset) -> Iterator[ClickRows]:
    for rows in _parse(path):
        hour = (rows.seconds // 3600 % 24).astype(np.float64)[:, np.newaxis]
        dense = log(hour + 1) if preset == "mlet" else hour
        yield ClickRows(rows.labels, rows.values, dense, rows.seconds)
