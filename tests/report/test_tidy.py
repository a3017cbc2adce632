"""Questions to a table of results."""

import numpy as np
import pytest

from freqopt.errors import FigureError
from freqopt.report import tidy


def test_the_mean_is_of_splits_with_equally_many_runs():
    data = {
        "rule": np.array(["a", "a", "a", "a"]),
        "problem.held_out.seed": np.array([0, 0, 1, 1]),
        "value": np.array([1.0, 3.0, 5.0, 7.0]),
    }
    assert tidy.by_split(data).tolist() == [[1, 3], [5, 7]]
    found = tidy.centre(data, ["rule"])
    assert found["mean"] == [4.0]
    assert 1 <= found["low"][0] < 4 < found["high"][0] <= 7
    with pytest.raises(FigureError, match=r"the splits have 2, 1 runs; expected as many in each"):
        tidy.centre({name: column[:3] for name, column in data.items()}, ["rule"])
