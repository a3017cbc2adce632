from importlib.util import find_spec

import mpmath
import numpy as np
import pytest
from problem_checks import (
    LEVEL,
    check_differences,
    check_enumeration,
    check_float32,
    check_mpmath,
    check_reentry,
    check_sampling,
    dense,
    one_step,
    random_tables,
    refused,
)
from scipy.optimize import minimize
from scipy.special import ndtri

from freqopt.errors import DataError, ProblemError
from freqopt.problems import problems

Softmax = problems["softmax_regression"]

SMALL = Softmax(examples={"kind": "blobs", "samples": 25, "width": 2, "classes": 3}, l2=0.1)
TWO = Softmax(examples={"kind": "blobs", "samples": 12, "width": 1, "classes": 2}, held_out=0)
FORMS = [SMALL, TWO]


def mp_loss(problem):
    x, c = problem.training

    def loss(rows, sample):
        row, label = x[int(sample["example"])], int(c[int(sample["example"])])
        W = rows["weights"]
        z = [
            mpmath.fsum(mpmath.mpf(float(row[k])) * W[k][j] for k in range(len(W)))
            for j in range(len(W[0]))
        ]
        size = mpmath.fsum(w * w for weights in W for w in weights)
        fit = mpmath.log(mpmath.fsum(mpmath.exp(value) for value in z)) - z[label]
        return fit + mpmath.mpf(problem.l2) / 2 * size

    return loss


def outcomes(problem):
    n = len(problem.training[0])
    return [(1 / n, {"example": np.int64(e)}) for e in range(n)]


@pytest.mark.parametrize("problem", FORMS)
def test_gradients_are_derivatives(problem):
    tables, samples = random_tables(problem), one_step(problem)
    check_differences(problem, tables, samples)
    check_mpmath(problem, tables, samples, mp_loss(problem))


@pytest.mark.parametrize("problem", FORMS)
def test_enumeration_gives_objective_gradient_and_deviation(problem):
    for seed, scale in enumerate((0.5, 5.0, 50.0)):
        tables = random_tables(problem, scale, seed)
        deviation = check_enumeration(problem, tables, outcomes(problem))
        assert (deviation["weights"] <= problem.constants.deviation["weights"]).all()


@pytest.mark.parametrize("problem", FORMS)
def test_samples_draws_and_float32(problem):
    check_sampling(problem, random_tables(problem))
    check_reentry(problem)
    check_float32(problem, one_step(problem))


def hessian(function, size, at, h=1e-5):
    columns = [(function(at + h * e) - function(at - h * e)) / (2 * h) for e in np.eye(size)]
    H = np.array(columns)
    return np.linalg.eigvalsh((H + H.T) / 2)


def test_smoothness_and_strong_convexity():
    """Eigenvalues of single samples' Hessians lie in [mu, L]; both ends are reached."""
    x, _ = SMALL.training
    shape = SMALL.shapes["weights"]
    longest = {"example": np.array([int(np.argmax((x * x).sum(axis=1)))])}
    L, mu = SMALL.constants.smoothness, SMALL.constants.strong_convexity
    lowest, highest = np.inf, 0.0
    for seed in range(8):
        W = random_tables(SMALL, 1.0, seed)["weights"]
        if seed == 0:  # two classes equally likely, the third out of reach
            W = np.zeros(shape)
            W[-1, 2] = -60.0
        for samples in (longest, one_step(SMALL, seed, 1)):

            def slope(z, samples=samples):
                sparse = SMALL.gradients({"weights": z.reshape(shape)}, samples)
                return dense(SMALL, sparse)["weights"].reshape(-1)

            values = hessian(slope, W.size, W.reshape(-1))
            lowest, highest = min(lowest, values[0]), max(highest, values[-1])
        mean = hessian(
            lambda z: SMALL.gradient({"weights": z.reshape(shape)})["weights"].reshape(-1),
            W.size,
            W.reshape(-1),
        )
        assert mean[-1] <= SMALL.objective_smoothness * (1 + 1e-9)
        if seed == 0:
            assert mean[-1] == pytest.approx(SMALL.objective_smoothness, rel=1e-8)
    assert highest <= L * (1 + 1e-9)
    assert highest == pytest.approx(L, rel=1e-8)
    assert lowest >= mu * (1 - 1e-8)
    assert lowest == pytest.approx(mu, rel=1e-7)


@pytest.mark.parametrize("problem", [*FORMS, Softmax(l2=1e-3)])
def test_newton_finds_the_minimum(problem):
    best = problem.constants.optimum_value
    gradient = problem.gradient(problem.constants.optimum)["weights"]
    assert np.abs(gradient).max() <= 1e-13
    shape = problem.shapes["weights"]
    found = minimize(
        lambda z: problem.objective({"weights": z.reshape(shape)}),
        np.ones(shape).reshape(-1),
        jac=lambda z: problem.gradient({"weights": z.reshape(shape)})["weights"].reshape(-1),
        tol=1e-10,
    )
    assert best <= found.fun + 1e-15
    assert found.fun == pytest.approx(best, abs=1e-12)


def test_metrics():
    x, c = SMALL.test
    assert len(c) == 5
    W = random_tables(SMALL)["weights"]
    z = x @ W
    loss = np.log(np.exp(z).sum(axis=1)) - z[np.arange(5), c]
    got = SMALL.metrics({"weights": W})
    assert got["test_logloss"] == pytest.approx(loss.mean(), rel=1e-13)
    assert got["test_accuracy"] == (z.argmax(axis=1) == c).mean()
    assert TWO.metrics(random_tables(TWO)) == {}


def test_blobs():
    problem = Softmax(
        examples={"kind": "blobs", "samples": 4000, "width": 3, "classes": 2, "separation": 5.0}
    )
    x, c = problem.examples.features, problem.examples.labels
    assert abs(c.mean() - 0.5) < -ndtri(LEVEL / 2) * 0.5 / np.sqrt(4000)
    for label in (0, 1):
        # 2000 unit normals in each of 3 features.
        assert np.abs(x[c == label].std(axis=0) - 1).max() < 0.06
    assert np.abs(x[c == 0].mean(axis=0) - x[c == 1].mean(axis=0)).max() > 1


def test_csv(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("height,width,kind\n1,2,7\n3,2,9\n5,2,7\n")
    examples = {"kind": "csv", "path": path}
    problem = Softmax(examples=examples, held_out=0)
    x, c = problem.training
    np.testing.assert_allclose(x, [[-np.sqrt(1.5), 0, 1], [0, 0, 1], [np.sqrt(1.5), 0, 1]])
    assert c.tolist() == [0, 1, 0]
    raw = Softmax(examples=examples | {"standardise": False}, held_out=0)
    np.testing.assert_array_equal(raw.training[0], [[1, 2, 1], [3, 2, 1], [5, 2, 1]])
    check_differences(raw, random_tables(raw), one_step(raw, batch=2))
    for text, message in (
        ("1,2,3\n1,x,3\n", "line 2"),
        ("1,2,3\n1,2\n", "line 2: '1,2'; expected 3"),
        ("x,2\n", "line 1: 'x,2'; expected 2 or more"),
        ("1,nan\n", "line 1"),
        ("4\n", "line 1"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            _ = Softmax(examples=examples | {"header": False}).shapes
    for text in ("a,b\n", "a,b\n1,2\n3,2\n"):
        path.write_text(text)
        with pytest.raises(ProblemError, match="2 or more classes"):
            _ = Softmax(examples=examples).shapes


def test_bad_parameters():
    refused(lambda: Softmax(l2=0), "l2")
    refused(lambda: Softmax(examples={"kind": "blobs", "classes": 1}), "classes")
    refused(lambda: Softmax(examples={"kind": "pictures"}), "csv")


def test_classes_of_blobs_follow_zipf():
    """Four standard deviations around the law's counts; exponent 0 stays what it was."""
    blobs = {"kind": "blobs", "samples": 20_000, "width": 1, "classes": 5}
    counts = np.bincount(Softmax(examples={**blobs, "exponent": 1.5}).examples.labels)
    p = np.arange(1, 6) ** -1.5 / (np.arange(1, 6) ** -1.5).sum()
    assert (np.abs(counts - 20_000 * p) < 4 * np.sqrt(20_000 * p * (1 - p))).all()
    even = np.bincount(Softmax(examples=blobs).examples.labels)
    assert (np.abs(even - 4_000) < 4 * np.sqrt(3_200)).all()


def test_noise_of_labels_leaves_the_features():
    """A share of (K - 1)/K times the chance changes, to every other class alike."""
    many = {"kind": "blobs", "samples": 20_000, "width": 2, "classes": 4}
    clean, noisy = (Softmax(examples={**many, "mislabelled": m}).examples for m in (0.0, 0.4))
    assert (clean.features == noisy.features).all()
    moved = clean.labels != noisy.labels
    assert moved.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 20_000))
    away = (noisy.labels - clean.labels)[moved] % 4
    assert np.bincount(away)[1:] / moved.sum() == pytest.approx(np.full(3, 1 / 3), abs=0.03)


def test_digits():
    """1,797 real ones where scikit-learn is installed, else a sentence that names the extra."""
    problem = Softmax(examples={"kind": "digits"}, held_out=0.2)
    if find_spec("sklearn") is None:
        with pytest.raises(DataError, match=r"sklearn is not installed.*\[sklearn\]"):
            _ = problem.shapes
        return
    assert problem.shapes == {"weights": (65, 10)}
    assert np.bincount(problem.examples.labels).tolist() == [
        178, 182, 177, 183, 181, 182, 181, 179, 174, 180,
    ]  # fmt: skip
    assert (problem.examples.features.min(), problem.examples.features.max()) == (0, 1)
