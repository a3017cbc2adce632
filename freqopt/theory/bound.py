"""A bound is one SymPy expression; its float, exact and typeset forms are made from it.

There is no second copy of a formula that could drift from the first. Sums over tokens are written
with `total`, a SymPy function: `total(p**2 * sigma2 * eta**2)` stands for sum_k p_k^2 sigma_k^2
eta_k^2. A letter without `total` around it is one value per token where the instance gives an
array, so `sqrt(p) * Delta` is a bound for every token at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from freqopt.errors import TheoryError

Letters = Mapping[str, Any]
"""Name of a symbol -> number, Fraction, or array with one entry per token."""


class total(sp.Function):  # type: ignore[misc]  # noqa: N801 - a function, spelled like one
    """Sum of its argument over the tokens."""

    nargs = 1

    def _eval_is_nonnegative(self) -> bool | None:
        return True if self.args[0].is_nonnegative else None

    def _eval_is_extended_real(self) -> bool | None:
        return True if self.args[0].is_extended_real else None

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        inner = printer.parenthesize(self.args[0], 100) if self.args[0].is_Add else None
        text = rf"\sum_k {inner or printer._print(self.args[0])}"
        return rf"\left({text}\right)^{{{exp}}}" if exp else text


def _sum(values: Any) -> Any:
    return np.sum(values, axis=-1)


@dataclass(frozen=True)
class Bound:
    """One side of a claim.

    Parameters
    ----------
    expression : sympy.Expr
        In the letters that the instances give.

    Examples
    --------
    >>> p, T = sp.symbols("p T", positive=True)
    >>> bound = Bound(total(p**2) / T)
    >>> float(bound({"p": np.array([0.75, 0.25]), "T": 10}))
    0.0625
    >>> bound.exact({"p": [Fraction(3, 4), Fraction(1, 4)], "T": 10})
    Fraction(1, 16)
    """

    expression: sp.Expr

    @cached_property
    def letters(self) -> list[sp.Symbol]:
        """Its free symbols, by name."""
        return sorted(self.expression.free_symbols, key=lambda s: s.name)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of its letters, sorted."""
        return tuple(symbol.name for symbol in self.letters)

    @cached_property
    def _numeric(self) -> Callable[..., Any]:
        return sp.lambdify(self.letters, self.expression, modules=[{"total": _sum}, "numpy"])

    def __call__(self, letters: Letters) -> Any:
        """The value in float64: a number, or one per token."""
        return self._numeric(*(_double(self._find(letters, s.name)) for s in self.letters))

    def one_token(self, **letters: float) -> float:
        """The value for a single token, every letter a number.

        Parameters
        ----------
        **letters
            By the symbols' names.

        Returns
        -------
        float
        """
        return float(self({name: np.array([value]) for name, value in letters.items()}).item())

    def exact(self, letters: Letters) -> Any:
        """The value without rounding: a Fraction, or a list with one per token.

        Parameters
        ----------
        letters : mapping of str to int, Fraction, or a list of one per token

        Returns
        -------
        Fraction, or list of Fraction
            What a root makes irrational is SymPy's number, which compares exactly as well.

        Raises
        ------
        TheoryError
            If there is more in it than + - * / and powers, or a root of a negative number.
        """
        return _exact(self.expression, {s: self._find(letters, s.name) for s in self.letters})

    @property
    def text(self) -> str:
        """The formula in one line, in the instances' letters: `sigma2` is one, a square's name."""
        return str(self.expression).replace("total(", "sum_k(").replace("**", "^")

    @property
    def latex(self) -> str:
        """The formula, typeset."""
        return str(sp.latex(self.expression))

    @staticmethod
    def _find(letters: Letters, name: str) -> Any:
        if name not in letters:
            raise TheoryError(
                f"the bound needs {name!r} and the instance gives only {', '.join(letters)}; "
                "add it to the instance's letters"
            )
        return letters[name]


def _double(value: Any) -> Any:
    """A letter in float64: in int64 T**2 would wrap around without a word."""
    if isinstance(value, int | Fraction):
        return float(value)
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind in "iub" else value


def _exact(node: sp.Expr, values: Mapping[sp.Symbol, Any]) -> Any:
    """The expression's value in Fractions, by walking its tree."""
    if node.is_Symbol:
        value = values[node]
        if isinstance(value, list | tuple | np.ndarray):
            return [Fraction(v) for v in value]
        return Fraction(value)
    if node.is_Rational:
        return Fraction(int(node.p), int(node.q))
    parts = [_exact(argument, values) for argument in node.args]
    if isinstance(node, total):
        return sum(parts[0])
    if node.is_Add:
        return _fold(parts, lambda a, b: a + b)
    if node.is_Mul:
        return _fold(parts, lambda a, b: a * b)
    if node.is_Pow:
        return _fold(parts, _power)
    raise TheoryError(f"{node.func.__name__} has no exact form; evaluate this bound in float64")


def _fold(parts: list[Any], operation: Callable[[Any, Any], Any]) -> Any:
    """Combine scalars and per-token lists, left to right."""
    result = parts[0]
    for part in parts[1:]:
        if isinstance(result, list) or isinstance(part, list):
            n = len(result) if isinstance(result, list) else len(part)
            left = result if isinstance(result, list) else [result] * n
            right = part if isinstance(part, list) else [part] * n
            result = [operation(a, b) for a, b in zip(left, right, strict=True)]
        else:
            result = operation(result, part)
    return result


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, Fraction) and exponent.denominator == 1:
        return base**exponent.numerator
    value = sp.sympify(base) ** sp.sympify(exponent)
    if not (value.is_real and value.is_algebraic):
        raise TheoryError(f"{base}^({exponent}) has no exact form; evaluate this bound in float64")
    return Fraction(int(value.p), int(value.q)) if value.is_Rational else value
