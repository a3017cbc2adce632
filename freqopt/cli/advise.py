"""`freqopt advise`: what a file of token counts says about the learning rate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from cyclopts import Parameter
from numpy.typing import NDArray

from freqopt.errors import FigureError, TheoryError
from freqopt.report.terminal import say, say_json, table

if TYPE_CHECKING:
    from freqopt.theory.scaling.advice import Advice


def advise_(
    counts: str,
    /,
    *,
    horizon: float | None = None,
    epochs: float = 1,
    noise: float = 1.0,
    format: str | None = None,  # noqa: A002
    column: str | None = None,
    encoding: str | None = None,
    member: str | None = None,
    out: Path | None = None,
    json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Predict what frequency-aware rates gain over tuned SGD on tokens with these counts.

    Exact expectations of the scaling laws' model (docs/laws.md), from the counts themselves.

    Parameters
    ----------
    counts
        A file: a token and its count per line, ratings, a table, or a text; or the name of
        installed data, such as movielens.
    horizon
        Samples seen in training, in all passes; by default the sum of the counts, times epochs.
    epochs
        Passes over the data; with one, every sample is new.
    noise
        Variance of a row's gradient noise over its squared start distance, at curvature 1.
    format
        Format of the file, as in a study's `data`; by default told from its first lines.
    column
        What is counted: items or users of ratings; the name or number of a table's column.
    encoding
        Of the file's text, such as latin-1; by default UTF-8, or what the format has.
    member
        Which file of a zip archive, where it has several.
    out
        Folder to write a page and a picture to.
    json
        Print JSON only.
    """
    from freqopt.data.occurrences import occurrences
    from freqopt.report import advice as report
    from freqopt.theory.scaling.advice import advise

    if not 1 <= epochs <= 1e9:
        raise TheoryError(f"epochs = {epochs}; expected 1 to 1e9. Correct --epochs")
    found = occurrences(counts, format, column, encoding, member)
    samples = None if horizon is None else horizon / epochs
    advice = advise(found.counts, samples, epochs, noise)
    written = [] if out is None else _write(out, found.source, found.counts, advice)
    if json:
        answer = {"source": found.source, "counted": found.what, **advice.to_dict()}
        say_json({**answer, "written": written})
        return 0
    say(report.headline(advice))
    table(report.title(advice), report.HEADER, report.rows(advice))
    for line in report.lines(advice):
        say(line)
    for file in written:
        say(file)
    return 0


def _write(out: Path, source: str, counts: NDArray[np.int64], advice: Advice) -> list[str]:
    """The page, and its picture with the data."""
    from freqopt.report import advice as report
    from freqopt.report.figure import FigureFile, make

    about = report.__doc__ or ""
    drawn = FigureFile(
        Path("advice.py"), about, (), lambda _: report.columns(counts, advice), report.draw
    )
    files = make(drawn, {}, out)
    try:
        (out / "advice.md").write_text(report.page(advice, source, "advice.svg"), encoding="utf-8")
    except OSError as error:
        raise FigureError(
            f"{out / 'advice.md'} cannot be written ({error.strerror}); choose another --out"
        ) from None
    return [str(out / "advice.md"), *map(str, files)]
