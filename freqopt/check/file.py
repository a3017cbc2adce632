"""A file in, what is wrong with it out.

A user's code runs in a process of its own (`freqopt.theory.isolation`): it may abort or never end,
and what was found until then is kept.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from freqopt._files import is_file
from freqopt.check.journal import SIMULATING, Enough, Findings, Journal
from freqopt.check.kind import kinds_of, looks_like_ours
from freqopt.errors import CheckError, FreqoptError
from freqopt.theory import isolation

LIMIT = 300.0
"""Seconds that the check of one file may take."""


def check(path: str | Path, *, full: bool = False, limit: float = LIMIT) -> Findings:
    """Judge a file of one's own.

    Parameters
    ----------
    path : str or Path
        A rule, problem, metric, figure or theorem (``.py``), or a study (``.toml``).
    full : bool
        Compile every case of a rule, and search longer for a theorem's counterexample.
    limit : float
        Seconds that it may take.

    Returns
    -------
    Findings
        ``.right``, and ``.faults``, one sentence each.

    Raises
    ------
    CheckError
        There is no such file, or it is none of these.
    """
    path, began = Path(path), time.monotonic()
    if not is_file(path):
        raise CheckError(f"{path} does not exist, or is no regular file; check the path")
    if path.suffix not in (".py", ".toml"):
        raise CheckError(
            f"{path} ends in neither .py nor .toml; give the file of a rule, problem, metric, "
            "figure, theorem or study"
        )
    if not limit > 0:
        raise CheckError(f"limit = {limit}: give seconds, above 0")
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal")
        asked = [(path.absolute(), Path(folder) / "journal", full)]
        ((_, answer),) = isolation.each(examine, asked, workers=1, seconds=limit)
        kinds: tuple[str, ...] = answer.value or ()
        found = journal.read()
        if answer.failure:
            stopped(found, answer.failure)
            kinds = tuple(looks_like_ours(path))
        elif not kinds and found["fault"]:
            kinds = tuple(looks_like_ours(path))
        if "theorem" in kinds and not found["fault"]:
            from freqopt.check.theorem import check_theorem

            check_theorem(path, journal, full=full, limit=limit)
            found = journal.read()
    if not kinds:
        raise CheckError(
            f"{path} is no file of freqopt's: it has no class of Rule, Problem or Metric, no "
            "STUDIES with data and draw (a figure), no theorem(), and is no study in TOML; an "
            "optimizer to be compared with a rule is for `freqopt crosscheck`"
        )
    return Findings(
        str(path),
        kinds,
        tuple(found["fault"]),
        tuple(found["judged"]),
        tuple(found["left"]),
        round(time.monotonic() - began, 2),
    )


def stopped(found: dict[str, list[str]], failure: str) -> None:
    """Write down that the file's process ended before it was done, and at what."""
    doing = found["doing"][-1] if found["doing"] else ""
    if doing.startswith(SIMULATING) and "did not end" in failure:
        found["left"].append(
            f"data and picture: {doing}, {failure.removeprefix('it ')}; simulate its studies here "
            "first (`freqopt simulate NAME --quick`): results that are stored are used"
        )
    else:
        at = f" at: {doing}" if doing else ""
        found["fault"].append(f"{failure}{at}; look at what it calls there")


def examine(path: Path, journal: Path, full: bool) -> tuple[str, ...]:
    """In the child: what the file is; what is wrong with it goes into the journal."""
    notes = Journal(journal)
    notes.doing("reading the file")
    try:
        kinds = kinds_of(path)
    except FreqoptError as error:
        if looks_like_ours(path):
            notes.fault(str(error))
        return ()
    try:
        for kind in kinds:
            _check_kind(kind, path, notes, full=full)
    except Enough:
        notes.left("whatever follows so many faults")
    return kinds


def _check_kind(kind: str, path: Path, notes: Journal, *, full: bool) -> None:
    """Import what a kind needs, and look."""
    if kind == "rule":
        from freqopt.check.rule import check_rule

        check_rule(path, notes, full=full)
    elif kind == "problem":
        from freqopt.check.problem import check_problem

        check_problem(path, notes)
    elif kind == "metric":
        from freqopt.check.metric import check_metric

        check_metric(path, notes)
    elif kind == "figure":
        from freqopt.check.figure import check_figure

        check_figure(path, notes)
    elif kind == "study":
        from freqopt.check.study import check_study

        check_study(path, notes)
