"""Is a theorem true, as far as its own checks see, and would they see a mistake?"""

from __future__ import annotations

from itertools import islice
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np

from freqopt.check.journal import Enough, Journal
from freqopt.errors import TheoryError
from freqopt.theory import Bound, Claim, isolation
from freqopt.theory.loading import load


def check_theorem(path: Path, notes: Journal, *, full: bool, limit: float) -> None:
    """`freqopt verify` with the planted mistakes, in processes of its own."""
    from freqopt.theory import verify

    notes.doing("verifying the theorem and its planted mistakes")
    try:
        report = verify([path], quick=not full, mutants=True, jobs=1, limit=limit)
    except TheoryError as error:
        notes.fault(str(error))
        return
    for sentence in _echoes(path, [m.mutant for m in report.survivors if m.survived], limit):
        notes.fault(sentence)
    hint = f"freqopt verify {path.name} --mutants shows all verdicts"
    try:
        for what, text in report.failures.items():
            notes.fault(f"{what}: {text.strip()}; {hint}")
    except Enough:
        return
    for item in report.not_verified:
        notes.left(f"{item.check}: {item.reason}")
    words = {row.engine: row.word.value for row in report.rows}
    told = ", ".join(f"{engine} {word}" for engine, word in words.items())
    killed = [row for row in report.mutants if not row.weaker]
    notes.judged(f"the theorem: {told or 'nothing'}; {len(killed)} planted mistakes")


def _echoes(path: Path, mutants: list[str], limit: float) -> list[str]:
    """Of mistakes that nobody noticed: claims whose left side is made of their bound."""
    if not mutants:
        return []
    ((_, answer),) = isolation.each(measured_bounds, [(path, mutants)], workers=1, seconds=limit)
    return list(answer.value or ())


def measured_bounds(path: Path, mutants: list[str]) -> list[str]:
    """In a process of its own: what is measured changes as the bound does when that is changed."""
    file = load(path)
    found: dict[str, str] = {}
    for name in mutants:
        pairs = zip(file.theorem().claims, file.theorem(file.mutants[name]).claims, strict=False)
        for claim, changed in pairs:
            if claim.name == changed.name and _follows(claim, changed):
                found[claim.name] = (
                    f"claim {claim.name}: what is measured changes with the bound when the mistake "
                    f"{name!r} is planted, so that it is made of the bound, and the claim says "
                    "nothing; measure it without the statement's own constants"
                )
    return list(found.values())


def _follows(claim: Claim, changed: Claim) -> bool:
    """Whether the left sides have the ratio of the bounds on instances of both, not always 1."""
    cases = list(islice(zip(claim.instances(True), changed.instances(True), strict=False), 9))
    ratios = [
        (
            _ratio(claim.measured(a), changed.measured(b)),
            _ratio(_bound(claim, a), _bound(changed, b)),
        )
        for a, b in cases
    ]
    same = all(isclose(left, right, rel_tol=1e-9) for left, right in ratios)
    return same and any(not isclose(left, 1.0, rel_tol=1e-6) for left, _ in ratios)


def _bound(claim: Claim, case: Any) -> Any:
    bound = claim.bound
    return bound(case.letters()) if isinstance(bound, Bound) else bound(case)


def _ratio(value: Any, other: Any) -> float:
    """The ratio of two sides: of numbers, or of the largest of numbers for each token."""
    one, two = (float(np.max(np.abs(np.asarray(x, np.float64)))) for x in (value, other))
    return one / two if two else 1.0
