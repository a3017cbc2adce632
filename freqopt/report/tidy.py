"""Small questions to a table of results, for figure files: select, take the best, take the middle.

A table is a dict of equally long NumPy arrays; `columns` makes one of what `freqopt.load` returns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import FigureError
from freqopt.experiment.protocol.statistics import interval

Columns = dict[str, NDArray[Any]]


def columns(table: Any, **equal: Any) -> Columns:
    """A pyarrow Table as NumPy columns (null is NaN), only the rows where columns equal values.

    Parameters
    ----------
    table : pyarrow.Table
        As `freqopt.load` gives it.
    **equal
        Column -> value that it is to have.

    Returns
    -------
    dict of str to array
    """
    return where({name: _numpy(table[name]) for name in table.column_names}, **equal)


def where(data: Columns, **equal: Any) -> Columns:
    """The rows in which each named column equals its value.

    Parameters
    ----------
    data : dict of str to array
        Columns of one length.
    **equal
        Column -> value that it is to have.

    Returns
    -------
    dict of str to array
    """
    keep = np.ones(len(next(iter(data.values()))), bool)
    for name, value in equal.items():
        keep &= data[name] == value
    return {name: values[keep] for name, values in data.items()}


def groups(data: Columns, by: Sequence[str]) -> Iterator[tuple[dict[str, Any], Columns]]:
    """The rows that agree in the columns `by`, in order of first appearance.

    Parameters
    ----------
    data : dict of str to array
    by : sequence of str
        Names of columns, at least one.

    Yields
    ------
    tuple of (dict, dict of str to array)
        The group's values in the columns `by`, and its rows.
    """
    codes = np.zeros(len(data[by[0]]), np.int64)
    for name in by:
        _, code = np.unique(data[name], return_inverse=True)
        codes = codes * (code.max(initial=0) + 1) + code
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    for group in np.argsort(first):
        rows = inverse == group
        yield {n: data[n][first[group]] for n in by}, {n: v[rows] for n, v in data.items()}


def best(data: Columns, axis: str) -> dict[str, float]:
    """For each rule the value of `axis` whose median over runs at the last step is least.

    Parameters
    ----------
    data : dict of str to array
        With the columns `rule`, `step`, `value` and the axis.
    axis : str
        Such as "rule.lr".

    Returns
    -------
    dict of str to float
        Rule -> value; a median that is NaN counts as infinite.
    """
    final = where(data, step=data["step"].max())
    found: dict[str, tuple[float, float]] = {}
    for key, rows in groups(final, ("rule", axis)):
        median = float(np.median(rows["value"]))
        candidate = (np.inf if np.isnan(median) else median, float(key[axis]))
        found[str(key["rule"])] = min(found.get(str(key["rule"]), candidate), candidate)
    return {rule: value for rule, (_, value) in found.items()}


def band(data: Columns, by: Sequence[str]) -> dict[str, list[Any]]:
    """Median and quartiles of `value` over the rows that agree in `by`.

    Parameters
    ----------
    data : dict of str to array
        With the column `value`.
    by : sequence of str
        Names of columns, at least one.

    Returns
    -------
    dict of str to list
        The columns `by`, `low`, `median` and `high`, one entry for each group.
    """
    found: dict[str, list[Any]] = {name: [] for name in (*by, "low", "median", "high")}
    for key, rows in groups(data, by):
        low, median, high = np.quantile(rows["value"], (0.25, 0.5, 0.75)).tolist()
        for name, value in {**key, "low": low, "median": median, "high": high}.items():
            found[name].append(value)
    return found


def centre(data: Columns, by: Sequence[str]) -> dict[str, list[Any]]:
    """Mean of `value` over the rows that agree in `by`, and its 0.95 interval.

    A bootstrap over splits (a column that ends in `held_out.seed`, if the study varies it) and over
    runs inside them: each split must have equally many runs.

    Parameters
    ----------
    data : mapping of str to array (n,)
        Has the columns of `by` and `value`.
    by : sequence of str
        Columns whose values name a group.

    Returns
    -------
    dict of str to list
        The columns of `by`, low, mean and high, an entry for each group.

    Raises
    ------
    FigureError
        Splits with unequally many runs.
    """
    found: dict[str, list[Any]] = {name: [] for name in (*by, "low", "mean", "high")}
    for key, rows in groups(data, by):
        cells = by_split(rows)
        low, high = interval(cells)
        numbers = {**key, "low": low, "mean": float(cells.mean()), "high": high}
        for name, value in numbers.items():
            found[name].append(value)
    return found


def by_split(rows: Columns) -> NDArray[Any]:
    """The column `value` as (splits, runs).

    Parameters
    ----------
    rows : mapping of str to array (n,)
        Of one configuration, in the order of its runs; one split where no column ends in
        `held_out.seed`.

    Returns
    -------
    array (splits, runs)

    Raises
    ------
    FigureError
        Splits with unequally many runs.
    """
    value = np.asarray(rows["value"])
    seeds = [np.asarray(rows[name]) for name in rows if name.endswith("held_out.seed")]
    splits = seeds[0] if seeds else np.zeros(len(value))
    runs = [value[splits == split] for split in np.unique(splits)]
    if len({each.size for each in runs}) > 1:
        raise FigureError(
            f"the splits have {', '.join(str(each.size) for each in runs)} runs; expected as many "
            "in each: simulate the study to its end, or leave out the incomplete split"
        )
    return np.array(runs)


def _numpy(column: Any) -> NDArray[Any]:
    values = column.combine_chunks()
    if hasattr(values, "dictionary"):
        values = values.dictionary_decode()
    return np.asarray(values.to_numpy(zero_copy_only=False))
