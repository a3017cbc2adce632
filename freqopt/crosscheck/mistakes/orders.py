"""Operations of a rule in another order: momentum before the gradient is scaled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.optimizers import Rule
from freqopt.typing import Floats


def in_orders(rule: Rule) -> Iterator[Mistake]:
    """A rule that scales the gradient and has a buffer of momentum."""
    slots = {slot.name for slot in rule.all_slots()}
    if not getattr(rule, "momentum", 0) or not {"b", "v"} <= slots:
        return
    cause = "the buffer takes the gradient, and what is in it is scaled, not the gradient"
    yield Mistake(cause, _buffered_first(squared=False), 0)
    yield Mistake(f"{cause}; the second moment is of the buffer", _buffered_first(squared=True), 0)


def _buffered_first(*, squared: bool) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        plain = rule.model_copy(update={"momentum": 0.0})
        mu = rule.__dict__["momentum"]

        def update(_self: Rule, w: Floats, g: Floats, s: Any) -> Floats:
            s.b = mu * s.b + g
            ahead = g + mu * s.b if getattr(rule, "nesterov", False) else s.b
            if not squared:
                s.squared = lambda _ahead: g * g
            return type(rule).update(plain, w, ahead, s)

        return reference(rule.with_methods(update=update), table, given)

    return implementation
