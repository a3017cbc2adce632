"""What captions state is what the plotted data show."""

import re
from pathlib import Path

import numpy as np
import pytest

from freqopt.report.figure import FigureFile

FIGURES = Path(__file__).parents[3] / "figures"


def said(name, **columns):
    columns = {key: np.array(values) for key, values in columns.items()}
    return FigureFile.read(FIGURES / f"{name}.py").caption(columns)


def test_every_figure_has_a_caption():
    for path in FIGURES.glob("*.py"):
        assert FigureFile.read(path).caption is not None, path


@pytest.mark.parametrize(
    ("highs", "words"),
    [
        ([0.870, 0.871], "^B, A end below"),
        ([0.870, 0.890], "^A ends below"),
        ([0.881, 0.890], "^No rule ends below"),
    ],
)
def test_which_rules_beat_biases_alone(highs, words):
    """Against RMSE 0.88: a rule counts where its whole interval lies below."""
    caption = FigureFile.read(FIGURES / "movielens_training.py").caption
    columns = {
        "rule": np.array(["A", "B", "bias only"]),
        "last": np.array([1, 1, 2]),
        "mean": np.array([0.869, 0.868, 0.88]),
        "high": np.array([*highs, 0.88]),
    }
    said = caption(columns)
    assert re.search(words, said), said
    assert "B at 0.8680" in said
    assert "RMSE 0.8800" in said


def test_who_saves_steps():
    caption = FigureFile.read(FIGURES / "fa_speedup.py").caption
    columns = {
        "exponent": np.array([0.0, 0.0, 2.0, 2.0]),
        "rule": np.array(["A", "B", "A", "B"]),
        "factor": np.array([1.25, np.nan, 1.0, 5.86]),
        "low": np.array([1.1, np.nan, 1.0, 5.2]),
        "high": np.array([1.3, np.nan, 1.0, 6.0]),
    }
    assert caption(columns) == (
        "B needs 5.9 times fewer steps (5.2 to 6.0) than SGD at its best constant rate at exponent "
        "2; at exponent 0 the fastest is A, 1.25 times."
    )


def test_who_ends_lowest():
    columns = {
        "panel": ["gap", "gap", "gap", "tail", "tail"], "rule": ["SGD", "A", "A", "SGD", "A"],
        "step": [5000, 5000, 50, 5000, 5000], "median": [0.3, 0.2, 0.01, 0.1, 0.4],
        "low": [0.25, 0.1, 0, 0.09, 0.1], "high": [0.4, 0.22, 0, 0.11, 0.5],
    }  # fmt: skip
    told = said("fa_convergence", **columns)
    assert told.startswith("After 5,000 samples")
    assert "the least gap is that of A, 0.2 (SGD: 1.50 times as much)" in told
    assert told.endswith("tail is that of SGD, 0.1 (not told from it by quartiles: A).")


def test_powers_of_the_frequency():
    p = np.geomspace(1e-5, 1e-1, 9)
    rates = np.concatenate([(p / p[-1]) ** -0.5, np.minimum((p / p[-1]) ** -0.5, 10)])
    told = said(
        "fa_effective_rate", rule=["A"] * 9 + ["B"] * 9, frequency=np.tile(p, 2), rate=rates
    )
    assert told.endswith("A -0.50, 1.00; B -0.50, 0.10.")


def test_how_fixed_memory_ends_on_the_surfaces():
    rules = ["SGD", "SGD at twice the rate", "SGD_C"]
    told = said(
        "mem_surfaces", rule=rules * 3, step=[1000] * 9,
        value=[4.0, 2.0, 1.0, 1.0, 1.0, 2.0, 9.0, 3.0, 3.0],
        **{"problem.surface": np.repeat(["beale", "goldstein_price", "official_camel"], 3)},
    )  # fmt: skip
    assert "SGD_C ends below SGD on 2 of 3 surfaces" in told
    assert "ends at 2, 0.5, 1 times the gap of SGD_C" in told


def test_what_each_step_loses():
    losses = {"loss_theorem": [0.2, 0.1, 0.9], "loss_capped": [0, 0.03, 0.9]}
    told = said(
        "fa_best_step", theorem=["FA-15", "FA-15", "T2"], visits=[0.5, 1.0, 1.0], **losses,
        loss_seen=[0.01, 0, 0.9],
    )  # fmt: skip
    assert "FA-SGD 20 % (at 0.5 visits)" in told
    assert "capped at $R/\\gamma$ 3 % (at 1 visits)" in told
    assert told.endswith("1 % (at 0.5 visits).")


def test_how_loose_the_bound_is():
    told = said(
        "theorem_bounds", token=["head", "head", "tail", "tail"], T=[16, 4096] * 2,
        bound=[9.0, 4.0, 9.0, 8.0], exact=[1.0, 2.0, 1.0, 1.0], trivial=[5.0] * 4,
    )  # fmt: skip
    assert "head token 2.0 times as large and says something from T = 4,096 on" in told
    assert "tail token 8.0 times as large and says nothing yet" in told


def test_who_is_ahead_on_the_map():
    told = said(
        "epochs_map", counts=["a", "b", "b"], passes=[1, 2, 4], noise=[1.0, 4.0, 16.0],
        ratio=[1.5, 0.9, 1.2],
    )  # fmt: skip
    assert "ahead in 2 of 3 cells" in told
    assert "FA-SGD gains most at a, E = 1, S = 1 (ratio 1.50)" in told
    assert "SGD gains most at b, E = 2, S = 4 (ratio 0.90)" in told


def test_how_far_runs_are_from_the_recursion():
    laws = ["L1", "L2", "L3", "L4", "L5"]
    told = said(
        "scaling_laws", law=np.repeat(laws, 2), series=["A"] * 10, kind=["exact", "runs"] * 5,
        x=np.repeat([1.0, 2.0, 3.0, 4.0, 5.0], 2), y=[2, 2.2, 1, 0.95, 1, 1, 1, 1.5, 4, 3],
    )  # fmt: skip
    assert told.endswith("L1 10 %, L2 5 %, L3 0 %, L4 50 %, L5 25 %.")


def test_what_a_larger_vocabulary_costs():
    methods = np.tile(np.repeat(["gradient descent", "FA-SGD", "sign descent"], 2), 2)
    told = said(
        "bigram_full_batch", source=np.repeat(["Zipf law", "text"], 6), method=methods,
        size=[30, 3000] * 6, kind=["steps"] * 12, y=[1, 9, 2, 4, 2, 5, 1, 8, 1, 2, 1, 3],
    )  # fmt: skip
    assert "from 30 to 3,000 tokens" in told
    assert "Zipf law: gradient descent 9.0, FA-SGD 2.0, sign descent 2.5" in told
    assert "text: gradient descent 8.0, FA-SGD 2.0, sign descent 3.0" in told


def test_what_it_costs_under_cross_entropy():
    methods = np.repeat(["gradient descent", "FA-SGD", "sign descent"], 2)
    told = said(
        "bigram_cross_entropy", method=methods, size=[30, 300] * 3, kind=["steps"] * 6,
        y=[16, 945, 9, 176, 1.2, 1.4],
    )  # fmt: skip
    assert "from 30 to 300 words: gradient descent 16 to 945, FA-SGD 9 to 176, sign" in told


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [((-0.02, -0.01), "wins"), ((0.01, 0.03), "loses"), ((-0.01, 0.01), "does not win")],
)
def test_whether_cf_sgd_wins_once_sgd_is_tuned(interval, verdict):
    """In the loss less is better, in the scores more."""
    caption = FigureFile.read(FIGURES / "word2vec_rules.py").caption
    low, high = interval
    rows = [
        ("test_loss", "SGD", 2.71, 2.72, 0.0, 0.0, 0.0),
        ("test_loss", "CF-SGD", 2.69, 2.70, (low + high) / 2, low, high),
        ("simlex999", "SGD", 0.3, 0.31, 0.0, 0.0, 0.0),
        ("simlex999", "CF-SGD", 0.3, 0.31, -(low + high) / 2, -high, -low),
        ("one score for all", "", 2.705, 2.705, 0.0, 0.0, 0.0),
    ]
    columns = dict(
        zip(
            ("figure", "rule", "low", "mean", "by", "from_", "to"),
            map(np.array, zip(*rows, strict=True)), strict=True,
        )
    )  # fmt: skip
    said = caption(columns)
    assert said.startswith(f"Once SGD is tuned, CF-SGD {verdict} on held-out loss (")
    assert f"; {verdict} on simlex999 (" in said
    assert "Least held-out loss: CF-SGD at 2.7000; above the 2.7050 of one score" in said
    assert said.endswith("beyond the interval: SGD.")
