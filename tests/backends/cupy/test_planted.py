"""Mistakes planted in the CUDA source: each is noticed by the tests of the twin."""

from __future__ import annotations

import numpy as np
import pytest

from .test_twin_loop import FORMS, run_both
from .test_twin_step import chosen, many_occurrences
from .twins import assert_same, needs_compiler

pytestmark = [needs_compiler, pytest.mark.slow]

# File, what stands there, the mistake, and the rule, or the problem and the rule, that shows it.
STEPS = {
    "rate of the batch before": ("source/rule.cuh", "(t - 1) * h", "(t - 2) * h", "sgd"),
    "epsilon inside the root": (
        "kernel", r"\(sqrt\((\w+)\) \+ (\w+)\)", r"sqrt(\1 + \2)", "adagrad",
    ),
    "a sum, not a mean": (
        "kernel", r"\(total / real\(visit\.width\)\)", "total", "rowwise_adagrad",
    ),
    "bias correction of the next batch": (
        "kernel", r"c1_(\d+) = (.*), t\)", r"c1_\1 = \2, t + 1)", "adam",
    ),
    "the last count only": ("kernel", r"= \(c_1 \+ (.*)\);", r"= \1;", "cf_sgd"),
    "decay of a row that is left out": (
        "source/update.cuh", "p.x[v] *= shrink;", "p.x[v] *= 1;", "adamw",
    ),
    "a fold from the left": (
        "source/rows.cuh", "while (2 * half < count) half *= 2;", "", "rowwise_adagrad",
    ),
    "a test that is left out": (
        "source/critical.cuh", "HAS(acceptance_test)", "!HAS(acceptance_test)", "sgd_c",
    ),
    "slots that stay where they are": (
        "source/critical.cuh", "move(at, stays[at]);", "move(at, at);", "sgd_c",
    ),
}  # fmt: skip
SUMS = {
    "occurrences in reverse": ("p[n] = load(", "p[AHEAD_OF_SUM - 1 - n] = load("),
    "a rest that is left out": ("for (; k < end; k++) add(", "for (; k + 1 < end; k++) add("),
}
LOOPS = {
    "noise of the step before": (
        "problems/token_quadratic.cuh", "first + k / numbers", "first + k / numbers + 1",
        "token_quadratic",
    ),
    "a pair's own context among the negatives": (
        "problems/sgns.cuh", "m == 0 ? -away : away", "away", "sgns",
    ),
    "weight decay without the bias": (
        "problems/ratings.cuh", "+ l2 * u[j])", "+ (j > 0 ? l2 * u[j] : real(0)))", "ratings",
    ),
    "a class too few": (
        "problems/softmax_regression.cuh", "-= real(1);", "-= real(0);", "softmax_regression",
    ),
    "a movement without the last row": (
        "source/movement.cuh", "if (!step.begins(p)) continue;",
        "if (!step.begins(p) || p == step.count - 1) continue;", "factorisation_machine",
    ),
    "rows that are not sorted": (
        "source/occurrences.cuh", "if (b < a)", "if (false)", "softmax_regression",
    ),
}  # fmt: skip
LAYERS = {
    "a unit that is left out": (
        "layers", "fold_rows(group, work, inner,", "fold_rows(group, work, inner - 1,",
    ),
    "the second layer by its columns": (
        "layers", "k % inner * width + k / inner", "k / inner + k % inner",
    ),
    "the same unit for every row of W2": ("layers", "* inner + u] * table", "* inner] * table"),
    "an occurrence that is left out": (
        "layers", "fold_rows(group, work, m,", "fold_rows(group, work, m - 1,",
    ),
    "rows as they were before the step": ("loop", "if (LAYERED) collapse(", "if (false) collapse("),
    "a layer that does not catch up": (
        "loop", "k < PARTS; k++) catch_up_step", "k < PARTS - 2; k++) catch_up_step",
    ),
}  # fmt: skip


def same_in_all(found):
    """Every case has the reference's bits."""
    for case in found:
        assert_same(case, lanes=1)


@pytest.mark.parametrize("mistake", STEPS)
def test_a_mistake_in_the_step_is_noticed(mistake, planted):
    *where, rule = STEPS[mistake]
    planted(*where)
    with pytest.raises(AssertionError):
        same_in_all(chosen(rule, np.float32))


@pytest.mark.parametrize("mistake", SUMS)
def test_a_mistake_in_a_long_sum_is_noticed(mistake, planted):
    planted("source/step.cuh", *SUMS[mistake])
    with pytest.raises(AssertionError):
        many_occurrences({})


@pytest.mark.parametrize("mistake", LAYERS)
def test_a_mistake_in_the_layers_is_noticed(mistake, planted):
    name, *change = LAYERS[mistake]
    planted(f"source/{name}.cuh", *change)
    pair, layers = ("pair", FORMS["pair"][0]), {"inner": 3}
    with pytest.raises(AssertionError):
        run_both(pair, "catchup_adam", batch=3, movement=True, weight_decay=0.1, layers=layers)


def test_a_mistake_in_the_rounds_of_a_clipped_batch_is_noticed(planted):
    planted("source/batch.cuh", "round << part.occurrences.shift", "0ll")
    clipped = {"clip": 0.01, "clip_scope": "batch", "duplicates": "sequential"}
    with pytest.raises(AssertionError):
        run_both(("sgns", FORMS["sgns"][0]), "sgd", batch=4, **clipped)


@pytest.mark.parametrize("mistake", LOOPS)
def test_a_mistake_in_the_loop_is_noticed(mistake, planted):
    *where, problem = LOOPS[mistake]
    planted(*where)
    form = FORMS[problem][0]
    with pytest.raises(AssertionError):
        run_both((problem, form), "adagrad", batch=3, movement=True)
