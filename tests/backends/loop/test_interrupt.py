"""Ctrl-C during a stretch that would take days: heard, and the simulation is between two steps."""

from __future__ import annotations

import _thread
import threading

import pytest

from freqopt.backends.numba import NumbaBackend

from .beside import compare, two


@pytest.mark.usefixtures("interruptible")
def test_control_c_leaves_a_simulation_that_goes_on() -> None:
    token = {"kind": "zipf", "exponent": 1.0, "size": 50}
    problem = {"name": "token_quadratic", "tokens": token, "dimension": 4}
    interrupted, straight = two(problem, {"name": "sgd"}, steps=10**12)
    backend = NumbaBackend(patience=0)
    backend.advance(interrupted, 100)  # compiles
    threading.Timer(0.5, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        backend.advance(interrupted, 10**12)
    reached = interrupted.step
    assert 100 < reached < 10**12
    backend.advance(interrupted, reached + 10)
    NumbaBackend(patience=0).advance(straight, reached + 10)
    compare(interrupted, straight)
