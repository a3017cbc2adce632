"""The picture of a theorem: its bound, what it bounds and the worst case found, against T and p."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from freqopt.report.figure import Columns, FigureFile, make
from freqopt.theory.examine import Examination

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AXES = {"T": "horizon $T$", "p": "frequency $p$"}


def draw_theorem(examination: Examination, out: Path) -> list[Path]:
    """Write the points as CSV and the picture as SVG and PDF; nothing if no inequality has any.

    Raises
    ------
    FigureError
        Nothing can be written.
    """
    if not examination.points:
        return []
    names = ("claim", "T", "p", "left", "bound", "trivial", "share")
    columns = {name: [getattr(point, name) for point in examination.points] for name in names}
    figure = FigureFile(examination.path, examination.title, (), lambda _: columns, _draw)
    return make(figure, {}, out)


def _draw(data: Columns) -> Figure:
    import matplotlib.pyplot as plt

    claims = list(dict.fromkeys(data["claim"]))
    axes = [a for a in AXES if np.isfinite(data[a].astype(float)).any()] or [""]
    figure, panels = plt.subplots(
        len(claims), len(axes), figsize=(3.4 * len(axes), 2.2 * len(claims)), squeeze=False
    )
    for row, claim in zip(panels, claims, strict=True):
        own = {name: values[data["claim"] == claim] for name, values in data.items()}
        worst = int(np.nanargmax(np.nan_to_num(own["share"].astype(float))))
        for panel, axis in zip(row, axes, strict=True):
            _panel(panel, own, axis, worst)
            panel.set_title(str(claim), fontsize="small")
    panels[0][0].legend(fontsize="x-small")
    return figure


def _panel(panel: Any, own: Columns, axis: str, worst: int) -> None:
    """Bound, left side and trivial bound of each instance; the worst case ringed."""
    numbers = {n: own[n].astype(float) for n in ("left", "bound", "trivial")}
    x = own[axis].astype(float) if axis else np.arange(len(numbers["left"]), dtype=float)
    panel.plot(x, numbers["bound"], "_", label="bound")
    panel.plot(x, numbers["left"], ".", label="left side")
    panel.plot(x, numbers["trivial"], ",", label="trivial")
    panel.plot(x[worst], numbers["left"][worst], "o", fillstyle="none", label="worst case found")
    panel.set_xlabel(AXES.get(axis, "instance"))
    positive = x[np.isfinite(x)]
    if axis and positive.size and (positive > 0).all():
        panel.set_xscale("log")
    shown = np.concatenate([numbers["left"], numbers["bound"]])
    if (shown[np.isfinite(shown)] > 0).any():
        panel.set_yscale("log")
