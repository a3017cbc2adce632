"""What an implementation is put through: batches, and the options under which they are run.

`exercises` has the tables and batches, `dialects` the options that a rule is judged on, `selection`
those that one implementation is judged on, `effects` what every option changes.
"""

from __future__ import annotations

from freqopt.crosscheck.cases.dialects import Case, cases, other_values

__all__ = ["Case", "cases", "other_values"]
