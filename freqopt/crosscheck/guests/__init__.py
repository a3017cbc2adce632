"""Floor 6: optimizers of other libraries, each behind an adapter that makes it an implementation.

A library is found by its file: every module here without a leading underscore holds its `LIBRARY`
and its `GUESTS`. No library is imported before a guest of it makes its first step.
"""

from __future__ import annotations

from freqopt.crosscheck.guests._guest import Arguments, Called, Guest
from freqopt.crosscheck.guests._helpers import densely, refuse, summed
from freqopt.crosscheck.guests._library import Library, load, quiet
from freqopt.crosscheck.guests._registry import Guests

guests = Guests(__name__)
"""Every guest by name: `guests["torch.SparseAdam"]`; `list(guests)` needs none of the libraries."""

__all__ = [
    "Arguments",
    "Called",
    "Guest",
    "Library",
    "densely",
    "guests",
    "load",
    "quiet",
    "refuse",
    "summed",
]
