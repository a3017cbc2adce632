"""`freqopt goldens`: write the golden trajectories of the references, or check stored ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from freqopt.errors import CrosscheckError
from freqopt.report.terminal import progress, say, say_json, warn


def goldens_(
    *names: str,
    write: Path | None = None,
    check: Path | None = None,
    form: Annotated[Literal["npz", "json"], Parameter(name="--format")] = "npz",
    json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Write golden trajectories, or check that the references still give them bit for bit.

    The format is in docs/goldens.md. The exit code is 1 if a stored trajectory differs.

    Parameters
    ----------
    names
        Rules; by default all.
    write
        Folder to write into. Both references and mpmath must agree first.
    check
        Folder to read; what differs is named by case, step, row and column.
    form
        npz for NumPy, json for languages without it.
    json
        Print JSON only.
    """
    from freqopt.crosscheck.goldens.trajectories import (
        Difference,
        check_goldens,
        report,
        write_goldens,
    )
    from freqopt.optimizers import rules

    if (write is None) == (check is None):
        raise CrosscheckError("give one of --write DIR and --check DIR")
    chosen, count = list(names or rules), 0
    found: list[Difference] = []
    with progress("rules", silent=json) as bar:
        for done, name in enumerate(chosen, start=1):
            if write is not None:
                count += write_goldens(write, [name], form)
            if check is not None:
                found += check_goldens(check, [name])
            bar(done, len(chosen))
    if json:
        say_json({"rules": chosen, "written": count, "differences": [report(d) for d in found]})
        return int(bool(found))
    for difference in found:
        warn(str(difference))
    if write is not None:
        say(f"{count} trajectories of {len(chosen)} rules in {write}")
    else:
        say(f"{len(chosen)} rules in {check}: {len(found)} trajectories differ")
    return int(bool(found))
