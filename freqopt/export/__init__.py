"""Floor 7: a rule as a file that others can compile: C, CUDA or Python, with its test."""

from __future__ import annotations

from freqopt.export.write import export

__all__ = ["export"]
