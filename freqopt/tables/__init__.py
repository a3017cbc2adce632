"""Floor 1: embedding tables, plain and factorised.

A table gives rows when indexed by integers, knows the rule that moves it through `step`, and
collapses to one plain array for inference.
"""

from freqopt.tables.factorised import FactorisedTable
from freqopt.tables.plain import PlainTable

__all__ = ["FactorisedTable", "PlainTable"]
