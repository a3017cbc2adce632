"""A study with [tune] and [compare]: stages, budgets, resumption, and test rows that are poison."""

import numpy as np
import pytest

import freqopt
from freqopt.errors import ResultError, StudyError
from freqopt.experiment.protocol.conduct import chosen, conduct
from freqopt.experiment.protocol.plan import plan
from freqopt.experiment.protocol.searching import Searching, first_at
from freqopt.problems._held_out import Split

TOKENS = {"kind": "zipf", "size": 5}
RULES = [{"name": "sgd", "lr": 4.0}, {"name": "adagrad", "lr": 0.1}]


def study(**changes):
    given = {
        "title": "t", "steps": 60, "runs": 2, "record": ["gap"], "checkpoints": 8,
        "problem": {"name": "token_quadratic", "dimension": 1, "tokens": TOKENS},
        "rules": RULES, "tune": {"metric": "gap", "trials": 5, "scan": 0},
        "compare": {"reference": "sgd"},
    }  # fmt: skip
    return freqopt.Study(**{**given, **changes})


def test_stages_budgets_and_resumption(tmp_path):
    asked = study(grid={"problem.tokens.size": [5, 9]})
    report = conduct(asked, results=tmp_path, jobs=1)
    assert not report.failed
    assert report.computed + report.stored == report.runs
    tuned, _ = chosen(asked, results=tmp_path)
    assert len({choice.trials for choice in tuned.choices}) == 1  # equal budgets
    assert all(choice.edges == [] for choice in (*tuned.choices, *tuned.to_target))
    assert tuned.choices[0].values["rule.lr"] < 4.0  # the grid was extended
    assert tuned.choices[0].trials > 5
    assert tuned.to_target[0].steps <= 60  # the reference reaches its own end
    again = conduct(asked, results=tmp_path, jobs=1)
    assert (again.computed, again.stored) == (0, report.runs)
    table = freqopt.load(asked, results=tmp_path)  # the reported stage: its own random numbers
    assert set(table["run"].to_pylist()) == {0, 1}
    lr = {choice.values["rule.lr"] for choice in tuned.choices if choice.rule == "sgd"}
    assert {lr for rule, lr in zip(*(table[n].to_pylist() for n in ("rule", "rule.lr")),
                                   strict=True) if rule == "sgd"} == lr  # fmt: skip


def test_an_edge_is_kept_where_the_budget_ends(tmp_path):
    asked = study(tune={"metric": "gap", "trials": 3, "most": 3, "scan": 0}, compare=None)
    conduct(asked, results=tmp_path, jobs=1)
    assert chosen(asked, results=tmp_path)[0].choices[0].edges == ["rule.lr"]
    with pytest.raises(ResultError, match="simulate it first"):
        chosen(study(), results=tmp_path)


def test_a_dry_run_of_a_tuned_study_says_how_many_runs_at_least_and_at_most(tmp_path):
    asked = study(tune={"metric": "gap", "trials": 5, "most": 9, "runs": 3, "scan": 0})
    before = plan(asked, results=tmp_path, jobs=1)
    assert (before.runs, before.stored, before.most) == (30 + 4, 0, 54 + 8)
    assert before.steps == 34 * 60
    assert 0 < before.seconds < before.longest
    done = conduct(asked, results=tmp_path, jobs=1)
    assert before.runs <= done.runs <= before.most
    after = plan(asked, results=tmp_path, jobs=1)
    assert after.runs == after.stored
    assert after.most == 0


def test_the_fastest_trial_too_has_both_sides_looked_at():
    """At the start the gap is least in the end; rates up to 2^4 as large reach 1 earlier."""
    asked = study()
    search = Searching(asked, asked.rules[0], {})
    for count in range(3, 40, 2):
        if search.asked and not search.open:
            break
        search.extend(count)
        for (places, _), trial in zip(search.asked, search.asked, strict=True):
            first = 10 + (places[0] - 4) ** 2
            last = 0.5 + 0.01 * places[0] ** 2
            search.curves[trial] = np.array([0, first, 60]), np.array([9.0, 1.0, last])
        search.score()
        search.target = 1.0
    assert search.choice().values["rule.lr"] == 4.0
    assert search.to_target().values["rule.lr"] == 4.0 * 2**4
    assert search.to_target().edges == []
    assert count < 19


def ratings(path, poison):
    rng = np.random.default_rng(1)
    rows = [(u, i, int(rng.integers(1, 6))) for u in range(1, 13) for i in range(1, 13)]
    test = set(Split().rows(np.arange(len(rows)))[1].tolist())
    stars = [1 + 4 * (k % 2) if poison and k in test else r for k, (_, _, r) in enumerate(rows)]
    lines = [
        f"{u}::{i}::{s}::{k}" for k, ((u, i, _), s) in enumerate(zip(rows, stars, strict=True))
    ]
    path.mkdir()
    (path / "ratings.dat").write_text("\n".join(lines) + "\n")
    data = {"path": str(path / "ratings.dat"), "format": "movielens_1m"}
    return study(
        problem={"name": "ratings", "data": data, "dimension": 2}, record=["problem"], batch=8,
        tune={"metric": "rmse", "trials": 5, "most": 5, "axes": {"problem": {"l2": 0.1}}},
    )  # fmt: skip


def words(path, poison):
    """A text of which test sentences are read backwards: as many words, other pairs."""
    rng = np.random.default_rng(1)
    text = rng.choice(list("abcdefgh"), (40, 10), p=np.arange(8, 0, -1) / 36)
    if poison:
        test = Split().rows(np.arange(40))[1]
        text[test] = np.sort(text[test], axis=1)
    path.mkdir()
    (path / "text").write_text(" ".join(text.reshape(-1).tolist()))
    data = {"path": str(path / "text"), "format": "text"}
    pairs = {
        "kind": "passes", "data": data, "sentence": 10, "window": 2, "sample": 0,
        "held_out": {"seed": 0},
    }  # fmt: skip
    return study(
        problem={"name": "sgns", "pairs": pairs, "dimension": 2, "negatives": 2},
        record=["problem"], batch=8, steps=12, checkpoints=[12], runs=1,
        tune={"metric": "loss", "trials": 3, "most": 3, "runs": 1},
        compare={"reference": "sgd", "target": False},
    )  # fmt: skip


def test_a_text_chooses_on_validation_sentences_too(tmp_path):
    """What is held out stands inside `pairs`: choices do not see test sentences there either."""
    found = {}
    for poison in (False, True):
        asked, results = words(tmp_path / str(poison), poison), tmp_path / f"r{poison}"
        conduct(asked, results=results, jobs=1, backend="numpy")
        tuned, read = chosen(asked, results=results, backend="numpy")
        table = read(tuned.final)
        found[poison] = (tuned.choices, table["value"].to_pylist())
        names = set(table["metric"].to_pylist())
        assert "test_loss" in names
        assert not any(name.startswith("validation") for name in names)
        constant = freqopt.compare(asked, results=results, backend="numpy")["figures"].rows[-1]
        assert constant[1:4] == ["test_loss", "one score for all", np.log(3) + 2 * np.log(1.5)]
    assert found[True][0] == found[False][0]
    assert found[True][1] != found[False][1]
    measured = asked.model_copy(update={"grid": {"problem.pairs.held_out.measure": ["test"]}})
    with pytest.raises(StudyError, match=r"sets problem\.pairs\.held_out\.measure itself"):
        conduct(measured, results=tmp_path / "r", jobs=1, backend="numpy")


def test_poisonous_test_rows_do_not_change_what_is_chosen(tmp_path):
    """Choices are equal to the last bit; what is reported is not."""
    found = {}
    for poison in (False, True):
        asked = ratings(tmp_path / str(poison), poison)
        conduct(asked, results=tmp_path / f"r{poison}", jobs=1)
        tuned, read = chosen(asked, results=tmp_path / f"r{poison}")
        table = read(tuned.final)
        found[poison] = (tuned.choices, tuned.to_target, table["value"].to_pylist())
        assert "validation_rmse" not in table["metric"].to_pylist()
    assert found[True][:2] == found[False][:2]
    assert found[True][2] != found[False][2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tune": None}, "add a table \\[tune\\]"),
        ({"compare": {"reference": "adam"}}, "'adam' is no rule of the study"),
        ({"rules": [{"name": "sgd", "grid": {"lr": [1.0]}}]}, "give lr"),
        ({"tune": {"metric": "gap", "schedules": ["sometimes"]}}, "schedules"),
    ],
)
def test_what_cannot_be_tuned_is_refused(changes, words):
    with pytest.raises(StudyError, match=words):
        study(**changes)


def test_first_at():
    steps, values = np.array([0, 10, 20]), np.array([4.0, 2.0, 1.0])
    assert first_at(steps, values, 1.5) == 15
    assert first_at(steps, values, 0.5) == np.inf
    assert first_at(steps, values, 4) == 0
    assert first_at(steps, np.array([np.inf, 2.0, 1.0]), 2) == 10
