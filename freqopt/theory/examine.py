"""One theorem through all engines, and its mutants through the same."""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from freqopt._install import install
from freqopt.errors import TheoryError
from freqopt.theory.engines import adversary, exact, resolution, witness
from freqopt.theory.engines.points import Point, points
from freqopt.theory.engines.resolution import Resolution
from freqopt.theory.engines.sides import evaluate
from freqopt.theory.form import check_form
from freqopt.theory.loading import TheoremFile, load, parts
from freqopt.theory.statement import entry
from freqopt.theory.theorem import Check, Context, Mutant, Theorem
from freqopt.theory.verdict import FAILURES, SILENT, Verdict, Word

Outcomes = Mapping[tuple[str, str], Word]
"""(engine, claim) -> word."""

SOLVER = 1e-3
"""Relative excess over a bound that a check's numerical solver may have, and be EXACT."""

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
    left_out : tuple of str
        Checks that were not run on it, each with its reason.
    """

    theorem: str
    mutant: str
    kind: str
    weaker: str
    cells: Mapping[str, str]
    killed_by: tuple[str, ...]
    left_out: tuple[str, ...] = ()

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
    """A check that was not run, or something that is taken on trust, and why.

    Attributes
    ----------
    theorem, check, reason : str
    is_check : bool
        False for what is taken on trust.
    """

    theorem: str
    check: str
    reason: str
    is_check: bool = False


@dataclass(frozen=True)
class Unexamined:
    """A theorem file that could not be examined, or a part of one.

    Attributes
    ----------
    path, message : str
    """

    path: str
    message: str


@dataclass(frozen=True)
class Examination:
    """Everything one theorem file gave.

    Attributes
    ----------
    path : Path
        Of the file.
    id, title, source, beware : str
        What its docstring says.
    formulas : dict of str to str
        The bound of each claim, typeset.
    statement : str
        What the file states, as Markdown; "" if it could not be read.
    assumptions : tuple of pairs of str
        A condition, and "computed on every instance" or "assumed".
    resolutions : tuple
        One for each numeric part of the statement.
    points : tuple
        Both sides of the inequalities, for the picture.
    rows : tuple of Verdict
    mutants, skipped, problems : tuple
        As in `Verification`.
    """

    path: Path
    id: str
    title: str
    source: str
    beware: str
    formulas: Mapping[str, str]
    statement: str = ""
    assumptions: tuple[tuple[str, str], ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    points: tuple[Point, ...] = ()
    rows: tuple[Verdict, ...] = ()
    mutants: tuple[MutantRow, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    problems: tuple[Unexamined, ...] = ()


def examine(
    path: Path, context: Context, mutants: bool, changes: Mapping[str, str] | None = None
) -> Examination:
    """Load a file and run everything in it. Never raises for what the file does.

    `changes` are parts of the statement that have other values, "1/4" for 1/4.
    """
    try:
        file = load(path)
        changed = Mutant("statement", **parts(file.module.theorem, changes or {}))
    except FAULTS as error:
        return Examination(path, path.stem, "", "", "", {}, problems=(_problem(path, error),))
    rows: list[Verdict] = []
    skipped: list[Skipped] = []
    known: dict[str, Any] = {"formulas": {}}
    try:
        theorem = file.theorem(changed)
        known["formulas"] = {
            c.name: c.bound.latex for c in theorem.claims if hasattr(c.bound, "latex")
        }
        known["statement"] = entry(file)
        known["assumptions"] = tuple(
            (a.name, "computed on every instance" if a.how == "exact" else "assumed")
            for a in theorem.assumptions
        )
        check_form(theorem)
        exact.nothing(theorem)
        skipped = _skipped(file, theorem, context)
        store: exact.Store = {}
        rows.extend(timed(file.id, run(theorem, context, store)))
        if not rows and not skipped:
            raise TheoryError("nothing was checked; give a claim instances, or add a check")
        refuted = {row.claim for row in rows if row.word is Word.REFUTED}
        known["resolutions"] = tuple(  # of a false statement there is none
            item
            for item in resolution.resolve(file.id, theorem, store)
            if item.claim not in refuted
        )
        known["points"] = tuple(points(theorem, store))
    except FAULTS as error:
        return _examination(file, known, rows, [], skipped, [_problem(path, error)])
    matrix: list[MutantRow] = []
    problems: list[Unexamined] = []
    if mutants:
        outcomes = {(row.engine, row.claim): row.word for row in rows}
        for name, mutant in file.mutants.items():
            try:
                matrix.append(attack(file, name, mutant, outcomes, context))
            except FAULTS as error:
                problems.append(_problem(path, error, f"mutant {name!r} "))
    return _examination(file, known, rows, matrix, skipped, problems)


def statistical_checks(path: Path, context: Context) -> int:
    """How many parts of the error budget a file asks for; 0 where it cannot be read."""
    try:
        checks = load(path).theorem().checks
        return sum(check.statistical and not absent(check, context) for check in checks)
    except FAULTS:  # examine() reports it
        return 0


def run(theorem: Theorem, context: Context, store: exact.Store | None = None) -> Iterator[Verdict]:
    """All engines; what they evaluated goes into the store."""
    yield from cheap(theorem, context, store)
    yield from costly(theorem, context, store)


def cheap(
    theorem: Theorem, context: Context, store: exact.Store | None = None
) -> Iterator[Verdict]:
    """Proof steps, and claims on their instances: milliseconds each."""
    for verdict in (*witness.run(theorem, context), *exact.run(theorem, context, store)):
        yield _excused(theorem, verdict)


def costly(
    theorem: Theorem, context: Context, store: exact.Store | None = None
) -> Iterator[Verdict]:
    """The file's own checks, and adversarial search."""
    claims = {claim.name: claim for claim in theorem.claims}
    for check in theorem.checks:
        if not absent(check, context):
            verdict = _sound(check, check.run(context), context)
            for name, instance, left in verdict.lefts:
                if name not in claims:
                    raise TheoryError(f"check {check.name!r} has a left side of no claim: {name!r}")
                sides = evaluate(claims[name], instance, left)
                if store is not None:
                    store.setdefault(name, []).append(sides)
            yield _excused(theorem, replace(verdict, engine=check.engine, claim=check.name))
    for verdict in adversary.run(theorem, context, store):
        yield _excused(theorem, verdict)


def _excused(theorem: Theorem, verdict: Verdict) -> Verdict:
    """The verdict, with the file's reason why it may say nothing."""
    reason = theorem.allowed.get(verdict.claim, "") if verdict.word in SILENT else ""
    return replace(verdict, allowed=reason) if reason else verdict


def _sound(check: Check, verdict: Any, context: Context) -> Verdict:
    """What a check returned, if it is a verdict with numbers in it."""
    if not isinstance(verdict, Verdict):
        kind = type(verdict).__name__
        raise TheoryError(f"check {check.name!r} returned a {kind}, expected a Verdict")
    if verdict.word not in list(Word):
        raise TheoryError(f"check {check.name!r} says {verdict.word!r}; known: {', '.join(Word)}")
    if verdict.delta > context.delta * (1 + 1e-9):
        raise TheoryError(
            f"check {check.name!r} spends {verdict.delta:g} of the error probability, and its part "
            f"is {context.delta:g}: pass on `context.delta`"
        )
    for name in ("measured", "bound", "ratio"):
        value = getattr(verdict, name)
        if value is not None and not math.isfinite(value):
            text = "NaN" if math.isnan(value) else "infinite"
            raise TheoryError(
                f"check {check.name!r} returned {name} = {text}, so nothing was compared"
            )
    left, right = verdict.measured, verdict.bound
    claimed = verdict.word in (Word.EXACT, Word.TIGHT) and verdict.kind in ("upper", "lower")
    if not claimed or left is None or right is None:
        return verdict
    low, high = (left, right) if verdict.kind == "upper" else (right, left)
    if low > high + SOLVER * abs(high):
        sign = "<=" if verdict.kind == "upper" else ">="
        raise TheoryError(
            f"check {check.name!r} says {verdict.word} of {left:g} {sign} {right:g}, which is false"
        )
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
    """Run the engines on a mutant until one notices.

    The cheap engines come first, and what a quick run notices a full run need not look at again: in
    a full run the whole of it is for those that are left. A mutant that is true is run through the
    cheap engines alone.
    """
    cells: dict[str, str] = {}
    killers: dict[str, None] = {}
    wrong = file.theorem(mutant)
    quick = replace(context, quick=True)
    scopes = (context,) if context.quick or mutant.weaker else (quick, context)
    for scope in scopes:
        for verdict in _until_noticed(wrong, mutant, scope, killers):
            before = outcomes.get((verdict.engine, verdict.claim))
            # Beyond the assumptions nothing was learnt: INAPPLICABLE notices no mistake. Nor does a
            # quick run that says less than the full one.
            silent = verdict.word is Word.UNPROVED or (verdict.word in SILENT and scope is context)
            noticed = verdict.word is Word.REFUTED or (silent and before is not verdict.word)
            if noticed:
                killers[verdict.engine] = None
            if verdict.engine not in cells or noticed:
                cells[verdict.engine] = verdict.word.value
        if killers:
            break
    left_out = tuple(f"{item.check}: {item.reason}" for item in _left_out(file.id, wrong, context))
    return MutantRow(file.id, name, mutant.kind, mutant.weaker, cells, tuple(killers), left_out)


def _until_noticed(
    wrong: Theorem, mutant: Mutant, context: Context, killers: Mapping[str, None]
) -> Iterator[Verdict]:
    """Verdicts of the engines up to the first failure; `killers` grows meanwhile."""
    for engines in (cheap,) if mutant.weaker else (cheap, costly):
        for verdict in engines(wrong, context):
            yield verdict
            if verdict.word in FAILURES or (engines is costly and killers):
                break
        if killers:
            break


def absent(check: Check, context: Context) -> str:
    """Why a check cannot run here, or ""."""
    if check.slow and context.quick:
        return "left out of quick runs"
    if check.needs and importlib.util.find_spec(check.needs) is None:
        return f"needs {check.needs}, which is not installed ({install('theory')})"
    return check.lacking() if check.lacking else ""


def _left_out(theorem_id: str, theorem: Theorem, context: Context) -> list[Skipped]:
    return [
        Skipped(theorem_id, f"{check.engine}: {check.name}", reason, is_check=True)
        for check in theorem.checks
        if (reason := absent(check, context))
    ]


def _skipped(file: TheoremFile, theorem: Theorem, context: Context) -> list[Skipped]:
    """What this run does not look at, and what it takes on trust."""
    theorem_id = file.id
    found = _left_out(theorem_id, theorem, context)
    words = " ".join(file.sections["Assumptions"].split())
    if not theorem.assumptions and not words.lower().startswith("none"):
        found.append(Skipped(file.id, "assumptions", f"stated in words only: {words}"))
    found += [
        Skipped(theorem_id, f"assumption {a.name}", "assumed, not computed")
        for a in theorem.assumptions
        if a.how == "declared"
    ]
    found += [
        Skipped(theorem_id, f"claim {claim.name}", "no instances in this run")
        for claim in theorem.claims
        if exact.is_empty(claim, context.quick)
    ]
    found += [
        Skipped(theorem_id, f"claim {claim.name}", "without `trivial`: vacuity is not known")
        for claim in theorem.claims
        if claim.trivial is None and claim.kind != "equal"
    ]
    return found


def _examination(
    file: TheoremFile,
    known: Mapping[str, Any],
    rows: list[Verdict],
    matrix: list[MutantRow],
    skipped: list[Skipped],
    problems: list[Unexamined],
) -> Examination:
    return Examination(
        file.path, file.id, file.title, file.sections["Source"], file.sections.get("Beware", ""),
        rows=tuple(rows), mutants=tuple(matrix), skipped=tuple(skipped), problems=tuple(problems),
        **known,
    )  # fmt: skip


def _problem(path: Path, error: BaseException, where: str = "") -> Unexamined:
    silent = "more than one file may have" if isinstance(error, MemoryError) else "no message"
    text = " ".join(str(error).split()) or silent
    return Unexamined(str(path), f"{where}{type(error).__name__}: {text}")
