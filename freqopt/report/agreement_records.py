"""`python -m freqopt.report.agreement_records docs [LIBRARY...]`: judge what is installed here.

What is found goes into docs/agreement.json, beside what other environments found there, and the
whole into docs/agreement.md: libraries that cannot be installed together need not be, and a row
covers every version that was run. A LIBRARY that ends in .json is a file that says how programs are
judged, as docs/tfjs/optimizers.json.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from freqopt.crosscheck.exchange.process import Program
from freqopt.crosscheck.guests import guests
from freqopt.crosscheck.judge import judge_implementation
from freqopt.crosscheck.report import Judgement
from freqopt.report.agreement_page import Row, page, rows

Record = dict[str, Any]
"""A row of one version, and the day."""


def program_rows(path: Path) -> Iterator[Row]:
    """Judge every program that a file has, as `freqopt crosscheck --exec` does.

    Parameters
    ----------
    path : Path
        JSON: `version`, a command that prints it; `command` and `dtype` of all; and `guests`, by
        the last word of the command: `rule`, `dialect`, and `allowed` in ULP. The folder's name is
        the library's.
    """
    told = json.loads(path.read_text())
    ran = subprocess.run(told["version"], capture_output=True, text=True, check=True)
    for name, about in told["guests"].items():
        dtype, allowed = told["dtype"], float(about["allowed"])
        with Program([*told["command"], name]) as program:
            report = judge_implementation(
                program, about["rule"], [dtype], dialect=about["dialect"], ulps=allowed
            )
        judged = [j for j in report.having("PASS", "FAIL") if j.comparison is not None]
        wrong = report.having("FAIL", "ERROR")
        yield Row(
            f"{path.parent.name}.{name}",
            about["rule"],
            ", ".join(f"{option} = {value!r}" for option, value in about["dialect"].items()),
            dtype,
            ran.stdout.strip(),
            len(judged),
            max((j.comparison.ulps for j in judged if j.comparison is not None), default=None),
            allowed,
            f"{len(wrong)} cases: {_words(wrong[0])}" if wrong else "none",
        )


def _words(wrong: Judgement) -> str:
    """Which case is off, and where it first parts."""
    found = wrong.comparison
    why = wrong.message if found is None else f"{found.first}"
    return " ".join(f"{wrong.case.name}: {why}".split())


def merged(records: Iterable[Record], judged: Iterable[Row], today: str) -> list[Record]:
    """Records with new rows among them, in the order of the guests.

    A row replaces the record of its guest in the same dtype and version, and all of the guest's
    that were judged as something else: under another rule, dialect or tolerance.
    """
    found = {_key(record): record for record in records}
    for new in judged:
        record = {**asdict(new), "day": today, "program": new.guest not in guests}
        found = {key: old for key, old in found.items() if _fits(old, record)}
        found[_key(record)] = record
    order = {name: place for place, name in enumerate(guests)}
    known = [r for r in found.values() if r["guest"] in order or r["program"]]
    last = len(order)
    return sorted(
        known, key=lambda r: (order.get(r["guest"], last), r["dtype"], _parts(r["versions"]))
    )


def _key(record: Record) -> tuple[str, ...]:
    return tuple(record[name] for name in ("guest", "dtype", "versions"))


def _fits(old: Record, new: Record) -> bool:
    """Whether an old record may stand beside a new one."""
    same = all(old[name] == new[name] for name in ("rule", "dialect", "allowed"))
    return same or (old["guest"], old["dtype"]) != (new["guest"], new["dtype"])


def _parts(version: str) -> list[int]:
    """The numbers of a version, by which it is sorted."""
    return [int(part) for part in re.findall(r"\d+", version.partition("+")[0])]


def ranges(records: list[Record]) -> list[Row]:
    """One row for all versions of a guest that came to the same end."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        end = tuple(record[name] for name in ("guest", "dtype", "divergence"))
        groups.setdefault(end, []).append(record)
    return [_range(group) for group in groups.values()]


def _range(group: list[Record]) -> Row:
    """The widest distance and the fewest cases of all versions."""
    versions = [record["versions"].partition("+")[0] for record in group]
    several = f"{versions[0]} to {versions[-1]} ({len(versions)})"
    fields = Row.__dataclass_fields__
    distances = [record["ulps"] for record in group]
    row = {name: value for name, value in group[-1].items() if name in fields}
    row["versions"] = several if len(set(versions)) > 1 else versions[0]
    row["cases"] = min(record["cases"] for record in group)
    row["ulps"] = None if None in distances else max(distances)
    return Row(**row)


def update(folder: Path, libraries: Collection[str] = ()) -> None:
    """Judge every guest that is installed, and write the records and the page of all.

    Parameters
    ----------
    folder : Path
        Of agreement.json and agreement.md.
    libraries : collection of str
        Names of the libraries to judge, and files of programs; empty for all libraries.
    """
    kept, today = folder / "agreement.json", dt.datetime.now(tz=dt.UTC).date()
    old = json.loads(kept.read_text()) if kept.exists() else []
    files = [Path(name) for name in libraries if name.endswith(".json")]
    names = [name for name in libraries if not name.endswith(".json")]
    judged = [row for file in files for row in program_rows(file)]
    if names or not files:
        judged += rows(names)
    records = merged(old, judged, str(today))
    lines = ",\n".join(json.dumps(record) for record in records)
    kept.write_text(f"[\n{lines}\n]\n")
    days = sorted({record["day"] for record in records})
    when = f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"
    (folder / "agreement.md").write_text(page(ranges(records), when))


if __name__ == "__main__":
    update(Path(sys.argv[1]), sys.argv[2:])
