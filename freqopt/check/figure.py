"""Does a figure draw: are its studies there, are there data, is something to be seen?"""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from freqopt.backends import DEFAULT
from freqopt.check.journal import SIMULATING, Journal
from freqopt.cli.figures import Needed, Results
from freqopt.cli.folders import everything, find
from freqopt.errors import FreqoptError, ResultError
from freqopt.experiment.protocol.conduct import run_study
from freqopt.report.figure import FigureFile, make, read_csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_figure(path: Path, notes: Journal) -> None:
    """Draw it from the quick results of its studies, twice."""
    try:
        figure = FigureFile.read(path)
    except FreqoptError as error:
        notes.fault(str(error))
        return
    studies = {}
    for name in figure.studies:
        try:
            studies[name] = find("simulations", name, beside=path.parent)
        except FreqoptError:
            near = difflib.get_close_matches(name, [p.stem for p in everything("simulations")], n=1)
            hint = f"did you mean {near[0]!r}?" if near else "`freqopt list` shows the studies"
            notes.fault(f"{path.name}: STUDIES names {name!r}, and there is no such study; {hint}")
    if notes.faults:
        return
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        try:
            needed = Needed(_results(studies, out, notes))
            for name, study in studies.items():
                needed.paths[name], needed[name] = study, needed.results.of(study)
        except FreqoptError as error:
            notes.fault(f"a study of the figure does not run: {error}")
            return
        notes.doing("computing the figure's data, and drawing them")
        try:
            written = make(figure, needed, out / "one")
            again = make(figure, needed, out / "two")
        except FreqoptError as error:
            notes.fault(str(error))
            return
        columns = read_csv(written[0])
        for sentence in (_data(columns), _seen(figure, columns), _differs(written, again)):
            if sentence:
                notes.fault(f"{path.name}: {sentence}")
                return
    notes.judged(f"data and picture from {len(studies)} studies, twice with equal bytes")


def _results(studies: dict[str, Path], folder: Path, notes: Journal) -> Results:
    """Stored results of the studies, or else those of quick runs made now."""
    for quick in (True, False):
        stored = Results(Path("results"), quick=quick, backend=DEFAULT)
        with suppress(FreqoptError, OSError):
            for study in studies.values():
                stored.of(study)
            return stored
    for name, study in studies.items():
        notes.doing(f"{SIMULATING} {name}, quick")
        done = run_study(study, results=folder / "results", quick=True)
        if done.failed:
            raise ResultError(f"{name}: {done.failed[0][1]}")
    return Results(folder / "results", quick=True, backend=DEFAULT)


def _data(columns: dict[str, Any]) -> str:
    if not columns or not len(next(iter(columns.values()))):
        return "data() gives columns without a row, so there is nothing to draw"
    for name, values in columns.items():
        if values.dtype.kind == "f" and not np.isfinite(values).any():
            return f"data() gives column {name!r} with no finite number; look at what it selects"
    return ""


def _seen(figure: FigureFile, columns: dict[str, Any]) -> str:
    """Whether the picture shows anything."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    picture: Figure = figure.draw(columns)
    axes = picture.axes
    empty = not axes or not any(ax.has_data() for ax in axes)
    lines = [line for ax in axes for line in ax.get_lines()]
    only_lines = lines and not any(ax.collections or ax.patches or ax.images for ax in axes)
    hidden = only_lines and not any(map(_finite, lines))
    plt.close("all")
    if empty:
        what = "no axes" if not axes else f"{len(axes)} axes without data"
        return f"draw() returns a figure with {what}; plot the columns that data() gives"
    return "draw() plots lines without one finite point" if hidden else ""


def _finite(line: Any) -> bool:
    x, y = (np.asarray(line.get_data()[k], np.float64) for k in (0, 1))
    return bool((np.isfinite(x) & np.isfinite(y)).any())


def _differs(one: list[Path], other: list[Path]) -> str:
    for a, b in _pairs(one, other):
        if a.read_bytes() != b.read_bytes():
            return (
                f"{a.name} has other bytes when it is made a second time from the same results; "
                "look for random numbers, dates, or the order of a set"
            )
    return ""


def _pairs(one: list[Path], other: list[Path]) -> Iterator[tuple[Path, Path]]:
    return zip(one, other, strict=True)
