"""The kit kills every mutant, and would say so if it did not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from freqopt.crosscheck import cases, reference
from freqopt.crosscheck.kit import MARGIN, WIDEST, examine, kit, tolerance
from freqopt.crosscheck.mutants import _edits, mutants
from freqopt.errors import CrosscheckError
from freqopt.optimizers import rules

# The catalogue of known mistakes: what the tests of optimizer libraries let through.
ADAM = {
    "epsilon_place = inside", "epsilon_place = outside", "epsilon_place = eps_hat",
    "epsilon squared inside", "epsilon x 7/8", "epsilon = 0", "epsilon 1e-2",
    "bias_correction = none", "bias_correction = first", "bias_correction = second",
    "c2 without its root", "c2 without its root, eps_hat", "beta1 = 0", "beta1 x 7/8",
    "beta2 x 7/8", "betas swapped", "v decays with beta1", "g not squared", "v of the batch before",
    "m of the batch before", "sign of m", "v never stored", "m never stored",
    "moments of absent rows fade", "statistic = row_mean", "step index ahead by one",
    "step index behind by one", "step_index = visits",
}  # fmt: skip
EVERY = {
    "duplicates = last", "duplicates = first", "duplicates = mean", "duplicates = sqrt_count",
    "maximize = True", "maximize = False", "step x 1/2", "step x 2", "update dropped", "wrong sign",
    "count_empty = False", "state reset at step 7", "state in float32", "all rows decay by 1e-6",
    "moved rows decay by 1e-6", "sign of the step only", "plain SGD", "shown a step late",
    "weights lost", "every row its own clock", "lr_decay = 0", "lr decays a batch early",
    "step index from 2", "empty batch repeats the last", "highest row of a batch lost",
    "state in float16 at once", "printed with 6 decimals",
}  # fmt: skip
ROW_WISE = {
    "statistic = square_of_mean", "statistic = sum_square", "statistic = max_square",
    "statistic = norm", "median of squares", "first square of the row", "square of the mean of |g|",
    "mean of |g|", "root of the mean of squares", "epsilon_place = inside",
    "epsilon_place = cube_root", "epsilon of FBGEMM", "epsilon = 0", "order = use_first",
    "law = mean", "law = weighted", "initial_accumulator = 0", "l2 of the wrong sign",
    "decay = decoupled", "l2 left out of the second moment", "visits counted", "rows = nonzero",
    "duplicates = sequential", "duplicates = squares",
}  # fmt: skip
CATALOGUE = {
    "lazy_adam": ADAM | {"rows = nonzero", "duplicates = sequential", "duplicates = squares"},
    "adam": ADAM - {"step_index = visits"},
    "rowwise_adagrad": ROW_WISE,
    "adagrad": {"g not squared", "cube root", "order = use_first", "law = mean", "law = weighted"},
    "cf_sgd": {
        "unit = occurrence", "current = excluded", "1/c", "fourth root", "epsilon inside",
        "half-life in visits", "counts fade by e", "gap of the first visit", "cap = none",
        "count not over n", "t for T",
    },
    "fa_sgd": {
        "1/p", "no T", "t for T", "cap = none", "gradient over p", "gradient times p",
        "state in float16", "all rows decay by 1e-3",
    },
    "sgd_c": {
        "threshold = minimum", "insertion = before", "priorities never decay",
        "gradients decay, not priorities", "as large is accepted", "policy = fifo",
        "norm of the gradient with its decay", "sum of the buffer, not its mean", "divided by C",
        "largest leaves",
    },
    "adam_c": {"kappa_role = factor", "kappa_role = switch"},
}  # fmt: skip


def assert_no_survivor(name, dtype):
    found = kit(name, dtype)
    assert [kill.mutant for kill in found.survivors] == []
    assert [kill.mutant for kill in found.mislabelled] == []
    killed = [kill for kill in found.kills if kill.effect]
    assert len(killed) >= 15
    assert tolerance(name, dtype) == WIDEST[np.dtype(dtype)]  # as docs/goldens.md says
    assert MARGIN * found.tolerance <= min(k.effect for k in killed if k.dtype == dtype)
    unresolved = [kill for kill in found.unresolved if not kill.reason]
    assert all(kill.effect >= MARGIN * WIDEST[np.dtype("float64")] for kill in unresolved)


@pytest.mark.parametrize("name", list(rules))
def test_every_mutant_is_killed(name):
    assert_no_survivor(name, "float64")


@pytest.mark.parametrize(
    "name",
    [name if name == "sgd" else pytest.param(name, marks=pytest.mark.slow) for name in rules],
)
def test_every_mutant_is_killed_in_float32(name):
    assert_no_survivor(name, "float32")


@pytest.mark.parametrize("name", list(rules))
def test_the_catalogue_is_among_the_mutants(name):
    assert EVERY | CATALOGUE.get(name, set()) <= set(mutants(name))


def blind(case):
    """The case without a zero gradient and without a pair that cancels."""
    batches = []
    for rows, grads in case.exercise.batches:
        grads = grads.copy()
        for row in set(rows.tolist()):
            if not grads[rows == row].sum(axis=0).any():
                grads[np.argmax(rows == row)] += 0.25
        batches.append((rows, grads))
    return replace(case, exercise=replace(case.exercise, batches=tuple(batches)))


def test_without_cancelling_pairs_a_mutant_survives():
    judged = {"rows = nonzero": mutants("lazy_adam")["rows = nonzero"]}
    on = [case for case in cases("lazy_adam") if case.rule.rows == "touched"]
    assert examine("lazy_adam", on, judged).survivors == []
    found = examine("lazy_adam", [blind(case) for case in on], judged)
    assert [kill.mutant for kill in found.survivors] == ["rows = nonzero"]


def test_with_default_numbers_alone_mutants_survive():
    on = [case for case in cases("rowwise_adagrad") if "default numbers" in case.name]
    found = examine("rowwise_adagrad", on, mutants("rowwise_adagrad"))
    survivors = {kill.mutant for kill in found.survivors}
    assert {"lr decays a batch early", "l2 of the wrong sign", "clip x 7/8"} <= survivors


def test_float32_judges_what_it_cannot_resolve_in_float64():
    found = examine("sgd", cases("sgd", np.float32)[:4], mutants("sgd"))
    unresolved = {kill.mutant: kill.effect for kill in found.unresolved}
    assert unresolved["table in float32"] > 1e6
    narrow, wide = cases("sgd", np.float32)[1], cases("sgd")[1]
    for left, right in zip(
        narrow.in_dtype(np.float64).exercise.batches, wide.exercise.batches, strict=True
    ):
        np.testing.assert_array_equal(left[1], right[1], strict=True)


def test_a_mutant_that_fails_is_killed():
    def broken(rule, table, given):
        return lambda rows, grads: 1 / 0

    found = examine("sgd", cases("sgd")[:2], {"broken": broken, "none": reference})
    assert [(kill.mutant, kill.effect) for kill in found.kills] == [("broken", np.inf), ("none", 0)]
    assert found.smallest.mutant == "broken"


def test_a_listed_equivalent_that_shows_is_an_error(monkeypatch):
    judged = {"update dropped": mutants("sgd")["update dropped"]}
    monkeypatch.setattr("freqopt.crosscheck.kit.equivalent", lambda rule: {"update dropped": "no"})
    found = examine("sgd", cases("sgd")[:1], judged)
    monkeypatch.setattr("freqopt.crosscheck.kit.kit", lambda rule, dtype: found)
    with pytest.raises(CrosscheckError, match="are not equivalent: update dropped; add"):
        tolerance("sgd")


def test_a_survivor_leaves_no_tolerance(monkeypatch):
    found = examine("sgd", cases("sgd")[:1], {"same": reference})
    monkeypatch.setattr("freqopt.crosscheck.kit.kit", lambda rule, dtype: found)
    with pytest.raises(CrosscheckError, match="these mutants survive: same; add a case"):
        tolerance("sgd")


def test_an_edit_whose_text_is_gone_is_an_error(monkeypatch):
    from freqopt.crosscheck.mutants import sgd

    monkeypatch.setitem(sgd.EDITS, "gone", ("no such text", "x"))
    with pytest.raises(CrosscheckError, match="'gone' replaces 'no such text', which is 0 times"):
        _edits.mutants(rules["sgd"])
    monkeypatch.setitem(sgd.EDITS, "gone", ("self.momentum", "x"))
    with pytest.raises(CrosscheckError, match=r"times in the functions of freqopt.optimizers.sgd"):
        _edits.mutants(rules["sgd"])


def test_an_edit_leaves_the_rule_as_it_was():
    from freqopt.crosscheck import trace

    case = cases("adam")[0]
    before = trace(reference, case)
    assert (trace(mutants("adam")["betas swapped"], case) != before).any()
    np.testing.assert_array_equal(trace(reference, case), before)


def test_a_users_own_rule_has_mutants(tmp_path):
    path = tmp_path / "half_sgd.py"
    path.write_text(
        "EQUIVALENT = {name: 'no squares' for name in ('duplicates = squares', 'g not squared', "
        "'l2 left out of the second moment')}\n"
        "from freqopt.optimizers import Rule\n"
        "class HalfSGD(Rule):\n"
        "    def update(self, w, g, s):\n"
        "        return w - self.rate(s.t) / 2 * g\n"
    )
    known = mutants(str(path))
    assert {"lr x 2", "t never stored", "duplicates = mean"} <= set(known)
    assert tolerance(str(path)) == WIDEST[np.dtype("float64")]
    path.write_text(path.read_text().replace("g not squared", "no such name"))
    kit.cache_clear()
    mutants.cache_clear()
    with pytest.raises(CrosscheckError, match="these mutants survive: g not squared; add"):
        tolerance(str(path))
