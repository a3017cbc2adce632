"""Both sides of a claim on one instance, kept: computed once, compared as often as needed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from freqopt.errors import TheoryError, in_words
from freqopt.theory.bound import Bound
from freqopt.theory.theorem import Claim, Kind
from freqopt.typing import Doubles

BEGIN = {"T": 1.0, "t": 0.0}
"""Where a horizon begins: at these values a bound has not fallen yet."""

NOISES = ("sigma2", "s2", "noise2", "A1", "A2", "gamma2")
"""Letters that are 0 where there is no noise."""


@dataclass(frozen=True)
class Sides:
    """What a claim says on one instance.

    Attributes
    ----------
    name : str
        Of the instance.
    left, right : as the claim gave them, Fractions or floats, one or one per token
    letters : values of the bound's letters, or of all where the bound is a function
    trivial : what holds without the theorem, or None
    sharper : a better bound that is proved, or None
    """

    name: str
    left: Any
    right: Any
    letters: Mapping[str, Any]
    trivial: Any = None
    sharper: Any = None


@dataclass(frozen=True)
class Comparison:
    """Both sides where a claim is closest to failing.

    `ratio` is the share of the bound that is used; above 1 (by more than rounding: `violated`)
    the claim fails.
    """

    measured: float
    bound: float
    ratio: float
    violated: bool


def evaluate(claim: Claim, instance: Any, left: Any = None) -> Sides:
    """Both sides on an instance; the left one may have been computed elsewhere.

    Raises
    ------
    TheoryError
        If a side cannot be computed, has no value or is not finite, or a letter does not have its
        sign.
    """

    def at(side: str) -> str:
        return f"claim {claim.name!r} on {instance.name!r}: the {side}"

    with blamed(at("measured side")):
        left = finite(claim.measured(instance) if left is None else left, at("measured side"))
    letters = instance.letters()
    if isinstance(claim.bound, Bound):
        check_signs(claim.bound.expression.free_symbols, letters, instance.name)
        letters = {n: letters[n] for n in claim.bound.names if n in letters}
    with blamed(at("bound")):
        right = finite(claim.right_side(instance), at("bound"))
    trivial = better = None
    if claim.trivial is not None:
        with blamed(at("`trivial`")):
            trivial = claim.trivial(instance)
            if np.isnan(_floats(trivial)).any():
                raise TheoryError(f"{at('`trivial`')} is NaN")
    if claim.sharper is not None:
        is_formula = isinstance(claim.sharper, Bound)
        with blamed(at("sharper bound")):
            better = claim.sharper(instance.letters() if is_formula else instance)
    return Sides(instance.name, left, right, letters, trivial, better)


@contextmanager
def blamed(what: str) -> Iterator[None]:
    """Say what could not be computed where a file's own function raises."""
    try:
        yield
    except TheoryError:
        raise
    except Exception as error:
        raise TheoryError(f"{what} cannot be computed: {in_words(error)}") from error


def finite(value: Any, what: str) -> Any:
    """The value, if it is made of finite real numbers.

    Raises
    ------
    TheoryError
        If it is empty, complex, NaN or infinite.
    """
    if np.iscomplexobj(value) and np.any(np.imag(value)):
        raise TheoryError(f"{what} is not real, so nothing is compared")
    values = _floats(value)
    if not values.size:
        raise TheoryError(f"{what} has no value")
    if not np.isfinite(values).all():
        bad = values.ravel()[~np.isfinite(values.ravel())][0]
        text = "NaN" if math.isnan(bad) else "infinite"
        raise TheoryError(f"{what} is {text}, so nothing is compared")
    return value


def compare(claim: Claim, sides: Sides, right: Any = None) -> Comparison:
    """Where the claim, or the same with another right side, is closest to failing.

    Raises
    ------
    TheoryError
        If the two sides have different numbers of entries.
    """
    right = sides.right if right is None else right
    if _rational(sides.left) and _rational(right):
        if len({np.size(sides.left), np.size(right), 1}) > 2:
            raise _unlike(claim, sides, right)
        return _compare_exactly(claim.kind, sides.left, right)
    m, b = _pair(claim, sides, right)
    ratio, violated = _shares(claim, m, b)
    distance = np.abs(ratio - 1) if claim.kind == "equal" else ratio
    worst = int(np.argmax(np.where(violated, np.inf, distance)))
    return Comparison(
        float(m.flat[worst]),
        float(b.flat[worst]),
        float(ratio.flat[worst]),
        bool(violated.any()),
    )


def untrue(claim: Claim, sides: Sides) -> str:
    """Which of `trivial` and `sharper` is not true, the measured side being beyond it, or ""."""
    for name, other in (("trivial", sides.trivial), ("sharper", sides.sharper)):
        if other is None or claim.kind == "equal":
            continue
        with blamed(f"claim {claim.name!r}: `{name}` beside the measured side on {sides.name!r}"):
            m, limit = np.broadcast_arrays(_floats(sides.left), _floats(other))
        if _shares(claim, m, limit)[1].any():
            return name
    return ""


def is_vacuous(claim: Claim, sides: Sides) -> bool:
    """Whether the bound is nowhere better than what is trivially true of the measured side."""
    if sides.trivial is None or claim.kind == "equal":
        return False
    return not bool(np.any(_says_something(claim, sides)))


def attained(claim: Claim, sides: Sides) -> float:
    """Largest share used where the claim says most: the rate is compared, not the start.

    A bound says most where it has fallen by half, from what is trivially true or, if its formula
    has a horizon, from its own value at the horizon's begin without noise; and where the left side
    is above that null, the same claim with rate 1 and noise 0, which is false there. nan where
    there is no null.
    """
    m, b = _pair(claim, sides, sides.right)
    ratio, _ = _shares(claim, m, b)
    counts = np.zeros(np.shape(ratio), bool)
    null = _null(claim, sides)
    if null is None and sides.trivial is None:
        return float(np.max(ratio)) if not _has_horizon(sides) else math.nan
    for value in (null, sides.trivial):
        if value is not None:
            start = np.broadcast_to(_floats(value), np.shape(ratio))
            better = b <= start / 2 if claim.kind == "upper" else b >= start * 2
            beyond = m > start * (1 + claim.tolerance) if claim.kind == "upper" else m < start
            counts |= better | (beyond & (value is null))
    if sides.trivial is not None:
        counts &= _says_something(claim, sides)
    return float(np.max(ratio[counts])) if counts.any() else 0.0


def _says_something(claim: Claim, sides: Sides) -> Any:
    right, trivial = _floats(sides.right), _floats(sides.trivial)
    return right < trivial if claim.kind == "upper" else right > trivial


def _null(claim: Claim, sides: Sides) -> Any:
    """The bound where its horizon begins, without noise; None if it has no horizon."""
    if not isinstance(claim.bound, Bound) or claim.kind != "upper":
        return None
    horizons = [n for n in claim.bound.names if n in BEGIN]
    if not horizons:
        return None
    changed = {n: min(BEGIN[n], float(np.min(_floats(sides.letters[n])))) for n in horizons}
    silent = {n: 0.0 * _floats(sides.letters[n]) for n in claim.bound.names if n in NOISES}
    with np.errstate(all="ignore"):
        value = claim.bound({**sides.letters, **silent, **changed})
    value = _floats(value)
    return value if np.isfinite(value).all() and np.any(value > 0) else None


def _has_horizon(sides: Sides) -> bool:
    return any(name in sides.letters for name in (*BEGIN, "steps"))


def check_signs(symbols: Iterable[Any], letters: Mapping[str, Any], name: str) -> None:
    """A letter declared positive must be so: the formula was transformed on this ground.

    Raises
    ------
    TheoryError
        Naming the first one that is not.
    """
    for symbol in symbols:
        if not (isinstance(symbol, sp.Symbol) and symbol.is_nonnegative and symbol.name in letters):
            continue
        if np.any(_floats(letters[symbol.name]) < 0):
            raise TheoryError(
                f"the letter {symbol.name} is declared non-negative and is "
                f"{np.min(_floats(letters[symbol.name])):g} on {name!r}"
            )


def as_bytes(side: Any) -> bytes:
    """What tells one side from another."""
    return _floats(side).tobytes()


def _pair(claim: Claim, sides: Sides, right: Any) -> tuple[Doubles, Doubles]:
    try:
        m, b = np.broadcast_arrays(_floats(sides.left), _floats(right))
    except ValueError:
        raise _unlike(claim, sides, right) from None
    return m, b


def _unlike(claim: Claim, sides: Sides, right: Any) -> TheoryError:
    return TheoryError(
        f"claim {claim.name!r} measures {np.shape(sides.left)} values against a bound of "
        f"{np.shape(right)} on {sides.name!r}; expected one each, or one per token"
    )


def _shares(claim: Claim, m: Doubles, b: Doubles) -> tuple[Doubles, NDArray[np.bool_]]:
    """The share of the bound used, and whether it is overdrawn by more than rounding."""
    slack = claim.tolerance * np.maximum(np.abs(m), np.abs(b))
    with np.errstate(all="ignore"):
        if claim.kind == "upper":
            ratio, excess = _share(m, b), m - b
        elif claim.kind == "lower":
            ratio, excess = _share(b, m), b - m
        else:
            ratio, excess = np.where(m == b, 1.0, m / b), np.abs(m - b)
    return np.asarray(ratio), excess > slack


def _share(part: Any, whole: Any) -> Any:
    """Part / whole as a share of an upper limit; 0 of 0 is none."""
    return np.where(part <= 0, np.where(whole < part, np.inf, 0.0), part / np.maximum(whole, 0.0))


def _floats(value: Any) -> Doubles:
    return np.asarray(value, np.float64)


def _rational(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_rational(v) for v in value)
    if isinstance(value, sp.Expr):
        return bool(value.is_algebraic and value.is_real)
    return isinstance(value, Fraction) or (isinstance(value, int) and not isinstance(value, bool))


def _compare_exactly(kind: Kind, left: Any, right: Any) -> Comparison:
    """Rationals and roots of them have no rounding: a violation is a violation."""
    lefts, rights = (
        [Fraction(x) if isinstance(x, int) else x for x in side]
        for side in (s if isinstance(s, list | tuple) else [s] for s in (left, right))
    )
    n = max(len(lefts), len(rights))
    worst = Comparison(0.0, 0.0, -math.inf, violated=False)
    for a, b in zip(
        lefts * (n // len(lefts)), rights * (n // len(rights)), strict=True
    ):  # a single value stands for all tokens
        violated = bool({"upper": a > b, "lower": a < b, "equal": a != b}[kind])
        part, whole = (b, a) if kind == "lower" else (a, b)
        ratio = 1.0 if a == b else float(part / whole) if whole else math.inf
        if (violated, ratio) > (worst.violated, worst.ratio):
            worst = Comparison(float(a), float(b), ratio, violated)
    return worst
