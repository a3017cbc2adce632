"""Backends as implementations, so that the kit judges them like anybody's optimizer."""

from __future__ import annotations

from types import ModuleType

from freqopt.crosscheck.implementation import Given, Step, shown, stepping
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers


def numba(rule: Rule, table: Floats, given: Given) -> Step:
    """The fused step of the Numba backend."""
    from freqopt.backends.numba import step

    return stepping(step)(rule, table, given)


def cupy(rule: Rule, table: Floats, given: Given) -> Step:
    """The fused step of the CuPy backend, on the GPU or where `chosen_device` puts it."""
    from freqopt.backends.cupy import chosen_device

    return _fused_step(chosen_device(), rule, table, given)


def cuda_twin(rule: Rule, table: Floats, given: Given) -> Step:
    """The same on the CPU twin: the CUDA source compiled as C++."""
    from freqopt.backends.cupy import _twin

    return _fused_step(_twin, rule, table, given)


def _fused_step(device: ModuleType, rule: Rule, table: Floats, given: Given) -> Step:
    """Table and state stay on the device from step to step, and are read after each."""
    from freqopt.backends.cupy import Stepper

    place, read = device.xp.asarray, device.to_host
    there = place(table)
    state = {k: v if k == "t" else place(v) for k, v in rule.init(table, **given).items()}
    stepper = Stepper(rule, table.dtype, table.shape[1], device)

    def step(rows: Integers, grads: Floats) -> Floats:
        stepper(there, state, place(rows), place(grads))
        return shown(rule, read(there), {name: read(slot) for name, slot in state.items()})

    return step
