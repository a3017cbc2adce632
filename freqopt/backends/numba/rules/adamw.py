"""The equations of rule `adam`; what is special are defaults."""

from freqopt.backends.numba.rules.adam import kernel, levels

__all__ = ["kernel", "levels"]
