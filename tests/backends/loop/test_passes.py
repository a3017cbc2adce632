"""Passes over a text in the compiled loop: the reference's bits, over the ends of passes."""

from __future__ import annotations

import numpy as np
import pytest

import freqopt
from freqopt.backends import Simulation
from freqopt.backends.numba import NumbaBackend
from freqopt.backends.numpy import NumpyBackend

from .beside import compare


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    rng, law = np.random.default_rng(0), 1 / np.arange(1, 301)
    path = tmp_path_factory.mktemp("passes") / "text"
    path.write_text(" ".join(f"w{k}" for k in rng.choice(300, 12_000, p=law / law.sum())))
    return path


def beside(text, rule, dtype, batch, steps, negatives=5, dimension=8, **fields):
    """Both loops from a little before the end of pass 1 on."""
    pairs = {"kind": "passes", "data": {"path": text, "format": "text"}, **fields}
    problem = freqopt.problem("sgns", pairs=pairs, dimension=dimension, negatives=negatives)
    found, expected = (
        Simulation.begin(
            problem, freqopt.rule(**rule), steps=10**6, dtype=dtype, batch=batch, seed=3, run=1
        )
        for _ in range(2)
    )
    first = problem.pairs.pairs_in(3, 1, 2) // batch - steps // 3
    found.step = expected.step = first
    backend = NumbaBackend(patience=0)
    for until in (first + steps // 5, first + steps):
        backend.advance(found, until)
    NumpyBackend().advance(expected, first + steps)
    compare(found, expected)


def test_passes_have_the_references_bits(text):
    linear = {"name": "sgd", "lr": 0.5, "lr_decay": 1e-3, "lr_decay_law": "linear"}
    beside(text, linear, "float32", 1, 900, sentence=100, sample=1e-2)


@pytest.mark.slow
def test_batches_of_passes_have_the_references_bits(text):
    beside(text, {"name": "adagrad", "lr": 0.1}, "float64", 7, 150, window=3)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "rule",
    [
        {"name": "sgd", "lr": 0.05, "lr_decay": 1e-5, "lr_decay_law": "linear"},
        {"name": "cf_sgd", "lr": 1.0, "form": "anytime", "cap": "none"},
    ],
)
def test_a_hundred_thousand_pairs_have_the_references_bits(text, dtype, rule):
    beside(text, rule, dtype, 1, 100_000, dimension=20)
