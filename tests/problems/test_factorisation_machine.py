import itertools

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
    one_step,
    random_tables,
    refused,
)
from scipy.special import ndtri

from freqopt.data.metrics import auc, log_loss
from freqopt.errors import ProblemError
from freqopt.problems import problems

Machine = problems["factorisation_machine"]

FIELDS = [
    {"kind": "zipf", "exponent": 1.0, "size": 4},
    {"kind": "counts", "counts": [3, 1]},
    {"kind": "exponential", "rate": 0.5, "size": 3},
]


def planted(fields=FIELDS, samples=60, **more):
    return {"kind": "planted", "fields": fields, "samples": samples, **more}


SMALL = Machine(clicks=planted(), dimension=2, l2=0.03, held_out=0.2)
FORMS = [
    SMALL,
    Machine(clicks=planted(FIELDS[:1]), dimension=1, l2=0.0),
    Machine(clicks=planted([{"kind": "zipf", "exponent": 1.0, "size": 1}] * 2), dimension=1),
]


def mp_loss(problem):
    def loss(rows, sample):
        picked = [rows["features"][int(k)] for k in sample["features"]]
        s = rows["bias"][0][0] + mpmath.fsum(row[0] for row in picked)
        for one, other in itertools.combinations(picked, 2):
            s += mpmath.fsum(a * b for a, b in zip(one[1:], other[1:], strict=True))
        size = mpmath.fsum(x * x for row in picked for x in row)
        y = mpmath.mpf(float(sample["y"]))
        return mpmath.log(1 + mpmath.exp(s)) - y * s + mpmath.mpf(problem.l2) / 2 * size

    return loss


@pytest.mark.parametrize("problem", FORMS)
def test_gradients_are_derivatives(problem):
    tables, samples = random_tables(problem), one_step(problem)
    check_differences(problem, tables, samples)
    # Rendle's form subtracts sums of squares: a factor of about 10 in rounding.
    check_mpmath(problem, tables, samples, mp_loss(problem), rtol=1e-12)


@pytest.mark.parametrize("problem", FORMS)
def test_enumeration_gives_objective_gradient_and_frequencies(problem):
    features, y = problem.training
    outcomes = [
        (1 / y.size, {"features": row, "bias": np.int64(0), "y": label})
        for row, label in zip(features, y, strict=True)
    ]
    with np.errstate(invalid="ignore"):  # rows that never occur have no deviation
        check_enumeration(problem, random_tables(problem), outcomes)


@pytest.mark.parametrize("problem", FORMS)
def test_samples_have_the_exact_means(problem):
    check_sampling(problem, random_tables(problem))


@pytest.mark.parametrize("problem", FORMS)
def test_draws_are_reentered_and_float32_is_kept(problem):
    check_reentry(problem)
    check_float32(problem, one_step(problem))


def test_objective_does_not_depend_on_the_chunks(monkeypatch):
    tables = random_tables(SMALL)
    f, g, m = SMALL.objective(tables), SMALL.gradient(tables), SMALL.metrics(tables)
    monkeypatch.setattr("freqopt.problems._arrays.CHUNK", 30)
    assert SMALL.objective(tables) == f
    assert SMALL.metrics(tables) == m
    for name in g:
        np.testing.assert_array_equal(SMALL.gradient(tables)[name], g[name])


def test_fields_lie_one_after_the_other():
    features, _ = SMALL.training
    assert SMALL.shapes == {"features": (9, 3), "bias": (1, 1)}
    assert features.shape == (48, 3)
    assert (features[:, 0] < 4).all()
    assert ((features[:, 1] >= 4) & (features[:, 1] < 6)).all()
    assert (features[:, 2] >= 6).all()
    np.testing.assert_array_equal(
        np.sort(np.vstack([features, SMALL.test[0]]), axis=0),
        np.sort(SMALL.clicks.tokens + np.array([0, 4, 6]), axis=0),
    )


def test_planted_rows_have_their_law_and_scale():
    """Field frequencies, the deviation of the planted scores, and the law of the labels."""
    problem = Machine(clicks={"kind": "planted", "samples": 20_000, "intercept": 0.0})
    tokens = problem.clicks.tokens
    p = 1 / np.arange(1, 1001) ** 1.1
    p /= p.sum()
    seen = np.bincount(tokens[:, 0], minlength=1000)
    often = p * 20_000 >= 25
    z = ((seen - 20_000 * p) / np.sqrt(20_000 * p * (1 - p)))[often]
    assert np.abs(z).max() < -ndtri(LEVEL / (2 * often.sum()))
    scores, y = problem.clicks.scores, problem.clicks.labels
    assert scores.std() == pytest.approx(1.5, rel=0.2)  # one machine, head tokens dominate
    # The labels have the planted probabilities: residuals have mean 0, also along the score.
    chance = 1 / (1 + np.exp(-scores))
    noise = np.sqrt(chance * (1 - chance))
    for weight in (np.ones(20_000), scores, np.sign(scores) * (np.abs(scores) > 1)):
        z = (weight * (y - chance)).sum() / np.sqrt(((weight * noise) ** 2).sum())
        assert abs(z) < -ndtri(LEVEL / 6)


def test_metrics_are_those_of_the_held_out_rows():
    tables = random_tables(SMALL)
    features, y = SMALL.test
    rows = tables["features"][features]
    scores = tables["bias"][0, 0] + rows[:, :, 0].sum(axis=1)
    for f, g in itertools.combinations(range(3), 2):
        scores = scores + (rows[:, f, 1:] * rows[:, g, 1:]).sum(axis=1)
    got = SMALL.metrics(tables)
    assert got["test_logloss"] == pytest.approx(log_loss(1 / (1 + np.exp(-scores)), y), rel=1e-13)
    assert got["test_auc"] == auc(scores, y)
    assert set(got) == {"test_logloss", "test_auc", "test_excess"}
    planted_scores = SMALL.clicks.scores[SMALL.held_out.rows(SMALL.clicks.timestamps)[1]]
    least = log_loss(1 / (1 + np.exp(-planted_scores)), y)
    assert got["test_excess"] == pytest.approx(got["test_logloss"] - least, rel=1e-12)
    assert SMALL.baselines()["planted"]["test_logloss"] == pytest.approx(least, rel=1e-12)
    assert Machine(clicks=planted(), held_out=0).metrics(random_tables(SMALL)) == {}


def test_click_files(tmp_path):
    """Five rows of the Criteo format: tokens of 26 fields."""
    rng = np.random.default_rng(1)
    lines = []
    for label in (0, 1, 0, 1, 1):
        dense = "\t".join(str(x) for x in rng.integers(0, 9, 13))
        tokens = "\t".join(f"{x:08x}" for x in rng.integers(0, 3, 26))
        lines.append(f"{label}\t{dense}\t{tokens}\n")
    path = tmp_path / "train.txt"
    path.write_text("".join(lines))
    clicks = {"kind": "data", "data": {"path": path, "format": "criteo"}}
    problem = Machine(clicks=clicks, dimension=2, held_out={"fraction": 0.2, "by": "time"})
    features, y = problem.training
    assert features.shape == (4, 26)
    assert y.tolist() == [0, 1, 0, 1]
    assert problem.test[1].tolist() == [1]
    check_differences(problem, random_tables(problem), one_step(problem, batch=2))
    unlabelled = tmp_path / "test.txt"
    unlabelled.write_text("".join(line[2:] for line in lines))
    clicks = {"kind": "data", "data": {"path": unlabelled, "format": "criteo"}}
    with pytest.raises(ProblemError, match="no labels"):
        _ = Machine(clicks=clicks, held_out=0).constants


def test_bad_parameters():
    refused(lambda: Machine(dimension=0), "dimension")
    refused(lambda: Machine(clicks=planted([])), "fields")
    refused(lambda: Machine(clicks=planted(samples=0)), "samples")
    refused(lambda: Machine(clicks={"kind": "criteo"}), "planted")
    refused(lambda: Machine(l2=float("inf")), "l2")
