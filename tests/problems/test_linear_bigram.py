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
from freqopt.data import load
from freqopt.errors import ProblemError
from freqopt.theory.scaling import full_batch, groups
from tests.backends.cupy.twins import needs_compiler

LOSSES = ("squared", "cross_entropy")
SMALL = {"kind": "zipf", "exponent": 1.2, "size": 5}
TEXT = {"kind": "bigrams", "data": "python_topics", "vocabulary": 5}
LAWS = {"law": SMALL, "text": TEXT}


def small(loss, law="law"):
    problem = freqopt.problem("linear_bigram", tokens=LAWS[law], loss=loss)
    rng = np.random.default_rng(0)
    return problem, {"scores": rng.normal(size=(5, 5))}


def joint(law):
    """The probability of every pair, from the definition."""
    if law == "law":
        p = 1 / np.arange(1, 6) ** 1.2
        return np.outer(p, p) / p.sum() ** 2
    words = load("python_topics").tokens
    kept = np.zeros((5, 5))
    for k, j in itertools.pairwise(words.tolist()):
        if k < 5 and j < 5:
            kept[k, j] += 1
    return kept / kept.sum()


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("loss", LOSSES)
def test_objective_and_gradient_are_means_over_all_pairs(loss, law):
    problem, tables = small(loss, law)
    D, f, g = joint(law), 0.0, np.zeros((5, 5))
    for k, j in itertools.product(range(5), repeat=2):
        sample = {"token": np.array([k]), "following": np.array([j])}
        f += D[k, j] * problem.losses(tables, sample)[0]
        rows, grads = problem.gradients(tables, sample)["scores"]
        g[rows] += D[k, j] * grads
    assert problem.objective(tables) == pytest.approx(f, rel=1e-13)
    np.testing.assert_allclose(problem.gradient(tables)["scores"], g, rtol=0, atol=1e-14)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_constants(loss, law):
    problem, tables = small(loss, law)
    known, best, D = problem.constants, problem.constants.optimum, joint(law)
    q = D / D.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(known.frequency["scores"], D.sum(axis=1), rtol=1e-13)
    if loss == "cross_entropy" and law == "text":  # some pairs never occur: only an infimum
        assert best is None
        best = {"scores": np.log(np.maximum(q, 1e-30))}
    assert problem.objective(best) == pytest.approx(known.optimum_value, rel=1e-13)
    assert np.abs(problem.gradient(best)["scores"]).max() < 1e-15
    for k in range(5):  # the deviation, by the definition
        sample = {"token": np.full(5, k), "following": np.arange(5)}
        each = 5 * problem.gradients(tables, sample)["scores"][1]
        spread = q[k] @ np.sum((each - q[k] @ each) ** 2, axis=1)
        assert np.sqrt(spread) == pytest.approx(known.deviation["scores"][k], rel=1e-12)


BACKENDS = {
    "numba": lambda: NumbaBackend(patience=0),
    "cuda": pytest.param(lambda: CupyBackend(_twin), marks=needs_compiler),
}


@pytest.mark.parametrize(
    ("loss", "law"), [*((loss, "law") for loss in LOSSES), ("squared", "text")]
)
@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
def test_backends_have_the_references_bits(backend, loss, law):
    dtype = "float32" if loss == "cross_entropy" else "float64"
    tokens = LAWS[law] | ({"vocabulary": 20} if law == "text" else {"size": 20})
    problem, tables = freqopt.problem("linear_bigram", loss=loss, tokens=tokens), []
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
