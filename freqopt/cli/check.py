"""`freqopt check`: is a file of one's own right?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from freqopt.errors import CheckError
from freqopt.report.terminal import say, say_json

if TYPE_CHECKING:
    from freqopt.check import Findings


def check_(
    *files: Path,
    full: bool = False,
    limit: float = 300.0,
    json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Judge a file of yours: a rule, problem, metric, figure, theorem or study.

    Each fault is one sentence: what differs, where, by how much, what to look at. The exit code is
    0 if nothing is wrong, 1 if something is, 2 if it is no such file. docs/check.md has examples.

    Parameters
    ----------
    files
        Files that end in .py, or .toml for a study.
    full
        Compile every case of a rule, and verify a theorem at full size.
    limit
        Seconds that one file may take; it runs in a process of its own.
    json
        Print JSON only.
    """
    # Small matrices all: threads of the child's BLAS would wait for each other alone.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from freqopt.check import check

    if not files:
        raise CheckError("give the file to be judged: freqopt check mine.py")
    found = [check(path, full=full, limit=limit) for path in files]
    if json:
        say_json([findings.to_dict() for findings in found])
    else:
        for findings in found:
            _tell(findings)
    return int(not all(findings.right for findings in found))


def _tell(findings: Findings) -> None:
    """Faults, what was looked at and what was not."""
    count = len(findings.faults)
    verdict = (
        "right, as far as was looked" if findings.right else f"{count} fault{'s' * (count > 1)}"
    )
    say(f"{findings.path}: {' and '.join(findings.kinds)}, {verdict}, {findings.seconds:.1f} s")
    for number, fault in enumerate(findings.faults, start=1):
        say(f"  {number}. {fault}")
    for text in findings.judged:
        say(f"  judged: {text}")
    for text in findings.not_judged:
        say(f"  not judged: {text}")
