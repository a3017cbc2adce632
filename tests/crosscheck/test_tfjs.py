"""TensorFlow.js through `--exec`: what docs/tfjs says its optimizers mean, and what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from freqopt.crosscheck.exchange.process import Program
from freqopt.crosscheck.judge import judge_implementation
from freqopt.errors import CrosscheckError

from .test_found import _has_tfjs

FOLDER = Path(__file__).parents[2] / "docs" / "tfjs"
GUESTS = json.loads((FOLDER / "optimizers.json").read_text())["guests"]

pytestmark = pytest.mark.skipif(not _has_tfjs(), reason="npm install @tensorflow/tfjs@4.22.0")


def _report(name, **changed):
    about = {**GUESTS[name], **changed}
    with Program(["node", str(FOLDER / "optimizer.js"), name]) as program:
        return judge_implementation(
            program, about["rule"], ["float32"], dialect=about["dialect"], ulps=about["allowed"]
        )


@pytest.mark.parametrize("name", ["sgd", "momentum", "adagrad", "adam"])
def test_an_optimizer_means_what_is_said(name):
    assert _report(name).matches


def test_rmsprop_fails_where_it_is_centered_and_nowhere_else():
    report = _report("rmsprop")
    assert {j.case.rule.centered for j in report.having("PASS")} == {False}
    assert {j.case.rule.centered for j in report.having("FAIL")} == {True}
    assert not report.having("ERROR")


def test_an_option_that_it_does_not_have_is_refused():
    with pytest.raises(CrosscheckError, match="nothing could be judged"):
        _report("adam", dialect={"epsilon_place": "eps_hat"})
