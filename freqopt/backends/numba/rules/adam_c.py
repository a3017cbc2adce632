"""The equations of rule `adam` along the aggregate that `_critical` gives."""

from freqopt.backends.numba.rules.adam import kernel, levels

__all__ = ["kernel", "levels"]
