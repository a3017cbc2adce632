"""One theorem through all engines, and its mutants through the same."""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from freqopt.errors import TheoryError
from freqopt.theory.engines import adversary, exact, witness
from freqopt.theory.loading import TheoremFile, load
from freqopt.theory.theorem import Check, Context, Mutant, Theorem
from freqopt.theory.verdict import Verdict, Word

Outcomes = Mapping[tuple[str, str], Word]
"""(engine, claim) -> word."""

FAULTS = (Exception, SystemExit)
"""What a user's file may raise while the others still run."""


@dataclass(frozen=True)
class MutantRow:
    """What happened to one mutant.

    Attributes
    ----------
    theorem, mutant : str
    kind : str
        "statement", "proof" or "implementation".
    weaker : str
        Why it is a true but weaker claim; "" where it is wrong.
    cells : engine -> word
        The worst word of each engine that ran. Engines not named did not run on it.
    killed_by : tuple of str
        Engines that noticed.
    """

    theorem: str
    mutant: str
    kind: str
    weaker: str
    cells: Mapping[str, str]
    killed_by: tuple[str, ...]

    @property
    def survived(self) -> bool:
        """Whether a wrong version went unnoticed."""
        return not self.weaker and not self.killed_by

    @property
    def mislabelled(self) -> bool:
        """Whether a mutant declared true was refuted."""
        return bool(self.weaker) and Word.REFUTED in self.cells.values()


@dataclass(frozen=True)
class Skipped:
    """A check that was not run, and why."""

    theorem: str
    check: str
    reason: str


@dataclass(frozen=True)
class Problem:
    """A theorem file that could not be examined, or a part of one."""

    path: str
    message: str


@dataclass(frozen=True)
class Examination:
    """Everything one theorem file gave."""

    path: Path
    id: str
    title: str
    source: str
    beware: str
    formulas: Mapping[str, str]
    rows: tuple[Verdict, ...] = ()
    mutants: tuple[MutantRow, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    problems: tuple[Problem, ...] = ()


def examine(path: Path, context: Context, mutants: bool) -> Examination:
    """Load a file and run everything in it. Never raises for what the file does."""
    try:
        file = load(path)
    except FAULTS as error:
        return Examination(path, path.stem, "", "", "", {}, problems=(_problem(path, error),))
    rows: list[Verdict] = []
    skipped: list[Skipped] = []
    formulas: dict[str, str] = {}
    try:
        theorem = file.theorem()
        formulas = {c.name: c.bound.latex for c in theorem.claims if hasattr(c.bound, "latex")}
        skipped = [
            Skipped(file.id, f"{check.engine}: {check.name}", reason)
            for check in theorem.checks
            if (reason := absent(check, context))
        ]
        skipped += [
            Skipped(file.id, f"assumption {a.name}", "declared, not computed")
            for a in theorem.assumptions
            if a.how == "declared"
        ]
        skipped += [
            Skipped(file.id, f"claim {claim.name}", "no instances in this run")
            for claim in theorem.claims
            if claim.extremal is None and claim.search is None and exact.is_empty(claim, context)
        ]
        rows.extend(timed(file.id, run(theorem, context)))
        if not rows and not skipped:
            raise TheoryError("nothing was checked; give a claim instances, or add a check")
    except FAULTS as error:
        return _incomplete(file, formulas, rows, skipped, error)
    matrix: list[MutantRow] = []
    problems: list[Problem] = []
    if mutants:
        outcomes = {(row.engine, row.claim): row.word for row in rows}
        for name, mutant in file.mutants.items():
            try:
                matrix.append(attack(file, name, mutant, outcomes, context))
            except FAULTS as error:
                problems.append(_problem(path, error, f"mutant {name!r} "))
    return Examination(
        path, file.id, file.title, file.sections["Source"], file.sections.get("Beware", ""),
        formulas, tuple(rows), tuple(matrix), tuple(skipped), tuple(problems),
    )  # fmt: skip


def statistical_checks(path: Path, context: Context) -> int:
    """How many parts of the error budget a file asks for; 0 where it cannot be read."""
    try:
        checks = load(path).theorem().checks
        return sum(check.statistical and not absent(check, context) for check in checks)
    except FAULTS:  # examine() reports it
        return 0


def run(theorem: Theorem, context: Context) -> Iterator[Verdict]:
    """All engines."""
    yield from cheap(theorem, context)
    yield from costly(theorem, context)


def cheap(theorem: Theorem, context: Context) -> Iterator[Verdict]:
    """Proof steps, and claims on their instances: milliseconds each."""
    yield from witness.run(theorem, context)
    yield from exact.run(theorem, context)


def costly(theorem: Theorem, context: Context) -> Iterator[Verdict]:
    """The file's own checks, and adversarial search."""
    for check in theorem.checks:
        if not absent(check, context):
            yield replace(_sound(check, check.run(context)), engine=check.engine, claim=check.name)
    yield from adversary.run(theorem, context)


def _sound(check: Check, verdict: Any) -> Verdict:
    """What a check returned, if it is a verdict with numbers in it."""
    if not isinstance(verdict, Verdict):
        kind = type(verdict).__name__
        raise TheoryError(f"check {check.name!r} returned a {kind}, expected a Verdict")
    for name in ("measured", "bound", "ratio"):
        value = getattr(verdict, name)
        if value is not None and math.isnan(value):
            raise TheoryError(f"check {check.name!r} returned {name} = NaN")
    return verdict


def timed(theorem: str, verdicts: Iterator[Verdict]) -> Iterator[Verdict]:
    """The same verdicts with the theorem's id and the seconds each took."""
    while True:
        start = time.perf_counter()
        verdict = next(verdicts, None)
        if verdict is None:
            return
        yield replace(verdict, theorem=theorem, seconds=time.perf_counter() - start)


def attack(
    file: TheoremFile, name: str, mutant: Mutant, outcomes: Outcomes, context: Context
) -> MutantRow:
    """Run the engines on a mutant.

    A quick run stops at the first refutation, and runs the costly engines only on wrong mutants
    that the cheap ones have not noticed.
    """
    cells: dict[str, str] = {}
    killers: dict[str, None] = {}
    wrong = file.theorem(mutant)
    for engines in (cheap, costly):
        for verdict in engines(wrong, context):
            before = outcomes.get((verdict.engine, verdict.claim))
            unproved = verdict.word is Word.UNPROVED and before is not Word.UNPROVED
            if verdict.failed or unproved:
                killers[verdict.engine] = None
            if verdict.engine not in cells or verdict.failed or unproved:
                cells[verdict.engine] = verdict.word.value
            if context.quick and (verdict.failed or (engines is costly and killers)):
                break
        if context.quick and (killers or mutant.weaker):
            break
    return MutantRow(file.id, name, mutant.kind, mutant.weaker, cells, tuple(killers))


def absent(check: Check, context: Context) -> str:
    """Why a check cannot run here, or ""."""
    if check.slow and context.quick:
        return "left out of quick runs"
    if check.needs and importlib.util.find_spec(check.needs) is None:
        return f"needs {check.needs}, which is not installed (pip install 'freqopt[theory]')"
    return check.lacking() if check.lacking else ""


def _incomplete(
    file: TheoremFile,
    formulas: Mapping[str, str],
    rows: list[Verdict],
    skipped: list[Skipped],
    error: BaseException,
) -> Examination:
    return Examination(
        file.path, file.id, file.title, file.sections["Source"], file.sections.get("Beware", ""),
        formulas, tuple(rows), (), tuple(skipped), (_problem(file.path, error),),
    )  # fmt: skip


def _problem(path: Path, error: BaseException, where: str = "") -> Problem:
    silent = "more than one file may have" if isinstance(error, MemoryError) else "no message"
    text = " ".join(str(error).split()) or silent
    return Problem(str(path), f"{where}{type(error).__name__}: {text}")
