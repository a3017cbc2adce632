"""Floor 2: problems that know their own constants, one family per file."""

from __future__ import annotations

from freqopt._discovery import Registry
from freqopt.errors import ProblemError
from freqopt.problems._problem import Constants, Problem, Samples, Sparse, Tables

problems: Registry[Problem] = Registry(__name__, Problem, "problem", ProblemError)
"""Every problem by name: `problems["pair"]` is its class, `list(problems)` the names."""

__all__ = ["Constants", "Problem", "Samples", "Sparse", "Tables", "problems"]
