"""The best step of a token, by search outside the programme: table `proofs_check/best_steps.csv`.

A token of frequency p = lambda/T, T large, is met a Poisson(lambda) number of times. With
e = eta gamma/R (FA-15) or e = eta L (T2), T times its worst case is R gamma Phi(lambda, e), or
R^2 L Phi: one function for all such tokens.

python -m freqopt.theory.engines.chain.steps proofs_check/best_steps.csv
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar

from freqopt.theory.engines.chain import projected
from freqopt.theory.engines.chain.tokens import Chain
from freqopt.theory.engines.chain.visits import rare
from freqopt.theory.engines.chain.worst import above

VISITS = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.5, 8.0)
"""lambda, the expected number of visits."""


def bounded(expected: float, e: float) -> float:
    """Phi of FA-15, from above."""
    weights = rare(expected)
    chain = Chain(tuple(weights), (e,) * (len(weights) - 1), gamma2=1.0)
    return above(chain.trimmed())


def smooth(expected: float, e: float, sigma2: float) -> float:
    """Phi of T2, from above; sigma2 is sigma^2/(L R)^2."""
    weights = rare(expected, 1e-5)
    chain = Chain(tuple(weights), (e,) * (len(weights) - 1), L=1.0, sigma2=sigma2, noisy=sigma2 > 0)
    return above(chain.trimmed(1e-5))


def counted(expected: float, e: float) -> float:
    """Phi of FA-17 (a), step alpha/sqrt(n) at the n-th visit, from above; e = alpha gamma/D."""
    weights = rare(expected, 1e-5)
    return projected.above(weights, e / np.sqrt(np.arange(1.0, len(weights))))


def best(value: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """(e, value) of the least value: a grid in log e, then refined around its least point."""
    grid = np.exp(np.linspace(np.log(low), np.log(high), 9))
    least = int(np.argmin([value(e) for e in grid]))
    left, right = grid[max(0, least - 1)], grid[min(len(grid) - 1, least + 1)]
    found = minimize_scalar(
        lambda z: value(float(np.exp(z))),
        bounds=(np.log(left), np.log(right)),
        method="bounded",
        options={"xatol": 2e-3},
    )
    return float(np.exp(found.x)), float(found.fun)


def table() -> Iterator[dict[str, object]]:
    """For each theorem and lambda: the best e, its Phi, and what other steps lose against it."""
    for expected in VISITS:
        seen = -np.expm1(-expected)  # the chance that the token is seen at all
        root = 1 / np.sqrt(expected)

        def phi(e: float, expected: float = expected) -> float:
            return bounded(expected, e)

        e, value = best(phi, 0.2, 1.5)
        others = {"theorem": root, "capped": min(1.0, root), "seen": np.sqrt(seen / expected)}
        losses = {name: phi(float(step)) / value - 1 for name, step in others.items()}
        yield _row("FA-15", expected, e, value, np.sqrt(expected), losses)
        for sigma2 in (0.09, 1.0):
            if expected > 3:
                continue  # minutes each beyond

            def noisy(e: float, expected: float = expected, sigma2: float = sigma2) -> float:
                return smooth(expected, e, sigma2)

            e, value = best(noisy, 0.2, 1.8)
            theorem = min(1.0, root / np.sqrt(sigma2))
            sharper = min(1.0, np.sqrt(seen / (sigma2 * (expected - seen))))
            losses = {
                "theorem": noisy(theorem) / value - 1,
                "seen": noisy(float(sharper)) / value - 1,
            }
            bound = (1 / theorem + expected * theorem * sigma2) / 2
            yield _row(f"T2, sigma = {np.sqrt(sigma2):.1f} L R", expected, e, value, bound, losses)
        if expected <= 3:

            def visits(e: float, expected: float = expected) -> float:
                return counted(expected, e)

            e, value = best(visits, 0.2, 1.5)
            losses = {"theorem": visits(np.sqrt(0.5)) / value - 1}
            yield _row("FA-17 (a)", expected, e, value, np.sqrt(2 * expected), losses)


def _row(
    theorem: str, expected: float, e: float, value: float, bound: float, losses: dict[str, float]
) -> dict[str, object]:
    return {
        "theorem": theorem,
        "lambda": expected,
        "best_e": f"{e:.4f}",
        "phi": f"{value:.6f}",
        "over_bound": f"{value / bound:.4f}",
        **{f"loss_{name}": f"{losses[name]:.5f}" if name in losses else "" for name in LOSSES},
    }


LOSSES = ("theorem", "capped", "seen")
"""Against the best step: the theorem's; FA-15's, at most R/gamma; the sharper bound's."""


def main(target: Path) -> None:
    """Write the table."""
    rows = list(table())
    with target.open("w", newline="", encoding="ascii") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
