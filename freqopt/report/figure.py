"""Draws figure files: from stored results to plotted data (CSV) to a picture (SVG and PDF).

A figure file is Python with a docstring and three names:

    STUDIES = ("zipf_pair",)          the studies it needs, by name
    def data(results): ...            results[study] is `freqopt.load`'s table; returns columns,
                                      a dict of equally long sequences or a pyarrow Table
    def draw(data): ...               takes those columns, as NumPy arrays; returns a Figure

`draw` is given what the CSV file holds, read back from it: the picture shows the data beside it.
Equal data give equal bytes: no dates, no random identifiers.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import FigureError, FreqoptError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Columns = dict[str, NDArray[Any]]
STYLE = Path(__file__).with_name("freqopt.mplstyle")


@dataclass(frozen=True)
class FigureFile:
    """A figure file, loaded.

    Attributes
    ----------
    name : str
        The file's stem.
    about : str
        Its docstring.
    studies : tuple of str
    data, draw : callable
    """

    name: str
    about: str
    studies: tuple[str, ...]
    data: Callable[[Mapping[str, Any]], Any]
    draw: Callable[[Columns], Figure]

    @classmethod
    def read(cls, path: Path) -> FigureFile:
        """Load a figure file.

        Raises
        ------
        FigureError
            It cannot be imported, or lacks one of the names.
        """
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None or not path.is_file():
            raise FigureError(f"{path} is no Python file; give the path of a figure file")
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except (SyntaxError, ImportError) as error:
            raise FigureError(f"the figure file {path} cannot be imported: {error}") from None
        missing = [name for name in ("STUDIES", "data", "draw") if not hasattr(module, name)]
        if missing or isinstance(module.STUDIES, str):
            raise FigureError(
                f"the figure file {path} has no {' and no '.join(missing) or 'tuple STUDIES'}; it "
                "needs STUDIES = ('study', ...), data(results) and draw(data)"
            )
        about = (module.__doc__ or "").strip()
        return cls(path.stem, about, tuple(module.STUDIES), module.data, module.draw)


def make(
    figure: FigureFile, results: Mapping[str, Any], out: Path, *, reuse_data: bool = False
) -> list[Path]:
    """Compute a figure's data, write them as CSV, draw them, write SVG and PDF.

    Parameters
    ----------
    figure : FigureFile
    results : study name -> pyarrow Table
    out : Path
        Folder, made if need be.
    reuse_data : bool
        Draw the CSV of an earlier time; `results` is not looked at.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    FigureError
        The file's own code fails, its data are no table, the CSV is missing, or nothing can be
        written.
    """
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    table, pictures = out / f"{figure.name}.csv", []
    if not reuse_data:
        write_csv(table, figure.name, _own(figure, figure.data, results))
    columns = read_csv(table)
    with plt.style.context(STYLE), plt.rc_context({"svg.hashsalt": figure.name}):
        picture = _own(figure, figure.draw, columns)
        for suffix, undated in ((".svg", {"Date": None}), (".pdf", {"CreationDate": None})):
            path = out / (figure.name + suffix)
            drawn = io.BytesIO()
            picture.savefig(drawn, format=suffix[1:], metadata=undated)
            path.write_bytes(drawn.getvalue())
            pictures.append(path)
    plt.close(picture)
    return ([] if reuse_data else [table]) + pictures


def _own(figure: FigureFile, function: Callable[[Any], Any], given: Any) -> Any:
    """Call the figure file's own code; its bug is one figure's failure, with the place."""
    try:
        return function(given)
    except FreqoptError:
        raise
    except Exception as error:
        raise FigureError(
            f"{function.__name__}() of figure {figure.name} failed:\n{traceback.format_exc()}"
        ) from error


def write_csv(path: Path, name: str, data: Any) -> None:
    """Columns as CSV; numbers with all their digits."""
    columns = data.to_pydict() if hasattr(data, "to_pydict") else data
    lengths = {key: len(values) for key, values in columns.items()}
    if not lengths or len(set(lengths.values())) != 1:
        raise FigureError(
            f"data() of figure {name} gave columns of lengths {lengths}; expected one length"
        )
    rows = zip(*(_plain(values) for values in columns.values()), strict=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
    except OSError as error:
        raise FigureError(
            f"the figure's data cannot be written to {path} ({error.strerror}); "
            "choose another folder with --out"
        ) from None


def read_csv(path: Path) -> Columns:
    """Columns of a CSV file: whole numbers, numbers or text, whichever fits all cells."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file))
    except (OSError, ValueError):
        raise FigureError(
            f"the figure's data {path} are not there; draw it once without --reuse-data"
        ) from None
    return {key: _typed([row[i] for row in rows]) for i, key in enumerate(header)}


def _plain(values: Sequence[Any]) -> list[Any]:
    plain = [value.item() if isinstance(value, np.generic) else value for value in values]
    return ["nan" if v is None else repr(v) if isinstance(v, float) else v for v in plain]


def _typed(cells: list[str]) -> NDArray[Any]:
    for kind in (np.int64, np.float64):
        try:
            return np.array([kind(cell) for cell in cells], kind)
        except (ValueError, OverflowError):
            continue
    return np.array(cells, str)
