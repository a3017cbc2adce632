"""Is a theorem true, as far as its own checks see, and would they see a mistake?"""

from __future__ import annotations

from pathlib import Path

from freqopt.check.journal import Enough, Journal
from freqopt.errors import TheoryError


def check_theorem(path: Path, notes: Journal, *, full: bool, limit: float) -> None:
    """`freqopt verify` with the planted mistakes, in processes of its own."""
    from freqopt.theory import verify

    notes.doing("verifying the theorem and its planted mistakes")
    try:
        report = verify([path], quick=not full, mutants=True, jobs=1, limit=limit)
    except TheoryError as error:
        notes.fault(str(error))
        return
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
