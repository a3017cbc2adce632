"""One token that is rarely visited: instances as hard as the theorems, each a line of algebra.

A lazy token is sampled with probability p a step, and rests otherwise. Its position x_n depends on
the number n of visits only, so the mean over the first T iterates has the expectation

    E (1/T) sum_t x_{N_t} = sum_n w_n x_n,   w_n = P(Bin(T, p) > n) / (p T),                  (1)

because sum_{t < T} P(Bin(t, p) = n) = P(Bin(T, p) > n)/p. For convex f, E f(mean) >= f(E mean): all
left sides here are exact or, where this is used, lower bounds, which refute as well.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import binom

from freqopt.theory.bound import Bound
from freqopt.theory.engines.betting import Draw, Sampling, below, lower_limit
from freqopt.theory.theorem import Case, Check, Context
from freqopt.theory.verdict import Verdict
from freqopt.typing import Doubles

LATTICE = 1000
"""Positions that are told apart."""

CHANCES = (1.0, 0.1, 0.01, 1e-3, 1e-4)
"""Frequencies of the token."""


def mean_position(positions: Doubles, p: float, steps: int) -> float:
    """(1): E of the average of the first T iterates; later positions are like the last given."""
    last = min(len(positions), steps)
    w = binom.sf(np.arange(last), steps, p) / (p * steps)
    rest = max(0.0, 1.0 - float(w.sum()))
    return float(w @ positions[:last] + rest * positions[-1])


def hinge_gap(p: float, steps: int, sizes: Doubles) -> float:
    """E f(mean) - f* of f = p max(x, 0), from x = 1, with step `sizes[n]` at visit n + 1.

    Exact if no step crosses 0; then the token rests there. Otherwise a lower bound.
    """
    x = 1.0 - np.concatenate([[0.0], np.cumsum(sizes)])
    stop = int(np.argmax(x <= 1e-12)) if (x <= 1e-12).any() else len(x) - 1
    return p * max(mean_position(x[: stop + 1], p, steps), 0.0)


def huber_gap(p: float, steps: int, eta: float, L: float) -> float:
    """f(E mean) - f* of f = p L h(x), h Huber's function, from x = 1, for its worst width."""
    worst = 0.0
    for width in np.geomspace(1e-3, 1, 40):
        x, positions = 1.0, [1.0]
        while len(positions) < steps and len(positions) < 10_000 and x > 1e-9:
            x -= eta * L * min(x, width)
            positions.append(x)
        mean = mean_position(np.array(positions), p, steps)
        gap = mean**2 / 2 if mean <= width else width * (mean - width / 2)
        worst = max(worst, p * L * gap)
    return worst


@functools.cache
def pushed_positions(drift: float, diameter: float, alpha: float, count: int) -> Doubles:
    """E x_n, n < count, of projected steps alpha/sqrt(n) on [0, diameter] from its end x_0 = 0.

    The gradient is 1 with chance (1 + drift)/2 and -1 otherwise, that of f = drift x with noise:
    the run begins at its best point, and noise alone leads away from it. Positions are rounded down
    to a lattice, so these are lower bounds: a step never changes the order of two positions.
    """
    lattice = np.arange(LATTICE + 1.0)
    chance, found = np.eye(1, LATTICE + 1)[0], np.empty(count)
    for n in range(count):
        found[n] = chance @ lattice
        size = alpha / math.sqrt(n + 1) / diameter * LATTICE
        up = np.minimum(np.floor(lattice + size), LATTICE).astype(np.intp)
        down = np.maximum(np.floor(lattice - size), 0).astype(np.intp)
        chance = np.bincount(up, chance * (1 - drift) / 2, LATTICE + 1) + np.bincount(
            down, chance * (1 + drift) / 2, LATTICE + 1
        )
    return found * diameter / LATTICE


def visits(steps: int, chances: tuple[float, ...] = CHANCES) -> Iterator[tuple[float, int]]:
    """(p, T) with about so many visits, for every frequency."""
    for p in chances:
        if round(steps / p) >= 1:
            yield p, round(steps / p)


def noisy_walks(
    p: float,
    steps: int,
    step: Callable[[Doubles, Doubles], Doubles],
    seed: int,
    batch: int = 1,
    *,
    power: int = 1,
    first: int = 1,
) -> Draw:
    """Mean of (p |e_t|)^power, t = `first` .. T, of runs from the optimum of a quadratic.

    Its curvature is 1 and its gradient noise +-1, so |e| <= 1 while steps are at most 1. Only
    visits are simulated: a gap between two of them is geometric.

    Parameters
    ----------
    step : (occurrences n, step number t) -> eta, n counting the present sample
    batch : B samples in each step; the gradient is their mean
    """

    def draw(begin: int, count: int) -> Doubles:
        rng = np.random.default_rng([seed, begin])
        seen = 1 - (1 - p) ** batch  # a step holds the token
        edges = np.cumsum(binom.pmf(np.arange(1, batch), batch, p) / seen)
        e, total = np.zeros(count), np.zeros(count)
        time, n = np.zeros(count), np.zeros(count)
        while (time < steps).any():
            t = time + rng.geometric(seen, count)  # the next visit
            counted = np.minimum(t, steps) - np.maximum(time, first - 1)  # of time + 1 .. t
            total += np.abs(e) ** power * np.maximum(counted, 0)
            time = np.minimum(t, steps)
            held = 1 + np.searchsorted(edges, rng.random(count))
            noise = 2.0 * rng.binomial(held, 0.5) - held
            eta = step(n + 1, time)
            e = e - eta * (held * e + noise) / batch
            n += held
        return np.asarray(p**power * total / (steps - first + 1))

    return draw


Place = tuple[float, int, float, int]
"""(p, T, alpha, B) of a long run."""

RUNS = 1000
"""Independent runs from which a left side's lower limit is taken."""


def noisy_check(
    claim: str,
    bound: Bound,
    make: Callable[[float, int, int], Callable[[Any, Any], Any]],
    places: Iterable[Place],
    *,
    second: bool = False,
    late: Callable[[Place], float] | None = None,
) -> Check:
    """(E|grad_k f(Theta^tau)|)^2 of one noisy token that starts at the optimum, over long horizons.

    `second`: E|grad_k f(Theta^tau)|^2 instead, tau uniform on the second half. `late`: the left
    side is at least so many times the square of the first moment there.

    Parameters
    ----------
    claim : whose bound it is
    bound : of the square
    make : (alpha, T, B) -> step
    places : frequencies, horizons, base rates and batches
    """
    places = tuple(places)
    power = 1 if second else 2  # from what is sampled to what is bounded

    def run(context: Context) -> Verdict:
        share = context.delta / (2 * len(places))
        worst: Verdict | None = None
        lefts = []
        for p, steps, alpha, batch in places:
            case = Case(
                f"one token, p = {p:g}, T = {steps}, alpha = {alpha:g}, B = {batch}",
                p=np.array([p]), sigma2=np.array([1.0]), R2=np.array([0.0]), A1=p, Delta=0.0,
                curvature=np.array([1.0]), G2=np.array([1.0]), more={"G2": np.array([1.0])},
                T=float(steps), alpha=alpha, B=float(batch), L=1.0,
            )  # fmt: skip
            draw = noisy_walks(
                p, steps, make(alpha, steps, batch), context.seed, batch,
                power=2 if second else 1, first=-(-steps // 2) if second or late else 1,
            )  # fmt: skip
            times = late((p, steps, alpha, batch)) if late else 1.0
            limit = max(float(np.squeeze(bound(case.letters()))) / times, 1e-300)
            of, largest = (limit, p**2) if second else (math.sqrt(limit), p)
            samples = draw(0, RUNS)  # all at once: a walk costs the same for one run and for many
            of_runs = functools.partial(_part, samples)
            found = below(of_runs, of, share, largest, Sampling(most=RUNS))
            low = times * lower_limit(samples, share) ** power
            lefts.append((claim, case, np.array([low])))
            ratio = (found.ratio or 0.0) ** power
            if worst is None or ratio > (worst.ratio or 0.0):
                mean = (found.measured or 0.0) ** power
                worst = replace(
                    found, measured=mean, bound=limit, ratio=ratio, witness=case.name,
                    delta=context.delta, note=f"{found.note}; {len(places)} places",
                )  # fmt: skip
        assert worst is not None
        return replace(worst, lefts=tuple(lefts))

    return Check("statistics", "one token, long horizons", run, statistical=True)


def _part(samples: Doubles, first: int, count: int) -> Doubles:
    return samples[first : first + count]
