"""Floor 7: is a file of one's own right? Rules, problems, metrics, figures, studies, theorems."""

from __future__ import annotations

from freqopt.check.file import check
from freqopt.check.journal import Findings

__all__ = ["Findings", "check"]
