import itertools
import math

import mpmath
import numpy as np
import pytest
from problem_checks import (
    LEVEL,
    check_differences,
    check_enumeration,
    check_float32,
    check_frequencies,
    check_mpmath,
    check_reentry,
    check_sampling,
    one_step,
    random_tables,
    refused,
)
from scipy.optimize import minimize
from scipy.special import ndtri

from freqopt.errors import DataError, ProblemError
from freqopt.problems import problems

Sgns = problems["sgns"]

COUNTS = {"kind": "counts", "counts": [[5, 1, 2], [0, 3, 1]]}
TINY = Sgns(pairs=COUNTS, dimension=2, negatives=2)
TOPICS = Sgns(
    pairs={
        "kind": "topics",
        "tokens": {"kind": "zipf", "exponent": 1.0, "size": 12},
        "topics": 3,
        "coherence": 0.7,
    },
    dimension=3,
    negatives=3,
)
ONE = Sgns(pairs={"kind": "counts", "counts": [[4]]}, dimension=1, negatives=1)


def outcomes(problem):
    """Every pair and every tuple of negatives, from the definitions."""
    D = np.array(problem.pairs.counts) / np.sum(problem.pairs.counts)
    noise = D.sum(axis=0) ** problem.noise_power
    noise /= noise.sum()
    contexts = range(D.shape[1])
    for i, j in itertools.product(range(D.shape[0]), contexts):
        for drawn in itertools.product(contexts, repeat=problem.negatives):
            chance = D[i, j] * math.prod(noise[m] for m in drawn)
            yield chance, {"centres": i, "contexts": np.array([j, *drawn])}


def mp_loss(rows, sample):
    u = rows["centres"][int(sample["centres"])]
    total = mpmath.mpf(0)
    for m, j in enumerate(sample["contexts"]):
        s = mpmath.fsum(a * b for a, b in zip(u, rows["contexts"][int(j)], strict=True))
        total -= mpmath.log(1 / (1 + mpmath.exp(-s if m == 0 else s)))
    return total


@pytest.mark.parametrize("problem", [TINY, TOPICS, ONE])
def test_gradients_are_derivatives(problem):
    tables, samples = random_tables(problem), one_step(problem)
    check_differences(problem, tables, samples)
    check_mpmath(problem, tables, samples, mp_loss)


@pytest.mark.parametrize("power", [0.0, 0.75, 1.0])
def test_enumeration_gives_objective_gradient_and_frequencies(power):
    problem = Sgns(pairs=COUNTS, dimension=2, negatives=2, noise_power=power)
    check_enumeration(problem, random_tables(problem), outcomes(problem))


@pytest.mark.parametrize("problem", [TINY, TOPICS])
def test_samples_have_the_exact_means(problem):
    check_sampling(problem, random_tables(problem))
    check_frequencies(problem, {"centres": "centres"})
    drawn = problem.draw(5, 2, np.arange(100), 300)["contexts"]
    assert drawn.shape == (100, 300, 1 + problem.negatives)
    noise = np.bincount(drawn[..., 1:].reshape(-1), minlength=problem.noise_law.size)
    n = noise.sum()
    z = (noise - n * problem.noise_law) / np.sqrt(n * problem.noise_law * (1 - problem.noise_law))
    assert np.abs(z).max() < -ndtri(LEVEL / (2 * z.size))
    # A word is in the sample as context or negative: every one at once.
    p = problem.constants.frequency["contexts"]
    inside = np.array([(drawn == j).any(axis=-1).sum() for j in range(p.size)])
    n = drawn.shape[0] * drawn.shape[1]
    z = (inside - n * p) / np.sqrt(n * p * (1 - p))
    assert np.abs(z).max() < -ndtri(LEVEL / (2 * z.size))


@pytest.mark.parametrize("problem", [TINY, TOPICS, ONE])
def test_draws_are_reentered_and_float32_is_kept(problem):
    check_reentry(problem)
    check_float32(problem, one_step(problem))
    start = problem.start(1, 1)
    assert not start["contexts"].any()
    assert np.abs(start["centres"]).max() <= 0.5 / problem.dimension


def test_lower_bound_is_the_minimum_over_free_scores():
    """With N x N identity centres the scores are free: the minimiser is shifted PMI."""
    counts = [[5, 1, 2], [2, 3, 1], [1, 1, 7]]
    problem = Sgns(pairs={"kind": "counts", "counts": counts}, dimension=3, negatives=2)
    D = np.array(counts) / np.sum(counts)
    apart = 2 * D.sum(axis=1)[:, None] * problem.noise_law
    at = {"centres": np.eye(3), "contexts": np.log(D / apart).T}
    bound = problem.constants.optimum_value
    assert problem.objective(at) == pytest.approx(bound, rel=1e-14)
    assert max(np.abs(g).max() for g in problem.gradient(at).values()) < 1e-15

    def unpack(z):
        return {"centres": z[:9].reshape(3, 3), "contexts": z[9:].reshape(3, 3)}

    found = minimize(
        lambda z: problem.objective(unpack(z)),
        np.random.default_rng(0).standard_normal(18),
        jac=lambda z: np.concatenate([g.reshape(-1) for g in problem.gradient(unpack(z)).values()]),
        tol=1e-10,
    )
    assert found.fun == pytest.approx(bound, rel=1e-9)
    narrow = Sgns(pairs={"kind": "counts", "counts": counts}, dimension=1, negatives=2)
    for seed in range(5):
        assert narrow.objective(random_tables(narrow, seed=seed)) > bound


def test_lower_bound_counts_absent_pairs_as_nothing():
    far = {
        "centres": np.array([[40.0, 0.0], [0.0, 40.0]]),
        "contexts": np.zeros((3, 2)),
    }
    D = np.array(COUNTS["counts"]) / 12
    noise = TINY.noise_law
    with np.errstate(divide="ignore"):
        best = np.log(D / (2 * D.sum(axis=1)[:, None] * noise))
    best[1, 0] = -100  # minus infinity is wanted where a pair never occurs
    far["contexts"] = (best / 40.0).T
    assert TINY.objective(far) == pytest.approx(TINY.constants.optimum_value, rel=1e-13)


def test_text_and_bigrams(tmp_path):
    text = tmp_path / "text"
    text.write_text("a b a c a b b a c a d " * 3)
    corpus = {"kind": "corpus", "data": {"path": text, "format": "text"}, "window": 2}
    problem = Sgns(pairs=corpus, dimension=2, negatives=1)
    tokens = text.read_text().split()
    words = sorted(set(tokens), key=lambda w: (-tokens.count(w), w))
    D = np.zeros((4, 4))
    for t, k in itertools.product(range(len(tokens)), (1, 2)):
        if t + k < len(tokens):
            one, other = words.index(tokens[t]), words.index(tokens[t + k])
            D[one, other] += 3 - k
            D[other, one] += 3 - k
    D /= D.sum()
    np.testing.assert_allclose(problem.pairs.rows(slice(0, 4)), D, rtol=1e-14)
    np.testing.assert_allclose(problem.pairs.rows(slice(1, 3)), D[1:3], rtol=1e-14)
    np.testing.assert_allclose(problem.constants.frequency["centres"], D.sum(axis=1), rtol=1e-14)
    check_sampling(problem, random_tables(problem), 200, 100)
    check_reentry(problem)
    two = Sgns(pairs=corpus | {"vocabulary": 2}, dimension=2)
    np.testing.assert_allclose(two.pairs.rows(slice(0, 2)), D[:2, :2] / D[:2, :2].sum(), rtol=1e-14)

    # Sentences of four words: no pair crosses from one into the next.
    S = np.zeros((4, 4))
    for t in range(len(tokens)):
        for u in range(max(0, t - 2), min(len(tokens), t + 3)):
            if u != t and u // 4 == t // 4:
                S[words.index(tokens[t]), words.index(tokens[u])] += 3 - abs(t - u)
    cut = Sgns(pairs=corpus | {"sentence": 4}, dimension=2)
    np.testing.assert_allclose(cut.pairs.rows(slice(0, 4)), S / S.sum(), rtol=1e-14)
    assert np.abs(S / S.sum() - D).max() > 0.01
    table = tmp_path / "bigrams"
    table.write_text("a b\t5\nb a\t2\n")
    bigrams = {"kind": "corpus", "data": {"path": table, "format": "token_counts"}}
    np.testing.assert_allclose(
        Sgns(pairs=bigrams).pairs.rows(slice(0, 2)), np.array([[0, 5], [2, 0]]) / 7
    )


def test_bad_parameters(tmp_path):
    refused(lambda: Sgns(negatives=0), "negatives")
    refused(lambda: Sgns(noise_power=-1), "noise_power")
    refused(lambda: Sgns(pairs={"kind": "corpus", "data": 3}), "data")
    refused(lambda: Sgns(pairs={"kind": "corpus", "data": {"path": "x"}}), "format")
    refused(lambda: Sgns(pairs={"kind": "corpus", "data": "x", "window": 0}), "window")
    absent = Sgns(pairs={"kind": "corpus", "data": {"path": tmp_path / "no", "format": "text"}})
    with pytest.raises(DataError, match="does not exist"):
        _ = absent.shapes
    once = tmp_path / "once"
    once.write_text("a b c")
    one_word = {"kind": "corpus", "data": {"path": once, "format": "text"}, "vocabulary": 1}
    with pytest.raises(ProblemError, match="raise vocabulary"):
        _ = Sgns(pairs=one_word).constants
