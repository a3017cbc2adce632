"""`freqopt results`: what is stored, whether it is whole, and what can go."""

from __future__ import annotations

import json as json_
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from freqopt.errors import ResultError
from freqopt.report.terminal import say, say_json, table, warn

Json = Annotated[bool, Parameter(name="--json")]
Folder = Annotated[Path, Parameter(help="Folder of the stored results.")]
RESULTS = Path("results")

results = App(name="results", help="Stored results: list, show, verify, gc, export, migrate.")


@results.command(name="list")
def list_(folder: Folder = RESULTS, *, json: Json = False) -> int:
    """Show the studies of a folder, and how many of their runs are stored.

    Parameters
    ----------
    json
        Print JSON only.
    """
    from freqopt.experiment.store import members
    from freqopt.experiment.store.segments import Segments

    segments = _opened(Segments, folder)
    forms, damaged = members.read(folder)
    stored, asked = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
    titles = {}
    belong = set()
    for one, member in members.latest(forms):
        study = one.study, one.backend, one.code[:12]
        titles[study] = one.title
        asked[study] += 1
        stored[study] += member.key in segments.places
        belong.add(member.key)
    entries: list[dict[str, Any]] = [
        {"study": name, "backend": backend, "code": code, "stored": stored[name, backend, code],
         "runs": asked[name, backend, code], "title": titles[name, backend, code]}
        for name, backend, code in asked
    ]  # fmt: skip
    loose = len(segments.places.keys() - belong)
    if loose:
        entries.append({"study": "", "backend": "", "code": "", "stored": loose, "runs": loose,
                        "title": "runs that no study here asks for"})  # fmt: skip
    if json:
        say_json(entries)
    else:
        header = ("study", "backend", "code", "stored", "title")
        cells = [
            (e["study"], e["backend"], e["code"], f"{e['stored']} of {e['runs']}", e["title"])
            for e in entries
        ]
        table(f"{len(segments.places)} runs in {folder}", header, cells)
    for sentence in [*_wrong(segments), *damaged.values()]:
        warn(f"freqopt: {sentence}")
    return 0


@results.command
def show(name: str, folder: Folder = RESULTS) -> int:
    """Show everything about a run but its readings, as JSON.

    Parameters
    ----------
    name
        The beginning of its key, or the name of a study: then of its first run.
    """
    from freqopt.experiment.store import members
    from freqopt.experiment.store.segments import Segments

    segments = _opened(Segments, folder)
    known = members.latest(members.read(folder)[0])
    keys = [member.key for one, member in known if one.study == name]
    keys = [key for key in keys if key in segments.places][:1]
    keys = keys or sorted(key for key in segments.places if key.startswith(name))
    if len(keys) != 1:
        raise ResultError(
            f"{len(keys) or 'no'} runs in {folder} are called {name!r}; give a study's name, or as "
            "much of a key as makes it one: `freqopt results list` and the column `key`"
        )
    (about,) = segments.about(keys)
    shown = about._asdict()
    for text in ("made_by", "recorded", "provenance"):
        shown[text] = json_.loads(shown[text])
    shown["studies"] = sorted({one.study for one, member in known if member.key == about.key})
    shown["file"] = str(segments.places[about.key].path)
    say_json(shown)
    return 0


@results.command
def verify(folder: Folder = RESULTS, *, json: Json = False) -> int:
    """Look at every byte, key and digest; exit code 0 if all is whole, 1 if not.

    Parameters
    ----------
    json
        Print JSON only.
    """
    from freqopt.experiment.store.verify import verify as look

    verdict = look(folder)
    if json:
        say_json(asdict(verdict))
    else:
        for sentence in [*verdict.wrong, *verdict.left_alone, *verdict.unfinished]:
            warn(sentence)
        say(
            f"{verdict.runs} runs in {verdict.files} files and {verdict.states} states: "
            f"{'all whole' if not verdict.wrong else f'{len(verdict.wrong)} wrong'}"
        )
    return int(bool(verdict.wrong))


@results.command
def gc(
    folder: Folder = RESULTS,
    *,
    old_code: bool = False,
    all_states: bool = False,
    dry_run: bool = False,
) -> int:
    """Remove what nobody needs, and put small files together.

    Parameters
    ----------
    old_code
        Also runs of other code of the library than today's, which no study finds any more.
    all_states
        Also states of runs on the way, and those from which longer runs would go on.
    dry_run
        Remove nothing, and say what would be.
    """
    from freqopt.experiment.store.collect import collect

    found = collect(folder, old_code=old_code, all_states=all_states, dry_run=dry_run)
    say(
        f"{'to remove' if dry_run else 'removed'}: {found.leftovers} leftovers, {found.damaged} "
        f"damaged files, {found.states} states, {found.studies} forms of studies, {found.runs} "
        f"runs; put together: {found.merged} files"
    )
    return 0


@results.command
def export(to: Path, what: str = str(RESULTS), *, results: Path = RESULTS) -> int:
    """Write runs with their labels and axes into one file, for any program.

    Parameters
    ----------
    to
        A file that ends in .parquet, .csv or .arrow.
    what
        A folder of results, or a study file.
    results
        Folder of the study's results.
    """
    from freqopt.experiment.results import load
    from freqopt.experiment.store.export import check, write

    check(to)
    rows = load(what, results=results)
    write(rows, to)
    say(f"{rows.num_rows} rows in {to}")
    return 0


@results.command
def migrate(folder: Folder = RESULTS) -> int:
    """Take over results of an earlier version, one file each; exit code 1 if some are left."""
    from freqopt.experiment.store.migrate import migrate as take_over

    done, left = take_over(folder)
    for sentence in left:
        warn(f"freqopt: {sentence}; it was left where it is")
    say(f"{done} runs taken over")
    return int(bool(left))


def _opened(kind: Any, folder: Path) -> Any:
    if not folder.is_dir():
        raise ResultError(f"{folder} is no folder of results; simulate a study into it")
    segments = kind(folder)
    segments.refresh()
    return segments


def _wrong(segments: Any) -> list[str]:
    found: dict[Path, str] = segments.damaged | segments.foreign
    return [f"{path} {reason}" for path, reason in found.items()]
