"""What is usually wrong in steps without a gradient, and in gradients of several batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from freqopt.crosscheck.life.living import Living
from freqopt.crosscheck.life.mistakes.kinds import Batches, Kinds, each, kind
from freqopt.typing import Floats, Integers


def of_idling(slots: list[str]) -> Kinds:
    """Of a step without a gradient."""

    def counted(self: Living) -> Floats:
        self.state["t"] += 1
        return self.seen()

    def empty(self: Living) -> Floats:
        none = np.empty((0, self.table.shape[1]), self.table.dtype)
        return self(np.empty(0, np.int64), none)

    def zero(self: Living) -> Floats:
        return self(np.arange(len(self.table)), np.zeros_like(self.table))

    def again(self: Living, rows: Integers, grads: Floats) -> Floats:
        self.waiting = []
        after = Living.__call__(self, rows, grads)
        self.last = rows, grads
        return after

    def repeated(self: Living) -> Floats:
        return again(self, *self.last)

    def losing(names: list[str]) -> type[Living]:
        def idle(self: Living) -> Floats:
            for name in names:
                self.state[name][...] = 0
            return self.seen()

        return kind(idle=idle)

    return {
        "a step without a gradient takes the last gradient again": kind(
            idle=repeated, __call__=again
        ),
        **{f"a step without a gradient loses {said}": losing(n) for said, n in each(slots)},
        "a step without a gradient is taken for an empty batch": kind(idle=empty),
        "a step without a gradient counts as a step": kind(idle=counted),
        "a step without a gradient is taken for a gradient of 0 in every row": kind(idle=zero),
    }


def of_accumulation() -> Kinds:
    """Of batches that are taken together."""

    def taking(what: Callable[[Batches], Batches]) -> type[Living]:
        return kind(taken=lambda _self, batches: what(batches))

    def averaged(batches: Batches) -> Batches:
        return [(rows, grads / len(batches)) for rows, grads in batches]

    def by_rows(batches: Batches) -> Batches:
        """Over the number of batches that a row is in."""
        every = np.concatenate([np.unique(rows) for rows, _ in batches])
        held = np.bincount(every, minlength=1)
        return [(rows, (g.T / held[rows]).T.astype(g.dtype)) for rows, g in batches]

    def by_root(batches: Batches) -> Batches:
        return [(r, (g / np.sqrt(len(batches))).astype(g.dtype)) for r, g in batches]

    def last_twice(batches: Batches) -> Batches:
        return [*batches, batches[-1]]

    def all_twice(batches: Batches) -> Batches:
        return [*batches[:-1], *batches]

    def of_last_rows(batches: Batches) -> Batches:
        return [(r[some], g[some]) for r, g in batches for some in [np.isin(r, batches[-1][0])]]

    def stepping(self: Living, rows: Integers, grads: Floats) -> Floats:
        self.rule.step(self.table, self.state, rows, grads)
        return self.seen()

    def counting(self: Living, rows: Integers, grads: Floats) -> None:
        Living.accumulate(self, rows, grads)
        self.state["t"] += 1

    def decaying(self: Living, rows: Integers, grads: Floats) -> Floats:
        """As a batch without gradients, before its gradients are kept."""
        self.rule.step(self.table, self.state, rows, np.zeros_like(grads))
        self.waiting.append((rows, grads))
        return self.seen()

    def kept(self: Living, rows: Integers, grads: Floats) -> Floats:
        waiting = [*self.waiting, (rows, grads)]
        after = Living.__call__(self, rows, grads)
        self.waiting = waiting
        return after

    return {
        "of accumulated gradients the last are used alone": taking(lambda some: some[-1:]),
        "of accumulated gradients the first are used alone": taking(lambda some: some[:1]),
        "of accumulated gradients the last are kept alone for the step": taking(
            lambda some: some[-2:]
        ),
        "of accumulated gradients the first are kept alone for the step": taking(
            lambda some: [*some[:1], *some[1:][-1:]]
        ),
        "accumulated gradients are averaged, not summed": taking(averaged),
        "accumulated gradients are averaged over the batches that a row is in": taking(by_rows),
        "accumulated gradients are divided by the root of their number": taking(by_root),
        "the batch of the step is taken twice after accumulation": taking(last_twice),
        "accumulated gradients are taken twice": taking(all_twice),
        "accumulated gradients are used in rows of the last batch alone": taking(of_last_rows),
        "accumulated gradients are never dropped": kind(__call__=kept),
        "every accumulated batch counts as a step": kind(accumulate=counting),
        "every accumulated batch is a step with a gradient of 0": kind(accumulate=decaying),
        "accumulated gradients are a step of their own": kind(accumulate=stepping),
    }
