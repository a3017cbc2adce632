"""`advise`: predictions against simulations of the project's own rules, and its words."""

import numpy as np
import pytest

import freqopt
from freqopt.errors import TheoryError
from freqopt.theory.scaling import counting, epochs, groups
from freqopt.theory.scaling.advice import Model, Setting, advise

NOISE, STEPS = 4.0, 1500
COUNTS = np.floor(2e4 / np.arange(1, 201.0) ** 1.2).astype(np.int64)


@pytest.fixture(scope="module")
def advice():
    return advise(COUNTS, samples=STEPS, noise=NOISE)


RULES = {
    "SGD": ("fa_sgd", {"form": "recipe", "exponent": 0.0}),
    "FA-SGD": ("fa_sgd", {"form": "recipe"}),
    "CF-SGD": ("cf_sgd", {"form": "anytime"}),
}


@pytest.mark.parametrize("rule", RULES)
def test_predicted_gaps_are_those_of_simulations(advice, rule):
    """A mean of 8 runs of 64 coordinates each; 5 standard errors are less than 5 % of it."""
    problem = freqopt.problem(
        "token_quadratic", tokens={"kind": "counts", "counts": tuple(COUNTS.tolist())},
        dimension=64, noise=np.sqrt(NOISE / 64),
    )  # fmt: skip
    name, options = RULES[rule]
    rate, smoothness = advice.rule(rule).rate, 1 / (4 * advice.setting.cap)
    shares = []
    for run in range(8):
        made = freqopt.rule(name, lr=rate, smoothness=smoothness, **options)
        _, gap = freqopt.run(
            problem,
            made,
            steps=STEPS,
            seed=run,
            record=["gap"],
            checkpoints=[STEPS],
            backend="numpy",
        ).curve("gap")
        shares.append(gap[-1] / gap[0])
    error = np.std(shares, ddof=1) / np.sqrt(len(shares))
    assert error < 0.01 * np.mean(shares)
    assert abs(np.mean(shares) - advice.rule(rule).gap) < 5 * error


def test_the_words(advice):
    assert advice.word == "yes"
    assert advice.gain == advice.rule("SGD").gap / advice.rule("FA-SGD").gap
    equal = advise(np.full(500, 20))
    assert equal.word == "no"
    assert equal.gain == pytest.approx(1, abs=1e-6)
    assert equal.fit is None
    alone = advise(np.array([7]))
    assert (alone.word, alone.speed_up) == ("no", 1)


def test_what_would_change_the_answer_does(advice):
    """Every setting listed has the word it is listed with."""
    assert advice.changes
    model = Model(groups.coarser(groups.from_counts(COUNTS)), float(COUNTS.sum()))
    few = next(c for c in advice.changes if c.startswith("15 samples"))
    gain = model.tuned(Setting(15, 1, NOISE), 0.0)[0] / model.tuned(Setting(15, 1, NOISE), 0.5)[0]
    assert f"gain {gain:.2f} (no)" in few
    assert not any("(yes)" in c for c in advice.changes)


def test_several_passes_over_the_file_are_over_its_own_counts():
    counts = np.array([50, 20, 2, 1, 1])
    found = advise(counts, passes=10_000, noise=2.0)
    mass = counts / counts.sum()
    bayes = np.sum(mass * 2 / (counts + 2))
    assert found.rules[-1].gap == pytest.approx(bayes, rel=1e-12)
    assert bayes < found.rule("FA-SGD").gap < 1.05 * bayes
    assert found.once == pytest.approx(2 / 74)
    few = advise(counts, passes=3, noise=2.0)
    rate = few.rule("FA-SGD").rate * mass**-0.5
    risk = epochs.token_risk(counts, np.minimum(few.setting.cap, rate), 3, 2.0)
    assert few.rule("FA-SGD").gap == pytest.approx(np.sum(mass * risk), rel=1e-9)


@pytest.mark.parametrize("noise", [0.25, 3.0, 40.0])
def test_the_cap_is_the_best_rate_of_a_row_seen_once(noise):
    cap, rates = Setting(10, 1, noise).cap, np.linspace(0, 1, 100_001)
    assert cap == pytest.approx(rates[np.argmin((1 - rates) ** 2 + rates**2 * noise)], abs=2e-5)
    found = advise(COUNTS, samples=300, noise=noise)
    tokens = groups.coarser(groups.from_counts(COUNTS))
    rate = found.rule("CF-SGD").rate
    gap = counting.counter_gap(tokens, rate, 300, noise, cap=cap)
    assert found.rule("CF-SGD").gap == pytest.approx(2 * gap, rel=1e-12)


def test_merging_neighbours_changes_nothing_that_is_seen():
    fine = groups.from_counts(np.arange(1, 20_000))
    coarse = groups.coarser(fine)
    assert coarse.p.size < fine.p.size / 5
    for q in (0.0, 0.5):
        here = Setting(1e6, 1, 1.0)
        exact = Model(fine, 1.0).tuned(here, q)[0]
        assert Model(coarse, 1.0).tuned(here, q)[0] == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize(
    "wrong", [{"samples": 0}, {"noise": -1}, {"noise": np.nan}, {"passes": 0.5}]
)
def test_settings_that_are_none(wrong):
    with pytest.raises(TheoryError, match=next(iter(wrong))):
        advise(COUNTS, **wrong)
