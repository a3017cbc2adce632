"""The benchmark command runs, checks its contenders and prints a ratio for each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

STEP = Path(__file__).parents[2] / "benchmarks" / "step.py"


def test_small_cell(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    sizes = ["--rows", "500", "--batch", "200", "--width", "4", "--rounds", "2"]
    done = subprocess.run(
        [sys.executable, str(STEP), *sizes, "--page", str(page)],
        env={**os.environ, "PYTHONPATH": str(STEP.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = page.read_text().splitlines()
    ours = [line.split("|")[1:] for line in lines if line.startswith("| ours")]
    assert {row[0].strip() for row in ours} >= {"ours sgd", "ours cf_sgd", "ours lazy_adam"}
    for row in ours:
        assert all(float(cell) > 0 for cell in row[1:7] if cell.strip())
    assert any(line.startswith("| NumPy adagrad") for line in lines)
    assert any(line.startswith("| limit: raw") for line in lines)
