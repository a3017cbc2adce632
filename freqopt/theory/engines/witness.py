"""Proof steps: the right side minus the left side is, identically, a sum of products >= 0.

SymPy expands the difference and finds zero or does not. Nothing is "simplified until it looks
right": a wrong premise that is retyped on both sides would pass such a test, whereas here the
witness has to name the non-negative quantity that makes up every bit of the difference. A step
without a valid witness is UNPROVED, not REFUTED: a weaker true statement fails as well.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from freqopt.theory.theorem import Context, Step, Theorem
from freqopt.theory.verdict import Verdict, Word


def proved(step: Step) -> bool:
    """Whether rhs - lhs equals the witness, and every coefficient of the witness is positive."""
    witness = sum((c * sp.Mul(*factors) for c, factors in step.witness), sp.Integer(0))
    if not all(sp.sympify(c).is_positive for c, _ in step.witness):
        return False
    difference = sp.expand(step.rhs - step.lhs - witness)
    return difference == 0 or sp.simplify(difference) == 0


def run(theorem: Theorem, context: Context) -> Iterator[Verdict]:  # noqa: ARG001 - one form for all
    """One verdict for all proof steps of the theorem."""
    if not theorem.steps:
        return
    failed = [step.name for step in theorem.steps if not proved(step)]
    word = Word.UNPROVED if failed else Word.CERTIFIED
    count = len(theorem.steps)
    note = f"no valid witness: {failed[0]}" if failed else f"{count} of {count} steps"
    yield Verdict("", "witness", "proof steps", word, kind="identity", note=note)
