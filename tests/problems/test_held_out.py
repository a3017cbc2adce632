"""Training, validation and test rows of every data problem: a choice cannot see test rows."""

import numpy as np
import pytest

import freqopt.data as datasets
from freqopt.errors import DataError, ProblemError
from freqopt.problems import problems
from freqopt.problems._held_out import Split

N = 60
RNG = np.random.default_rng(5)
USERS, ITEMS = RNG.integers(0, 6, N), RNG.integers(0, 9, N)
STARS, TIMES = RNG.integers(1, 6, N).astype(float), RNG.permutation(N)
FEATURES, CLASSES = RNG.normal(size=(N, 3)), RNG.integers(0, 2, N)
CLICKED, TOKENS = RNG.integers(0, 2, N).astype(np.int8), RNG.integers(0, 4, (N, 2))
OFFICIAL = np.isin(np.arange(N), RNG.choice(N, 9, replace=False))
ABOUT = {"name": "made", "source": "made", "sha256": ""}


def ratings(poison, **held_out):
    data = datasets.Ratings(
        users=USERS, items=ITEMS, values=np.where(poison, np.nan, STARS), timestamps=TIMES,
        user_ids=np.arange(6), item_ids=np.arange(9), test=OFFICIAL, **ABOUT,
    )  # fmt: skip
    return problems["ratings"](data="movielens", dimension=2, held_out=held_out), data


def clicks(poison, **held_out):
    data = datasets.Clicks(
        labels=np.where(poison, np.int8(77), CLICKED), tokens=TOKENS, dense=np.zeros((N, 0)),
        timestamps=TIMES, vocabularies=(np.arange(4),) * 2, token_names=("a", "b"),
        dense_names=(), **ABOUT,
    )  # fmt: skip
    made = problems["factorisation_machine"](
        clicks={"kind": "data", "data": "movielens"}, dimension=2, held_out=held_out
    )
    return made, data


def examples(poison, path, **held_out):
    """The file's reader refuses NaN, so test rows are absurd: their features are 1e9."""
    x = np.where(poison[:, None], 1e9, FEATURES)
    rows = np.column_stack([x, CLASSES])
    path.write_text("a,b,c,class\n" + "\n".join(",".join(map(repr, r.tolist())) for r in rows))
    return problems["softmax_regression"](
        examples={"kind": "csv", "path": path}, held_out=held_out
    ), None


KINDS = ["ratings", "clicks", "examples"]
WAYS = [{"by": "random", "seed": 3}, {"by": "time"}, {"by": "user"}, {"by": "official"}]


def seen(kind, poison, monkeypatch, path, **held_out):
    """All that a run sees: draws, tables, objective, frequencies, and what it measures."""
    if kind == "examples":
        problem, data = examples(poison, path / "rows.csv", **held_out)
    else:
        problem, data = {"ratings": ratings, "clicks": clicks}[kind](poison, **held_out)
    monkeypatch.setattr("freqopt.problems._sources.Source.load", lambda *_: data)
    samples = problem.draw(1, 0, np.arange(4), 8)
    tables = problem.start(1, 0)
    one = {name: values[0] for name, values in samples.items()}
    for name, (rows, grads) in problem.gradients(tables, one).items():
        np.add.at(tables[name], rows, -0.1 * grads)
    frequency = problem.constants.frequency
    return samples, tables, problem.objective(tables), frequency, problem.metrics(tables)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way["by"])
def test_poisonous_test_rows_change_nothing_where_choices_are_made(
    kind, way, monkeypatch, tmp_path
):
    if way["by"] in ("user", "official") and kind != "ratings":
        with pytest.raises(ProblemError, match=r"for ratings|rows that the data name for testing"):
            seen(kind, np.zeros(N, bool), monkeypatch, tmp_path, **way)
        return
    times = np.arange(N) if kind == "examples" else TIMES
    poison = np.zeros(N, bool)
    poison[Split(**way).rows(times, USERS, official=OFFICIAL)[1]] = True
    assert 0 < poison.sum() < N / 4
    choice = {**way, "measure": "validation"}
    clean = seen(kind, np.zeros(N, bool), monkeypatch, tmp_path, **choice)
    poisoned = seen(kind, poison, monkeypatch, tmp_path, **choice)
    np.testing.assert_equal(poisoned, clean)
    assert all(name.startswith("validation_") for name in clean[-1])
    with np.errstate(all="ignore"):
        try:  # the poison works: where the test rows are measured, it shows
            reported = seen(kind, poison, monkeypatch, tmp_path, **way)[-1]
        except DataError:
            return
    assert reported != seen(kind, np.zeros(N, bool), monkeypatch, tmp_path, **way)[-1]
    assert all(name.startswith("test_") for name in reported)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way["by"])
def test_parts_are_disjoint_and_whole(way):
    split = Split(validation=0.2, **way)
    chooses = split.model_copy(update={"measure": "validation"})
    (fit, test), (train, validation) = (
        one.rows(TIMES, USERS, official=OFFICIAL) for one in (split, chooses)
    )
    np.testing.assert_array_equal(np.sort(np.concatenate([train, validation])), fit)
    np.testing.assert_array_equal(np.sort(np.concatenate([fit, test])), np.arange(N))
    if way["by"] == "time":
        assert TIMES[train].max() < TIMES[validation].min() < TIMES[test].min()
    if way["by"] == "official":
        np.testing.assert_array_equal(test, np.flatnonzero(OFFICIAL))
        assert validation.size == round(0.2 * fit.size)
    if way["by"] == "user":
        assert all(TIMES[row] == TIMES[USERS[row] == USERS].max() for row in test)


def test_ratings_without_times_are_split_at_random_only(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("user,item,rating\n" + "".join(f"{k % 5},{k % 7},{k}\n" for k in range(40)))
    data = {"path": path, "format": "ratings_csv"}
    assert problems["ratings"](data=data, dimension=2).test.y.size == 4
    for by in ("time", "user"):
        problem = problems["ratings"](data=data, dimension=2, held_out={"by": by})
        with pytest.raises(ProblemError, match=f"by = '{by}' needs times, .* option timestamp"):
            _ = problem.test
    problem = problems["ratings"](data=data, dimension=2, held_out={"by": "official"})
    with pytest.raises(ProblemError, match=r"give their file with the option test, as in"):
        _ = problem.test


@pytest.mark.movielens
def test_no_rating_of_the_packaged_data_is_in_two_parts():
    """Nor is a user's rating of a film, under two row numbers."""
    for seed in range(3):
        problem = problems["ratings"](held_out={"seed": seed})
        pairs = [part.users * 10_000 + part.items for part in (problem.training, problem.test)]
        assert not np.isin(*pairs).any()
