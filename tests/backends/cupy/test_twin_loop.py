"""The whole loop of the CUDA source, compiled for the processor, has the reference's bits."""

from __future__ import annotations

import contextlib

import pytest

import freqopt
from freqopt.backends import Factorised, Simulation
from freqopt.backends.cupy import CupyBackend, FallbackWarning, Runs, _twin
from freqopt.backends.numpy import NumpyBackend
from freqopt.errors import BackendError, GradientError

from ..loop.beside import compare
from .twins import PROBLEMS, RATINGS, RULES, OwnRule, needs_compiler

pytestmark = needs_compiler
STEPS = 40
SMALL = {"kind": "zipf", "size": 30}
FORMS = {
    "token_quadratic": ({"dimension": 3}, {"dimension": 8, "noise_law": "normal"}),
    "pair": (
        {"dimension": 4},
        {
            "dimension": 5,
            "loss": "squared",
            "pairs": {"kind": "counts", "counts": [[1, 2], [0, 3]]},
        },
        {"loss": "cosine", "score": "sum", "pairs": {"kind": "topics", "tokens": SMALL}},
    ),
    "ratings": ({"dimension": 5, "data": RATINGS}, {"loss": "logistic", "data": RATINGS}),
    "sgns": (
        {"dimension": 4, "negatives": 3, "pairs": {"kind": "topics", "tokens": SMALL}},
        {"dimension": 3, "negatives": 2, "pairs": {"kind": "product", "u": SMALL, "v": SMALL}},
    ),
    "factorisation_machine": ({"dimension": 5, "l2": 0.1}, {"dimension": 3}),
    "surface": (
        {},
        {"surface": "goldstein_price"},
        {"surface": "six_hump_camel"},
        {"surface": "official_camel"},
    ),
    "softmax_regression": (
        {"spread": 1.0, "examples": {"kind": "blobs", "width": 4, "classes": 3}},
        {"examples": {"kind": "blobs", "width": 3, "classes": 2}},
    ),
}


def begin(
    problem, rule, *, dtype="float64", batch=1, runs=1, movement=False, layers=None, **options
):
    return [
        Simulation.begin(
            freqopt.problem(*problem[:1], **problem[1]),
            freqopt.rule(rule, **{"lr": 0.1 / (1 + run), **options}),
            steps=STEPS, batch=batch, seed=3, run=run, dtype=dtype, track_movement=movement,
            factorised=layers and Factorised(**layers),
        )
        for run in range(runs)
    ]  # fmt: skip


def assert_same(ours, theirs):
    for mine, right in zip(ours, theirs, strict=True):
        compare(mine, right)


def run_both(problem, rule, lanes=1, **options):
    ours, theirs = begin(problem, rule, **options), begin(problem, rule, **options)
    runs = Runs(ours, _twin, lanes)
    runs.advance(17)  # in the middle of a stretch of samples
    runs.advance(STEPS)
    runs.fetch()
    for simulation in theirs:
        with contextlib.suppress(GradientError):  # both stand before that step
            NumpyBackend().advance(simulation, STEPS)
    assert_same(ours, theirs)


def test_every_problem_has_its_forms_here():
    assert set(FORMS) == set(PROBLEMS)


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_batch_of_runs_has_the_references_bits(name):
    form = FORMS[name][0]
    run_both((name, form), "adagrad", dtype="float32", batch=5, runs=3, rows="all")
    run_both((name, form), "cf_sgd", batch=1, runs=2, smoothness=2.0)


@pytest.mark.parametrize("name", PROBLEMS)
def test_lanes_that_are_threads_give_the_same_bits(name):
    run_both((name, FORMS[name][-1]), "rowwise_adagrad", lanes=4, dtype="float32", batch=3)


def test_movement_of_rows_and_a_batch_clipped_as_a_whole():
    sgns = ("sgns", FORMS["sgns"][0])
    clipped = {"clip": 0.01, "clip_scope": "batch", "batch": 4, "dtype": "float32"}
    run_both(sgns, "sgd", movement=True, duplicates="sequential", rows="nonzero", **clipped)
    run_both(sgns, "catchup_adam", movement=True, lanes=4, runs=2, weight_decay=0.1, **clipped)


def test_critical_gradients_of_tables_that_share_a_norm_or_do_not():
    sgns = ("sgns", FORMS["sgns"][0])
    run_both(sgns, "sgd_c", runs=2, batch=3, dtype="float32", capacity=3, policy="random")
    run_both(sgns, "adam_c", lanes=4, capacity=2, aggregation="median", synced=False, max_age=3)


@pytest.mark.parametrize("name", PROBLEMS)
def test_tables_of_two_layers(name):
    options = {"layers": {"inner": 6}, "movement": True, "batch": 3}
    run_both((name, FORMS[name][0]), "adagrad", dtype="float32", lanes=4, **options)


@pytest.mark.parametrize("trained", ["both", "first", "second"])
def test_layers_that_move_and_tables_that_stay_plain(trained):
    pair = ("pair", FORMS["pair"][0])
    layers = {"inner": 8, "trained": trained, "tables": ("u",)}
    run_both(pair, "sgd", runs=2, movement=True, momentum=0.9, layers=layers)
    lazy = {"dtype": "float32", "weight_decay": 0.1, "movement": True}
    run_both(pair, "catchup_adam", batch=2, layers={**layers, "inner": 3}, **lazy)
    run_both(pair, "sgd_c", batch=2, lanes=2, layers={**layers, "tables": ()})


def test_rows_that_are_too_wide_for_shared_memory(monkeypatch):
    launch, shared = _twin.Module.launch, []

    def watched(self, name, items, scratch, *arguments):
        shared.append(scratch)
        launch(self, name, items, scratch, *arguments)

    monkeypatch.setattr(_twin.Module, "launch", watched)
    for most in (8 * 700 * 32, 8 * 700 * 32 - 1):
        monkeypatch.setattr(_twin, "SHARED", most)
        run_both(("token_quadratic", {"dimension": 700}), "rowwise_adagrad", batch=2)
    assert shared == [5600, 5600, 0, 0]


def test_layers_of_different_sizes_side_by_side():
    pair = ("pair", FORMS["pair"][0])
    ours, theirs = (
        [begin(pair, "sgd", batch=2, layers={"inner": k})[0] for k in (3, 9)] for _ in range(2)
    )
    runs = Runs(ours, _twin)
    runs.advance(STEPS)
    runs.fetch()
    for simulation in theirs:
        NumpyBackend().advance(simulation, STEPS)
    assert_same(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", PROBLEMS)
def test_every_problem_with_every_rule(name, rule):
    options = {"smoothness": 2.0} if rule in ("cf_sgd", "fa_sgd") else {}
    for form in FORMS[name]:
        for dtype, batch in (("float32", 1), ("float64", 7)):
            run_both((name, form), rule, dtype=dtype, batch=batch, runs=2, **options)
    for dtype, inner in (("float32", 8), ("float64", 3)):
        layers = {"layers": {"inner": inner}, "movement": True}
        run_both((name, FORMS[name][-1]), rule, dtype=dtype, batch=2, **layers, **options)


@pytest.mark.slow
def test_a_hundred_thousand_steps_have_the_references_bits():
    ours = begin(("pair", {"dimension": 4}), "cf_sgd", smoothness=2.0, dtype="float32")
    theirs = begin(("pair", {"dimension": 4}), "cf_sgd", smoothness=2.0, dtype="float32")
    CupyBackend(_twin).advance(ours[0], 100_000)
    NumpyBackend().advance(theirs[0], 100_000)
    assert_same(ours, theirs)


def test_the_backend_carries_a_simulation_on():
    ours, theirs = (begin(("pair", {"dimension": 4}), "adagrad") for _ in range(2))
    backend = CupyBackend(_twin)
    backend.advance(ours[0], 10)
    backend.advance(ours[0], STEPS)
    NumpyBackend().advance(theirs[0], STEPS)
    assert_same(ours, theirs)


def test_a_gradient_that_overflows_ends_before_the_same_step():
    options = {"dtype": "float32", "lr": 1e20}
    problem = ("token_quadratic", {"dimension": 3})
    ours, theirs = begin(problem, "sgd", **options), begin(problem, "sgd", **options)
    with pytest.raises(GradientError) as mine:
        CupyBackend(_twin).advance(ours[0], STEPS)
    with pytest.raises(GradientError) as right:
        NumpyBackend().advance(theirs[0], STEPS)
    assert str(mine.value) == str(right.value)
    assert_same(ours, theirs)


def test_what_the_loop_does_not_do_falls_back_and_says_why():
    ours, theirs = (begin(("pair", {"dimension": 4}), "sgd") for _ in range(2))
    for simulation in ours + theirs:
        simulation.rule = OwnRule(lr=0.1)
    with pytest.warns(FallbackWarning, match="rule twins replaces update"):
        CupyBackend(_twin).advance(ours[0], STEPS)
    NumpyBackend().advance(theirs[0], STEPS)
    assert_same(ours, theirs)


def test_runs_of_different_kernels_are_refused():
    mixed = begin(("pair", {"dimension": 4}), "adam") + begin(("pair", {"dimension": 4}), "sgd")
    with pytest.raises(BackendError, match="2 simulations need 2 different kernels"):
        Runs(mixed, _twin)
