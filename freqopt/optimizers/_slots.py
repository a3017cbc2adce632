"""The state a rule keeps, declared slot by slot so that every backend can allocate and store it."""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import FreqoptError, RuleError, at_line, place

State = dict[str, NDArray[Any]]
"""A rule's state: slot name -> array, so that saving and resuming is `numpy.savez`."""

Per = Literal["element", "row", "table"]
Dtype = Literal["table", "int64", "float64"]
RESERVED = ("t", "decayed_at", "ids", "occurrences", "first_round", "squares", "squared")
"""What `update` is given beside the rule's own slots."""


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
    per: Per
    dtype: Dtype = "table"
    start: float = 0.0
    copies: int = 0
    given: bool = False

    def shape(self, table_shape: tuple[int, int]) -> tuple[int, ...]:
        """Shape of the slot's array beside a table of the given shape.

        Parameters
        ----------
        table_shape : (int, int)
            (N, d).

        Returns
        -------
        tuple of int
            (N, d), (N,) or (), behind the number of copies if there are any.
        """
        rows, width = table_shape
        body = {"element": (rows, width), "row": (rows,), "table": ()}[self.per]
        return (self.copies, *body) if self.copies else body

    def allocate(self, table: NDArray[np.floating]) -> NDArray[Any]:
        """The slot's array before the first step.

        Parameters
        ----------
        table : float32 or float64 (N, d)
            Only its shape and dtype are used.

        Returns
        -------
        array
            Full of `start`.
        """
        dtype = table.dtype if self.dtype == "table" else np.dtype(self.dtype)
        rows, width = table.shape
        return np.full(self.shape((rows, width)), self.start, dtype=dtype)

    def bytes_per_row(self, width: int, itemsize: int) -> int:
        """Bytes this slot adds to every row of a table of the given width and item size.

        Parameters
        ----------
        width : int
            Numbers d of a row.
        itemsize : int
            Bytes of one of them.

        Returns
        -------
        int
        """
        size = itemsize if self.dtype == "table" else 8
        entries = {"element": width, "row": 1, "table": 0}[self.per]
        return size * entries * max(self.copies, 1)


def declared(rule: Any) -> tuple[Slot, ...]:
    """What the `slots` of a rule gives, if it is what every backend can allocate and name.

    Raises
    ------
    RuleError
        With the file and the line of `slots`.
    """
    code = rule.slots.__code__
    path, line = code.co_filename, code.co_firstlineno
    hint = "give a tuple of Slot: (Slot('m', per='element'),)"
    try:
        slots = rule.slots()
    except FreqoptError:
        raise
    except Exception as error:
        raise RuleError(f"{path}, {place(error, Path(path))}; {hint}") from error
    if not isinstance(slots, (tuple, list)):
        raise RuleError(at_line(path, line, f"slots gives {slots!r}", hint))
    for k, slot in enumerate(slots):
        wrong = _wrong(slot)
        if not wrong and slot.name in [other.name for other in slots[:k]]:
            wrong = f"two slots are called {slot.name}", "give each a name of its own"
        if wrong:
            raise RuleError(at_line(path, line, *wrong))
    return tuple(slots)


def _wrong(slot: Any) -> tuple[str, str] | None:
    """What is wrong with a slot, and what to do."""
    if not isinstance(slot, Slot):
        return f"slots gives {slot!r}", "give a Slot for each array: Slot('m', per='element')"
    name = slot.name
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        return f"a slot is called {name!r}", "give it a name that s.NAME can read"
    if name in RESERVED or name.startswith("__"):
        return f"a slot is called {name}, which means something else in update", "rename it"
    for field, known in (("per", get_args(Per)), ("dtype", get_args(Dtype))):
        value = getattr(slot, field)
        if value not in known:
            return f"slot {name} has {field} = {value!r}", f"choose {' or '.join(map(repr, known))}"
    if type(slot.copies) is not int or slot.copies < 0:
        return f"slot {name} has copies = {slot.copies!r}", "give a whole number, 0 for none"
    whole = slot.dtype == "int64"
    number = isinstance(slot.start, (int, float, np.number))
    if not number or (whole and not float(slot.start).is_integer()):
        kind = "a whole number" if whole else "a number"
        return f"slot {name} starts with {slot.start!r}", f"give {kind}"
    return None
