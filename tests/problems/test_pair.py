import itertools
import math

import mpmath
import numpy as np
import pytest
from problem_checks import (
    LEVEL,
    assert_tables_close,
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

from freqopt.problems import problems

Pair = problems["pair"]

COUNTS = {"kind": "counts", "counts": [[5, 1, 2], [0, 3, 1]]}
PRODUCT = {
    "kind": "product",
    "u": {"kind": "zipf", "exponent": 1.2, "size": 6},
    "v": {"kind": "exponential", "rate": 0.4, "size": 5},
}
TOPICS = {
    "kind": "topics",
    "tokens": {"kind": "zipf", "exponent": 1.0, "size": 6},
    "topics": 3,
    "coherence": 0.6,
}
ONE = {"kind": "counts", "counts": [[7]]}

FORMS = list(itertools.product(("dot", "sum"), ("squared", "logistic", "cosine")))
noise_of = {"squared": {"noise": 0.4}, "logistic": {}, "cosine": {"noise": 0.4}}


def make(score, loss, pairs, dimension=2, **more):
    return Pair(score=score, loss=loss, pairs=pairs, dimension=dimension, **noise_of[loss] | more)


def law_of(problem):
    """D as a matrix, from the definitions in the docstrings (not from the problem's methods)."""
    pairs = problem.pairs
    if pairs.kind == "counts":
        return np.array(pairs.counts) / np.sum(pairs.counts)
    if pairs.kind == "product":
        p = np.arange(1, 7.0) ** -1.2
        q = np.exp(-0.4 * np.arange(5))
        return np.outer(p / p.sum(), q / q.sum())
    n, m, h = 6, 3, 0.6
    p = 1 / np.arange(1, n + 1)
    p /= p.sum()
    D = np.zeros((n, n))
    for i, j in itertools.product(range(n), range(n)):
        D[i, j] += p[i] * p[j] * (1 - h)
        D[i, (j // m) * m + i % m] += p[i] * p[j] * h
    return D


def score_of(problem, u, v):
    return u @ v if problem.score == "dot" else (u + v).sum() / math.sqrt(len(u))


def outcomes(problem):
    """Every (i, j, y) with its probability."""
    D = law_of(problem)
    for i, j in itertools.product(*map(range, D.shape)):
        planted = score_of(problem, problem.optimum["u"][i], problem.optimum["v"][j])
        if problem.loss == "logistic":
            chance = 1 / (1 + math.exp(-planted))
            labels = [(chance, 1.0), (1 - chance, 0.0)]
        else:
            labels = [(0.5, planted + problem.noise), (0.5, planted - problem.noise)]
        for q, y in labels:
            yield D[i, j] * q, {"u": i, "v": j, "y": y}


def mp_loss(problem):
    def loss(rows, sample):
        u, v = rows["u"][int(sample["u"])], rows["v"][int(sample["v"])]
        y = mpmath.mpf(float(sample["y"]))
        if problem.score == "dot":
            s = mpmath.fsum(a * b for a, b in zip(u, v, strict=True))
        else:
            s = mpmath.fsum(u + v) / mpmath.sqrt(len(u))
        if problem.loss == "squared":
            return (s - y) ** 2 / 2
        if problem.loss == "cosine":
            return 1 - mpmath.cos(s - y)
        return mpmath.log(1 + mpmath.exp(s)) - y * s

    return loss


@pytest.mark.parametrize(("score", "loss"), FORMS)
@pytest.mark.parametrize("pairs", [COUNTS, ONE], ids=["counts", "one"])
@pytest.mark.parametrize("dimension", [1, 3])
def test_gradients_are_derivatives(score, loss, pairs, dimension):
    problem = make(score, loss, pairs, dimension)
    tables, samples = random_tables(problem), one_step(problem)
    check_differences(problem, tables, samples)
    check_mpmath(problem, tables, samples, mp_loss(problem))


@pytest.mark.parametrize(("score", "loss"), FORMS)
@pytest.mark.parametrize("pairs", [COUNTS, PRODUCT, TOPICS], ids=["counts", "product", "topics"])
def test_enumeration_gives_objective_gradient_and_deviation(score, loss, pairs):
    problem = make(score, loss, pairs)
    for seed, scale in enumerate((0.7, 3.0)):
        tables = random_tables(problem, scale, seed)
        deviation = check_enumeration(problem, tables, outcomes(problem))
        # A difference of squares: a small deviation has lost digits to the mean.
        assert_tables_close(problem.conditional_deviation(tables), deviation, 1e-9, 1e-9)
        if problem.constants.deviation is not None:
            for name, sigma in problem.constants.deviation.items():
                assert (deviation[name] <= sigma).all()


@pytest.mark.parametrize("loss", ["logistic", "cosine"])
def test_deviation_bound_is_approached(loss):
    """Rows whose partners pull in opposite directions come near the bound 1."""
    pairs = {"kind": "counts", "counts": [[1, 1]]}
    problem = make("sum", loss, pairs, 1, signal=0.5 if loss == "logistic" else 1.0)
    planted = problem.optimum
    push = 40.0 if loss == "logistic" else math.pi / 2
    tables = {"u": planted["u"], "v": planted["v"] + [[push], [-push]]}
    reached = problem.conditional_deviation(tables)["u"][0]
    # Logistic labels agree with one of the two sides half the time: 1/sqrt(2), about.
    assert reached > (0.6 if loss == "logistic" else 0.9)


@pytest.mark.parametrize(("score", "loss"), FORMS)
def test_samples_have_the_exact_means(score, loss):
    problem = make(score, loss, PRODUCT)
    check_sampling(problem, random_tables(problem))


@pytest.mark.parametrize("pairs", [COUNTS, PRODUCT, TOPICS], ids=["counts", "product", "topics"])
def test_drawn_pairs_follow_their_law(pairs):
    problem = make("dot", "squared", pairs)
    check_frequencies(problem, {"u": "u", "v": "v"})
    D = law_of(problem)
    drawn = problem.draw(2, 3, np.arange(200), 500)
    seen = np.zeros(D.shape)
    np.add.at(seen, (drawn["u"], drawn["v"]), 1)
    n = drawn["u"].size
    assert seen[D == 0].sum() == 0
    z = (seen - n * D)[D > 0] / np.sqrt(n * D * (1 - D))[D > 0]
    assert np.abs(z).max() < -ndtri(LEVEL / (2 * z.size))


@pytest.mark.parametrize(("score", "loss"), FORMS)
def test_draws_are_reentered_and_float32_is_kept(score, loss):
    problem = make(score, loss, TOPICS, 3)
    check_reentry(problem)
    check_float32(problem, one_step(problem))


@pytest.mark.parametrize("loss", ["squared", "logistic", "cosine"])
def test_smoothness_is_the_largest_curvature(loss):
    """Hessians of single samples: none above L, one close to it; and nothing is strongly convex."""
    problem = make("sum", loss, ONE, 2)
    L = problem.constants.smoothness
    largest, smallest = -math.inf, math.inf
    for seed in range(40):
        x = random_tables(problem, 1.0, seed)
        samples = one_step(problem, step=seed, batch=1)
        if seed == 0:  # where the curvature is known to peak: s = y, or s = 0 for the logistic
            target = 0.0 if loss == "logistic" else float(samples["y"][0])
            x = {"u": np.full((1, 2), target / math.sqrt(2)), "v": np.zeros((1, 2))}

        def flat(z, samples=samples):
            tables = {"u": z[None, :2], "v": z[None, 2:]}
            g = problem.gradients(tables, samples)
            return np.concatenate([g["u"][1][0], g["v"][1][0]])

        z = np.concatenate([x["u"][0], x["v"][0]])
        H = np.array([(flat(z + 1e-5 * e) - flat(z - 1e-5 * e)) / 2e-5 for e in np.eye(4)])
        eigenvalues = np.linalg.eigvalsh((H + H.T) / 2)
        largest, smallest = max(largest, eigenvalues[-1]), min(smallest, eigenvalues[0])
    assert largest <= L * (1 + 1e-9)
    assert largest == pytest.approx(L, rel=1e-8)
    assert smallest < 1e-9
    assert problem.constants.strong_convexity is None
    assert make("dot", loss, ONE).constants.smoothness is None


@pytest.mark.parametrize(("score", "loss"), FORMS)
def test_planted_tables_are_the_minimum(score, loss):
    problem = make(score, loss, COUNTS)
    constants = problem.constants
    assert problem.objective(constants.optimum) == constants.optimum_value
    for gradient in problem.gradient(constants.optimum).values():
        assert np.abs(gradient).max() < 1e-15
    names = list(problem.shapes)
    cut = 2 * problem.shapes["u"][0]

    def unpack(z):
        return {"u": z[:cut].reshape(-1, 2), "v": z[cut:].reshape(-1, 2)}

    best = math.inf
    for seed in range(3):
        start = problem.start(seed, 0) if loss == "cosine" else random_tables(problem, 0.5, seed)
        found = minimize(
            lambda z: problem.objective(unpack(z)),
            np.concatenate([start[n].reshape(-1) for n in names]),
            jac=lambda z: np.concatenate(
                [problem.gradient(unpack(z))[n].reshape(-1) for n in names]
            ),
            tol=1e-12,
        )
        best = min(best, found.fun)
        assert found.fun >= constants.optimum_value - 1e-12
    assert best == pytest.approx(constants.optimum_value, abs=1e-8)


@pytest.mark.parametrize("score", ["dot", "sum"])
@pytest.mark.parametrize("dimension", [1, 16])
def test_planted_scores_have_the_asked_deviation(score, dimension):
    problem = Pair(score=score, dimension=dimension, signal=2.0)
    u, v = problem.optimum["u"], problem.optimum["v"]
    scores = u @ v.T if score == "dot" else (u.sum(1)[:, None] + v.sum(1)) / math.sqrt(dimension)
    # 1000 x 1000 scores of 2000 independent rows: a few per cent.
    assert scores.std() == pytest.approx(2.0, rel=0.1)


def test_objective_does_not_depend_on_the_blocks(monkeypatch):
    """One block or many: the same sum to rounding."""
    problem = make("dot", "logistic", PRODUCT, 3)
    tables = random_tables(problem)
    f, g = problem.objective(tables), problem.gradient(tables)
    monkeypatch.setattr("freqopt.problems._pairs.BLOCK", 7)
    assert problem.objective(tables) == pytest.approx(f, rel=1e-14)
    assert_tables_close(problem.gradient(tables), g, 1e-13, 1e-15)


SPLIT = [("dot", "squared"), ("sum", "squared"), ("sum", "cosine")]


@pytest.mark.parametrize(("score", "loss"), SPLIT)
@pytest.mark.parametrize("pairs", [PRODUCT, TOPICS], ids=["product", "topics"])
def test_what_splits_is_summed_without_a_visit_to_every_pair(score, loss, pairs, monkeypatch):
    problem = make(score, loss, pairs, 3)
    monkeypatch.setattr(Pair, "_blocks", lambda *_: pytest.fail("every pair was visited"))
    tables = random_tables(problem)
    check_enumeration(problem, tables, outcomes(problem))


@pytest.mark.parametrize(("score", "loss"), SPLIT)
def test_a_tiny_gap_keeps_its_digits(score, loss, monkeypatch):
    """Other tables with the planted scores but for 1e-10: without noise, f is 1e-20 or so."""
    problem = make(score, loss, PRODUCT, 2, noise=0.0)
    best = problem.optimum
    if score == "dot":  # the planted scores, by other tables
        turn = np.array([[0.6, -0.8], [0.8, 0.6]])
        tables = {name: table @ turn for name, table in best.items()}
    else:
        tables = {"u": best["u"] + 3, "v": best["v"] - 3}
        monkeypatch.setattr(Pair, "_blocks", lambda *_: pytest.fail("every pair was visited"))
    tables["u"] = tables["u"] + 1e-10
    f = 0.0
    for probability, sample in outcomes(problem):
        s, planted = (score_of(problem, t["u"][sample["u"]], t["v"][sample["v"]])
                      for t in (tables, best))  # fmt: skip
        f += probability * (s - planted) ** 2 / 2  # to 1e-20, for the cosine too
    assert problem.objective(tables) == pytest.approx(f, rel=1e-4, abs=0)


def test_start_is_gaussian_with_the_asked_spread():
    problem = Pair(spread=0.3)
    start = problem.start(1, 2)
    assert start["u"].std() == pytest.approx(0.3, rel=0.05)
    assert (start["u"] != problem.start(1, 3)["u"]).all()
    assert (start["u"] != start["v"]).all()


def test_bad_parameters():
    refused(lambda: Pair(score="product"), "score", "dot")
    refused(lambda: Pair(loss="cosine", noise=2.0), "pi/2")
    refused(lambda: Pair(loss="logistic", noise=0.1), "noise", "signal")
    refused(lambda: Pair(signal=0), "signal")
    refused(lambda: Pair(pairs={"kind": "counts", "counts": [[1, 2], [3]]}), "[1, 2]")
    refused(lambda: Pair(pairs={"kind": "counts", "counts": [[0, 0]]}), "0")
    refused(lambda: Pair(pairs={"kind": "counts", "counts": [[-1]]}), "counts")
    refused(lambda: Pair(pairs={"kind": "counts", "counts": [[2**62, 2**62]]}), str(2**63))
    refused(lambda: Pair(pairs=TOPICS | {"topics": 4}), "topics")
    refused(lambda: Pair(pairs=TOPICS | {"coherence": 1.5}), "coherence")
    refused(lambda: Pair(pair=COUNTS), "pairs")


def test_cosine_of_a_diverged_run_is_not_a_number():
    """Beyond 2^20 radians sin is not defined here: NaN, which a run reports as divergence."""
    problem = make("sum", "cosine", ONE, 1)
    far = {"u": np.array([[4.0e6]]), "v": np.array([[0.0]])}
    near = {"u": np.array([[1.0e6]]), "v": np.array([[0.0]])}
    assert np.isfinite(problem.gradients(near, one_step(problem))["u"][1]).all()
    assert np.isnan(problem.gradients(far, one_step(problem))["u"][1]).all()
    assert math.isnan(problem.objective(far))
