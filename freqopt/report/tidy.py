"""Small questions to a table of results, for figure files: select, take the best, take the middle.

A table is a dict of equally long NumPy arrays; `columns` makes one of what `freqopt.load` returns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]


def columns(table: Any, **equal: Any) -> Columns:
    """A pyarrow Table as NumPy columns (null is NaN), only the rows where columns equal values."""
    return where({name: _numpy(table[name]) for name in table.column_names}, **equal)


def where(data: Columns, **equal: Any) -> Columns:
    """The rows in which each named column equals its value."""
    keep = np.ones(len(next(iter(data.values()))), bool)
    for name, value in equal.items():
        keep &= data[name] == value
    return {name: values[keep] for name, values in data.items()}


def groups(data: Columns, by: Sequence[str]) -> Iterator[tuple[dict[str, Any], Columns]]:
    """The rows that agree in the columns `by`, in order of first appearance."""
    codes = np.zeros(len(data[by[0]]), np.int64)
    for name in by:
        _, code = np.unique(data[name], return_inverse=True)
        codes = codes * (code.max(initial=0) + 1) + code
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    for group in np.argsort(first):
        rows = inverse == group
        yield {n: data[n][first[group]] for n in by}, {n: v[rows] for n, v in data.items()}


def best(data: Columns, axis: str) -> dict[str, float]:
    """For each rule the value of `axis` whose median over runs at the last step is least."""
    final = where(data, step=data["step"].max())
    found: dict[str, tuple[float, float]] = {}
    for key, rows in groups(final, ("rule", axis)):
        median = float(np.median(rows["value"]))
        candidate = (np.inf if np.isnan(median) else median, float(key[axis]))
        found[str(key["rule"])] = min(found.get(str(key["rule"]), candidate), candidate)
    return {rule: value for rule, (_, value) in found.items()}


def band(data: Columns, by: Sequence[str]) -> dict[str, list[Any]]:
    """Median and quartiles of `value` over the rows that agree in `by`."""
    found: dict[str, list[Any]] = {name: [] for name in (*by, "low", "median", "high")}
    for key, rows in groups(data, by):
        low, median, high = np.quantile(rows["value"], (0.25, 0.5, 0.75)).tolist()
        for name, value in {**key, "low": low, "median": median, "high": high}.items():
            found[name].append(value)
    return found


def _numpy(column: Any) -> NDArray[Any]:
    values = column.combine_chunks()
    if hasattr(values, "dictionary"):
        values = values.dictionary_decode()
    return np.asarray(values.to_numpy(zero_copy_only=False))
