"""The gallery has every figure: its picture, and numbers from which its file draws a picture."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from freqopt.cli import run

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
