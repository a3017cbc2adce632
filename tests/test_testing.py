"""`assert_matches`: what a user's test says when it fails."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

import freqopt.testing
from freqopt.crosscheck import reference
from freqopt.errors import CrosscheckError, RuleError
from freqopt.testing import assert_matches


def test_the_example_of_the_docstring_runs():
    result = doctest.testmod(freqopt.testing)
    assert result.failed == 0
    assert result.attempted >= 4


@pytest.mark.parametrize("dtype", ["float32", "float64", "both"])
def test_the_reference_matches(dtype):
    assert_matches("rowwise_adagrad", reference, dtype=dtype, ulps=0)
    assert_matches("rowwise_adagrad", reference, dtype=dtype, lr=0.05, epsilon=1e-6)


def test_the_message_is_the_report():
    def halved(rule, table, given):
        step = reference(rule, table, given)
        return lambda rows, grads: step(rows, grads / 2)

    with pytest.raises(AssertionError) as caught:
        assert_matches("sgd", halved, dtype="float64", lr=0.05)
    message = str(caught.value)
    assert message.startswith("this is not sgd as the reference has it\n\nFAIL ")
    assert "first divergence in lr = 0.05, main, float64\n  step 1, row 0 (2 times" in message
    assert "with the fault 'lr x 1/2'" in message


def test_mistakes_in_the_call_are_not_assertions():
    with pytest.raises(RuleError, match="did you mean"):
        assert_matches("adagradd", reference)
    with pytest.raises(RuleError, match="unknown key 'beta3'"):
        assert_matches("adam", reference, beta3=1)
    with pytest.raises(CrosscheckError, match="expected a function"):
        assert_matches("adam", np.zeros(3))
    with pytest.raises(CrosscheckError, match="'half'"):
        assert_matches("adam", reference, dtype="half")
