"""Observed counts, `freqopt.streams.token_counts`: their alias table."""

from __future__ import annotations

from freqopt.backends.numba.streams import alias
from freqopt.backends.numba.streams._law import Law
from freqopt.streams import TokenCounts


def law(counts: TokenCounts) -> Law:
    """A draw from the counts' table."""
    return alias.law(counts.table)
