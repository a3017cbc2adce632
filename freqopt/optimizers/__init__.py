"""Floor 1: the reference rules, one per file.

A rule is found by its file: every module of this package without a leading underscore holds one
subclass of `Rule`. A user's own file is loaded the same way, by its path.
"""

from __future__ import annotations

from freqopt._discovery import Registry
from freqopt.errors import RuleError
from freqopt.optimizers._batch import Batch
from freqopt.optimizers._rows import Rows
from freqopt.optimizers._rule import Rule
from freqopt.optimizers._slots import Slot, State
from freqopt.optimizers._slow import slow_rate

rules: Registry[Rule] = Registry(__name__, Rule, "rule", RuleError)
"""Every rule by name: `rules["adagrad"]` is its class, `list(rules)` the names."""

__all__ = ["Batch", "Rows", "Rule", "Slot", "State", "rules", "slow_rate"]
