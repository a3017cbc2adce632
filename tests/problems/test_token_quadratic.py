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
from scipy.special import ndtri

from freqopt.problems import problems

TokenQuadratic = problems["token_quadratic"]

TINY = TokenQuadratic(
    tokens={"kind": "counts", "counts": [4, 2, 1, 1]},
    dimension=2,
    curvature={"scale": 1.5, "exponent": 0.5},
    noise={"scale": 0.7, "exponent": -0.25},
    distance={"scale": 2.0, "exponent": 0.5},
)
SMALL = TokenQuadratic(tokens={"kind": "zipf", "exponent": 1.2, "size": 20}, dimension=3)
LAWS = [
    TINY,
    SMALL,
    TokenQuadratic(
        tokens={"kind": "zipf", "exponent": 1.2, "size": 20}, dimension=3, noise_law="normal"
    ),
    TokenQuadratic(tokens={"kind": "exponential", "rate": 0.3, "size": 12}, dimension=1),
    TokenQuadratic(tokens={"kind": "zipf", "exponent": 1.0, "size": 1}, dimension=1),
]


def outcomes(problem):
    """Every sample of a two-point problem with its probability."""
    p = np.array(problem.tokens.counts) / sum(problem.tokens.counts)
    width = problem.dimension
    for k in range(p.size):
        for z in itertools.product((-1.0, 1.0), repeat=width):
            yield p[k] / 2**width, {"tokens": k, "noise": np.array(z)}


def mp_loss(problem):
    def loss(rows, sample):
        k = int(sample["tokens"])
        lam, sigma = (mpmath.mpf(float(x[k])) for x in (problem.curvatures, problem.noises))
        total = mpmath.mpf(0)
        for c, x in enumerate(rows["tokens"][k]):
            a, z = (mpmath.mpf(float(y)) for y in (problem.optimum[k, c], sample["noise"][c]))
            total += (x - a - sigma * z) ** 2
        return lam * total / 2

    return loss


@pytest.mark.parametrize("problem", LAWS)
def test_gradients_are_derivatives(problem):
    tables, samples = random_tables(problem), one_step(problem)
    check_differences(problem, tables, samples)
    check_mpmath(problem, tables, samples, mp_loss(problem))


def test_enumeration_gives_objective_gradient_and_constants():
    deviation = check_enumeration(TINY, random_tables(TINY), outcomes(TINY))
    np.testing.assert_allclose(TINY.constants.deviation["tokens"], deviation["tokens"], rtol=1e-12)


@pytest.mark.parametrize("problem", LAWS)
def test_samples_have_the_exact_means(problem):
    check_sampling(problem, random_tables(problem))
    check_frequencies(problem, {"tokens": "tokens"})


@pytest.mark.parametrize("problem", LAWS)
def test_draws_are_reentered_and_float32_is_kept(problem):
    check_reentry(problem)
    check_float32(problem, one_step(problem))


def test_noise_laws_have_unit_covariance():
    for law in ("two_point", "normal"):
        problem = TokenQuadratic(**SMALL.model_dump() | {"noise_law": law})
        z = problem.draw(0, 0, np.arange(300), 100)["noise"].reshape(-1, 3)
        # The entries of z z' have standard deviation at most sqrt(2); 6 + 3 of them are compared.
        limit = -ndtri(LEVEL / 18) * np.sqrt(2 / len(z))
        assert np.abs(z.T @ z / len(z) - np.eye(3)).max() < limit
        assert np.abs(z.mean(axis=0)).max() < limit
        if law == "two_point":
            assert set(np.unique(z)) == {-1.0, 1.0}


def test_profiles_follow_the_frequency():
    p = np.array([4, 2, 1, 1]) / 8
    np.testing.assert_allclose(TINY.curvatures, 1.5 * (p / 0.5) ** 0.5, rtol=1e-15)
    np.testing.assert_allclose(TINY.noises, 0.7 * (p / 0.5) ** -0.25, rtol=1e-15)
    start = TINY.start(4, 2)["tokens"]
    distance = np.sqrt(((start - TINY.optimum) ** 2).sum(axis=1))
    np.testing.assert_allclose(distance, 2.0 * (p / 0.5) ** 0.5, rtol=1e-14)
    assert (start != TINY.start(4, 3)["tokens"]).any()


def test_smoothness_convexity_and_optimum():
    constants = TINY.constants
    assert constants.smoothness == TINY.curvatures.max()
    assert constants.strong_convexity == TINY.curvatures.min()
    at_optimum = {"tokens": constants.optimum["tokens"]}
    assert not TINY.gradient(at_optimum)["tokens"].any()
    assert TINY.objective(at_optimum) == pytest.approx(constants.optimum_value, rel=1e-15)
    for seed in range(5):
        assert TINY.objective(random_tables(TINY, seed=seed)) > constants.optimum_value


def sgd(problem, table, rates, samples):
    """One step of SGD that combines duplicates: the rule of the moment identity."""
    rows, grads = problem.gradients({"tokens": table}, samples)["tokens"]
    moved = table.copy()
    np.add.at(moved, rows, -rates[rows, None] * grads)
    return moved


@pytest.mark.parametrize(("batch", "steps"), [(1, 3), (2, 2)])
def test_expected_error_equals_every_path(batch, steps):
    """All 8^3 paths of three single-sample steps, and all 64^2 of two steps with duplicates."""
    problem = TokenQuadratic(
        tokens={"kind": "counts", "counts": [3, 1]},
        dimension=2,
        curvature={"scale": 1.2, "exponent": 1.0},
        noise=0.6,
    )
    rates = np.array([0.4, 1.1])
    single = list(outcomes(problem))
    batches = []
    for combination in itertools.product(single, repeat=batch):
        probability = np.prod([q for q, _ in combination])
        fields = {k: np.stack([s[k] for _, s in combination]) for k in ("tokens", "noise")}
        batches.append((probability, fields))
    start = problem.start(1, 1)
    states = [(1.0, start["tokens"])]
    for _ in range(steps):
        states = [(w * q, sgd(problem, x, rates, s)) for w, x in states for q, s in batches]
    assert sum(w for w, _ in states) == pytest.approx(1, rel=1e-12)
    error = sum(w * ((x - problem.optimum) ** 2).sum(axis=1) for w, x in states)
    exact = problem.expected_error(rates, steps, start, batch)
    np.testing.assert_allclose(exact, error, rtol=1e-12)
    objective = sum(w * problem.objective({"tokens": x}) for w, x in states)
    assert problem.expected_objective(rates, steps, start, batch) == pytest.approx(
        objective, rel=1e-12
    )


@pytest.mark.parametrize("law", ["two_point", "normal"])
def test_expected_error_equals_monte_carlo(law):
    """1,000 runs of 40 batches of 3; the largest |z| over tokens."""
    problem = TokenQuadratic(
        tokens={"kind": "zipf", "exponent": 1.0, "size": 8}, dimension=2, noise_law=law
    )
    rates = 0.3 / np.sqrt(problem.probabilities)
    runs, steps, batch = 1000, 40, 3
    start = problem.start(0, 0)
    errors = np.empty((runs, 8))
    for run in range(runs):
        drawn = problem.draw(9, run, np.arange(steps), batch)
        table = start["tokens"]
        for t in range(steps):
            table = sgd(problem, table, rates, {k: v[t] for k, v in drawn.items()})
        errors[run] = ((table - problem.optimum) ** 2).sum(axis=1)
    exact = problem.expected_error(rates, steps, start, batch)
    z = (errors.mean(axis=0) - exact) / (errors.std(axis=0, ddof=1) / np.sqrt(runs))
    assert np.abs(z).max() < -ndtri(LEVEL / 16)


def test_expected_error_keeps_its_digits():
    """Against 60-digit arithmetic, from p eta lambda ~ 1e-18 to eta lambda = 2 and divergence.

    The start at the optimum leaves the noise term alone. rho^T multiplies the rounding of log rho
    by log rho^T, which for the diverging rate 2.5 is the exponent of the result.
    """
    problem = TokenQuadratic(
        tokens={"kind": "counts", "counts": [1, 10**6, 10**12]}, dimension=1, noise=0.5
    )
    p = problem.probabilities
    for rate, batch, steps, distance in itertools.product(
        (0.0, 1e-6, 0.3, 1.0, 2.0, 2.5), (1, 4), (0, 1, 7, 10**6), (0, 1.5)
    ):
        if rate >= 2.0 and batch > 1:
            continue  # 1 - rho crosses zero, where no digits are owed
        start = {"tokens": problem.optimum + distance}
        got = problem.expected_error(rate, steps, start, batch)
        squares = ((start["tokens"] - problem.optimum) ** 2).sum(axis=1)
        with mpmath.workdps(60):
            for k in range(3):
                q, h, b = mpmath.mpf(float(p[k])), mpmath.mpf(rate), batch
                rho = 1 - 2 * h * q + h**2 * (q * (1 - q) / b + q**2)
                noise = q * (h / 2) ** 2 / b
                e = rho**steps * mpmath.mpf(float(squares[k]))
                e += noise * (steps if rho == 1 else (1 - rho**steps) / (1 - rho))
                growth = float(abs(steps * mpmath.log(rho)))
                exact = math.inf if growth > 720 and rho > 1 else float(e)
                # An underflow to zero costs the last, denormal digits.
                assert got[k] == pytest.approx(exact, rel=4e-15 * (1 + growth), abs=1e-300)
    start = problem.start(0, 0)
    curve = problem.expected_error(0.3, np.array([0, 1, 7]), start)
    assert curve.shape == (3, 3)
    np.testing.assert_array_equal(curve[2], problem.expected_error(0.3, 7, start))


def test_bad_parameters():
    refused(lambda: TokenQuadratic(dimension=0), "dimension", "0")
    refused(lambda: TokenQuadratic(dimensions=4), "dimension")
    refused(lambda: TokenQuadratic(curvature=0), "curvature")
    refused(lambda: TokenQuadratic(noise=-1), "noise")
    refused(lambda: TokenQuadratic(noise={"scale": 1, "exponant": 1}), "exponant")
    refused(lambda: TokenQuadratic(noise_law="cauchy"), "two_point")
    refused(lambda: TokenQuadratic(tokens={"kind": "zipf", "exponent": -1, "size": 3}), "exponent")
    refused(lambda: TokenQuadratic(tokens={"kind": "zip"}), "zipf")
    refused(lambda: TokenQuadratic(tokens={"kind": "counts", "counts": []}), "counts")
    refused(lambda: TokenQuadratic(tokens={"kind": "counts", "counts": [0, 0]}), "0")
    refused(lambda: TokenQuadratic(distance=float("nan")), "distance")


def test_the_law_of_a_file(tmp_path):
    """A table of counts, a text, or ratings: p_k is the share of the k-th commonest token."""
    (tmp_path / "counts").write_text("b\t2\na\t5\nc\t1\n")
    (tmp_path / "text").write_text("a b a c a b a a")
    (tmp_path / "ratings").write_text(
        "user,item,rating\n" + "".join(f"u,{item},1\n" for item in "cabaabaa")
    )

    def law(name, file_format, **options):
        data = {"path": tmp_path / name, "format": file_format}
        tokens = {"kind": "data", "data": data, **options}
        return TokenQuadratic(tokens=tokens).constants.frequency["tokens"].tolist()

    for name, file_format in (
        ("counts", "token_counts"), ("text", "text"), ("ratings", "ratings_csv"),
    ):  # fmt: skip
        assert law(name, file_format) == [5 / 8, 2 / 8, 1 / 8]
    assert law("counts", "token_counts", vocabulary=2) == [5 / 7, 2 / 7]
    assert law("ratings", "ratings_csv", column="users") == [1.0]
    refused(lambda: law("nowhere", "token_counts"), "does not exist")
    (tmp_path / "counts").write_text("a\t-5\n")
    refused(lambda: law("counts", "token_counts"), "line 1: the count is '-5'")
