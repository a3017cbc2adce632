import mpmath
import numpy as np
import pytest
from problem_checks import (
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

from freqopt.data.metrics import auc, log_loss, rmse
from freqopt.errors import DataError, ProblemError
from freqopt.problems import problems

Ratings = problems["ratings"]


def written(folder, rows):
    """A file in the MovieLens 1M format."""
    path = folder / "ratings.dat"
    lines = [f"{u}::{i}::{r}::{978300000 + t}" for t, (u, i, r) in enumerate(rows)]
    path.write_text("\n".join(lines) + "\n")
    return {"path": path, "format": "movielens_1m"}


@pytest.fixture
def small(tmp_path):
    """40 ratings of 7 items by 5 users, item 1 the commonest."""
    rng = np.random.default_rng(3)
    pairs = [(u, i) for u in range(1, 6) for i in range(1, 9)]
    rows = [(u, min(i, 7), int(rng.integers(1, 6))) for u, i in pairs]
    return written(tmp_path, rows)


def make(data, loss, **more):
    return Ratings(data=data, loss=loss, **{"dimension": 2, "l2": 0.05, "held_out": 0.2, **more})


LOSSES = pytest.mark.parametrize("loss", ["squared", "logistic"])


def mp_loss(problem):
    targets = problem.training.y
    centre = mpmath.mpf(float(targets.sum())) / targets.size
    if problem.loss == "logistic":
        centre = mpmath.log(centre / (1 - centre))

    def loss(rows, sample):
        u, v = rows["users"][int(sample["users"])], rows["items"][int(sample["items"])]
        s = centre + u[0] + v[0] + mpmath.fsum(a * b for a, b in zip(u[1:], v[1:], strict=True))
        y = mpmath.mpf(float(sample["y"]))
        fit = (s - y) ** 2 / 2
        if problem.loss == "logistic":
            fit = mpmath.log(1 + mpmath.exp(s)) - y * s
        size = mpmath.fsum(x * x for x in u + v)
        return fit + mpmath.mpf(problem.l2) / 2 * size

    return loss


@LOSSES
@pytest.mark.parametrize("dimension", [1, 3])
def test_gradients_are_derivatives(small, loss, dimension):
    problem = make(small, loss, dimension=dimension)
    tables, samples = random_tables(problem), one_step(problem)
    check_differences(problem, tables, samples)
    check_mpmath(problem, tables, samples, mp_loss(problem))


@LOSSES
def test_enumeration_gives_objective_gradient_and_frequencies(small, loss):
    problem = make(small, loss)
    part = problem.training
    outcomes = [
        (1 / part.y.size, {"users": u, "items": i, "y": y})
        for u, i, y in zip(part.users, part.items, part.y, strict=True)
    ]
    check_enumeration(problem, random_tables(problem), outcomes)


@LOSSES
def test_samples_have_the_exact_means(small, loss):
    problem = make(small, loss)
    check_sampling(problem, random_tables(problem))
    check_frequencies(problem, {"users": "users", "items": "items"})


@LOSSES
def test_draws_are_reentered_and_float32_is_kept(small, loss):
    problem = make(small, loss)
    check_reentry(problem)
    check_float32(problem, one_step(problem))
    start = problem.start(1, 2)
    assert not start["users"][:, 0].any()
    assert start["users"][:, 1:].all()


def test_objective_does_not_depend_on_the_chunks(small, monkeypatch):
    problem = make(small, "logistic")
    tables = random_tables(problem)
    f, g = problem.objective(tables), problem.gradient(tables)
    monkeypatch.setattr("freqopt.problems._arrays.CHUNK", 10)
    assert problem.objective(tables) == f
    for name in g:
        np.testing.assert_array_equal(problem.gradient(tables)[name], g[name])


def test_labels_are_ratings_or_their_threshold(tmp_path):
    data = written(tmp_path, [(1, 1, 3), (1, 2, 4), (2, 1, 5), (2, 2, 4)])
    assert make(data, "squared", held_out=0).training.y.tolist() == [3, 4, 5, 4]
    assert make(data, "squared", held_out=0).centre == 4.0
    logistic = make(data, "logistic", held_out=0)
    assert logistic.training.y.tolist() == [0, 1, 1, 1]
    assert logistic.centre == pytest.approx(np.log(3), rel=1e-15)


def test_splits_cover_the_ratings(small):
    for by in ("random", "time"):
        problem = make(small, "squared", held_out={"fraction": 0.25, "by": by})
        assert problem.training.y.size == 30
        assert problem.test.y.size == 10
        assert (
            problem.training.y.sum() + problem.test.y.sum()
            == make(small, "squared", held_out=0).training.y.sum()
        )
        if by == "time":
            assert problem.test.users.min() >= problem.training.users.max()
    other = make(small, "squared", held_out={"fraction": 0.25, "seed": 1})
    assert (other.test.y != make(small, "squared", held_out=0.25).test.y).any()
    assert make(small, "squared", held_out=0).metrics(random_tables(other)) == {}


@LOSSES
def test_metrics_are_those_of_the_held_out_rows(small, loss, monkeypatch):
    monkeypatch.setattr("freqopt.problems._held_out.EDGES", (4, 6))
    problem = make(small, loss, held_out=0.4)
    tables, part = random_tables(problem), problem.test
    scores = [
        problem.centre
        + tables["users"][u, 0]
        + tables["items"][i, 0]
        + tables["users"][u, 1:] @ tables["items"][i, 1:]
        for u, i in zip(part.users, part.items, strict=True)
    ]
    scores = np.array(scores)
    got = problem.metrics(tables)
    count = np.bincount(problem.training.items, minlength=7)[part.items]
    groups = {"": count >= 0, "_rare": count < 4, "_mid": (count >= 4) & (count < 6)}
    groups["_head"] = count >= 6
    chance = 1 / (1 + np.exp(-scores))
    for name, rows in groups.items():
        y = part.y[rows]
        if loss == "squared":
            assert got[f"test_rmse{name}"] == pytest.approx(rmse(scores[rows], y), rel=1e-14)
        else:
            expected = log_loss(chance[rows], y)
            assert got[f"test_logloss{name}"] == pytest.approx(expected, rel=1e-13)
            one_class = y.min() == y.max()
            assert got.get(f"test_auc{name}") == (None if one_class else auc(scores[rows], y))
    diverged = {name: table * np.inf for name, table in tables.items()}
    with np.errstate(invalid="ignore"):
        assert all(np.isnan(value) for value in problem.metrics(diverged).values())


def test_one_rating(tmp_path):
    problem = make(written(tmp_path, [(1, 1, 5)]), "squared", held_out=0, dimension=1)
    assert problem.shapes == {"users": (1, 2), "items": (1, 2)}
    tables = random_tables(problem)
    check_differences(problem, tables, one_step(problem))
    assert problem.constants.frequency["users"] == [1.0]


def test_bad_parameters(tmp_path, small):
    refused(lambda: Ratings(dimension=0), "dimension")
    refused(lambda: Ratings(loss="hinge"), "logistic")
    refused(lambda: Ratings(held_out=1), "held_out")
    refused(lambda: Ratings(held_out={"by": "size"}), "time")
    refused(lambda: Ratings(data={"path": "x"}), "format")
    with pytest.raises(DataError, match="movielenz"):
        _ = Ratings(data="movielenz").shapes
    with pytest.raises(ProblemError, match="threshold"):
        _ = make(small, "logistic", threshold=9).centre
    words = tmp_path / "words"
    words.write_text("a b")
    with pytest.raises(ProblemError, match="needs Ratings"):
        _ = Ratings(data={"path": words, "format": "text"}).shapes
    with pytest.raises(DataError, match="test part"):
        _ = make(written(tmp_path, [(1, 1, 5)]), "squared", held_out=0.1).constants


@pytest.mark.movielens
def test_movielens():
    """The shipped ratings: sizes, exact frequencies, and training lowers what is measured."""
    problem = Ratings(dimension=4)
    assert problem.shapes == {"users": (671, 5), "items": (9066, 5)}
    assert problem.training.y.size == 90_004
    assert problem.test.y.size == 10_000
    assert problem.constants.frequency["items"].sum() == pytest.approx(1, rel=1e-12)
    tables = problem.start(0, 0)
    before = problem.objective(tables), problem.metrics(tables)["test_rmse"]
    samples = problem.draw(0, 0, np.arange(100), 1000)
    for t in range(100):
        sparse = problem.gradients(tables, {k: v[t] for k, v in samples.items()})
        for name, (rows, grads) in sparse.items():
            np.add.at(tables[name], rows, -10.0 * grads)
    after = problem.objective(tables), problem.metrics(tables)["test_rmse"]
    assert after[0] < 0.9 * before[0]
    assert after[1] < before[1] - 0.03
