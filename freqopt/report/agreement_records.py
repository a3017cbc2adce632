"""`python -m freqopt.report.agreement_records docs [LIBRARY...]`: judge what is installed here.

What is found goes into docs/agreement.json, beside what other environments found there, and the
whole into docs/agreement.md: libraries that cannot be installed together need not be, and a row
covers every version that was run.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from collections.abc import Collection, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from freqopt.crosscheck.guests import guests
from freqopt.report.agreement_page import Row, page, rows

Record = dict[str, Any]
"""A row of one version, and the day."""


def merged(records: Iterable[Record], judged: Iterable[Row], today: str) -> list[Record]:
    """Records with new rows among them, in the order of the guests.

    A row replaces the record of its guest in the same dtype and version, and all of the guest's
    that were judged as something else: under another rule, dialect or tolerance.
    """
    found = {_key(record): record for record in records}
    for new in judged:
        record = {**asdict(new), "day": today}
        found = {key: old for key, old in found.items() if _fits(old, record)}
        found[_key(record)] = record
    order = {name: place for place, name in enumerate(guests)}
    known = [record for record in found.values() if record["guest"] in order]
    return sorted(known, key=lambda r: (order[r["guest"]], r["dtype"], _parts(r["versions"])))


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
    distances = [record["ulps"] for record in group]
    row = {name: value for name, value in group[-1].items() if name != "day"}
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
        Names of the libraries to judge; empty for all.
    """
    kept, today = folder / "agreement.json", dt.datetime.now(tz=dt.UTC).date()
    old = json.loads(kept.read_text()) if kept.exists() else []
    records = merged(old, rows(libraries), str(today))
    lines = ",\n".join(json.dumps(record) for record in records)
    kept.write_text(f"[\n{lines}\n]\n")
    days = sorted({record["day"] for record in records})
    when = f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"
    (folder / "agreement.md").write_text(page(ranges(records), when))


if __name__ == "__main__":
    update(Path(sys.argv[1]), sys.argv[2:])
