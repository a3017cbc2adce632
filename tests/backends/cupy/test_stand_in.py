"""What `_gpu` asks of CuPy, seen by a stand-in for it."""

from __future__ import annotations

import numpy as np
import pytest

from freqopt.backends.cupy import Stepper, _gpu, _nvrtc, step
from freqopt.backends.cupy._source import step_source
from freqopt.errors import BatchError
from freqopt.optimizers import rules

from .twins import needs_compiler


@needs_compiler
def test_arrays_of_numpys_are_refused_before_anything_is_changed(cupy):
    rule, table = rules["adagrad"](), cupy.ones((3, 4), np.float32)
    state = {"t": np.zeros((), np.int64), "v": cupy.zeros((3, 4), np.float32)}
    grads = cupy.ones((1, 4), np.float32)
    with pytest.raises(BatchError, match=r"rows is a numpy\.ndarray, expected a .*ndarray"):
        step(rule, table, state, np.array([0]), grads)
    state["v"] = np.zeros((3, 4), np.float32)
    with pytest.raises(BatchError, match=r"v is a numpy\.ndarray"):
        step(rule, table, state, cupy.asarray(np.array([0])), grads)
    assert (cupy.asnumpy(table) == 1).all()


@needs_compiler
def test_subnormal_numbers_are_not_flushed_and_products_not_fused(cupy):
    Stepper(rules["sgd"](), np.float32, 4, _gpu)
    ((*options, architecture),) = cupy.options
    assert {"--ftz=false", "--fmad=false", "--prec-div=true", "--prec-sqrt=true"} <= set(options)
    assert architecture == "--gpu-architecture=sm_90"


@needs_compiler
def test_a_kernel_is_compiled_once_and_kept(cupy):
    rule = rules["sgd"]()
    for _ in range(2):
        _gpu.Module(step_source(rule, np.float32, 4))
    assert len(cupy.options) == 1
    _gpu.Module(step_source(rule, np.float64, 4))
    assert len(cupy.options) == 2
    assert not cupy.programs


@needs_compiler
@pytest.mark.parametrize("damage", [b"", b"\x7fELF", None])
def test_a_kept_kernel_that_is_damaged_or_cannot_be_kept_is_compiled_again(cupy, tmp_path, damage):
    source = step_source(rules["sgd"](), np.float32, 4)
    folder = tmp_path / "kernels" / "cuda"
    if damage is None:
        folder.parent.mkdir()
        folder.touch()  # no folder can be made here
        _gpu.Module(source)
    else:
        _gpu.Module(source)
        (kept,) = folder.iterdir()
        kept.write_bytes(damage)
    _gpu.Module(source)
    assert len(cupy.options) == 2


@pytest.mark.parametrize(
    ("capability", "archs", "taken"), [("86", (80, 86, 90), 86), ("121", (90, 100, 120), 120)]
)
def test_the_architecture_is_one_that_the_gpu_runs(cupy, capability, archs, taken):
    cupy.capability, cupy.archs = capability, archs
    assert _nvrtc.architecture(cupy.cuda) == taken
