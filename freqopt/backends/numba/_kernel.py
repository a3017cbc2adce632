"""What a rule is to the compiler: three pure functions, composed with everything else elsewhere.

A rule's file in `rules/` holds `kernel(rule) -> Kernel`. Its functions see numbers and tuples of
numbers, never memory, so the same three serve the fused step and the whole loop.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeAlias, get_args

import numba
import numpy as np
from numpy.typing import NDArray

from freqopt.backends.numba._compile import compiled
from freqopt.errors import BackendError
from freqopt.optimizers import Rule

BITWISE = {"float32": "L3", "float64": "L3"}
"""Determinism levels of a kernel that does the reference's operations in the reference's order."""

Reals: TypeAlias = tuple[Any, ...]
"""Numbers of the table's dtype, or float64 where said."""


class Visit(NamedTuple):
    """What a row's update knows beside its gradient and state."""

    t: int
    """Batches seen, the present one included."""
    occurrences: int
    """Occurrences of the row in the batch; 0 for a row that is updated but absent."""
    first_wave: bool
    """False for the second and later occurrences with duplicates = "sequential"."""
    width: int
    """Numbers in a row."""


@compiled
def no_row_state(c: Reals, s: Reals, visit: Visit, total: Any) -> tuple[Reals, Reals]:
    """The `row` of a rule without row slots or row statistics."""
    return (), s


class Kernel(NamedTuple):
    """A rule's equations as compiled pure functions.

    Attributes
    ----------
    scalars : (h, t) -> tuple of float64
        What is the same for all rows of batch t: rates, decays, bias corrections. `h` is `hyper` of
        the rule. Python computes these in float64, and so does this function, in the same order.
    element : (c, r, w, g, x, e) -> (w, e)
        New entry of a row and of its element slots. `c` holds the scalars, each rounded once to the
        table's dtype, `r` what `row` gave, `x` = g^2 or the sum of the occurrences' squares.
    row : (c, s, visit, total) -> (r, s)
        What is the same for all entries of a row, in the table's dtype, and the new row slots. Here
        `c` is float64; `s` holds the row slots in their own dtypes.
    term : (g, x) -> number, or None
        Its sum along the row, as a fold, is what `row` gets as `total`; 0 if None.
    largest : bool
        `total` is the largest term instead of the sum.
    """

    scalars: Callable[..., Any]
    element: Callable[..., Any]
    row: Callable[..., Any] = no_row_state
    term: Callable[..., Any] | None = None
    largest: bool = False


class Structure:
    """The part of a rule that decides its code: which options are on, not how large they are.

    An attribute is the rule's field: a choice or a flag as it is, a number as "is it there and not
    0". What was asked for is noted down, so that rules that differ elsewhere share a kernel.

    Parameters
    ----------
    rule : Rule
    real : numba.float32 or numba.float64
        The table's dtype; call it to round a number.
    """

    def __init__(self, rule: Rule, real: Any) -> None:
        self._rule = rule
        self._asked: dict[str, Any] = {}
        self.real = real
        self.quotient = quotient_of(real)
        """See `quotient_of`."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._rule, name)
        if not isinstance(value, str):
            value = bool(value)
        self._asked[name] = value
        return value

    def index(self, *names: str) -> tuple[int, ...]:
        """Places of fields in the rule's hyper vector."""
        fields = list(type(self._rule).model_fields)
        return tuple(fields.index(name) for name in names)

    def choice(self, name: str, value: str) -> int:
        """What stands for `value` in the hyper vector's place of field `name`; -1 for nothing."""
        known = choices(type(self._rule), name)
        return known.index(value) if value in known else -1

    @property
    def key(self) -> str:
        """Name of the code that was made for this structure."""
        return f"{self._rule.name()} {self.real} {sorted(self._asked.items())}"


@cache
def quotient_of(real: Any) -> Callable[..., Any]:
    """A compiled function (a, b, still): a / b, or 0 where `still` says so or b is 0.

    Without a branch, which would keep LLVM from vectorising the loop around it.
    """
    zero, one = real(0), real(1)

    @compiled
    def quotient(a: Any, b: Any, still: bool) -> Any:
        ratio = a / (one if b == 0 else b)
        return zero if still else ratio

    return quotient


def hyper(rule: Rule) -> NDArray[np.float64]:
    """Every field of a rule as a number, in their order: its hyper vector.

    A number or flag is itself, a choice its place among the choices, an absent number NaN; weight
    decay that does not act around the update, but on what is stored, is 0.
    """
    values = []
    for name in type(rule).model_fields:
        value = getattr(rule, name)
        if name == "weight_decay" and rule.decay == "l2":
            value = rule.l2
        if isinstance(value, str):
            value = choices(type(rule), name).index(value)
        values.append(np.nan if value is None else float(value))
    return np.array(values)


def choices(kind: type[Rule], name: str) -> tuple[str, ...]:
    """The values that a field of a class of rules may have, as declared."""
    return get_args(kind.model_fields[name].annotation)


def find_kernel(rule: Rule, dtype: Any) -> tuple[Kernel, Structure]:
    """The kernel of a rule for tables of a dtype.

    Raises
    ------
    BackendError
        If the rule has no file in `rules/`.
    """
    ours = type(rule).__module__ == f"freqopt.optimizers.{rule.name()}"  # no user's namesake
    if not ours or rule.name() not in capabilities():
        raise BackendError(
            f"rule {rule.name()} has no Numba kernel; use the numpy backend, or add "
            f"freqopt/backends/numba/rules/{rule.name()}.py (docs/backends.md)"
        )
    structure = Structure(rule, numba.from_dtype(np.dtype(dtype)))
    return _module(rule.name()).kernel(structure), structure


@cache
def capabilities() -> dict[str, dict[str, str]]:
    """Rules that have a kernel: name -> dtype -> determinism level, as their files declare."""
    files = importlib.import_module(f"{__package__}.rules").__path__
    return {module.name: _module(module.name).levels for module in pkgutil.iter_modules(files)}


def _module(name: str) -> Any:
    return importlib.import_module(f"{__package__}.rules.{name}")
