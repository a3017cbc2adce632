"""The sampled engines keep their error level on the boundary, and notice what is false."""

import numpy as np
import pytest

from freqopt.errors import TheoryError
from freqopt.theory import Word
from freqopt.theory.engines.betting import AboveBound, BelowBound, Sampling, below, equal
from freqopt.theory.engines.medians import median_interval, median_within
from freqopt.theory.engines.sampler import check_sampler, log_evidence

DELTA = 1e-3
SUITES = 1000
# At level 1e-3, 1000 suites give at most 1 alarm in the mean; 6 or more have probability 6e-4.
ALARMS = 5


def rare(rng, size):
    """Mean 1, zero 98 times in 100: the case on which t-intervals certify falsehoods."""
    return 50.0 * (rng.random(size) < 0.02)


def test_bets_against_a_true_bound_raise_no_alarm():
    rng, alarms = np.random.default_rng(0), {"exponential": 0, "rare": 0, "bounded": 0}
    for _ in range(SUITES):
        for name, samples in (("exponential", rng.exponential(1, 300)), ("rare", rare(rng, 300))):
            bet = AboveBound(1.0)
            bet.add(samples)
            alarms[name] += bet.against(DELTA)
        bet = BelowBound(1.0, 50.0)  # the claim E X >= 1 is true: it must not be refuted
        for block in np.split(rare(rng, 300), 3):
            bet.add(block)
        alarms["bounded"] += bet.against(DELTA)
    assert max(alarms.values()) <= ALARMS


def test_a_correct_sampler_raises_no_alarm():
    rng, law = np.random.default_rng(1), np.array([0.7, 0.2, 0.1, 0.0])
    alarms = sum(
        check_sampler(rng.choice(4, 500, p=law), law, DELTA).word is Word.REFUTED
        for _ in range(SUITES)
    )
    assert alarms <= ALARMS


def test_the_median_interval_covers():
    rng = np.random.default_rng(2)
    missed = 0
    for _ in range(SUITES):
        low, high = median_interval(rng.exponential(1, 64), 0.01)
        missed += not low <= np.log(2) <= high
    # Level 1e-2: at most 10 in the mean; 23 or more have probability 4e-4.
    assert missed <= 22


def test_a_false_bound_is_refuted_soon_and_a_true_one_corroborated():
    rng = np.random.default_rng(3)
    draw = lambda first, count: rng.exponential(1, count)  # noqa: E731
    refuted = below(draw, 0.5, 1e-3, None, Sampling())
    assert (refuted.word, refuted.seeds) == (Word.REFUTED, 64)
    bounded = lambda first, count: rng.random(count)  # noqa: E731
    shown = below(bounded, 0.8, 1e-3, 1.0, Sampling())
    assert shown.word is Word.CORROBORATED
    assert shown.seeds <= 512
    open_question = below(draw, 1.05, 1e-3, None, Sampling(most=128))
    assert (open_question.word, open_question.seeds) == (Word.UNREFUTED, 128)


def test_a_mean_is_corroborated_within_its_margin_or_refuted():
    rng = np.random.default_rng(4)
    draw = lambda first, count: rng.random(count)  # noqa: E731
    assert equal(draw, 0.5, 1e-3, 1.0, 0.1, Sampling(most=8192)).word is Word.CORROBORATED
    for wrong in (0.4, 0.6):
        assert equal(draw, wrong, 1e-3, 1.0, 0.1, Sampling(most=8192)).word is Word.REFUTED


@pytest.mark.parametrize("shift", [0.02, -0.02])
def test_a_sampler_two_per_cent_off_is_noticed(shift):
    law = np.array([0.5, 0.3, 0.2])
    wrong = law + np.array([shift, -shift, 0.0])
    draws = np.random.default_rng(5).choice(3, 100_000, p=wrong)
    assert check_sampler(draws, law, 1e-5).word is Word.REFUTED


def test_an_impossible_value_is_proof():
    assert log_evidence(np.array([5, 1]), np.array([1.0, 0.0])) == np.inf


def test_medians_are_located_refuted_or_left_open():
    rng = np.random.default_rng(6)
    samples = rng.normal(0.3, 0.1, 100)
    assert median_within(samples, 0.2, 0.4, 1e-4).word is Word.CORROBORATED
    assert median_within(samples, 0.5, 0.9, 1e-4).word is Word.REFUTED
    assert median_within(samples, 0.3, 0.9, 1e-4).word is Word.UNREFUTED
    with pytest.raises(TheoryError, match="cannot locate"):
        median_interval(samples[:10], 1e-4)


def test_the_error_budget_is_split_over_the_checks(tmp_path):
    """Two statistical checks share the run's budget, and what they spend adds up to it."""
    from freqopt.theory import verify

    text = '''"""S-1: two samples

Source
    derived here.
Problem
    p
Algorithm
    a
Assumptions
    none
Statement
    E X <= 1
Checks
    statistics
Literature
    none
"""
import numpy as np
from freqopt.theory import Check, Mutant, Theorem
from freqopt.theory.engines.betting import Sampling, below


def theorem(bound=1.0):
    def run(context):
        rng = np.random.default_rng(context.seed)
        return below(lambda f, n: rng.random(n), bound, context.delta, 1.0, Sampling())

    return Theorem(checks=tuple(Check("statistics", n, run, statistical=True) for n in "ab"))


MUTANTS = {"0.3": Mutant("statement", bound=0.3)}
'''
    path = tmp_path / "s.py"
    path.write_text(text)
    report = verify([path], mutants=True, budget=1e-3, jobs=1)
    assert report.delta == pytest.approx(5e-4)
    assert report.spent == pytest.approx(1e-3)
    assert {row.word for row in report.rows} == {Word.CORROBORATED}
    assert report.mutants[0].killed_by == ("statistics",)
