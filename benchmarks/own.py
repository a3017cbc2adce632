"""The same rule inside the library and outside: what a user's own file costs.

    python benchmarks/own.py [RULE ...] [--rounds 40] [--steps 200000]

The text of a rule of the library is written into a folder of its own and loaded from there by its
path. Both take turns: the fused step at two batch sizes, and the whole loop. A ratio is the median
over rounds of the ratio within the round.
"""

from __future__ import annotations

import argparse
import inspect
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import machine, spread

from freqopt.backends import Simulation
from freqopt.backends.numba import NumbaBackend, Workspace, step
from freqopt.optimizers import Rule, rules
from freqopt.problems import problems

NAMES = ("adagrad", "lion", "cf_sgd")
OPTIONS: dict[str, dict[str, object]] = {"cf_sgd": {"form": "anytime", "cap": "none"}}
ROWS, WIDTH = 100_000, 32
TARGET = 1.05


def fused(rule: Rule, batch: int) -> Callable[[], None]:
    """Eight steps on batches that change."""
    rng, table = np.random.default_rng(0), np.zeros((ROWS, WIDTH), np.float32)
    state, workspace = rule.init(table), Workspace(1)
    batches = [
        (rng.integers(0, ROWS, batch), rng.normal(size=(batch, WIDTH)).astype(np.float32))
        for _ in range(8)
    ]

    def turn() -> None:
        for rows, grads in batches:
            step(rule, table, state, rows, grads, workspace)

    return turn


def loop(rule: Rule, steps: int) -> Callable[[], None]:
    """A stretch of a simulation, which goes on where it was."""
    problem = problems["pair"](dimension=8)
    simulation = Simulation.begin(problem, rule, steps=10**9, dtype="float32")
    backend = NumbaBackend(patience=0)
    return lambda: backend.advance(simulation, simulation.step + steps)


def measure(contenders: list[Callable[[], None]], rounds: int) -> list[np.ndarray]:
    """Seconds of each contender's turn in every round; the first is not counted."""
    times = np.zeros((rounds + 1, len(contenders)))
    rng = np.random.default_rng(0)
    for k in range(rounds + 1):
        for place in rng.permutation(len(contenders)):
            began = time.perf_counter()
            contenders[place]()
            times[k, place] = time.perf_counter() - began
    return list(times[1:].T)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("rules", nargs="*", default=NAMES)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--steps", type=int, default=200_000)
    asked = parser.parse_args()
    print("# A rule of one's own beside the library's", "", machine(), "", sep="\n")
    print((__doc__ or "").split("\n\n", 2)[2])
    print("| rule | what | inside, ms | rounds, % | outside, ms | rounds, % | outside / inside |")
    print("|---" * 7 + "|")
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.rules:
            path = Path(folder) / f"{name}.py"
            path.write_text(Path(inspect.getfile(rules[name])).read_text())
            both = [rules[key](lr=0.01, **OPTIONS.get(name, {})) for key in (name, str(path))]
            cases: dict[str, Callable[[Rule], Callable[[], None]]] = {
                "step, B = 64": lambda rule: fused(rule, 64),
                "step, B = 8,192": lambda rule: fused(rule, 8192),
                f"loop, {asked.steps:,} steps": lambda rule: loop(rule, asked.steps),
            }
            for what, make in cases.items():
                inside, outside = measure([make(rule) for rule in both], asked.rounds)
                ratio = float(np.median(outside / inside))
                worst = max(worst, ratio)
                cells = [
                    f"{1e3 * float(np.median(t)):.3f} | {spread(t)}" for t in (inside, outside)
                ]
                print(f"| {name} | {what} | {' | '.join(cells)} | {ratio:.3f} |", flush=True)
    print(f"\nWorst {worst:.3f}; target {TARGET}.")


if __name__ == "__main__":
    main()
