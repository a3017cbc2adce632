"""Tables of a comparison: pairs, baselines, steps; and the models without embeddings."""

from dataclasses import replace

import numpy as np
import pytest

import freqopt
from freqopt.errors import StudyError
from freqopt.experiment.protocol.compare import compared
from freqopt.experiment.protocol.conduct import chosen, conduct
from freqopt.experiment.protocol.doubts import doubts
from freqopt.experiment.protocol.plain import summary
from freqopt.experiment.protocol.render import Table
from freqopt.problems._baselines import Rated, best_ridge, bias_only, naive_bayes, popularity

from .test_stages import RULES, study

SPLITS = {"problem.held_out.seed": [0, 1]}
CLICKS = {"kind": "planted", "samples": 300, "fields": [{"kind": "zipf", "size": 9}] * 2}


def clicks():
    return study(
        steps=20, batch=4, record=["problem"], grid=SPLITS, rules=RULES,
        problem={"name": "factorisation_machine", "dimension": 1, "clicks": CLICKS},
        tune={"metric": "logloss", "trials": 3, "most": 3, "runs": 1, "scan": 0},
    )  # fmt: skip


def test_pairs_and_baselines(tmp_path):
    asked = clicks()
    conduct(asked, results=tmp_path, jobs=1)
    found = freqopt.compare(asked, results=tmp_path)
    rows = [row for row in found["figures"].rows if row[1] == "test_logloss"]
    assert [row[2] for row in rows] == ["sgd", "adagrad", "global rate", "naive Bayes", "planted"]
    tuned, read = chosen(asked, results=tmp_path)
    table = read(tuned.final)
    rows_of = zip(*(table[n].to_pylist() for n in ("rule", "metric", "step", "value")), strict=True)
    values = {"sgd": [], "adagrad": []}
    for rule, metric, step, value in rows_of:
        if metric == "test_logloss" and step == 20:
            values[rule].append(value)
    assert [len(v) for v in values.values()] == [4, 4]  # 2 splits, 2 runs
    assert rows[0][3] == pytest.approx(np.mean(values["sgd"]))
    difference = np.array(values["adagrad"]) - np.array(values["sgd"])
    assert rows[1][6] == pytest.approx(difference.mean())
    assert rows[1][7] <= rows[1][6] <= rows[1][8]
    base = [
        freqopt.problem("factorisation_machine", clicks=CLICKS, held_out={"seed": s}).baselines()
        for s in (0, 1)
    ]
    assert rows[3][3] == pytest.approx(np.mean([b["naive Bayes"]["test_logloss"] for b in base]))
    own = [row for row in found["steps"].rows if row[1] == "sgd"]
    assert [row[3:6] for row in own] == [[1.0, pytest.approx(row[4]), 1.0] for row in own]
    steps = found["steps"].columns()
    for k, fewer in enumerate(steps["times fewer steps"]):
        cost = [steps["seconds"][i] / steps["steps"][i] for i in (0, k)]
        assert steps["times less time"][k] == pytest.approx(fewer * cost[0] / cost[1], nan_ok=True)
        assert 1e-8 < cost[1] < 1 or not np.isfinite(cost[1])
    edges = [path for one in (*tuned.choices, *tuned.to_target) for path in one.edges]
    assert len(found.edges) == len(edges)
    assert "naive Bayes" in repr(found)
    least = min(row[3] for row in rows[2:4])  # what is planted is the truth, no rival
    lost = {row[2] for row in rows[:2] if row[3] >= least}
    doubted = {doubt.partition(":")[0] for doubt in found.doubts if "no embeddings" in doubt}
    assert doubted == lost != set()
    assert found._repr_html_().count("<table>") == len(found.tables)
    with pytest.raises(StudyError, match="table \\[compare\\]"):
        freqopt.compare(study(compare=None), results=tmp_path)


def test_every_rule_on_every_workload_is_one_family_of_tests():
    """Six pairs with one sign have p = 2/64; of one figure there are four tests, of "b" two."""
    apart = np.linspace(1, 2, 6)[np.newaxis]
    cells = {("a", w, rule): apart * k for w in "xy" for k, rule in enumerate(("SGD", "A", "B"))}
    cells |= {("b", "x", rule): apart * k for k, rule in enumerate(("SGD", "A", "B"))}
    rows = list(compared(cells, "SGD"))
    assert [row[:3] for row in rows[:3]] == [["x", "a", rule] for rule in ("SGD", "A", "B")]
    assert [row[-1] for row in rows if row[2] == "SGD"] == [""] * 3
    assert [row[-1] for row in rows if row[1] == "a" and row[2] != "SGD"] == [4 * 2 / 64] * 4
    assert [row[-1] for row in rows if row[1] == "b" and row[2] != "SGD"] == [2 * 2 / 64] * 2
    assert rows[2][6] == pytest.approx(3.0)


def test_a_study_without_tune_says_edges_and_divergences(tmp_path):
    rules = [{"name": "sgd", "grid": {"lr": [0.2, 0.5, 1e90]}}, {"name": "adagrad"}]
    asked = study(rules=rules, tune=None, compare=None)
    conduct(asked, results=tmp_path, jobs=1)
    (points, rates), wrong = summary(asked, results=tmp_path)
    assert [row[-1] for row in points.rows] == [0, 0, 2, 0]
    assert rates.rows[0][2] == 0.2
    assert wrong
    assert "at the edge" in wrong[0]


def test_rates_given_with_cases_are_none_to_choose_from(tmp_path):
    cases = [{"rule.lr": lr, "batch": 2} for lr in (0.1, 0.2)]
    asked = study(rules=[{"name": "sgd"}], cases=cases, tune=None, compare=None)
    conduct(asked, results=tmp_path, jobs=1)
    (points, rates), wrong = summary(asked, results=tmp_path)
    assert len(points.rows) == 2
    assert rates.rows == wrong == []


def test_bias_only_solves_its_normal_equations():
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 5, 80), rng.integers(0, 7, 80)
    y = rng.normal(size=80)
    design = np.zeros((80, 12))
    design[np.arange(80), users] = design[np.arange(80), 5 + items] = 1
    b = np.linalg.solve(design.T @ design + 2 * np.eye(12), design.T @ (y - y.mean()))
    score = bias_only(Rated(users, items, y), (5, 7), 2.0)(users, items)
    np.testing.assert_allclose(score, y.mean() + design @ b, atol=1e-4)
    score = popularity(Rated(users, items, y), (5, 7), 3.0)(users[:1], items[:1])
    own = y[items == items[0]] - y.mean()
    assert score[0] == pytest.approx(y.mean() + own.sum() / (own.size + 3))
    assert best_ridge(lambda ridge: abs(np.log2(ridge) - 7)) == 128
    assert best_ridge(lambda ridge: -ridge) > 2**20


def test_naive_bayes_by_hand():
    tokens, clicked = np.array([[0], [0], [1], [1]]), np.array([1.0, 1.0, 1.0, 0.0])
    prior = np.log((4 / 6) / (2 / 6))
    expected = [prior + np.log(3 / 1) - prior, prior + np.log(2 / 2) - prior]
    np.testing.assert_allclose(naive_bayes(tokens, clicked, 2)(np.array([[0], [1]])), expected)


@pytest.mark.movielens
def test_bias_only_on_the_packaged_ratings():
    reached = freqopt.problem("ratings", dimension=1).baselines()
    assert reached["bias only"]["test_rmse"] == pytest.approx(0.879, abs=5e-4)
    assert reached["popularity"]["test_rmse"] < reached["global mean"]["test_rmse"]


def test_rates_far_apart_on_splits_are_doubted(tmp_path):
    asked = clicks()
    conduct(asked, results=tmp_path, jobs=1)
    choices = chosen(asked, results=tmp_path)[0].choices
    figures = Table("figures", "", ["workload", "figure", "rule", "mean"], [])
    first, *rest = choices
    for times, said in ((7.0, 0), (8.0, 1)):
        other = next(one for one in rest if one.rule == first.rule)
        moved = replace(other, values=other.values | {"rule.lr": first.values["rule.lr"] * times})
        told = [doubt for doubt in doubts([first, moved], figures, "rmse") if "splits" in doubt]
        assert len(told) == said
