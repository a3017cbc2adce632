"""What is refused in a theorem before anything is evaluated: names that stand for two things, and
signs that nobody would read as conditions.
"""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp

from freqopt.errors import TheoryError
from freqopt.theory.theorem import Theorem

SIGNS = {"negative", "nonpositive", "zero", "even", "odd", "prime", "imaginary"}
"""What a letter is not declared to be: a condition has a name, so it is a hypothesis."""


def check_form(theorem: Theorem) -> None:
    """Refuse what could be read in two ways.

    Raises
    ------
    TheoryError
        If two claims, hypotheses, steps, sums or checks have one name, `allowed` names no row, or
        a letter of a step is declared to be more than real, non-negative or positive.
    """
    parts = {
        "claims": theorem.claims,
        "hypotheses": theorem.hypotheses,
        "steps": theorem.steps,
        "sums": theorem.sums,
        "assumptions": theorem.assumptions,
    }
    for kind, found in parts.items():
        _distinct(kind, [part.name for part in found])  # type: ignore[attr-defined]
    _distinct("checks", [f"{check.engine}: {check.name}" for check in theorem.checks])
    rows = {"proof steps", *(c.name for c in theorem.claims), *(c.name for c in theorem.checks)}
    unknown = sorted(set(theorem.allowed) - rows)
    if unknown:
        raise TheoryError(f"`allowed` names {unknown[0]!r}, which is no row; rows: {sorted(rows)}")
    for step in theorem.steps:
        for letter in sorted(sp.sympify(step.rhs - step.lhs).free_symbols, key=str):
            odd = sorted(SIGNS & {name for name, holds in letter.assumptions0.items() if holds})
            if odd:
                raise TheoryError(
                    f"step {step.name!r}: the letter {letter} is declared {odd[0]}; a condition "
                    "beyond a letter's being >= 0 is a Hypothesis"
                )


def _distinct(kind: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise TheoryError(f"two {kind} are called {name!r}; give each its own name")
        seen.add(name)
