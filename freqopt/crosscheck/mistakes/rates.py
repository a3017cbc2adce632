"""A rate that falls in another way than it should."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference
from freqopt.crosscheck.mistakes.laws import LAWS, Fall
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.optimizers import Rule
from freqopt.typing import Floats

_RATES: dict[str, Callable[[float, float, int], float]] = {
    "the decayed rate is stored and decays again": lambda lr, d, t: (
        lr / math.prod(1 + k * d for k in range(1, t))
    ),
    "the rate decays from batch to batch: lr / (1 + lr_decay)^(t-1)": lambda lr, d, t: (
        lr / (1 + d) ** (t - 1)
    ),
    "the rate decays from batch to batch: lr / (1 + lr_decay)^t": lambda lr, d, t: (
        lr / (1 + d) ** t
    ),
    "the rate decays as lr (1 - lr_decay)^(t-1)": lambda lr, d, t: lr * (1 - d) ** (t - 1),
    "the rate decays as lr (1 - lr_decay)^t": lambda lr, d, t: lr * (1 - d) ** t,
    "the rate decays as lr exp(-lr_decay (t-1))": lambda lr, d, t: lr * math.exp(-d * (t - 1)),
    "the rate decays as lr exp(-lr_decay t)": lambda lr, d, t: lr * math.exp(-d * t),
    "the rate decays as lr lr_decay^(t-1)": lambda lr, d, t: lr * d ** (t - 1),
    "the rate falls on a line, not below 0": lambda lr, d, t: max(lr * (1 - d * (t - 1)), 0.0),
    "the rate falls like lr / (1 + lr_decay (t-1))^2": lambda lr, d, t: lr / (1 + d * (t - 1)) ** 2,
    "the rate falls like lr / (1 + lr_decay (t-1)^2)": lambda lr, d, t: lr / (1 + d * (t - 1) ** 2),
    "the rate falls like lr / (1 + lr_decay sqrt(t-1))": lambda lr, d, t: (
        lr / (1 + d * math.sqrt(t - 1))
    ),
    "the rate falls like lr / sqrt(1 + lr_decay (t-1))": lambda lr, d, t: (
        lr / math.sqrt(1 + d * (t - 1))
    ),
    "the rate falls like lr / (1 + lr_decay log t)": lambda lr, d, t: lr / (1 + d * math.log(t)),
    "the rate grows: lr (1 + lr_decay (t-1))": lambda lr, d, t: lr * (1 + d * (t - 1)),
    "the rate falls in the second batch and then stays": lambda lr, d, t: (
        lr / (1 + d * min(t - 1, 1))
    ),
    "1 is missing in the rate: lr / (lr_decay (t-1))": lambda lr, d, t: (
        lr / (d * (t - 1)) if t > 1 else lr
    ),
    "lr_decay is added to the rate's divisor once: lr / (t + lr_decay)": lambda lr, d, t: (
        lr / (t + d)
    ),
}


def in_rates(rule: Rule) -> Iterator[Mistake]:
    """How the rate falls, and what falls with it."""
    if not rule.lr_decay:
        return
    for cause, rate in _RATES.items():
        yield Mistake(cause, _rated(rate))
    yield Mistake("the rate is that of the batch before", _at(lambda t: max(t - 1, 1)), -1)
    yield Mistake("the rate is that of the batch after", _at(lambda t: t + 1), -1)
    yield Mistake("the rate falls in every second batch alone", _at(lambda t: t - (t + 1) % 2), 0)
    for said, fall in LAWS.get(rule.lr_decay_law, {}).items():
        yield Mistake(f"the rate's law {rule.lr_decay_law} {said}", _falling(fall))
    if rule.weight_decay and rule.decay == "decoupled":
        yield Mistake("the decoupled decay has the rate before it falls", _decay_at_first)
        yield Mistake("the decoupled decay alone has the rate that falls", _step_at_first)


def _at(batch: Callable[[int], int]) -> Implementation:
    """The rate alone is that of another batch."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        other = rule.with_methods(rate=lambda own, t: type(own).rate(own, batch(int(t))))
        return reference(other, table, given)

    return implementation


def _falling(fall: Fall) -> Implementation:
    return _rated(lambda lr, d, t: lr * fall((t - 1) * d, d, t))


def _rated(rate: Callable[[float, float, int], float]) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        other = rule.with_methods(rate=lambda own, t: rate(own.lr, own.lr_decay, int(t)))
        return reference(other, table, given)

    return implementation


def _decay_at_first(rule: Rule, table: Floats, given: Given) -> Step:
    """The rate is lr while weights decay, and falls in the update."""
    own = type(rule)

    def update(self: Any, w: Floats, g: Floats, s: Any) -> Floats:
        return own.update(rule, w, g, s)

    plain = rule.model_copy(update={"lr_decay": 0.0})
    return reference(plain.with_methods(update=update), table, given)


def _step_at_first(rule: Rule, table: Floats, given: Given) -> Step:
    own, plain = type(rule), rule.model_copy(update={"lr_decay": 0.0})

    def update(self: Any, w: Floats, g: Floats, s: Any) -> Floats:
        return own.update(plain, w, g, s)

    return reference(rule.with_methods(update=update), table, given)
