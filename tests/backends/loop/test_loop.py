"""The compiled loop: the reference's tables, states and movement, bit for bit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core import event

import freqopt
from freqopt.backends import Factorised, FallbackWarning, Simulation, backends
from freqopt.backends import numba as numba_backend
from freqopt.backends.numba import NumbaBackend
from freqopt.backends.numba.jit._compile import alone, name_of
from freqopt.backends.numba.loop import _run
from freqopt.backends.numba.loop._run import CompiledLoop
from freqopt.backends.numpy import NumpyBackend
from freqopt.errors import GradientError

from .beside import agree, compare, two

SMALL = {"kind": "zipf", "exponent": 1.1, "size": 60}
PRODUCT = {"kind": "product", "u": SMALL, "v": {"kind": "zipf", "exponent": 0.5, "size": 40}}
TOPICS = {"kind": "topics", "tokens": SMALL, "topics": 6}
COUNTS = {"kind": "counts", "counts": [[3, 0, 5, 1], [2, 2, 0, 9], [1, 0, 0, 4]]}
FAST_TAIL = {"kind": "exponential", "rate": 0.05, "size": 200}
OBSERVED = {"kind": "counts", "counts": [9, 0, 4, 4, 1, 2]}

# One occurrence per table and step goes the short way, more go through the fused step.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "one table": (
        {"name": "token_quadratic", "tokens": OBSERVED, "dimension": 3},
        {"name": "sgd", "momentum": 0.9, "weight_decay": 0.01, "max_norm": 1.5},
        {},
    ),
    "batches, normal noise, squares of occurrences": (
        {"name": "token_quadratic", "tokens": FAST_TAIL, "noise_law": "normal", "dimension": 5},
        {"name": "rowwise_adagrad", "lr": 0.1, "duplicates": "squares"},
        {"batch": 4, "dtype": "float32", "track_movement": True},
    ),
    "two tables, movement": (
        {"name": "pair", "pairs": PRODUCT, "loss": "logistic", "dimension": 6},
        {"name": "cf_sgd", "cap": "none", "counter": "decayed", "halflife": 9.0},
        {"track_movement": True},
    ),
    "wide rows": (
        {"name": "pair", "pairs": TOPICS, "dimension": 40},
        {"name": "adagrad", "lr": 0.1, "padding_row": 3},
        {"dtype": "float32"},
    ),
    "sequential duplicates": (
        {"name": "pair", "pairs": COUNTS, "score": "sum", "loss": "cosine", "dimension": 1},
        {"name": "fa_sgd", "lr": 1.0, "duplicates": "sequential", "maximize": True},
        {"batch": 3},
    ),
    "dense": (
        {"name": "pair", "pairs": PRODUCT, "score": "sum", "loss": "cosine", "dimension": 3},
        {"name": "adamw", "lr": 0.01},
        {"dtype": "float32"},
    ),
    "lazy": (
        {"name": "pair", "pairs": PRODUCT, "loss": "logistic", "dimension": 3},
        {"name": "lazy_adam", "lr": 0.01},
        {},
    ),
    "rows that catch up before they are read": (
        {"name": "pair", "pairs": PRODUCT, "loss": "logistic", "dimension": 3},
        {"name": "catchup_adam", "lr": 0.01, "weight_decay": 0.1},
        {"batch": 2, "track_movement": True},
    ),
    "occurrences in one sample": (
        {"name": "sgns", "pairs": TOPICS, "dimension": 6, "negatives": 3},
        {"name": "adagrad", "lr": 0.1, "clip": 0.05},
        {},
    ),
    "occurrences in a batch of float32": (
        {"name": "sgns", "pairs": PRODUCT, "dimension": 5, "negatives": 2},
        {"name": "sgd", "lr": 0.3, "duplicates": "sqrt_count"},
        {"batch": 3, "dtype": "float32", "track_movement": True},
    ),
    "fields": (
        {"name": "factorisation_machine", "l2": 0.1, "dimension": 5},
        {"name": "sgd", "lr": 0.1, "nonfinite": "skip"},
        {"batch": 2, "dtype": "float32"},
    ),
    "critical gradients that share a norm": (
        {"name": "pair", "pairs": PRODUCT, "loss": "logistic", "dimension": 3},
        {"name": "sgd_c", "lr": 0.05, "capacity": 3, "weight_decay": 0.01, "max_age": 9},
        {"batch": 3, "dtype": "float32"},
    ),
    "critical gradients of Adam, each table by itself": (
        {"name": "pair", "pairs": PRODUCT, "dimension": 3},
        {"name": "adam_c", "capacity": 2, "aggregation": "median", "synced": False},
        {"track_movement": True},
    ),
    "a batch clipped as a whole": (
        {"name": "pair", "pairs": PRODUCT, "dimension": 3},
        {"name": "sgd", "clip": 0.1, "clip_scope": "batch", "duplicates": "sequential"},
        {"batch": 4},
    ),
    "surface": ({"name": "surface"}, {"name": "rmsprop"}, {}),
    "surface in float32": (
        {"name": "surface", "surface": "goldstein_price"},
        {"name": "adam", "lr": 1e-3},
        {"batch": 3, "dtype": "float32"},
    ),
    "two layers": (
        {"name": "pair", "pairs": TOPICS, "dimension": 5, "loss": "logistic"},
        {"name": "adagrad", "lr": 0.1},
        {"batch": 2, "factorised": Factorised(inner=6), "track_movement": True},
    ),
    "two layers of one table, the second frozen": (
        {"name": "token_quadratic", "tokens": OBSERVED, "dimension": 3},
        {"name": "sgd", "lr": 0.1},
        {"factorised": Factorised(inner=2, trained="first"), "dtype": "float32"},
    ),
    "the first frozen": (
        {"name": "sgns", "pairs": PRODUCT, "dimension": 4},
        {"name": "adamw", "lr": 0.01, "decay_rows": "all", "rows": "touched"},
        {"factorised": Factorised(inner=3, trained="second", tables=("contexts",))},
    ),
    "two layers beside biases": (
        {
            "name": "factorisation_machine",
            "dimension": 3,
            "clicks": {"kind": "planted", "samples": 200},
        },
        {"name": "adagrad", "lr": 0.1},
        {"batch": 2, "factorised": Factorised(inner=5), "track_movement": True},
    ),
    "every row in every sample": (
        {"name": "softmax_regression", "spread": 1.0},
        {"name": "sgd", "lr": 0.1, "momentum": 0.9},
        {"batch": 2},
    ),
    "every row in every sample, float32": (
        {"name": "softmax_regression", "examples": {"kind": "blobs", "width": 4, "classes": 2}},
        {"name": "adagrad", "lr": 0.1},
        {"dtype": "float32"},
    ),
}


COVERED = ["two layers"]  # by the two layers beside biases, as far as a quick run goes
SLOW = [pytest.param(c, marks=pytest.mark.slow if c in COVERED else ()) for c in CASES]


@pytest.mark.parametrize("case", SLOW)
def test_every_bit_is_the_reference_s(case: str) -> None:
    problem, rule, options = CASES[case]
    # A step alone, a chunk of samples to its end and beyond, and many chunks in one call.
    agree(problem, rule, (1, 64, 70, 400), seed=2**63 + 5, run=3, **options)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_ratings(loss: str, tmp_path: Path) -> None:
    rng, file = np.random.default_rng(0), tmp_path / "ratings.dat"
    pairs = sorted({(u, i) for u, i in rng.integers(1, 12, (90, 2)).tolist()})
    file.write_text(
        "".join(f"{u}::{i}::{1 + (u * i) % 5}::{n}\n" for n, (u, i) in enumerate(pairs))
    )
    data = {"path": str(file), "format": "movielens_1m"}
    problem = {"name": "ratings", "data": data, "loss": loss, "dimension": 5}
    agree(problem, {"name": "adagrad", "lr": 0.1}, (300,), dtype="float32")


def test_a_diverging_run_stops_before_the_same_step() -> None:
    problem = {"name": "pair", "pairs": PRODUCT, "dimension": 3}
    found, expected = two(problem, {"name": "sgd", "lr": 30.0}, steps=1000, track_movement=True)
    with pytest.raises(GradientError) as said:
        NumpyBackend().advance(expected, 1000)
    with pytest.raises(GradientError) as says:
        NumbaBackend(patience=0).advance(found, 1000)
    assert str(says.value) == str(said.value)
    assert 0 < expected.step < 1000
    compare(found, expected)


def test_a_diverging_batch_changes_no_table() -> None:
    """The second table's gradient is the one that overflows; the first stands as it was."""
    problem = {"name": "sgns", "pairs": PRODUCT, "dimension": 3}
    found, expected = two(problem, {"name": "sgd"}, steps=9, batch=4, dtype="float32")
    for simulation in (found, expected):
        simulation.tables["centres"].weights[...] = np.float32(3e38)
        simulation.tables["contexts"].weights[...] = np.float32(np.inf)
        with pytest.raises(GradientError):
            (NumbaBackend(patience=0) if simulation is found else NumpyBackend()).advance(
                simulation, 9
            )
    compare(found, expected)


def test_what_is_not_compiled_runs_in_numpy_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from freqopt.optimizers import Rule\n"
        "class Mine(Rule):\n    def update(self, w, g, s):\n        return w - self.lr * g\n"
    )
    problem = {"name": "pair", "pairs": PRODUCT, "dimension": 3}
    with pytest.warns(FallbackWarning, match="rule mine runs in NumPy only"):
        agree(problem, {"name": str(path)}, (5, 9))


def test_a_short_run_compiles_nothing() -> None:
    problem, rule, options = CASES["one table"]
    found, expected = two(problem, rule, steps=200, **options)
    compiled = event.RecordingListener()
    with event.install_listener("numba:compile", compiled):
        NumbaBackend(patience=math.inf).advance(found, 200)
    assert not compiled.buffer
    NumpyBackend().advance(expected, 200)
    compare(found, expected)


def test_the_compiled_loop_takes_over_in_the_middle_of_a_run(monkeypatch) -> None:
    """As if nothing were on disk: the NumPy loop's patience ends after its first steps."""
    monkeypatch.setattr(numba_backend, "_walked", {})
    monkeypatch.setattr(_run, "at_hand", lambda kernel, kinds: False)
    taken: list[tuple[int, int]] = []
    advance = CompiledLoop.advance

    def watched(self: CompiledLoop, simulation: Simulation, until: int) -> bool:
        taken.append((simulation.step, until))
        return advance(self, simulation, until)

    monkeypatch.setattr(CompiledLoop, "advance", watched)
    problem, rule, options = CASES["two tables, movement"]
    found, expected = two(problem, rule, steps=200, **options)
    NumbaBackend(patience=1e-9).advance(found, 200)
    assert taken == [(numba_backend.STRETCH, 200)]
    NumpyBackend().advance(expected, 200)
    compare(found, expected)


def test_a_loop_is_compiled_for_what_is_to_come(monkeypatch) -> None:
    """The pace of a few steps tells what the rest would take, of this run and of others like it."""
    problem, rule, options = CASES["one table"]
    monkeypatch.setattr(_run, "at_hand", lambda kernel, kinds: False)
    for ahead, compiles in ((200, False), (10**9, True)):
        monkeypatch.setattr(numba_backend, "_walked", {})
        (found, _), taken = two(problem, rule, steps=200, **options), []
        monkeypatch.setattr(CompiledLoop, "_load", lambda self, taken=taken: taken.append(self))
        backend = NumbaBackend(patience=60.0)
        backend.ahead = ahead
        backend.advance(found, 200)
        assert bool(taken) is compiles


def test_while_another_process_compiles_the_numpy_loop_goes_on(monkeypatch) -> None:
    monkeypatch.setattr(_run, "at_hand", lambda kernel, kinds: False)
    problem, rule, options = CASES["two tables, movement"]
    found, expected = two(problem, rule, steps=100, **options)
    ((kernel, kinds),), compiled = CompiledLoop(found)._needed, event.RecordingListener()
    key = name_of(kernel, kinds)
    with alone(key) as first, event.install_listener("numba:compile", compiled):
        assert first
        NumbaBackend(patience=0).advance(found, 100)
    assert not compiled.buffer
    NumpyBackend().advance(expected, 100)
    compare(found, expected)


def test_a_grid_of_rates_seeds_and_lengths_compiles_once() -> None:
    problem, rule, options = CASES["two tables, movement"]
    agree(problem, rule, (20,), **options)
    compiled = event.RecordingListener()
    with event.install_listener("numba:compile", compiled):
        for lr, steps, seed in ((0.1, 30, 1), (0.2, 40, 2)):
            agree(problem, {**rule, "lr": lr}, (steps,), seed=seed, **options)
    assert not compiled.buffer


def test_a_run_by_name() -> None:
    problem, rule, _ = CASES["one table"]
    assert "numba" in backends
    curves = [
        freqopt.run(problem, rule, steps=100, checkpoints=5, backend=name).curve("objective")
        for name in ("numpy", "numba")
    ]
    np.testing.assert_array_equal(*curves)
