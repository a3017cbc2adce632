"""Carry a study through its stages: simulate what is missing, choose, go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freqopt.backends import DEFAULT
from freqopt.errors import ResultError
from freqopt.experiment.execute import StudyRecord, simulate
from freqopt.experiment.protocol.stages import Tuned, tune
from freqopt.experiment.results import table_of
from freqopt.experiment.study import Study

if TYPE_CHECKING:
    import pyarrow as pa


class _StoppedError(Exception):
    """A stage was interrupted, or runs of it failed: nothing can be chosen from it."""


def conduct(
    study: Study, *, results: str | Path = "results", backend: str = DEFAULT, **options: Any
) -> StudyRecord:
    """Simulate a study, all its stages; what is stored is not run again.

    Parameters
    ----------
    study : Study
    results, backend, **options
        As `freqopt.experiment.execute.simulate` takes them.

    Returns
    -------
    StudyRecord
        Of all stages together.
    """
    if study.tune is None:
        return simulate(study, results=results, backend=backend, **options)
    total = StudyRecord(study.name, 0)

    def carried_out(stage: Study) -> pa.Table:
        report = simulate(stage, results=results, backend=backend, **options)
        total.runs = report.runs if stage.name == last[0] else total.runs + report.runs
        total.computed += report.computed
        total.replaced += report.replaced
        total.failed += report.failed
        total.notices = list(dict.fromkeys([*total.notices, *report.notices]))
        total.interrupted = report.interrupted
        if report.interrupted or report.failed:
            raise _StoppedError
        last[0] = stage.name
        return table_of(stage, results=results, backend=backend)

    last = [""]
    try:
        tuned = tune(study, carried_out)
        for stage in filter(None, (tuned.final, tuned.target)):
            carried_out(stage)
    except _StoppedError:
        pass
    total.stored = total.runs - total.computed - len(total.failed)
    return total


def run_study(
    study: Study | str | Path,
    *,
    quick: bool = False,
    results: str | Path = "results",
    backend: str = DEFAULT,
    jobs: int | None = None,
) -> StudyRecord:
    """Run a study, all its stages, and store its results; what is stored is not run again.

    Parameters
    ----------
    study : Study, or the path of its file
    quick : bool
        With the values of the file's [quick] table.
    results : folder
    backend : str
        It does not change the numbers.
    jobs : int, optional
        Processes; by default one per core.

    Returns
    -------
    StudyRecord
        How many runs were found, computed, failed; `freqopt.load` and `freqopt.compare` read them.

    Raises
    ------
    StudyError
        A file that is no study, or a study that cannot be run as it stands.
    BackendError
        A backend that is not known, or not installed.
    ResultError
        A folder of results that cannot be written to, or was written by another version.
    """
    if not isinstance(study, Study):
        study = Study.read(study, quick=quick)
    return conduct(study, results=results, backend=backend, jobs=jobs)


def chosen(
    study: Study, *, results: str | Path = "results", backend: str = DEFAULT
) -> tuple[Tuned, Callable[[Study], pa.Table]]:
    """What a simulated study has chosen, and the function that reads its stages.

    Raises
    ------
    ResultError
        Runs are missing.
    """

    def stored(stage: Study) -> pa.Table:
        try:
            return table_of(stage, results=results, backend=backend)
        except ResultError as error:
            raise ResultError(str(error).replace(stage.source, study.source)) from None

    return tune(study, stored), stored
