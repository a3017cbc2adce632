"""One thing that can be wrong with any rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference
from freqopt.optimizers import Rule
from freqopt.typing import Floats


@dataclass(frozen=True)
class Mistake:
    """What is wrong, and a rule that has it.

    Attributes
    ----------
    cause : str
        One plain sentence, without its full stop.
    apply : Implementation
        The reference with this mistake.
    rank : int
        Of two that do the same, the one of lower rank is named first.
    changed : callable (rule) -> Rule, or None
        The rule with this mistake, where it is in the equations or options alone.
    """

    cause: str
    apply: Implementation
    rank: int = 0
    changed: Callable[[Rule], Rule] | None = None


def in_methods(**functions: Callable[..., Any]) -> Implementation:
    """The reference, with other functions in the place of a rule's methods."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        return reference(rule.with_methods(**functions), table, given)

    return implementation
