"""The state a rule keeps, declared slot by slot so that every backend can allocate and store it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

State = dict[str, NDArray[Any]]
"""A rule's state: slot name -> array, so that saving and resuming is `numpy.savez`."""


@dataclass(frozen=True)
class Slot:
    """One named array of a rule's state.

    Parameters
    ----------
    name : str
        Key in the state.
    per : {"element", "row", "table"}
        Shape (N, d), (N,) or () for a table of N rows and width d.
    dtype : {"table", "int64", "float64"}
        "table" follows the table's own dtype (float32 or float64).
    start : float
        Value of every entry before the first step.
    copies : int
        Length of an extra leading axis (a buffer of that many copies); 0 for none.
    given : bool
        The values are known beforehand and handed to `Rule.init` (for example token frequencies).
    """

    name: str
    per: Literal["element", "row", "table"]
    dtype: Literal["table", "int64", "float64"] = "table"
    start: float = 0.0
    copies: int = 0
    given: bool = False

    def shape(self, table_shape: tuple[int, int]) -> tuple[int, ...]:
        """Shape of the slot's array beside a table of the given shape."""
        rows, width = table_shape
        body = {"element": (rows, width), "row": (rows,), "table": ()}[self.per]
        return (self.copies, *body) if self.copies else body

    def allocate(self, table: NDArray[np.floating]) -> NDArray[Any]:
        """The slot's array before the first step."""
        dtype = table.dtype if self.dtype == "table" else np.dtype(self.dtype)
        rows, width = table.shape
        return np.full(self.shape((rows, width)), self.start, dtype=dtype)

    def bytes_per_row(self, width: int, itemsize: int) -> int:
        """Bytes this slot adds to every row of a table of the given width and item size."""
        size = itemsize if self.dtype == "table" else 8
        entries = {"element": width, "row": 1, "table": 0}[self.per]
        return size * entries * max(self.copies, 1)
