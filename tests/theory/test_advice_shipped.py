"""`advise` on counts that packages ship: predicted gaps against runs of the rules.

Files of packages that are not installed are skipped, and named; `nox -s advice` installs them.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import freqopt
from freqopt.data.occurrences import occurrences
from freqopt.theory.scaling.advice import advise

FILES = {
    "wordsegment": "unigrams.txt",
    "symspellpy": "frequency_dictionary_en_82_765.txt",
    "textblob": "en/en-spelling.txt",
    "spellchecker": "resources/ru.json.gz",
    "jieba": "dict.txt",
}
RULES = {
    "SGD": ("fa_sgd", {"form": "recipe", "exponent": 0.0}),
    "FA-SGD": ("fa_sgd", {"form": "recipe"}),
    "CF-SGD": ("cf_sgd", {"form": "anytime"}),
}


def disagreement(source, steps, runs=4):
    """For every rule: predicted gap, simulated mean, and its standard error."""
    counts = occurrences(source).counts
    advice = advise(counts, samples=steps)
    problem = freqopt.problem(
        "token_quadratic",
        tokens={"kind": "counts", "counts": np.sort(counts)[::-1].tolist()},
        dimension=8, noise=8**-0.5,
    )  # fmt: skip
    for name, (rule, options) in RULES.items():
        predicted = advice.rule(name)
        made = freqopt.rule(
            rule, lr=predicted.rate, smoothness=1 / (4 * advice.setting.cap), **options
        )
        shares = []
        for seed in range(runs):
            run = freqopt.run(
                problem, made, steps=steps, seed=seed, record=["gap"], checkpoints=[0, steps]
            )
            gap = run.curve("gap")[1]
            shares.append(gap[-1] / gap[0])
        yield name, predicted.gap, np.mean(shares), np.std(shares, ddof=1) / np.sqrt(runs)


def agrees(source, steps):
    """Whether each prediction is within five standard errors, and these within 2 %."""
    for name, predicted, mean, error in disagreement(source, steps):
        assert error < 0.02 * mean, name
        assert abs(mean - predicted) < 5 * error, name


def test_a_text_that_python_carries():
    agrees("python_topics", 3_000)


@pytest.mark.slow
def test_movielens():
    agrees("movielens", 100_000)


@pytest.mark.slow
@pytest.mark.parametrize("package", FILES)
def test_counts_of_packages(package):
    spec = find_spec(package)
    if spec is None:
        pytest.skip(f"{package} is not installed")
    agrees(str(Path(spec.submodule_search_locations[0], FILES[package])), 100_000)
