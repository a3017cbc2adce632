"""Named conditions of proof steps: where they are evaluated, and whether they hold there together.

A step may use several hypotheses, its own and those of the steps that it sums. Each of them may
hold somewhere and all of them nowhere, and then anything follows from them. So they are evaluated
together: on all instances of the claims they are conditions of, those of their search spaces among
them, and on the cases of each of them; there must be an instance that gives the letters of all, and
on none of them may one fail. A condition stronger than the theorem's assumptions is found so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import sympy as sp

from freqopt.errors import TheoryError
from freqopt.theory.bound import Bound
from freqopt.theory.engines.exact import inapplicable
from freqopt.theory.engines.sides import check_signs, finite
from freqopt.theory.theorem import Claim, Context, Hypothesis, Theorem

ROUNDING = 1e-9
"""By how much of its largest term a quantity may be below 0 in float64."""

PLACES = 32
"""Places of a claim's search space on which its hypotheses are evaluated."""


class Hypotheses:
    """The hypotheses of a theorem, and the instances of one run.

    Raises
    ------
    TheoryError
        If one is a condition of a claim that there is not.
    """

    def __init__(self, theorem: Theorem, context: Context) -> None:
        self._of_claims = {
            claim.name: [i for i in _instances(claim, context) if not inapplicable(theorem, i)]
            for claim in (theorem.claims if theorem.hypotheses else ())
        }
        self._assumed = {a.name for a in theorem.assumptions if a.how == "exact"}
        self._all = {h.name: h for h in theorem.hypotheses}
        self._cases = {
            h.name: list(h.cases(context.quick)) if h.cases else [] for h in theorem.hypotheses
        }
        self._quantities = {h.name: _Quantity(h.quantity) for h in theorem.hypotheses}
        self._evaluated: dict[str, set[int]] = {name: set() for name in self._all}
        for h in theorem.hypotheses:
            unknown = [name for name in h.of if name not in self._of_claims]
            if unknown:
                raise TheoryError(
                    f"hypothesis {h.name!r} is a condition of {unknown[0]!r}, which is no claim; "
                    f"the claims: {', '.join(self._of_claims)}"
                )

    def __iter__(self) -> Any:
        return iter(self._all.values())

    def is_assumed(self, hypothesis: Hypothesis) -> bool:
        """Whether it is a condition that the theorem states, and computes on every instance."""
        return hypothesis.name in self._assumed

    def failure(self, names: Iterable[str], letters: Iterable[Any] = ()) -> str:
        """Why these hypotheses do not count together, or "".

        `letters` are symbols of the step that must have their declared signs as well.
        """
        names = list(names)
        together = alone = 0
        for instance in self._where(names):
            given = {name: self._letters(name, instance) for name in names}
            known = [name for name in names if self._quantities[name].names <= set(given[name])]
            for name in known:
                found = self._fails(name, instance.name, given[name], letters)
                self._evaluated[name].add(id(instance))
                if found:
                    return f"the hypothesis {name} {found}"
            alone += bool(known)
            together += len(known) == len(names)
        if together or not names:
            return ""
        if len(names) == 1 or not alone:
            return f"the hypothesis {names[0]} is evaluated on no instance"
        return f"no instance gives the letters of all its hypotheses: {', '.join(names)}"

    def count(self, name: str) -> int:
        """On how many instances a hypothesis was evaluated."""
        return len(self._evaluated[name])

    def _where(self, names: list[str]) -> list[Any]:
        """Their cases, and the instances of the claims that all of them are conditions of."""
        scopes = [set(self._all[n].of or self._of_claims) for n in names]
        common = set.intersection(*scopes) if scopes else set()
        shared = [i for claim, found in self._of_claims.items() if claim in common for i in found]
        return [i for n in names for i in self._cases[n]] + shared

    def _letters(self, name: str, instance: Any) -> Mapping[str, Any]:
        letters = dict(instance.letters())
        made = self._all[name].letters
        if made is None:
            return letters
        try:
            more = made(instance)
        except (AttributeError, KeyError):  # an instance of another kind, which lacks them
            return letters
        for letter in more:
            if letter in letters and not np.array_equal(letters[letter], more[letter]):
                raise TheoryError(
                    f"hypothesis {name!r} gives the letter {letter} another value than "
                    f"{instance.name!r} has"
                )
        return {**letters, **more}

    def _fails(self, name: str, of: str, letters: Mapping[str, Any], more: Iterable[Any]) -> str:
        quantity = self._quantities[name]
        try:
            check_signs({*quantity.symbols, *more}, letters, of)
        except TheoryError as error:
            return f"is evaluated where {error}"
        try:
            with np.errstate(all="ignore"):
                value = np.asarray(finite(quantity.whole(letters), "it"), np.float64)
                scale = max(float(np.max(term(letters))) for term in quantity.terms)
        except (TheoryError, TypeError, ValueError, ArithmeticError) as error:
            return f"fails on {of} ({error})"
        return (
            "" if np.all(value >= -ROUNDING * scale) else f"fails on {of} ({np.min(value):.3g} < 0)"
        )


def _instances(claim: Claim, context: Context) -> Iterator[Any]:
    """Those that the claim lists, and some of its search space."""
    yield from claim.instances(context.quick)
    if claim.search is not None:
        rng = np.random.default_rng(context.seed)
        yield from map(claim.search.make, rng.random((PLACES, claim.search.dimension)))


class _Quantity:
    """What is not negative, and the terms that its rounding is measured by."""

    def __init__(self, expression: sp.Expr) -> None:
        self.whole = Bound(sp.sympify(expression))
        self.symbols = self.whole.expression.free_symbols
        self.names = set(self.whole.names)
        terms = sp.Add.make_args(sp.expand(self.whole.expression))
        self.terms = [Bound(sp.Abs(term)) for term in terms]
