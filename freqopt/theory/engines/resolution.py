"""What a check can see: for each numeric part of a statement, the smallest change it would notice.

Killed mutants say that somebody thought of a large enough mistake. The question is how small a
mistake may be. Every number and every exponent of a bound is moved, by bisection, until the claim
fails on one of the instances whose left sides are already there; nothing is simulated twice. Where
the worst case attains the statement, the smallest visible change of a constant is nearly 0. Where
it does not, the statement may be loose, and the looseness lies between two values: a sharper bound
that is proved over this one, and the largest share of the bound that any instance uses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from freqopt.theory.bound import Bound, total
from freqopt.theory.engines.sides import Sides, compare
from freqopt.theory.theorem import Claim, Theorem
from freqopt.theory.verdict import TIGHT_FROM

LARGEST_EXPONENT = 4.0
"""Changes of an exponent are looked for up to here."""

LARGEST_FACTOR = 1e3
"""Changes of a constant that enlarge it are looked for up to here."""

HALVINGS = 14

SCALES = ("T", "t", "p", "B", "N", "M", "d", "n", "k", "K", "q", "p_min")
"""Letters whose exponents are parts of a statement; those of the others follow from its units."""


@dataclass(frozen=True)
class Resolution:
    """One numeric part of a claim and what would be noticed of a mistake in it.

    Attributes
    ----------
    theorem, claim : str
    part : str
        "constant", "term ...", "power of T".
    change : float or None
        The smallest change that is noticed: relative for constants, absolute for exponents; None
        if none is.
    instance : str
        That notices it.
    looseness : (at least, at most) or None
        Of the whole bound, for inequalities: bound over the worst left side.
    """

    theorem: str
    claim: str
    part: str
    change: float | None
    instance: str = ""
    looseness: tuple[float, float] | None = None

    @property
    def loose(self) -> str:
        """Between which factors the bound is loose, in words."""
        if self.looseness is None:
            return ""
        low, high = (f"{value:.3g}" for value in self.looseness)
        return "attained" if self.looseness[1] <= 1 / TIGHT_FROM else f"{low} to {high}"

    @property
    def text(self) -> str:
        """In words."""
        if self.change is None:
            return "no change is noticed"
        if self.part.startswith("power"):
            return f"wrong by {self.change:+.3g} in the exponent would be noticed"
        share = abs(self.change)
        if share >= 1:
            return "its loss would be noticed" if self.change < 0 else f"{1 + share:.3g} times it"
        return f"wrong by {percent(share)} would be noticed"


def percent(share: float) -> str:
    """A relative change, to two digits."""
    return f"{100 * share:.2g} %"


def resolve(
    theorem_id: str, theorem: Theorem, store: dict[str, list[Sides]]
) -> Iterator[Resolution]:
    """A line for each numeric part of each claim that was evaluated."""
    for claims in _statements(theorem):
        claim, name = claims[0], ", ".join(c.name for c in claims)
        kept = [sides for c in claims for sides in store.get(c.name, [])]
        if not kept:
            continue
        loose = _looseness(claim, kept)
        for part, change in _parts(claim, kept):
            found, instance = _smallest(claim, kept, change, part.startswith("power"))
            yield Resolution(
                theorem_id, name, part, found, instance,
                loose if part == "constant" else None,
            )  # fmt: skip


def _statements(theorem: Theorem) -> list[list[Claim]]:
    """Claims that have one formula, on different instances, are one statement."""
    found: dict[Any, list[Claim]] = {}
    for claim in theorem.claims:
        formula = claim.bound.expression if isinstance(claim.bound, Bound) else claim.name
        found.setdefault((formula, claim.kind, claim.tolerance), []).append(claim)
    return list(found.values())


Change = Callable[[Sides, float], Any]
"""(sides, x) -> the right side with a part times e^x, or with x more in an exponent."""


def _parts(claim: Claim, kept: list[Sides]) -> Iterator[tuple[str, Change]]:
    yield "constant", lambda sides, x: _times(sides.right, math.exp(x))
    if isinstance(claim.bound, Bound):
        yield from _terms(claim.bound)
        return
    for name in SCALES:
        values = [s.letters.get(name) for s in kept]
        if all(map(_is_scale, kept, values)) and any(np.any(_floats(v) != 1) for v in values):
            yield f"power of {name}", _function_power(name)


def _function_power(name: str) -> Change:
    def change(sides: Sides, x: float) -> Any:
        return _floats(sides.right) * _floats(sides.letters[name]) ** x

    return change


def _terms(bound: Bound) -> Iterator[tuple[str, Change]]:
    """Every addend of every sum, and every exponent of a letter of `SCALES`."""
    x, whole = sp.Dummy("x", real=True), bound.expression
    for path, node, product in _nodes(whole, (), whole):
        if node.is_Add:
            for i, term in enumerate(node.args):
                changed = _replaced(whole, (*path, i), term * sp.exp(x))
                yield f"term {_short(term)}", _formula(bound, changed, x)
            continue
        base, exponent = node.as_base_exp()
        if base.is_Symbol and base.name in SCALES:
            changed = _replaced(whole, path, node * base**x)
            yield f"power of {base.name} in {_short(product)}", _formula(bound, changed, x)
        if exponent.free_symbols:
            changed = _replaced(whole, path, base ** (exponent * sp.exp(x)))
            yield f"exponent {_short(exponent)} of {_short(base)}", _formula(bound, changed, x)


Place = tuple[int, ...]


def _nodes(
    node: sp.Expr, path: Place, product: sp.Expr
) -> Iterator[tuple[Place, sp.Expr, sp.Expr]]:
    """All nodes but exponents and single bases: (place, node, the product it belongs to)."""
    yield path, node, product
    for i, argument in enumerate(node.args):
        inside = node.is_Pow and (i == 1 or argument.is_Symbol)
        if not inside and argument.free_symbols:
            yield from _nodes(argument, (*path, i), argument if node.is_Add else product)


def _replaced(node: sp.Expr, path: Place, new: sp.Expr) -> sp.Expr:
    if not path:
        return new
    arguments = list(node.args)
    arguments[path[0]] = _replaced(arguments[path[0]], path[1:], new)
    return node.func(*arguments)


def _formula(bound: Bound, changed: sp.Expr, x: sp.Symbol) -> Change:
    function = sp.lambdify([*bound.letters, x], changed, [{"total": _sum}, "numpy"])

    def change(sides: Sides, size: float) -> Any:
        with np.errstate(all="ignore"):
            return function(*(_floats(sides.letters[name]) for name in bound.names), size)

    return change


def _sum(values: Any) -> Any:
    return np.sum(values, axis=-1)


def _smallest(
    claim: Claim, kept: list[Sides], change: Change, exponent: bool
) -> tuple[float | None, str]:
    """The least size of a change, over both directions, that some instance notices."""
    found: tuple[float | None, str] = (None, "")
    for sign in (-1.0, 1.0):
        most = LARGEST_EXPONENT if exponent else math.log(LARGEST_FACTOR)
        if not exponent and sign < 0:
            most = 40.0  # as good as dropped
        size, instance = _bisect(claim, kept, change, sign, most)
        if size is None:
            continue
        moved = sign * size if exponent else math.expm1(sign * size)
        if found[0] is None or abs(moved) < abs(found[0]):
            found = (moved, instance)
    return found


def _bisect(
    claim: Claim, kept: list[Sides], change: Change, sign: float, most: float
) -> tuple[float | None, str]:
    """Sizes grow by a factor until noticed, then bisection; only who notices stays a candidate."""
    seeing = _noticing(claim, kept, change, sign * most)
    if not seeing:
        return None, ""
    low, high = 0.0, most
    for _ in range(HALVINGS + 8):
        middle = high / 8 if low == 0 else math.sqrt(low * high)
        if middle < 1e-10 or (low and high / low < 1.02):
            break
        still = _noticing(claim, seeing, change, sign * middle)
        if still:
            seeing, high = still, middle
        else:
            low = middle
    return high, seeing[0].name


def _noticing(claim: Claim, kept: list[Sides], change: Change, size: float) -> list[Sides]:
    """The instances on which the changed claim fails, or has no finite right side."""
    found = []
    for sides in kept:
        with np.errstate(all="ignore"):  # a changed part may well overflow
            right = change(sides, size)
        values = _floats(right)
        if np.isfinite(values).all() and compare(claim, sides, right).violated:
            found.append(sides)
    return found


def _looseness(claim: Claim, kept: list[Sides]) -> tuple[float, float] | None:
    """Between which two values the bound lies over the worst left side."""
    if claim.kind == "equal":
        return None
    most = max(compare(claim, sides).ratio for sides in kept)
    if not 0 < most < math.inf:
        return None
    sharper = [s for s in kept if s.sharper is not None]
    least = min((_least_ratio(claim, sides) for sides in sharper), default=1.0)
    return max(1.0, least), 1 / min(most, 1.0)


def _least_ratio(claim: Claim, sides: Sides) -> float:
    """The bound over one that is proved, where they are closest."""
    own, better = _floats(sides.right), _floats(sides.sharper)
    with np.errstate(all="ignore"):
        ratio = own / better if claim.kind == "upper" else better / own
    return float(np.min(ratio[np.isfinite(ratio)], initial=math.inf))


def _times(right: Any, factor: float) -> Any:
    return _floats(right) * factor


def _is_scale(sides: Sides, value: Any) -> bool:
    """Whether it is a positive letter, one for all entries of the right side or one for each."""
    try:
        values = _floats(value)
    except (TypeError, ValueError):
        return False
    return values.shape in ((), np.shape(sides.right)) and bool(np.all(values > 0))


def _floats(value: Any) -> Any:
    return np.asarray(value, np.float64)


def _short(term: sp.Expr) -> str:
    text = sp.sstr(term.replace(total, lambda inner: sp.Symbol("sum_k") * inner))
    return text if len(text) <= 48 else text[:45] + "..."
