"""NAdam: the equations of rule `adam` with the momentum schedule (1) to (3) of rule `nadam`."""

from __future__ import annotations

from freqopt.backends.numba._kernel import BITWISE, Kernel, Structure
from freqopt.backends.numba.rules import adam

levels = BITWISE


def kernel(rule: Structure) -> Kernel:
    """Adam's kernel, scheduled."""
    return adam.kernel(rule, scheduled=True)
