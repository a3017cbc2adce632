"""The equations of rule `rmsprop` along the aggregate that `_critical` gives."""

from freqopt.backends.numba.rules.rmsprop import kernel, levels

__all__ = ["kernel", "levels"]
