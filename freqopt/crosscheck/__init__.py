"""Floor 6: is this optimizer right, where does it first go wrong, and what does it do instead?"""

from __future__ import annotations

from freqopt.crosscheck.cases.dialects import Case, cases
from freqopt.crosscheck.cases.exercises import Exercise, exercises
from freqopt.crosscheck.compare import Comparison, Divergence, compare
from freqopt.crosscheck.implementation import Implementation, Step, reference, slow_reference, trace

__all__ = [
    "Case",
    "Comparison",
    "Divergence",
    "Exercise",
    "Implementation",
    "Step",
    "cases",
    "compare",
    "exercises",
    "reference",
    "slow_reference",
    "trace",
]
