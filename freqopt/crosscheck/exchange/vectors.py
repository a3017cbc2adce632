"""Answers in files, judged.

For an implementation that cannot be called from here and cannot be put behind a pipe: on another
machine, in a notebook, in a language with files only. The files are those of
`freqopt.crosscheck.exchange.files`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from freqopt.crosscheck.cases.dialects import Case
from freqopt.crosscheck.coverage import coverage
from freqopt.crosscheck.exchange.files import Entry, read_answer, read_folder
from freqopt.crosscheck.judge import judge, judge_life
from freqopt.crosscheck.life import IN_FILES, life_of
from freqopt.crosscheck.report import Report
from freqopt.errors import CrosscheckError, UnsupportedError
from freqopt.typing import Floats


def check_vectors(folder: Path, ulps: float | None = None, own_rule: str = "") -> Report:
    """Judge the answers in a folder.

    A missing or damaged answer is an error of its case. The tolerance is that of `judge`; for
    `own_rule` see `read_folder`.

    Raises
    ------
    CrosscheckError
        The inputs are not as they were written; there is no answer at all; or a file that belongs
        to no case.
    """
    entries = read_folder(folder, own_rule)
    named = {entry.output: entry for entry in entries}
    present = sorted((folder / "outputs").glob("*"))
    if not present:
        raise CrosscheckError(
            f"{folder / 'outputs'} is empty; run your implementation on the files in "
            f"{folder / 'inputs'} first"
        )
    extra = [path for path in present if path.with_suffix("") not in named]
    if extra:
        raise CrosscheckError(
            f"{extra[0]} answers no case; expected names like {entries[0].output.name}.json"
        )
    found = {_key(entry.case): entry for entry in entries}

    def answer(case: Case) -> Floats:
        return _answer(found[_key(case)])

    cases = [entry.case for entry in entries]
    report = judge(answer, [case for case in cases if not case.life], ulps)
    judged = [j.case for j in report.judgements if j.verdict != "NONE"]
    lived = [judge_life(answer, life_of(case), case, ulps) for case in cases if case.life]
    offered = {one.case.life for one in lived if one.verdict != "NONE"}
    missing = [
        (name, f"vectors write --offers {method} judges it")
        for method, name in IN_FILES.items()
        if method not in offered
    ]
    also = [*missing, ("a dtype change, several tables", "not in files")]
    lives = tuple(one for one in lived if one.verdict != "NONE")
    return replace(report, coverage=coverage(judged, None, also), lives=lives)


def _key(case: Case) -> tuple[str, str, str]:
    return case.rule.name(), str(case.exercise.table.dtype), case.name


def _answer(entry: Entry) -> Floats:
    found = read_answer(entry)
    if isinstance(found, str):
        raise UnsupportedError(found)
    return found
