"""The CUDA source compiles for real architectures on a machine without a GPU."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

from freqopt.backends.cupy import _nvrtc
from freqopt.backends.cupy._loop import kernel_of
from freqopt.backends.cupy._problem import find_problem
from freqopt.backends.cupy._source import remembers, step_source
from freqopt.optimizers import rules

from .test_twin_loop import FORMS, begin
from .twins import PROBLEMS, RULES

needs_nvcc = pytest.mark.skipif(shutil.which("nvcc") is None, reason="no nvcc on the path")


def compile_for(architecture, text, folder):
    """Compile to machine code, with the flags that NVRTC is given, and refuse fused arithmetic."""
    source, code = folder / "kernel.cu", folder / "kernel.ptx"
    source.write_text(text)
    flags = [*_nvrtc.OPTIONS, f"-arch={architecture}", "-ptx"]
    done = subprocess.run(
        ["nvcc", *flags, str(source), "-o", str(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[:3000]
    assembly = code.read_text()
    entries = assembly.count(".entry")
    assert "fma.rn" not in assembly
    assert ".approx" not in assembly
    assert ".ftz" not in assembly
    return entries


SLOW = set(RULES) - {"adam", "cf_sgd", "rowwise_adagrad", "sgd_c"}


@needs_nvcc
@pytest.mark.parametrize(
    "name", [pytest.param(rule, marks=[pytest.mark.slow] * (rule in SLOW)) for rule in RULES]
)
def test_every_rule_compiles_without_fused_arithmetic(name, tmp_path):
    rule = rules[name]()
    kernels = 9 if remembers(rule) else 7
    assert compile_for("sm_90", step_source(rule, np.float32, 64).text, tmp_path) == kernels


@needs_nvcc
@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        pytest.param(name, architecture, marks=[pytest.mark.slow] * (architecture != "sm_80"))
        for name in PROBLEMS
        for architecture in ("sm_80", "sm_90")
    ],
)
def test_every_problem_compiles_without_fused_arithmetic(name, architecture, tmp_path):
    (simulation,) = begin((name, FORMS[name][0]), "adagrad", dtype="float32", layers={"inner": 8})
    source = kernel_of(simulation, find_problem(simulation.problem), lanes=8)
    assert compile_for(architecture, source.text, tmp_path) == 8
