"""The GPU benchmark runs on the twin, and says what is missing without a GPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .twins import needs_compiler

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "gpu.py"


@needs_compiler
def test_it_runs_on_the_twin():
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--twin"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for line in ("| rowwise_adagrad | 8 |", "| zipf | 8 | sgd |", "| sgd | 0."):
        assert line in done.stdout


def test_without_a_gpu_it_says_what_is_missing():
    code = (
        "import sys; sys.modules['cupy'] = None; sys.argv = ['gpu']; "
        f"sys.path.insert(0, {str(SCRIPT.parent)!r}); import gpu; gpu.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Absent: the cupy backend needs CuPy" in done.stdout
