"""Is a problem right: its form, its gradients, what it draws, its constants, its kernel?"""

from __future__ import annotations

from pathlib import Path

import freqopt.problems as library
from freqopt.check.journal import Journal
from freqopt.check.problem.constants import check_constants
from freqopt.check.problem.draws import check_draws
from freqopt.check.problem.form import check_form
from freqopt.check.problem.instances import instances
from freqopt.check.problem.kernel import check_kernel
from freqopt.check.problem.slopes import check_slopes
from freqopt.problems import problems


def check_problem(path: Path, notes: Journal) -> None:
    """Put a problem, as it is by default and in its other forms, through everything."""
    with notes.watched("making the problem with its defaults"):
        kind = problems[_key(path)]
        kind()
    if notes.faults:
        return
    found = instances(kind)
    for k, instance in enumerate(found):
        before = notes.faults
        if not check_form(instance, notes):
            return
        large = k == 0 and len(found) > 1 and instance.is_slow
        if large:
            notes.left("the exact objective by default, which is large: a small form is looked at")
        for part in () if large else (check_slopes, check_draws, check_constants):
            with notes.watched(f"{instance.label}: {part.__doc__ or ''}"):
                part(instance, notes)
            if notes.faults > before:
                return  # whatever rests on it would say it again
        if k == 0:
            with notes.watched("the kernel"):
                check_kernel(instance, notes)
        if notes.faults > before:
            return  # other forms would say it again
    labels = ", ".join(instance.label for instance in found)
    notes.judged(f"shapes, draws, gradients, objective and constants of: {labels}")


def _key(path: Path) -> str:
    """The path; of a file of the library the name, by which its compiled loops are found."""
    here = Path(library.__path__[0]) / path.name
    return path.stem if here.exists() and here.samefile(path) else str(path)
