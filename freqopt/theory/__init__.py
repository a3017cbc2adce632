"""Floor 4: theorem checks that can fail.

`verify` runs theorem files and returns a `Verification`. A theorem file (`proofs_check/*.py`) is
made of the classes below; `docs/add_a_theorem.md` says how to write one.
"""

from __future__ import annotations

from freqopt.theory.bound import Bound, total
from freqopt.theory.engines.points import Point
from freqopt.theory.engines.resolution import Resolution
from freqopt.theory.examine import Examination, MutantRow, Skipped, Unexamined
from freqopt.theory.report import Verification
from freqopt.theory.theorem import (
    Assumption,
    Case,
    Check,
    Claim,
    Context,
    Hypothesis,
    Mutant,
    Search,
    Step,
    Telescope,
    Theorem,
)
from freqopt.theory.verdict import Verdict, Word
from freqopt.theory.verify import verify

__all__ = [
    "Assumption",
    "Bound",
    "Case",
    "Check",
    "Claim",
    "Context",
    "Examination",
    "Hypothesis",
    "Mutant",
    "MutantRow",
    "Point",
    "Resolution",
    "Search",
    "Skipped",
    "Step",
    "Telescope",
    "Theorem",
    "Unexamined",
    "Verdict",
    "Verification",
    "Word",
    "total",
    "verify",
]
