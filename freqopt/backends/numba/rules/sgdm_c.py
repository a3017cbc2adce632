"""The equations of rule `sgd_c`; what is special are defaults."""

from freqopt.backends.numba.rules.sgd_c import kernel, levels

__all__ = ["kernel", "levels"]
