"""A study with rules of one's own: a wrong kernel loses no run of the others, and is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from freqopt.experiment.execute import simulate
from freqopt.experiment.study import Study

from ..backends.cupy.twins import needs_compiler

PROBE = (Path(__file__).parent / "probe.py").read_text()
STUDY = """
title = "own"
steps = 30
runs = 2
checkpoints = 3
record = ["objective"]
[problem]
name = "token_quadratic"
dimension = 2
tokens = {kind = "zipf", exponent = 1.0, size = 12}
[[rules]]
name = "probe.py"
[[rules]]
name = "wrong.py"
[[rules]]
name = "sgd"
"""


@pytest.mark.parametrize("backend", ["numba", pytest.param("cupy", marks=needs_compiler)])
def test_a_wrong_kernel_loses_no_finished_run(
    backend: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("FREQOPT_CUDA_TWIN", "1")
    (tmp_path / "study.toml").write_text(STUDY)
    (tmp_path / "probe.py").write_text(PROBE)
    (tmp_path / "wrong.py").write_text(PROBE.replace("keep * old +", "keep ** old +"))
    study = Study.read(tmp_path / "study.toml")
    report = simulate(study, results=tmp_path / "r", jobs=1, backend=backend)
    assert report.computed == 4
    assert len(report.failed) == 2
    (message,) = {message for _, message in report.failed}
    assert "wrong.py, line" in message
    assert "operator Pow" in message
    assert "Traceback" not in message
    (tmp_path / "wrong.py").write_text(PROBE)
    again = simulate(study, results=tmp_path / "r", jobs=1, backend=backend)
    assert (again.stored, again.computed, again.failed) == (4, 2, [])
