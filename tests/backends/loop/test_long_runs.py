"""Every bit over 100,000 steps: NumPy, and the compiled loop on 1, 2 and 4 threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import freqopt
from freqopt.backends import Simulation
from freqopt.backends.numba import NumbaBackend
from freqopt.problems.surface import LANDSCAPES

from .beside import agree, compare

STEPS = 100_000
TOKEN = {"kind": "zipf", "exponent": 1.05, "size": 1000}
PAIRS = {"kind": "product", "u": TOKEN, "v": TOKEN}
PROBLEMS: dict[str, dict[str, Any]] = {
    "token_quadratic": {"tokens": TOKEN, "dimension": 16},
    "token_quadratic, normals": {"tokens": TOKEN, "noise_law": "normal", "dimension": 3},
    "pair": {"pairs": PAIRS, "loss": "logistic", "dimension": 16},
    "pair, cosine": {"pairs": PAIRS, "loss": "cosine", "score": "sum", "dimension": 5},
    "sgns": {"pairs": PAIRS, "dimension": 8, "negatives": 3},
    "factorisation_machine": {"dimension": 4},
    "softmax_regression": {"examples": {"kind": "blobs", "width": 4}},
    **{f"surface, {name}": {"surface": name} for name in LANDSCAPES},
}
RULES: dict[str, dict[str, Any]] = {
    "sgd": {"lr": 0.01, "momentum": 0.9},
    "cf_sgd": {"lr": 0.1, "cap": "none", "form": "anytime"},
    "lazy_adam": {"lr": 0.001},
}
SURFACE_RATE = 1e-6
"""At which no surface diverges."""


def problem_of(name: str) -> dict[str, Any]:
    return {"name": name.split(",", maxsplit=1)[0], **PROBLEMS[name]}


def rule_of(rule: str, problem: str) -> dict[str, Any]:
    rate = {"lr": SURFACE_RATE} if problem.startswith("surface") else {}
    return {"name": rule, **RULES[rule], **rate}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_bit(problem: str, rule: str, dtype: str) -> None:
    agree(problem_of(problem), rule_of(rule, problem), (STEPS,), dtype=dtype)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("rule", RULES)
def test_every_bit_of_ratings(rule: str, dtype: str, tmp_path: Path) -> None:
    file = tmp_path / "ratings.dat"
    file.write_text("".join(f"{k % 40}::{k % 37}::{1 + k % 5}::{k}\n" for k in range(900)))
    data = {"path": str(file), "format": "movielens_1m"}
    problem = {"name": "ratings", "data": data, "dimension": 8}
    agree(problem, {"name": rule, **RULES[rule]}, (STEPS,), dtype=dtype)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_bit_on_any_number_of_threads(problem: str, dtype: str) -> None:
    """Four runs: one after the other, and on 1, 2 and 4 threads."""

    def runs(threads: int) -> list[Simulation]:
        simulations = [
            Simulation.begin(
                freqopt.problem(**problem_of(problem)),
                freqopt.rule(**rule_of("lazy_adam", problem)),
                steps=STEPS,
                run=run,
                dtype=dtype,
            )
            for run in range(4)
        ]

        def part(k: int) -> None:
            for simulation in simulations[k::threads]:
                NumbaBackend(patience=0).advance(simulation, STEPS)

        with ThreadPoolExecutor(threads) as team:
            list(team.map(part, range(threads)))
        return simulations

    expected = runs(1)
    for threads in (2, 4):
        for found, alone in zip(runs(threads), expected, strict=True):
            compare(found, alone)
