"""Proof steps: the right side minus the left side is, identically, a sum of products >= 0.

SymPy expands the difference and finds zero or does not. Nothing is "simplified until it looks
right": a wrong premise that is retyped on both sides would pass such a test, whereas here the
witness has to name the non-negative quantities that make up every bit of the difference. Each of
them is non-negative by the signs of its letters, as an even power, or by a hypothesis of the
theorem, which is a condition with a name that holds on every instance it is evaluated on. One that
says the same as the step is refused: it would prove anything. A step without a valid witness is
UNPROVED, not REFUTED: a weaker true statement fails as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from freqopt.theory.bound import Bound
from freqopt.theory.engines.exact import inapplicable
from freqopt.theory.theorem import Context, Hypothesis, Step, Telescope, Theorem
from freqopt.theory.verdict import Verdict, Word

ROUNDING = 1e-9
"""By how much of its largest term a quantity may be below 0 in float64."""

POINTS = 300
"""Random values of the letters on which a hypothesis and a step are compared."""


@dataclass(frozen=True)
class Held:
    """What the instances say of a hypothesis: on how many it holds, or why it does not count."""

    count: int
    failure: str = ""


def run(theorem: Theorem, context: Context) -> Iterator[Verdict]:
    """One verdict for all proof steps of the theorem."""
    if not theorem.steps:
        return
    held = {h.name: evaluated(theorem, h, context) for h in theorem.hypotheses}
    used: dict[str, None] = {}
    failed = ""
    proved: dict[str, Step] = {}
    for step in theorem.steps:
        sums = {s.name: (s.quantity, summed(s, proved)) for s in theorem.sums}
        failure, names = examine_step(step, theorem.hypotheses, held, sums)
        if not failure:
            proved[step.name] = step
        used.update(dict.fromkeys(names))
        failed = failed or (f"{step.name}: {failure}" if failure else "")
    count = len(theorem.steps)
    note = failed or f"{count} of {count} steps" + (", summed" if theorem.sums else "")
    if used:
        told = ", ".join(f"{name} ({held[name].count} instances)" for name in used)
        note += f"; by the hypotheses {told}"
    word = Word.UNPROVED if failed else Word.CERTIFIED
    yield Verdict("", "witness", "proof steps", word, kind="identity", note=note)


def summed(telescope: Telescope, proved: Mapping[str, Step]) -> str:
    """Why a telescoping sum does not follow from the proved steps, or ""."""
    if telescope.step not in proved:
        return f"the step {telescope.step} that it sums is not proved"
    if not is_nonnegative(sp.sympify(telescope.times)):
        return f"nothing shows that its factor {telescope.times} >= 0"
    if sp.sympify(telescope.cost).has(telescope.t):
        return "its cost depends on t"
    step, t = proved[telescope.step], telescope.t
    line = (telescope.times * (step.rhs - step.lhs)).subs(telescope.where)
    fall = telescope.potential - telescope.potential.subs(t, t + 1)
    left = sp.simplify(sp.expand(fall + telescope.cost - telescope.gain - line))
    return "" if is_nonnegative(left) else f"it leaves {left}, and nothing shows that this is >= 0"


def examine_step(
    step: Step,
    hypotheses: tuple[Hypothesis, ...] = (),
    held: Mapping[str, Held] | None = None,
    sums: Mapping[str, tuple[sp.Expr, str]] | None = None,
) -> tuple[str, tuple[str, ...]]:
    """Why a step is not proved, or "", and the hypotheses that it uses.

    `sums` are quantities with the reason why they are not shown to be >= 0, or "".
    """
    held = held or {}
    total = sp.Integer(0)
    used: dict[str, None] = {}
    for coefficient, factors in step.witness:
        if not sp.sympify(coefficient).is_positive:
            return f"the coefficient {coefficient} is not positive", tuple(used)
        for factor in map(_upright, factors):
            if is_nonnegative(factor):
                continue
            known = {n: why for n, (q, why) in (sums or {}).items() if _same(factor, q)}
            if known:
                name, why = next(iter(known.items()))
                if why:
                    return f"the sum {name} fails: {why}", tuple(used)
                continue
            match = next((h for h in hypotheses if _same(factor, h.quantity)), None)
            if match is None:
                text = f"nothing shows that {factor} >= 0; name it as a hypothesis"
                return text, tuple(used)
            if held.get(match.name, Held(0)).failure or not held.get(match.name, Held(0)).count:
                reason = held.get(match.name, Held(0)).failure or "is evaluated on no instance"
                return f"the hypothesis {match.name} {reason}", tuple(used)
            if restates(match, step):
                return f"the hypothesis {match.name} is the step itself", tuple(used)
            used[match.name] = None
        total += coefficient * sp.Mul(*factors)
    difference = sp.expand(step.rhs - step.lhs - total)
    if not (difference == 0 or sp.simplify(difference) == 0):
        return "no valid witness: it does not add up to the difference of the sides", tuple(used)
    return "", tuple(used)


def _upright(factor: sp.Expr) -> sp.Expr:
    """A reciprocal has the sign of what it is the reciprocal of."""
    factor = sp.sympify(factor)
    return 1 / factor if factor.is_Pow and factor.exp == -1 else factor


def is_nonnegative(factor: sp.Expr) -> bool:
    """Whether the signs of its letters show it, or it is an even power of a real number."""
    if factor.is_Pow and factor.exp.is_even and factor.base.is_extended_real:
        return True
    return bool(factor.is_nonnegative) or bool(sp.factor(factor).is_nonnegative)


def evaluated(theorem: Theorem, hypothesis: Hypothesis, context: Context) -> Held:
    """Evaluate a hypothesis on its cases, or on all instances of the claims."""
    if hypothesis.cases is not None:
        cases = list(hypothesis.cases(context.quick))
    else:
        cases = [i for claim in theorem.claims for i in claim.instances(context.quick)]
        cases = [case for case in cases if not inapplicable(theorem, case)]
    terms = [Bound(sp.Abs(term)) for term in sp.Add.make_args(sp.expand(hypothesis.quantity))]
    quantity = Bound(hypothesis.quantity)
    for case in cases:
        letters = dict(case.letters())
        if hypothesis.letters is not None:
            letters.update(hypothesis.letters(case))
        value = np.asarray(quantity(letters), np.float64)
        scale = max(float(np.max(term(letters))) for term in terms)
        if not value.size or not bool(np.all(value >= -ROUNDING * scale)):
            return Held(0, f"fails on {case.name} ({np.min(value):.3g} < 0)")
    return Held(len(cases))


def restates(hypothesis: Hypothesis, step: Step) -> bool:
    """Whether the hypothesis has, wherever one looks, the truth value of the step."""
    difference = step.rhs - step.lhs
    letters = sorted(difference.free_symbols | hypothesis.quantity.free_symbols, key=str)
    evaluate = sp.lambdify(letters, [hypothesis.quantity, difference], [{"total": _one}, "numpy"])
    rng = np.random.default_rng(0)
    truths = set()
    for _ in range(POINTS):
        values = [_draw(rng, letter) for letter in letters]
        with np.errstate(all="ignore"):
            try:
                given, claimed = map(complex, evaluate(*values))
            except (ValueError, TypeError, ZeroDivisionError, OverflowError):
                continue
        if given.imag or claimed.imag or not np.isfinite([given.real, claimed.real]).all():
            continue
        truths.add((given.real >= 0, claimed.real >= 0))
    return truths <= {(True, True), (False, False)} and (False, False) in truths


def _draw(rng: np.random.Generator, letter: sp.Symbol) -> float:
    """A value that the letter's sign allows, 0 among them where it may be."""
    size = float(10 ** rng.uniform(-1.5, 1.5))
    if letter.is_positive:
        return size
    if letter.is_nonnegative:
        return size if rng.random() < 0.8 else 0.0
    return float(size * rng.choice([-1, 1]))


def _one(value: Any) -> Any:
    """A sum over one token."""
    return value


def _same(factor: sp.Expr, quantity: sp.Expr) -> bool:
    """Whether a factor is a positive multiple of a quantity."""
    ratio = sp.cancel(sp.together(factor / quantity)) if quantity != 0 else sp.Integer(0)
    return bool(ratio.is_positive) or sp.simplify(factor - quantity) == 0
