"""Correct code raises no alarm: the error budget of a thousand runs, spent for nothing.

A run may say something wrong with probability 1e-3. Ten runs, each with its own seed and a budget
of 0.1, spend what a thousand such runs may: one false alarm is expected at most.
"""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from freqopt.theory import Word, verify
from freqopt.theory.engines.betting import AboveBound, BelowBound, Sampling, below, equal
from freqopt.theory.engines.medians import median_within
from freqopt.theory.engines.sampler import check_sampler

FOLDER = Path(__file__).parents[2] / "proofs_check"
DOUBT = 1e-3
"""An honest level is called dishonest with this probability at most."""


def most_alarms(trials, level):
    """The largest count that does not contradict the level: exact binomial tail > DOUBT."""
    return int(binom.isf(DOUBT, trials, level))


@pytest.mark.slow
def test_a_thousand_runs_worth_of_budget_raises_no_alarm():
    alarms, certain, spent = [], [], 0.0
    for seed in range(1, 11):
        report = verify([FOLDER], seed=seed, budget=0.1)
        assert not report.problems
        spent += report.spent
        for row in report.rows:
            if row.failed:
                (alarms if row.delta else certain).append((seed, row))
    assert not certain, "an engine that samples nothing has no false alarms"
    assert spent > 0.5  # a thousand runs spend 1 if each uses its whole budget
    assert len(alarms) <= most_alarms(1000, 1e-3), alarms


LEVEL, TRIALS, SAMPLES = 0.01, 4000, Sampling(first=32, most=256)
LAW = np.array([0.7, 0.2, 0.1])


def exponential(rng):
    """Unbounded, mean 1."""
    return lambda first, count: rng.exponential(1, count)


def rare(rng):
    """Mean 1, zero 98 times in 100, at most 50."""
    return lambda first, count: 50.0 * (rng.random(count) < 0.02)


ON_THE_BOUNDARY = {
    "E X <= 1, exponential": lambda rng: below(exponential(rng), 1.0, LEVEL, None, SAMPLES),
    "E X <= 1, rare": lambda rng: below(rare(rng), 1.0, LEVEL, 50.0, SAMPLES),
    "E X = 1, rare": lambda rng: equal(rare(rng), 1.0, LEVEL, 50.0, 0.5, SAMPLES),
    "the sampler's law": lambda rng: check_sampler(rng.choice(3, 400, p=LAW), LAW, LEVEL),
    "median <= log 2": lambda rng: median_within(
        rng.exponential(1, 64), -np.inf, np.log(2) - 1e-12, LEVEL
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("claim", ON_THE_BOUNDARY)
def test_engines_keep_their_level_where_equality_holds(claim):
    rng = np.random.default_rng(0)
    decide = ON_THE_BOUNDARY[claim]
    alarms = sum(decide(rng).word is Word.REFUTED for _ in range(TRIALS))
    assert alarms <= most_alarms(TRIALS, LEVEL)


@pytest.mark.slow
@pytest.mark.parametrize(
    "begin",
    [lambda: AboveBound(1.0), lambda: BelowBound(1.0, 50.0)],
    ids=["above", "below"],
)
def test_a_thousand_looks_do_not_raise_the_level(begin):
    """One may look after every sample: the best evidence of a whole path keeps the level."""
    rng, alarms = np.random.default_rng(1), 0
    for _ in range(TRIALS):
        bet = begin()
        bet.add(rare(rng)(0, 1000))
        alarms += bet.against(LEVEL)
    assert alarms <= most_alarms(TRIALS, LEVEL)
