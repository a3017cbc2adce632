"""The tables of `docs/worst_cases.md`, between its two marks: worst case over bound, best steps.

python -m freqopt.theory.engines.chain.page proofs_check docs/worst_cases.md          all lists
python -m freqopt.theory.engines.chain.page proofs_check docs/worst_cases.md --quick
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path

from freqopt.theory.engines.chain.rows import Listing, Row
from freqopt.theory.loading import find, load

MARKS = ("<!-- tables: begin -->", "<!-- tables: end -->")
BEST = "best_steps.csv"


def tables(folder: Path, *, quick: bool) -> str:
    """One table for each list of worst cases in the folder's theorem files, and the best steps."""
    files = (load(path) for path in find([folder]))
    lists = ((file, check) for file in files for check in file.theorem().checks)
    parts = [
        f"### {file.id}: {check.name}\n\n{_worst(check.run.rows(quick))}"
        for file, check in lists
        if isinstance(check.run, Listing)
    ]
    parts.append(f"### Best steps\n\n{best(folder / BEST)}")
    return "\n\n".join(parts)


def best(path: Path) -> str:
    """The table of best steps, as it is stored."""
    with path.open(newline="", encoding="ascii") as file:
        header, *rows = csv.reader(file)
    return _table(header, rows)


def _worst(rows: Iterable[Row]) -> str:
    lines = [
        [row.case, row.output, f"{row.bound:.6g}", *(f"{share:.5f}" for share in row.shares)]
        for row in rows
    ]
    return _table(["case", "output", "bound", "lower/bound", "upper/bound"], lines)


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def main(arguments: list[str]) -> None:
    """Put the tables between the page's marks."""
    folder, page = Path(arguments[0]), Path(arguments[1])
    made = tables(folder, quick="--quick" in arguments)
    before, _, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    page.write_text(f"{before}{MARKS[0]}\n\n{made}\n\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
