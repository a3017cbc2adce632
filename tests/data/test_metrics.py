import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqopt.data.metrics import auc, log_loss, rmse
from freqopt.errors import DataError

few = st.sampled_from([-2.0, -0.5, 0.0, 0.1, 0.1 + 2**-56, 1.0])  # many ties
scored = st.lists(st.tuples(few | st.floats(-1e9, 1e9), st.integers(0, 1)), min_size=1, max_size=40)


@given(scored)
def test_auc_is_the_share_of_pairs_in_order(rows):
    scores, labels = (np.array(column) for column in zip(*rows, strict=True))
    wins = [
        Fraction(1) if a > b else Fraction(1, 2) if a == b else Fraction(0)
        for a, is_a in rows
        for b, is_b in rows
        if is_a and not is_b
    ]
    if not wins:
        with pytest.raises(DataError, match=r"AUC was given \d+ positive and \d+ negative rows"):
            auc(scores, labels)
        return
    assert auc(scores, labels) == float(sum(wins) / len(wins))  # correctly rounded: no tolerance


def test_auc_of_perfect_constant_and_reversed_scores():
    labels = np.array([0, 1, 0, 1])
    assert auc(labels * 1.0, labels) == 1.0
    assert auc(np.zeros(4), labels) == 0.5
    assert auc(-1.0 * labels, labels) == 0.0


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1, max_size=33))
def test_rmse(rows):
    """Error: half an ULP of the difference doubles in the square, the fold adds log2(33) < 6."""
    predictions, targets = (np.array(column) for column in zip(*rows, strict=True))
    with mpmath.workdps(50):
        squares = [(mpmath.mpf(p) - mpmath.mpf(t)) ** 2 for p, t in rows]
        want = mpmath.sqrt(mpmath.fsum(squares) / len(rows))
    assert abs(rmse(predictions, targets) - want) <= 10 * 2**-53 * want + 1e-160


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=33))
def test_log_loss(rows):
    probabilities, labels = (np.array(column) for column in zip(*rows, strict=True))
    with mpmath.workdps(50):
        terms = []
        for p, y in rows:
            clipped = min(max(p, 1e-15), 1 - 1e-15)
            terms.append(-mpmath.log(mpmath.mpf(clipped if y else 1 - clipped)))
        want = mpmath.fsum(terms) / len(rows)
    # log 0.52 ULP, the fold at most 6 additions and the division one: all terms have one sign
    assert abs(log_loss(probabilities, labels) - want) <= 8 * 2**-53 * want


def test_log_loss_is_clipped_at_the_stated_place():
    sure = np.array([0.0])
    assert log_loss(sure, np.array([1])) == pytest.approx(-math.log(1e-15), rel=1e-15)
    assert log_loss(sure, np.array([1]), clip=1e-3) == pytest.approx(-math.log(1e-3), rel=1e-15)
    assert log_loss(1 - sure, np.array([0])) == pytest.approx(-math.log(1e-15), rel=0.001)


@pytest.mark.parametrize("metric", [rmse, log_loss, auc])
@pytest.mark.parametrize(
    ("predictions", "targets", "message"),
    [
        ([], [], "was given 0 rows; expected at least one"),
        ([0.5], [1.0, 0.0], r"shape \(1,\) and targets \(2,\)"),
        ([[0.5]], [[1.0]], r"shape \(1, 1\)"),
        ([0.5, math.nan], [1.0, 0.0], "predictions hold nan at row 1; expected finite"),
        ([0.5, 0.5], [math.inf, 0.0], "targets hold inf at row 0"),
    ],
)
def test_bad_input_of_every_metric(metric, predictions, targets, message):
    with pytest.raises(DataError, match=message):
        metric(np.array(predictions), np.array(targets))


@pytest.mark.parametrize("metric", [log_loss, auc])
def test_labels_must_be_0_or_1(metric):
    with pytest.raises(DataError, match="labels hold -1 at row 1; expected 0 or 1"):
        metric(np.array([0.5, 0.5]), np.array([1, -1]))
    with pytest.raises(DataError, match=r"labels hold 3\.5 at row 0"):
        metric(np.array([0.5, 0.5]), np.array([3.5, 1.0]))


def test_log_loss_wants_probabilities():
    with pytest.raises(DataError, match=r"range from -0\.1 to 1\.5; .* Pass sigmoid"):
        log_loss(np.array([1.5, -0.1]), np.array([1, 0]))


@pytest.mark.parametrize("clip", [0.0, 0.5, -1.0, math.nan])
def test_clip_has_a_range(clip):
    with pytest.raises(DataError, match="clip is"):
        log_loss(np.array([0.5]), np.array([1]), clip=clip)
