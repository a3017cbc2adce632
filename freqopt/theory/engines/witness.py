"""Proof steps: the right side minus the left side is, identically, a sum of products >= 0.

SymPy expands the difference and finds zero or does not. Nothing is "simplified until it looks
right": a wrong premise that is retyped on both sides would pass such a test, whereas here the
witness has to name the non-negative quantities that make up every bit of the difference. Each of
them is non-negative by the signs of its letters, as an even power, or by a hypothesis of the
theorem, which is a condition with a name that holds on every instance it is evaluated on, together
with the others that the step rests on. One that says the same as the step is refused, because it
would prove anything, unless the theorem states it, as a computed assumption of the same name. A
step without a valid witness is UNPROVED, not REFUTED: a weaker true statement fails as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from freqopt.theory.engines.hypotheses import Hypotheses
from freqopt.theory.theorem import Context, Hypothesis, Step, Telescope, Theorem
from freqopt.theory.verdict import Verdict, Word

POINTS = 300
"""Random values of the letters on which a hypothesis and a step are compared."""


def run(theorem: Theorem, context: Context) -> Iterator[Verdict]:
    """One verdict for all proof steps of the theorem."""
    if not theorem.steps:
        return
    hypotheses = Hypotheses(theorem, context)
    told: dict[str, None] = {}
    failed = ""
    proved: dict[str, Step] = {}
    grounds: dict[str, tuple[str, ...]] = {}  # of each proved step: what it rests on
    for step in theorem.steps:
        sums = {s.name: (s.quantity, summed(s, proved)) for s in theorem.sums}
        rests_on = {s.name: grounds.get(s.step, ()) for s in theorem.sums}
        failure, used = examine_step(step, hypotheses, sums, rests_on)
        if not failure:
            proved[step.name], grounds[step.name] = step, used
        told.update(dict.fromkeys(used))
        failed = failed or (f"{step.name}: {failure}" if failure else "")
    count = len(theorem.steps)
    note = failed or f"{count} of {count} steps" + (", summed" if theorem.sums else "")
    if told:
        counts = ", ".join(f"{name} ({hypotheses.count(name)} instances)" for name in told)
        note += f"; by the hypotheses {counts}"
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
    for letter, value in telescope.where.items():
        if letter.is_nonnegative and sp.sympify(value).is_negative:
            return f"the step has {letter} >= 0, and {value} is negative"
    line = (telescope.times * (step.rhs - step.lhs)).subs(telescope.where)
    fall = telescope.potential - telescope.potential.subs(t, t + 1)
    left = sp.simplify(sp.expand(fall + telescope.cost - telescope.gain - line))
    return "" if is_nonnegative(left) else f"it leaves {left}, and nothing shows that this is >= 0"


def examine_step(
    step: Step,
    hypotheses: Hypotheses,
    sums: Mapping[str, tuple[sp.Expr, str]],
    rests_on: Mapping[str, tuple[str, ...]],
) -> tuple[str, tuple[str, ...]]:
    """Why a step is not proved, or "", and the hypotheses that it uses.

    Parameters
    ----------
    sums : quantities with the reason why they are not shown to be >= 0, or ""
    rests_on : for each sum, the hypotheses of the step that it sums
    """
    total = sp.Integer(0)
    used: dict[str, None] = {}
    for coefficient, factors in step.witness:
        if not sp.sympify(coefficient).is_positive:
            return f"the coefficient {coefficient} is not positive", tuple(used)
        for factor in map(_upright, factors):
            if is_nonnegative(factor):
                continue
            known = {n: why for n, (q, why) in sums.items() if _same(factor, q)}
            if known:
                name, why = next(iter(known.items()))
                if why:
                    return f"the sum {name} fails: {why}", tuple(used)
                used.update(dict.fromkeys(rests_on[name]))
                continue
            match = next((h for h in hypotheses if _same(factor, h.quantity)), None)
            if match is None:
                text = f"nothing shows that {factor} >= 0; name it as a hypothesis"
                return text, tuple(used)
            if restates(match, step) and not hypotheses.is_assumed(match):
                text = f"the hypothesis {match.name} is the step itself, and no assumption"
                return text, tuple(used)
            used[match.name] = None
        total += coefficient * sp.Mul(*factors)
    failure = hypotheses.failure(used, (step.rhs - step.lhs).free_symbols)
    if failure:
        return failure, ()
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


def restates(hypothesis: Hypothesis, step: Step) -> bool:
    """Whether the hypothesis has, wherever one looks, the truth value of the step."""
    difference = sp.sympify(step.rhs - step.lhs)
    difference = difference.xreplace(  # v(T + 1), of a sum, is a number like any other
        {v: sp.Dummy(nonnegative=v.is_nonnegative) for v in difference.atoms(AppliedUndef)}
    )
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
