"""`freqopt figures`: draw figures from stored results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from freqopt.backends import DEFAULT
from freqopt.cli.folders import find, gather
from freqopt.errors import FigureError, FreqoptError
from freqopt.experiment.protocol.compare import Comparison, compare
from freqopt.experiment.results import load
from freqopt.experiment.study import Study
from freqopt.report.figure import FigureFile, make
from freqopt.report.terminal import say, say_json, warn


def figures_(
    *files: str,
    results: Path = Path("results"),
    out: Path = Path("figures_out"),
    quick: bool = False,
    backend: str = DEFAULT,
    reuse_data: bool = False,
    json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Draw figures from stored results: SVG, PDF, and the plotted data as CSV.

    Parameters
    ----------
    files
        Figure files, names that `freqopt list` shows, or folders; by default all.
    results
        Folder of the stored results.
    out
        Folder to write to.
    quick
        From the results of `freqopt simulate --quick`.
    backend
        The backend that the studies were simulated with.
    reuse_data
        Draw the CSV files of an earlier time again; results are not looked at.
    json
        Print JSON only.
    """
    found = gather("figures", list(files))
    if not found:
        raise FigureError("there are no figure files here; give their folder: freqopt figures DIR")
    written: dict[str, list[str]] = {}
    failed: dict[str, str] = {}
    loaded = Results(results, quick=quick, backend=backend)
    for path in found:
        try:
            written[path.stem] = draw_figure(path, loaded, out, reuse_data=reuse_data)
        except FreqoptError as error:
            failed[path.stem] = str(error)
    tell(written, failed, json=json)
    return 2 if failed else 0


class Results:
    """The tables of studies, by their files: loaded when asked for and kept."""

    def __init__(self, folder: Path, *, quick: bool, backend: str) -> None:
        self.folder, self.quick, self.backend = folder, quick, backend
        self.tables: dict[Path, Any] = {}
        self.compared: dict[Path, Comparison] = {}

    def compare(self, path: Path) -> Comparison:
        """As `freqopt.compare` gives it."""
        if path not in self.compared:
            self.compared[path] = compare(
                path, results=self.folder, backend=self.backend, quick=self.quick
            )
        return self.compared[path]

    def of(self, path: Path) -> Any:
        """The table of a study file."""
        if path not in self.tables:
            self.tables[path] = load(
                path, results=self.folder, quick=self.quick, backend=self.backend
            )
        return self.tables[path]


def draw_figure(path: Path, results: Results, out: Path, *, reuse_data: bool = False) -> list[str]:
    """Draw one figure file; the paths written."""
    figure = FigureFile.read(path)
    needed = Needed(results)
    for name in () if reuse_data else figure.studies:
        needed.paths[name] = find("simulations", name, beside=path.parent)
        needed[name] = results.of(needed.paths[name])
    quick = results.quick and any(Study.read(path).quick for path in needed.paths.values())
    written = make(figure, needed, out, reuse_data=reuse_data, quick=quick)
    return [str(file) for file in written]


class Needed(dict[str, Any]):
    """What a figure's `data` is given: the tables of its studies, and their comparisons."""

    def __init__(self, results: Results) -> None:
        super().__init__()
        self.results, self.paths = results, dict[str, Path]()

    def compare(self, study: str) -> Comparison:
        """As `freqopt.compare` gives it."""
        return self.results.compare(self.paths[study])


def tell(written: dict[str, list[str]], failed: dict[str, str], *, json: bool) -> None:
    """Say what was written, and what was not and why."""
    if json:
        say_json({"written": written, "failed": failed})
        return
    for files in written.values():
        for file in files:
            say(file)
    for name, message in failed.items():
        warn(f"figure {name}: {message}")
