"""What a kernel is: functions of numbers, that never see memory, and what they are told.

So the same text serves a scalar loop in Python, the fused step, the whole loop and a GPU.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freqopt import _fields
from freqopt.errors import KernelError, RuleError
from freqopt.kernels._source import mistake


class Visit(NamedTuple):
    """What a row's update knows beside its gradient and state.

    Attributes
    ----------
    t : int
        Batches seen, the present one included.
    occurrences : int
        Occurrences of the row in the batch; 0 for a row that is updated but absent.
    first_round : bool
        False for the second and later occurrences with duplicates = "sequential".
    width : int
        Numbers in a row.
    """

    t: int
    occurrences: int
    first_round: bool
    width: int


def no_row() -> Any:
    """The `row` of a rule without row slots or row statistics."""
    return ()


GIVEN = {
    "scalars": ("h", "t"),
    "row": ("c", "s", "visit", "total"),
    "term": ("g", "x"),
    "element": ("c", "r", "w", "g", "x", "e"),
}
"""What each function of a kernel may ask for, by the names of its parameters."""


class Kernel(NamedTuple):
    """A rule's equations for one row, number by number.

    A function names, as its parameters, what it needs of what is listed with it here.

    Attributes
    ----------
    scalars : (h, t) -> tuple of float64
        What is the same for all rows of batch t: rates, decays, bias corrections. `h` has the
        rule's numbers by name, `h.rate(t)` is its learning rate.
    element : (c, r, w, g, x, e) -> w
        New entry of a row. `c` holds the scalars, each rounded once to the table's dtype, `r` what
        `row` gave, `x` = g^2 or the sum of the occurrences' squares. `e` has the entry's slots by
        name; what is assigned to them is stored.
    row : (c, s, visit, total) -> r
        What is the same for all entries of a row, in the table's dtype. Here `c` is float64; `s`
        has the row slots by name, in their own dtypes; `visit` is a `Visit`.
    term : (g, x) -> number, or None
        Its sum along the row, as a fold, is what `row` gets as `total`; 0 if None.
    largest : bool
        `total` is the largest term instead of the sum.
    """

    scalars: Callable[..., Any]
    element: Callable[..., Any]
    row: Callable[..., Any] = no_row
    term: Callable[..., Any] | None = None
    largest: bool = False


class Real:
    """Rounds a number to the table's dtype, in the functions of a kernel.

    Parameters
    ----------
    dtype : numpy.float32 or numpy.float64
    """

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype

    def __call__(self, number: Any) -> Any:
        """Only what reads a kernel knows how."""
        raise KernelError(
            f"a kernel calls real({number!r}) outside of its functions; write the number as it is, "
            "and real(...) where it is used"
        )


class On:
    """Whether a number of a rule is there and not 0; to be asked, not reckoned with."""

    def __init__(self, name: str, value: bool | str) -> None:
        self.name, self._value = name, bool(value)

    def __bool__(self) -> bool:
        return self._value

    def _refuse(self, *_: object) -> Any:
        frame = sys._getframe(1)
        raise mistake(
            frame.f_code.co_filename, frame.f_lineno,
            f"reckons with the option {self.name}, which only says whether a field is on",
            f"the rule's numbers are those of h, in scalars: h.{self.name}",
        )  # fmt: skip

    __hash__ = None  # type: ignore[assignment]
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = __abs__ = _refuse
    __float__ = __int__ = __index__ = _refuse


class Options:
    """The part of a rule that decides its code: which options are on, not how large they are.

    An attribute is the rule's field: a choice or a flag as it is, a number as "is it there and not
    0". What was asked for is noted down, so that rules that differ elsewhere share compiled code.

    Parameters
    ----------
    rule : Rule
    dtype : float32 or float64
        The table's.
    """

    def __init__(self, rule: Any, dtype: Any) -> None:
        self._rule = rule
        self._asked: dict[str, Any] = {}
        self.real = Real(np.dtype(dtype).type)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        fields = type(self._rule).model_fields
        if name not in fields:
            raise RuleError(
                f"the kernel of rule {self._rule.name()} asks for the option {name!r}, which is no "
                f"field of {type(self._rule).__name__}; its fields: {', '.join(fields)}"
            )
        value = self._asked[name] = option(self._rule, name)
        number = not isinstance(getattr(self._rule, name), (str, bool))
        return On(name, value) if number else value

    @property
    def asked(self) -> list[tuple[str, Any]]:
        """The options asked for so far, and what was answered."""
        return sorted(self._asked.items())


def option(rule: Any, name: str) -> str | bool:
    """A field as it decides code: a choice, or whether a number is there and not 0."""
    value = getattr(rule, name)
    return value if isinstance(value, str) else bool(value)


def hyper(rule: Any) -> NDArray[np.float64]:
    """Every field of a rule as a number, in their order: its hyper vector.

    A number or flag is itself, a choice its place among the choices, an absent number NaN; weight
    decay that does not act around the update, but on what is stored, is 0.

    Parameters
    ----------
    rule : Rule

    Returns
    -------
    float64 (number of fields,)
    """
    values = []
    kind: Any = type(rule)
    for name in kind.model_fields:
        value = getattr(rule, name)
        if name == "weight_decay" and rule.decay == "l2":
            value = rule.added_decay
        if isinstance(value, str):
            value = choices(kind, name).index(value)
        values.append(np.nan if value is None else float(value))
    return np.array(values)


@cache
def choices(kind: Any, name: str) -> tuple[Any, ...]:
    """The values that a field of a class of rules may have, as declared.

    Parameters
    ----------
    kind : type
        A class of rules.
    name : str
        A field of it that is a choice between names.

    Returns
    -------
    tuple of str, or of bool for a switch
    """
    return _fields.choices(kind.model_fields[name])
