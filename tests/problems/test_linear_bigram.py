"""The linear bigram model: exact expectations by enumeration, and its kernels' bits."""

import itertools
import warnings

import numpy as np
import pytest

import freqopt
from freqopt.backends import FallbackWarning, Simulation
from freqopt.backends.cupy import CupyBackend, _twin
from freqopt.backends.numba import NumbaBackend
from freqopt.backends.numpy import NumpyBackend
from freqopt.errors import ProblemError
from freqopt.theory.scaling import full_batch, groups
from tests.backends.cupy.twins import needs_compiler

LOSSES = ("squared", "cross_entropy")
SMALL = {"kind": "zipf", "exponent": 1.2, "size": 5}


def small(loss):
    problem = freqopt.problem("linear_bigram", tokens=SMALL, loss=loss)
    rng = np.random.default_rng(0)
    return problem, {"scores": rng.normal(size=(5, 5))}


@pytest.mark.parametrize("loss", LOSSES)
def test_objective_and_gradient_are_means_over_all_pairs(loss):
    problem, tables = small(loss)
    p, f, g = problem.probabilities, 0.0, np.zeros((5, 5))
    for k, j in itertools.product(range(5), repeat=2):
        sample = {"token": np.array([k]), "following": np.array([j])}
        f += p[k] * p[j] * problem.losses(tables, sample)[0]
        rows, grads = problem.gradients(tables, sample)["scores"]
        g[rows] += p[k] * p[j] * grads
    assert problem.objective(tables) == pytest.approx(f, rel=1e-13)
    np.testing.assert_allclose(problem.gradient(tables)["scores"], g, rtol=0, atol=1e-14)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_constants(loss):
    problem, tables = small(loss)
    known, best = problem.constants, problem.constants.optimum
    assert problem.objective(best) == pytest.approx(known.optimum_value, rel=1e-13)
    assert np.abs(problem.gradient(best)["scores"]).max() < 1e-15
    p = problem.probabilities
    for k in range(5):  # the deviation, by the definition
        sample = {"token": np.full(5, k), "following": np.arange(5)}
        each = 5 * problem.gradients(tables, sample)["scores"][1]
        spread = p @ np.sum((each - p @ each) ** 2, axis=1)
        assert np.sqrt(spread) == pytest.approx(known.deviation["scores"][k], rel=1e-12)


BACKENDS = {
    "numba": lambda: NumbaBackend(patience=0),
    "cuda": pytest.param(lambda: CupyBackend(_twin), marks=needs_compiler),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
def test_backends_have_the_references_bits(backend, loss):
    dtype = "float32" if loss == "cross_entropy" else "float64"
    problem, tables = freqopt.problem("linear_bigram", loss=loss), []
    for one in (NumpyBackend(), backend()):
        rule = freqopt.rule("fa_sgd", lr=0.5, smoothness=1.0, horizon=40)
        simulation = Simulation.begin(problem, rule, steps=40, batch=3, dtype=dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("error", FallbackWarning)
            one.advance(simulation, 40)
        tables.append(simulation.tables["scores"].weights)
    assert tables[0].tobytes() == tables[1].tobytes()
    assert np.abs(tables[0]).max() > 0.01


def test_full_batches_are_law_l3():
    """Gradient descent with the step 1/p_1 has the relative loss of the law, exactly."""
    problem = freqopt.problem("linear_bigram", tokens={"kind": "zipf", "size": 30})
    p, tables = problem.probabilities, problem.start(0, 0)
    excess = [problem.objective(tables) - problem.constants.optimum_value]
    for _ in range(40):
        tables["scores"] -= problem.gradient(tables)["scores"] / p[0]
        excess.append(problem.objective(tables) - problem.constants.optimum_value)
    expected = full_batch.relative_loss(groups.zipf(1.0, 30), 40, 0.0)
    assert excess[-1] / excess[0] == pytest.approx(expected, rel=1e-9)


def test_scores_of_a_token_that_never_occurs():
    counts = {"kind": "counts", "counts": (3, 0, 1)}
    freqopt.problem("linear_bigram", tokens=counts)
    with pytest.raises(ProblemError, match="never occurs"):
        freqopt.problem("linear_bigram", tokens=counts, loss="cross_entropy")
