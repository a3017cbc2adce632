"""SGD_C: the equations of rule `sgd` along the aggregate that `_critical` gives."""

from __future__ import annotations

from freqopt.backends.numba._kernel import BITWISE, Kernel, Structure
from freqopt.backends.numba.rules import sgd

levels = BITWISE


def kernel(rule: Structure) -> Kernel:
    """SGD's kernel; without momentum at the official kappa = 0."""
    return sgd.kernel(rule, plain=not rule.kappa and rule.kappa_zero == "official")
