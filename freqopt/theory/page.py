"""The generated page `docs/theorems.md`: everything a run of `verify` found, as Markdown.

python -m freqopt.theory.page proofs_check docs/theorems.md          quick
python -m freqopt.theory.page proofs_check docs/theorems.md --full
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from freqopt.theory.certificate import check
from freqopt.theory.examine import MutantRow
from freqopt.theory.report import Verification
from freqopt.theory.statement import escaped
from freqopt.theory.verdict import Word
from freqopt.theory.verify import verify


def page(report: Verification, certificates: Path | None = None) -> str:
    """The page's text.

    Parameters
    ----------
    report : of a run, preferably with mutants
    certificates : folder of stored certificates, listed with their digests
    """
    ordered = sorted(report.examinations, key=lambda e: _natural(e.id))
    report = replace(report, examinations=tuple(ordered))
    parts = [
        _head(report),
        _overview(report),
        _beware(report),
        _statements(report),
        _resolution(report),
        _verdicts(report),
        _ledger(report),
        _mutants(report) if report.with_mutants else "",
        _certificates(certificates) if certificates else "",
        _not_verified(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _natural(name: str) -> list[tuple[str, int]]:
    """FA-2 before FA-10."""
    return [(text, int(part or 0)) for text, part in re.findall(r"(\D*)(\d*)", name)]


def _head(report: Verification) -> str:
    scope = "quick" if report.quick else "full"
    words = "\n".join(f"- **{word}** {MEANINGS[word]}" for word in Word)
    return (
        "# Theorem checks\n\n"
        "<!-- Written by `python -m freqopt.theory.page proofs_check docs/theorems.md`; "
        "do not edit. -->\n\n"
        f"What `freqopt verify` found ({scope} run, seed {report.seed}). What is not marked as "
        "stated in a paper is derived in this project: its constants are not those of the other "
        "papers, whose texts were not available; the proofs are in `docs/theory/index.md`. How to "
        "write your own file: `docs/add_a_theorem.md`.\n\n"
        f"{len(report.examinations)} files, {len(report.rows)} verdicts"
        + (f", {len(report.mutants)} mutants" if report.with_mutants else "")
        + f". Error probability of all sampled verdicts together: {report.spent:.2g} of "
        f"{report.budget:.2g}, {report.delta:.1e} for each.\n\n"
        f"The ten words, worst first:\n\n{words}"
    )


def _overview(report: Verification) -> str:
    rows = []
    for e in report.examinations:
        words = report.words(e.id)
        share = _largest(row.ratio for row in e.rows if row.kind in ("upper", "lower"))
        vacuous = _largest(row.vacuity for row in e.rows)
        rows.append(
            [
                e.id,
                e.title,
                _engines({engine: words[engine] for engine in report.engines if engine in words}),
                "" if share is None else f"{share:.3g}",
                "" if vacuous is None else f"{vacuous:.0%}",
                report.coarsest(e.id),
            ]
        )
    return (
        "## By statement\n\nThe worst word of each engine; *share*: the largest part of a bound "
        "that was used, 1 if it is attained; *vacuous*: instances on which it says nothing; "
        "*notices*: by how much the constant of its coarsest bound may be wrong before that is "
        "noticed.\n\n" + _table(["id", "statement", "engines", "share", "vacuous", "notices"], rows)
    )


def _beware(report: Verification) -> str:
    lines = [f"- **{e.id}.** {escaped(_joined(e.beware))}" for e in report.examinations if e.beware]
    return "## Conditions and limits, each demonstrated\n\n" + "\n".join(lines) if lines else ""


def _statements(report: Verification) -> str:
    told = (e.statement for e in report.examinations if e.statement)  # others could not be read
    return "## Statements\n\n" + "\n\n".join(told)


def _resolution(report: Verification) -> str:
    rows = [[r.theorem, r.claim, r.part, r.text, r.loose, r.instance] for r in report.resolutions]
    if not rows:
        return ""
    header = ["id", "claim", "part", "a mistake", "loose by", "noticed on"]
    return (
        "## Resolution\n\nFor each number and each exponent of a statement, the smallest mistake "
        "that some instance would notice. *Loose by*: the bound over the worst left side is "
        "between these two values, the first from a sharper bound that is proved, the second from "
        "the worst instance found.\n\n" + _table(header, rows)
    )


def _verdicts(report: Verification) -> str:
    rows = [
        [
            row.theorem,
            row.engine,
            row.claim,
            row.word,
            _number(row.measured),
            _number(row.bound),
            _number(row.ratio),
            "" if row.vacuity is None else f"{row.vacuity:.0%}",
            str(row.seeds or ""),
            row.note,
        ]
        for row in report.rows
    ]
    header = [
        "id",
        "engine",
        "claim",
        "word",
        "measured",
        "bound",
        "share used",
        "vacuous",
        "samples",
        "note",
    ]
    return (
        "## Every verdict\n\nBoth sides where the claim is closest to failing. *Vacuous* is the "
        "share of instances on which the bound is above what is trivially true.\n\n"
        + _table(header, rows)
    )


def _ledger(report: Verification) -> str:
    rows = [
        [row.theorem, row.claim, line, f"{factor:.3g}"]
        for row in report.rows
        for line, factor in row.ledger
    ]
    if not rows:
        return ""
    return (
        "## Slack ledger\n\nRight over left side after each line of the proof, all paths "
        "enumerated.\n\n" + _table(["id", "rule", "after", "factor"], rows)
    )


def _mutants(report: Verification) -> str:
    rows = []
    for m in report.mutants:
        ran = [engine for engine in report.engines if engine in m.cells]
        words = {e: _cell(m.cells[e], e in m.killed_by) for e in ran}
        rows.append([m.theorem, m.mutant, m.kind, _engines(words), _outcome(m)])
    wrong = [m for m in report.mutants if not m.weaker]
    return (
        "## Mutation matrix\n\n"
        f"{sum(bool(m.killed_by) for m in wrong)} of {len(wrong)} wrong versions were noticed, "
        f"{len(report.survivors)} survived. Bold: noticed. A word without bold: the engine ran "
        "and saw nothing. Each is run until one notices, so that the others did not run.\n\n"
        + _table(["id", "mutant", "wrong", "engines", "outcome"], rows)
    )


def _outcome(row: MutantRow) -> str:
    if row.survived:
        return "SURVIVED"
    return f"true but weaker: {row.weaker}" if row.weaker else "killed"


def _certificates(folder: Path) -> str:
    rows = []
    for path in sorted(folder.glob("*.json")):
        text = path.read_text(encoding="ascii")
        claim, seal = check(text), json.loads(text)["sha256"]
        condition, rate = claim["L"] / claim["mu"], f"{float(claim['rho']):.6f}"
        rows.append([path.name, claim["K"], condition, rate, _Written(f"`{seal[:16]}`")])
    return (
        "## Certificates\n\nChecked exactly by `freqopt/theory/certificate.py`, which imports the "
        "standard library only.\n\n" + _table(["file", "K", "L/mu", "rho", "sha256"], rows)
    )


def _not_verified(report: Verification) -> str:
    rows = [[item.theorem, item.check, item.reason] for item in report.not_verified]
    rows += [[Path(problem.path).name, "file", problem.message] for problem in report.problems]
    fixed = (
        "- Two statements, MLET-2 and MLET-5, are those of a paper; no other is mapped to one.\n"
        "- Where a proof's steps are not said to be summed (in the witness's note), summation, "
        "telescoping and the choice of constants between them are written out in "
        "`docs/theory/`, not checked by machine.\n"
        "- Worst cases by PEPit are right to the solver's accuracy, 1e-4, and are no certificates."
    )
    table = "\n\n" + _table(["id", "check", "reason"], rows) if rows else ""
    return f"## Not verified\n\n{fixed}{table}"


def _table(header: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    def line(cells: Iterable[object]) -> str:
        return "| " + " | ".join(map(_shown, cells)) + " |"

    header = list(header)
    return "\n".join([line(header), line(["---"] * len(header)), *map(line, rows)])


class _Written(str):
    """A cell that is Markdown already; of others, what has a meaning there is escaped."""

    __slots__ = ()


def _shown(cell: object) -> str:
    return (str(cell) if isinstance(cell, _Written) else escaped(str(cell))).replace("|", "\\|")


def _engines(words: dict[str, str]) -> str:
    """What each engine said, in one cell: a column for each would be too wide a table."""
    return _Written(", ".join(f"{engine} {word}" for engine, word in words.items()))


def _cell(word: str, noticed: bool) -> str:
    return _Written(f"**{word}**") if noticed and word else word


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _joined(text: str) -> str:
    return " ".join(text.split())


MEANINGS = {
    Word.REFUTED: "a witness violates the statement or the specification.",
    Word.INAPPLICABLE: "an assumption fails on the instance.",
    Word.VACUOUS: "held, and nowhere below what is trivially true.",
    Word.UNPROVED: "a proof step has no valid witness.",
    Word.UNREFUTED: "a search or sample found no violation.",
    Word.CORROBORATED: "a sample shows it, with a stated error probability.",
    Word.APPROXIMATE: "holds within a stated difference that is more than rounding.",
    Word.EXACT: "holds, without sampling, on every instance listed.",
    Word.TIGHT: "exact, and within 5 % where it says most: where it has fallen by half.",
    Word.CERTIFIED: "an identity or certificate covers every instance.",
}


def main(arguments: list[str]) -> int:
    """Run, write the page, return the run's exit code."""
    folder, target = Path(arguments[0]), Path(arguments[1])
    report = verify([folder], quick="--full" not in arguments, mutants=True)
    target.write_text(page(report, folder / "certificates"), encoding="utf-8")
    sys.stdout.write(f"{target}: exit code {report.exit_code}, {report.seconds:.0f} s\n")
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
