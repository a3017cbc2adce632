"""Pictures of any study: where the rules end, and what the trials of each found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from freqopt.report.figure import Columns, FigureFile, make

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = "osD^v*PX"


def draw_figures(
    columns: dict[str, list[Any]], metric: str, out: Path, study: str, *, quick: bool
) -> Path:
    """Mean and interval of one figure for every rule, a panel for each workload.

    Parameters
    ----------
    columns : as table "figures" of a comparison has them
    metric : str
        The figure that is drawn.
    out : Path
        Folder.
    study : str
        Its name.
    quick : bool
        Mark the picture as of the quick form.

    Returns
    -------
    Path
        The SVG file.
    """
    keep = [k for k, name in enumerate(columns["figure"]) if name == metric]
    names = ("workload", "rule", "mean", "low", "high")
    chosen = {name: [columns[name][k] for k in keep] for name in names}
    title = f"{metric} at the last step, with intervals of level 0.95"
    figure = FigureFile(out / "rules.py", title, (study,), lambda _: chosen, _draw(metric))
    return next(path for path in make(figure, {}, out, quick=quick) if path.suffix == ".svg")


def _draw(metric: str) -> Any:
    def draw(data: Columns) -> Figure:
        import matplotlib.pyplot as plt

        workloads = list(dict.fromkeys(data["workload"].tolist()))
        rules = list(dict.fromkeys(data["rule"].tolist()))
        height = 0.3 * len(rules) + 1.0
        figure, panels = plt.subplots(
            1, len(workloads), figsize=(2.2 + 2.4 * len(workloads), height), squeeze=False,
            sharey=True,
        )  # fmt: skip
        for panel, workload in zip(panels[0], workloads, strict=True):
            for k, rule in enumerate(rules):
                row = np.flatnonzero((data["workload"] == workload) & (data["rule"] == rule))
                for i in row:
                    mean, low, high = (float(data[n][i]) for n in ("mean", "low", "high"))
                    if np.isfinite([low, high]).all():
                        panel.plot([low, high], [k, k], "-", color="0.4")
                    panel.plot(mean, k, MARKERS[k % len(MARKERS)], color=f"C{k % 8}")
            panel.set(yticks=range(len(rules)), yticklabels=rules, xlabel=metric)
            panel.set_title(str(workload), fontsize="small")
            panel.margins(y=0.15)
        panels[0][0].invert_yaxis()
        return figure

    return draw
