"""What captions state is what the plotted data show."""

import re
from pathlib import Path

import numpy as np
import pytest

from freqopt.report.figure import FigureFile

FIGURES = Path(__file__).parents[3] / "figures"


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
    }
    assert caption(columns) == (
        "B needs 5.9 times fewer steps than tuned SGD at exponent 2; "
        "at exponent 0 the fastest is A, 1.25 times."
    )
