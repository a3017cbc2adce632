"""The best step of a token, by search outside the programme: table `proofs_check/best_steps.csv`.

A token of frequency p = lambda/T, T large, is met a Poisson(lambda) number of times. T times its
worst case is Phi(lambda, e) in the theorem's own units, one function for all such tokens: R gamma
and e = eta gamma/R (FA-15), R^2 L and e = eta L (T2, FA-18), D gamma and e = alpha gamma/D
(FA-17 (a)), gamma^2/mu and e times FA-19's steps.

python -m freqopt.theory.engines.chain.steps proofs_check/best_steps.csv
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import poisson

from freqopt.theory.engines.chain import per_sample, projected
from freqopt.theory.engines.chain.tokens import Chain
from freqopt.theory.engines.chain.visits import occupation, rare
from freqopt.theory.engines.chain.worst import above, worst
from freqopt.typing import Doubles

VISITS = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.5, 8.0)
"""lambda, the expected number of visits."""

EVERY_STEP = (2, 3, 4, 8)
"""T of FA-19 at p = 1, where lambda = T."""

UP_TO = {"FA-15": 8.0, "T2": 5.5, "FA-17": 4.0, "FA-18": 4.0, "FA-19": 5.5}
"""The largest lambda: a search beyond takes most of a minute or more."""

LEAST = 1e-5
"""Share of the weight whose visits are left out, and bounded; 1e-4 for FA-19, 1e-3 for FA-18."""

Value = Callable[[float], float]


@dataclass(frozen=True)
class Search:
    """One theorem at one lambda.

    Parameters
    ----------
    upper, lower : e -> Phi, from above and from below
    low, high : where the best e is looked for
    bound : the theorem's bound at its own step
    others : steps that are compared, by name
    band : bool
        Whether the two sides are of different programmes: each then has its own best e.
    """

    theorem: str
    expected: float
    upper: Value
    lower: Value
    low: float
    high: float
    bound: float
    others: dict[str, float] = field(default_factory=dict)
    band: bool = False

    def row(self) -> dict[str, object]:
        """The best e, both sides there, and what other steps lose against it from above."""
        e, value = best(self.upper, self.low, self.high)
        lower_e, lower = best(self.lower, self.low, self.high) if self.band else (e, self.lower(e))
        losses = {f"loss_{k}": f"{self.upper(v) / value - 1:.5f}" for k, v in self.others.items()}
        return {
            "theorem": self.theorem,
            "lambda": self.expected,
            "best_e": f"{e:.4f}",
            "e_of_lower": f"{lower_e:.4f}" if self.band else "",
            "lower": f"{lower:.6f}",
            "upper": f"{value:.6f}",
            "over_bound": f"{value / self.bound:.4f}",
            **{f"loss_{name}": losses.get(f"loss_{name}", "") for name in LOSSES},
        }


LOSSES = ("theorem", "capped", "seen")
"""Against the best step: the theorem's; FA-15's, at most R/gamma; the sharper bound's."""


def bounded(expected: float, e: float) -> Chain:
    """FA-15's chain of a rare token."""
    weights = rare(expected, 1e-12)
    return Chain(tuple(weights), (e,) * (len(weights) - 1), gamma2=1.0).trimmed()


def smooth(expected: float, e: float, sigma2: float) -> Chain:
    """T2's; sigma2 is sigma^2/(L R)^2."""
    weights = rare(expected, 1e-12)
    steps = (e,) * (len(weights) - 1)
    made = Chain(tuple(weights), steps, L=1.0, sigma2=sigma2, noisy=True)
    return made.trimmed(LEAST)


def growing(expected: float) -> Doubles:
    """T w_n of a rare token where the output's law grows like t: 2 (n + 1) P(N > n + 1)/lambda."""
    n = np.arange(len(rare(expected, 1e-12)))
    return np.asarray(2 * (n + 1) * poisson.sf(n + 1, expected) / expected)


@dataclass(frozen=True)
class Projected:
    """A rule whose n-th visit takes the step e falls_n and a projection, where |g| <= 1.

    FA-17 (a), mu = 0: F <= 1 on the set. FA-19, mu = 1: F <= |x| - |x|^2/2 <= 1/2 there.
    """

    weights: Doubles
    falls: Callable[[Doubles], Doubles]
    least: float
    mu: float = 0.0

    def above(self, e: float) -> float:
        """Phi from above; what is left out is bounded."""
        kept, rest = _head(self.weights, self.least)
        return projected.above(kept, self._steps(kept, e), self.mu) + rest.sum() * self._largest

    def below(self, e: float) -> float:
        """Phi from below."""
        kept, _ = _head(self.weights, self.least)
        return projected.bracket(kept, self._steps(kept, e), self.mu)[0]

    @property
    def _largest(self) -> float:
        return 0.5 if self.mu else 1.0

    def _steps(self, kept: Doubles, e: float) -> Doubles:
        return e * self.falls(np.arange(1.0, len(kept)))


def by_root(n: Doubles) -> Doubles:
    """FA-17 (a)'s steps."""
    return np.asarray(1 / np.sqrt(n))


def by_clock(n: Doubles) -> Doubles:
    """FA-19's steps at p = 1, and of the token's own clock."""
    return 2 / (n + 1)


def per_sample_upper(expected: float, e: float, s2: float) -> float:
    """FA-18's, and of what is left out L/2 E|x_n|^2, by the line that its sharper form sums."""
    kept, rest = _head(rare(expected, 1e-12), 1e-3)
    distances = 1 + np.arange(len(kept), len(kept) + len(rest)) * e**2 * s2 / (1 - e)
    return per_sample.relaxed(tuple(kept), e, s2, 1.0, 1.0) + float(rest @ distances) / 2


def _head(weights: Doubles, least: float) -> tuple[Doubles, Doubles]:
    """The weights but for the last ones of at most `least` of the sum, and those."""
    tail = np.cumsum(weights[::-1])[::-1]
    keep = max(2, int(np.sum(tail > least * tail[0])))
    return weights[:keep], weights[keep:]


def best(value: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """(e, value) of the least value: a grid in log e, then refined around its least point."""
    grid = np.exp(np.linspace(np.log(low), np.log(high), 9))
    least = int(np.argmin([value(e) for e in grid]))
    left, right = grid[max(0, least - 1)], grid[min(len(grid) - 1, least + 1)]
    found = minimize_scalar(
        lambda z: value(float(np.exp(z))),
        bounds=(np.log(left), np.log(right)),
        method="bounded",
        options={"xatol": 5e-3},
    )
    return float(np.exp(found.x)), float(found.fun)


def searches() -> Iterator[Search]:
    """Every theorem at every lambda that it is searched at."""
    for expected in VISITS:
        for search in _rare(expected):
            if expected <= UP_TO[re.split("[ ,]", search.theorem)[0]]:
                yield search
    for T in EVERY_STEP:
        law = 2 * np.arange(1.0, T + 1) / (T + 1)  # times T
        yield _falling("FA-19, p = 1", T, occupation(T, 1.0, tuple(law)), 2 * T / (T + 1))


def _rare(expected: float) -> Iterator[Search]:
    """The searches of a rare token."""
    seen = float(-np.expm1(-expected))  # the chance that the token is seen at all
    root = float(1 / np.sqrt(expected))
    yield _chain(
        "FA-15", expected, partial(bounded, expected), (0.2, 1.5), 1 / root,
        theorem=root, capped=min(1.0, root), seen=float(np.sqrt(seen / expected)),
    )  # fmt: skip
    for sigma2 in (0.09, 1.0):
        sigma = float(np.sqrt(sigma2))
        step = min(1.0, root / sigma)
        yield _chain(
            f"T2, sigma = {sigma:.1f} L R", expected,
            partial(smooth, expected, sigma2=sigma2),
            (0.2, 1.8), (1 / step + expected * step * sigma2) / 2,
            theorem=step, seen=min(1.0, float(np.sqrt(seen / (sigma2 * (expected - seen))))),
        )  # fmt: skip
    counted = Projected(rare(expected, 1e-12), by_root, LEAST)
    yield Search(
        "FA-17 (a)", expected, counted.above, counted.below, 0.2, 1.5,
        float(np.sqrt(2 * expected)), {"theorem": float(np.sqrt(0.5))},
    )  # fmt: skip
    weights = tuple(rare(expected))
    for s2 in (0.09, 1.0):
        s = float(np.sqrt(s2))
        step = min(0.25, root / (s * np.sqrt(2)))
        yield Search(
            f"FA-18, s = {s:.1f} L R", expected,
            partial(per_sample_upper, expected, s2=s2),
            partial(per_sample.separate, weights, s2=s2, L=1.0, R2=1.0),
            0.1, 0.99, 1 / step + 2 * step * expected * s2,
            {"theorem": float(step), "seen": float(1 / (1 + s * np.sqrt(expected / seen)))},
            band=True,
        )  # fmt: skip
    yield _falling("FA-19, own clock", expected, growing(expected), 2.0)


def _falling(name: str, expected: float, weights: Doubles, bound: float) -> Search:
    """FA-19."""
    rule = Projected(weights, by_clock, 1e-4, mu=1.0)
    return Search(name, expected, rule.above, rule.below, 0.3, 1.6, bound, {"theorem": 1.0})


def _chain(
    name: str, expected: float, made: Callable[[float], Chain], between: tuple[float, float],
    bound: float, **others: float,
) -> Search:  # fmt: skip
    return Search(
        name, expected, lambda e: above(made(e)), lambda e: worst(made(e)).lower, *between,
        bound, others,
    )  # fmt: skip


def with_exponents(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Adds -d log e/d log lambda, between the neighbouring lambdas: at fixed T that of p."""
    done = []
    for row in rows:
        family = [r for r in rows if r["theorem"] == row["theorem"]]
        i = family.index(row)
        near = [family[max(0, i - 1)], family[min(len(family) - 1, i + 1)]]
        e, visits = ([np.log(float(str(r[key]))) for r in near] for key in ("best_e", "lambda"))
        slope = round(float((e[0] - e[1]) / (visits[1] - visits[0])), 2) + 0.0  # no -0
        done.append({**row, "exponent": f"{slope:.2f}"})
    return done


def main(target: Path) -> None:
    """Write the table, theorem by theorem."""
    order = list(dict.fromkeys(search.theorem for search in searches()))
    rows = with_exponents([search.row() for search in searches()])
    rows.sort(key=lambda row: order.index(str(row["theorem"])))
    with target.open("w", newline="", encoding="ascii") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
