"""How old the gradients get that a fixed-memory rule uses, read off the moves of the rule."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from freqopt.optimizers.sgd_c import SGDC
from freqopt.theory.theorem import Case
from freqopt.typing import Doubles, Integers


def delays(norms: Doubles, **options: Any) -> Integers:
    """Largest delay that each step's direction uses, from the second step on.

    The gradient of step t is n_t times the t-th unit vector, so the move of the table names the
    gradients in it.

    Parameters
    ----------
    norms : (T,)
        Of the gradients.
    options
        Of SGD_C.
    """
    rule = SGDC(lr=1.0, **options)
    steps = len(norms)
    table, row = np.zeros((1, steps)), np.array([0])
    state, found = rule.init(table), []
    for t, norm in enumerate(norms):
        gradient = np.zeros((1, steps))
        gradient[0, t] = norm
        before = table.copy()
        rule.step(table, state, row, gradient)
        found.append(t - int(np.flatnonzero(table != before)[0]) if t else 0)
    return np.array(found[1:])


def priorities(seed: int, **options: Any) -> Iterator[Case]:
    """Random runs: the priorities `held` after each step, and `stated`, n_s lambda^(t - s + 1)."""
    rng = np.random.default_rng(seed)
    for capacity in (1, 3):
        for decay in (0.5, 0.9):
            norms = 10 ** rng.uniform(0, 1, 20)
            rule = SGDC(lr=1.0, **{**options, "capacity": capacity, "priority_decay": decay})
            table, held, stated = np.zeros((1, 1)), [], []
            state = rule.init(table)
            for t, norm in enumerate(norms, start=1):
                rule.step(table, state, np.array([0]), np.array([[norm]]))
                count = int(state["length"])
                born = np.ravel(state["born"])[:count]
                held.append(np.ravel(state["priorities"])[:count].copy())
                stated.append(norms[born - 1] * decay ** (t - born + 1.0))
            yield Case(
                f"C = {capacity}, lambda = {decay}", inside=True, held=np.concatenate(held),
                stated=np.concatenate(stated),
            )  # fmt: skip


def in_band(norms: Doubles, capacity: int, decay: float, ratio: float, **options: Any) -> Case:
    """A run whose norms should lie in [1, R]: its largest `delay`, C, lambda, R, and whether."""
    found = delays(norms, **{"capacity": capacity, "priority_decay": decay, **options})
    return Case(
        f"C = {capacity}, lambda = {decay:.3g}, R = {ratio:g}",
        delay=found.max(), C=capacity, decay=decay, ratio=ratio,
        inside=norms.min() >= 1 and norms.max() <= ratio * (1 + 1e-12),
    )  # fmt: skip


def in_band_at(x: Doubles, options: Mapping[str, Any]) -> Case:
    """The run at a place of [0, 1]^n, for a search: C, lambda, and a rhythm of the norms.

    The buffer is filled from the floor of the band; then gradients at its top come, each followed
    by up to 3/5 as many from the floor as take the decay through the band. Norms in between are no
    adversary: of random ones none in 1500 kept a gradient longer than the ideal container's bound,
    of these a tenth do with the official container.
    """
    capacity, decay, ratio = 1 + int(4.999 * x[0]), 0.5 + 0.4 * x[1], 10.0
    most = 0.6 * (1 + math.log(ratio) // -math.log(decay))
    rhythm = [n for gap in x[2:] for n in (ratio, *[1.0] * int(most * gap))]
    return in_band(np.array([1.0] * capacity + rhythm), capacity, decay, ratio, **options)


def age(case: Case) -> float:
    """Batches until the decay has eaten up the largest ratio of norms: ln R / ln(1/lambda)."""
    return math.log(case.ratio) / math.log(1 / case.decay)


def sequences(
    rng: np.random.Generator, length: int, capacity: int, ratio: float, count: int
) -> list[Doubles]:
    """One large gradient first and then the floor, which keeps it longest; random ones."""
    edge = np.ones(length)
    edge[capacity - 1] = ratio
    return [edge, *(ratio ** rng.random((count, length)) if count else ())]
