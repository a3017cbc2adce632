"""Draws figure files: from stored results to plotted data (CSV) to a picture (SVG and PDF).

A figure file is Python with a docstring and three names:

    STUDIES = ("zipf_pair",)          the studies it needs, by name
    def data(results): ...            results[study] is `freqopt.load`'s table; returns columns,
                                      a dict of equally long sequences or a pyarrow Table
    def draw(data): ...               takes those columns, as NumPy arrays; returns a Figure

and, if it likes,

    def caption(data): ...            what is seen, in a sentence or two, from the same columns:
                                      drawn above the picture

`draw` is given what the CSV file holds, read back from it: the picture shows the data beside it.
Equal data give equal bytes: no dates, no random identifiers.
"""

from __future__ import annotations

import csv
import io
import reprlib
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from freqopt._discovery import load_file
from freqopt._files import read
from freqopt.errors import FigureError, FreqoptError, place
from freqopt.report.ticks import plain_ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Columns = dict[str, NDArray[Any]]
QUICK = "quick form: short runs, few repetitions"
FORM = "form"
"""The column of a CSV file by which it is of the quick form."""
STYLE = Path(__file__).with_name("freqopt.mplstyle")


@dataclass(frozen=True)
class FigureFile:
    """A figure file, loaded.

    Attributes
    ----------
    path : Path
    about : str
        Its docstring.
    studies : tuple of str
    data, draw : callable
    caption : callable or None
    """

    path: Path
    about: str
    studies: tuple[str, ...]
    data: Callable[[Mapping[str, Any]], Any]
    draw: Callable[[Columns], Figure]
    caption: Callable[[Columns], str] | None = None

    @property
    def name(self) -> str:
        """The file's stem."""
        return self.path.stem

    @classmethod
    def read(cls, path: Path) -> FigureFile:
        """Load a figure file.

        Raises
        ------
        FigureError
            It cannot be imported, or lacks one of the names.
        """
        module = load_file(path, "figure", FigureError)
        missing = [name for name in ("STUDIES", "data", "draw") if not hasattr(module, name)]
        if missing or not _are_names(module.STUDIES):
            raise FigureError(
                f"the figure file {path} has no {' and no '.join(missing) or 'tuple STUDIES'}; it "
                "needs STUDIES = ('study', ...), data(results) and draw(data)"
            )
        about = (module.__doc__ or "").strip()
        caption = getattr(module, "caption", None)
        return cls(path, about, tuple(module.STUDIES), module.data, module.draw, caption)


def make(
    figure: FigureFile,
    results: Mapping[str, Any],
    out: Path,
    *,
    reuse_data: bool = False,
    quick: bool = False,
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
    quick : bool
        Say in the picture that it is of the quick form of its studies.

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
    table = out / f"{figure.name}.csv"
    if not reuse_data:
        marked = {FORM: "quick"} if quick and figure.studies else {}
        write_csv(table, figure.name, _own(figure, figure.data, results), **marked)
    columns = read_csv(table)
    quick = columns.pop(FORM, None) is not None
    with plt.style.context(STYLE), plt.rc_context({"svg.hashsalt": figure.name}):

        def finished(picture: Any) -> dict[str, bytes]:
            if hasattr(picture, "suptitle"):
                _captioned(picture, figure, columns, quick=quick)
                for axes in picture.axes:
                    plain_ticks(axes.xaxis)
                    plain_ticks(axes.yaxis)
            return _rendered(picture)

        pictures = _own(figure, figure.draw, columns, then=finished)
    plt.close("all")
    written = [] if reuse_data else [table]
    for suffix, content in pictures.items():
        written.append(out / (figure.name + suffix))
        _write(written[-1], content)
    return written


def _captioned(picture: Figure, figure: FigureFile, columns: Columns, *, quick: bool) -> None:
    """Say above the picture what is seen, and below it that it is of the quick form."""
    if figure.caption is not None:
        text = wrapped(figure.caption(columns), picture)
        picture.suptitle(text, fontsize=9, x=0.01, ha="left")
    if quick:
        picture.supxlabel(QUICK, fontsize=7, color="0.35", x=0.99, ha="right")


def wrapped(text: str, picture: Figure) -> str:
    """A caption in lines of the picture's width."""
    return "\n".join(textwrap.wrap(" ".join(text.split()), int(14 * picture.get_figwidth())))


def _are_names(studies: Any) -> bool:
    return isinstance(studies, list | tuple) and all(isinstance(name, str) for name in studies)


def _own(
    figure: FigureFile,
    function: Callable[[Any], Any],
    given: Any,
    then: Callable[[Any], Any] = lambda result: result,
) -> Any:
    """Call the figure file's own code; its mistake is one figure's failure, with the place."""
    try:
        return then(function(given))
    except FreqoptError:
        raise
    except Exception as error:
        raise FigureError(
            f"{function.__name__}() of the figure file {figure.path} failed: "
            f"{place(error, figure.path)}; mend the file"
        ) from error


def _rendered(picture: Any) -> dict[str, bytes]:
    """What `draw` returned as SVG and PDF; a label that cannot be set fails only here."""
    if not hasattr(picture, "savefig"):
        raise TypeError(f"it returned {type(picture).__name__}, expected a Matplotlib Figure")
    files = {}
    for suffix, undated in ((".svg", {"Date": None}), (".pdf", {"CreationDate": None})):
        drawn = io.BytesIO()
        picture.savefig(drawn, format=suffix[1:], metadata=undated)
        files[suffix] = drawn.getvalue()
    return files


def write_csv(path: Path, name: str, data: Any, **constant: str) -> None:
    """Columns as CSV, numbers with all their digits; and columns of one word."""
    columns = data.to_pydict() if hasattr(data, "to_pydict") else data
    if not isinstance(columns, Mapping) or not all(hasattr(v, "__len__") for v in columns.values()):
        raise FigureError(
            f"data() of figure {name} gave {reprlib.repr(data)}; expected columns: a dict of "
            "equally long sequences, or a pyarrow Table"
        )
    lengths = {key: len(values) for key, values in columns.items()}
    if not lengths or len(set(lengths.values())) != 1:
        raise FigureError(
            f"data() of figure {name} gave columns of lengths {lengths}; expected one length"
        )
    columns = {**columns, **{key: [word] * max(lengths.values()) for key, word in constant.items()}}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(_plain(values) for values in columns.values()), strict=True))
    try:
        content = text.getvalue().encode()
    except UnicodeEncodeError as error:
        raise FigureError(f"data() of figure {name} gave what is no text: {error}") from None
    _write(path, content)


def _write(path: Path, content: bytes) -> None:
    """Write a whole file, its folder made if need be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise FigureError(
            f"{path} cannot be written ({error.strerror}); choose another folder with --out"
        ) from None


def read_csv(path: Path) -> Columns:
    """Columns of a CSV file: whole numbers, numbers or text, whichever fits all cells."""
    try:
        text = read(path).decode()
        header, *rows = list(csv.reader(io.StringIO(text, newline="")))
        return {key: _typed([row[i] for row in rows]) for i, key in enumerate(header)}
    except (OSError, ValueError, IndexError, csv.Error):
        raise FigureError(
            f"the figure's data {path} are not there, or damaged; draw it once without --reuse-data"
        ) from None


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
