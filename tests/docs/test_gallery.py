"""The gallery has every figure: its picture, and numbers from which its file draws a picture."""

from __future__ import annotations

import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from freqopt.cli import run
from freqopt.report.figure import FigureFile, read_csv

ROOT = Path(__file__).parents[2]
FIGURES = sorted(path.stem for path in (ROOT / "figures").glob("*.py"))


@pytest.mark.slow
def test_every_figure_is_drawn_from_the_numbers_beside_it(tmp_path: Path) -> None:
    for name in FIGURES:
        assert (ROOT / "docs" / "images" / f"{name}.svg").exists(), f"copy {name}.svg and .csv"
        shutil.copy(ROOT / "docs" / "images" / f"{name}.csv", tmp_path)
    files = [str(ROOT / "figures" / f"{name}.py") for name in FIGURES]
    assert run(["figures", *files, "--reuse-data", "--out", str(tmp_path)]) == 0
    for name in FIGURES:
        assert (tmp_path / f"{name}.svg").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_no_axis_is_logarithmic_over_a_fifth(name: str) -> None:
    figure = FigureFile.read(ROOT / "figures" / f"{name}.py")
    columns = read_csv(ROOT / "docs" / "images" / f"{name}.csv")
    columns.pop("form", None)
    for axes in figure.draw(columns).axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            assert axis.get_scale() != "log" or high > 1.2 * low, axes.get_title()
    plt.close("all")
