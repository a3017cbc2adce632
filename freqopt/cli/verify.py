"""`freqopt verify`: theorem files and what each check of them says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from freqopt.cli.folders import everything, gather
from freqopt.cli.whole import WHOLE
from freqopt.errors import TheoryError
from freqopt.report.terminal import progress, say, say_json, table, warn

if TYPE_CHECKING:
    from freqopt.theory import Verification


def verify_(
    *files: str,
    full: bool = False,
    mutants: bool = False,
    seed: Annotated[int, WHOLE] = 0,
    budget: float = 1e-3,
    jobs: Annotated[int | None, WHOLE] = None,
    limit: float | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set")] = None,
    new: Path | None = None,
    pictures: Path | None = None,
    json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Check theorems: does each hold, how tight is it, would the check have noticed otherwise?

    The exit code is 1 if a theorem was refuted or did not apply, a mutant survived, or a file could
    not be examined.

    Parameters
    ----------
    files
        Theorem files or folders of them; by default all of `proofs_check/`.
    full
        All checks at full size, under 20 minutes on two cores; by default the quick ones.
    mutants
        Also run every planted mistake, and show which engine notices it.
    seed
        Of all samples.
    budget
        Probability that the whole run says anything wrong.
    jobs
        Processes; by default one per core.
    limit
        Seconds that one file may take: 300, with --full 1800, 4 times that with --mutants.
    set_
        NAME=VALUE: examine the file's statement with this part changed; exit code 1 if some engine
        notices.
    new
        Write a theorem file to begin with, and do nothing else.
    pictures
        Folder for the picture of each theorem: bound, left side and worst case against T and p.
    json
        Print JSON only.
    """
    from freqopt.theory import verify

    if new is not None:
        from freqopt.theory.skeleton import write

        write(new)
        say(f"{new} is written, and true; change it, and run freqopt verify {new}")
        return 0
    changes = _changes(set_ or [])
    paths = gather("proofs_check", list(files))
    if not paths:
        raise TheoryError("there are no theorem files here; give their folder: freqopt verify DIR")
    with progress("theorems", silent=json) as bar:
        report = verify(
            paths,
            quick=not full,
            mutants=mutants,
            seed=seed,
            budget=budget,
            jobs=jobs,
            limit=limit,
            changes=changes,
            progress=lambda _examined, done, total: bar(done, total),
        )
    if json:
        say_json(report.to_dict())
    else:
        tell(report)
        if changes and not report.problems:
            told = ", ".join(f"{name} = {value}" for name, value in changes.items())
            say(f"{told}: {_noticed(report)}")
    if pictures is not None:
        from freqopt.report.theorem_picture import draw_theorem

        for examination in report.examinations:
            for path in draw_theorem(examination, pictures):
                warn(str(path))
    return report.exit_code


def _noticed(report: Verification) -> str:
    """Who sees that the statement was changed, and whether it is known to be false."""
    false = dict.fromkeys(row.engine for row in report.rows if row.word in FALSE)
    silent = dict.fromkeys(row.engine for row in report.rows if row.failed)
    if false:
        return f"noticed by {', '.join(false)}"
    if silent:
        return f"noticed by {', '.join(silent)}: no longer shown, and not refuted"
    left_out = [f"{item.check} ({item.reason})" for item in report.not_verified if item.is_check]
    told = f"; left out: {'; '.join(left_out)}" if left_out else ""
    return f"not noticed: true, or within what this file can see{told}"


def _changes(given: list[str]) -> dict[str, str]:
    """NAME=VALUE, each once."""
    found: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not (name and sign and value) or name in found:
            raise TheoryError(f"--set {text}: give NAME=VALUE, each name once, as in constant=1/4")
        found[name] = value
    return found


FALSE = ("REFUTED", "INAPPLICABLE")
"""Words that say something is wrong; VACUOUS and UNPROVED say that nothing is known."""

FEW = 5
"""Up to so many files, every part of every statement is shown; the page shows all of all."""


def tell(report: Verification) -> None:
    """The tables of a report, and one line that sums it up."""
    table(
        "theorems: the worst word of each engine; share = how much of the bound was used; "
        "notices = by how much its bounds may be wrong before that is noticed",
        ("id", "theorem", "verdicts", "share", "vacuous", "notices", "s"),
        _theorems(report),
    )
    if report.resolutions and (len(report.examinations) <= FEW or not report.quick):
        table(
            "resolution: the smallest mistake in each part of a statement that would be noticed",
            ("id", "claim", "part", "a mistake", "loose by", "noticed on"),
            _resolutions(report),
        )
    ledger = [
        (row.theorem, row.claim, line, f"{factor:.3g}")
        for row in report.rows
        for line, factor in row.ledger
    ]
    if ledger:
        table(
            "slack ledger: right over left side after each line of the proof",
            ("id", "rule", "after", "factor"),
            ledger,
        )
    if report.with_mutants:
        engines = [e for e in report.engines if any(e in row.cells for row in report.mutants)]
        numbers = [str(n) for n in range(1, len(engines) + 1)]
        legend = ", ".join(f"{n} {engine}" for n, engine in zip(numbers, engines, strict=True))
        table(
            f"planted mistakes by engine: {legend}; X noticed it, . ran and saw nothing",
            ("id", "mutant", "kind", *numbers, "outcome"),
            _mutants(report, engines),
        )
    if report.not_verified:
        table(
            "not verified",
            ("id", "check", "reason"),
            [(item.theorem, item.check, item.reason) for item in report.not_verified],
        )
    for name, message in report.failures.items():
        warn(f"{name}: {message}")
    say(f"{report.summary}, {report.seconds:.0f} s")


def check_theorems(target: Path, *, full: bool, jobs: int | None, silent: bool) -> Verification:
    """Check all theorem files, a full run with mutants, and write the page of what was found.

    Raises
    ------
    TheoryError
        If there are no theorem files, or the page cannot be written.
    """
    from freqopt.theory import verify
    from freqopt.theory.page import page

    paths = everything("proofs_check")
    if not paths:
        raise TheoryError(
            "there are no theorem files here; run in a checkout, or install the wheel"
        )
    with progress("theorems", silent=silent) as bar:
        report = verify(
            paths,
            quick=not full,
            mutants=full,
            jobs=jobs,
            progress=lambda _examined, done, total: bar(done, total),
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page(report, paths[0].parent / "certificates"), encoding="utf-8")
    except OSError as error:
        raise TheoryError(
            f"{target} was not written: {error}; choose another folder with --out"
        ) from None
    return report


def _theorems(report: Verification) -> Iterator[tuple[str, ...]]:
    for examination in report.examinations:
        rows = examination.rows
        words = report.words(examination.id)
        verdicts = ", ".join(f"{engine} {word}" for engine, word in words.items())
        yield (
            examination.id,
            examination.title,
            verdicts or "not examined",
            _largest(row.ratio for row in rows),
            _largest(row.vacuity for row in rows),
            report.coarsest(examination.id),
            f"{sum(row.seconds for row in rows):.1f}",
        )


def _resolutions(report: Verification) -> Iterator[tuple[str, ...]]:
    for item in report.resolutions:
        yield (
            item.theorem, item.claim, item.part, item.text, item.loose, item.instance[:40],
        )  # fmt: skip


def _mutants(report: Verification, engines: list[str]) -> Iterator[tuple[str, ...]]:
    for row in report.mutants:
        if row.mislabelled:
            outcome = "REFUTED though declared true"
        elif row.survived:
            outcome = (
                f"SURVIVES; left out: {'; '.join(row.left_out)}" if row.left_out else "SURVIVES"
            )
        else:
            outcome = f"true, weaker: {row.weaker}" if row.weaker else "killed"
        marks = ("X" if e in row.killed_by else "." if e in row.cells else "" for e in engines)
        yield row.theorem, row.mutant, row.kind, *marks, outcome


def _largest(values: Iterator[Any]) -> str:
    known = [value for value in values if value is not None]
    return f"{max(known):.3g}" if known else ""
