"""What is usually wrong where a rate changes."""

from __future__ import annotations

from collections.abc import Callable

from freqopt.crosscheck.life.living import Living
from freqopt.crosscheck.life.mistakes.kinds import Kinds, each, kind
from freqopt.typing import Floats, Integers

_RESCALED: dict[str, Callable[[float, float], float]] = {
    "multiplies": lambda _old, new: new,
    "divides": lambda _old, new: 1 / new,
    "rescales by new over old": lambda old, new: new / old,
    "rescales by old over new": lambda old, new: old / new,
}
"""(old rate, new rate) -> the factor of a slot."""


def of_rates(slots: list[str]) -> Kinds:
    """Of a rate that changes."""

    def losing(names: list[str]) -> type[Living]:
        def set_rate(self: Living, lr: float) -> None:
            Living.set_rate(self, lr)
            for name in names:
                self.state[name][...] = 0

        return kind(set_rate=set_rate)

    def other(how: Callable[[float, float], float]) -> type[Living]:
        return kind(set_rate=lambda self, lr: Living.set_rate(self, how(self.rule.lr, lr)))

    def kept(self: Living, lr: float) -> None:
        self.next = lr

    def late(self: Living, rows: Integers, grads: Floats) -> Floats:
        after = Living.__call__(self, rows, grads)
        Living.set_rate(self, self.next or self.rule.lr)
        return after

    def once(self: Living, lr: float) -> None:
        self.next = self.rule.lr
        Living.set_rate(self, lr)

    def turned_back(self: Living, rows: Integers, grads: Floats) -> Floats:
        after = Living.__call__(self, rows, grads)
        Living.set_rate(self, self.next or self.rule.lr)
        return after

    def anew(self: Living, lr: float) -> None:
        rule, before = self.rule, int(self.state["t"])
        self.rule = rule.model_copy(update={"lr": lr}).with_methods(
            rate=lambda own, t: type(own).rate(own, t - before)
        )

    def flat(self: Living, lr: float) -> None:
        self.rule = self.rule.model_copy(update={"lr": lr, "lr_decay": 0.0})

    def undecayed(self: Living, lr: float) -> None:
        coefficient = self.rule.weight_decay * self.rule.lr / lr
        if self.rule.decay == "decoupled":
            self.rule = self.rule.model_copy(update={"weight_decay": coefficient})
        Living.set_rate(self, lr)

    def scaling(name: str, how: Callable[[float, float], float]) -> type[Living]:
        def set_rate(self: Living, lr: float) -> None:
            slot, factor = self.state[name], how(self.rule.lr, lr)
            slot[...] = (slot * factor).astype(slot.dtype)
            Living.set_rate(self, lr)

        return kind(set_rate=set_rate)

    return {
        "a new rate is not used": other(lambda old, _new: old),
        "a new rate is multiplied by the old one": other(lambda old, new: old * new),
        "a new rate is added to the old one": other(lambda old, new: old + new),
        "a new rate is used one step late": kind(set_rate=kept, __call__=late),
        "a new rate is halved": other(lambda _old, new: new / 2),
        "a new rate is doubled": other(lambda _old, new: 2 * new),
        "a new rate is averaged with the old one": other(lambda old, new: (old + new) / 2),
        "of a new rate and the old one the larger is used": other(max),
        "a new rate is used in one step alone": kind(set_rate=once, __call__=turned_back),
        "a new rate begins its schedule anew": kind(set_rate=anew),
        "a new rate ends the fall of the rate": kind(set_rate=flat),
        "a new rate is not used in the decay of weights": kind(set_rate=undecayed),
        **{
            f"a new rate {said} {name}": scaling(name, how)
            for name in slots
            if name != "t"
            for said, how in _RESCALED.items()
        },
        **{f"a new rate loses {said}": losing(names) for said, names in each(slots)},
    }
