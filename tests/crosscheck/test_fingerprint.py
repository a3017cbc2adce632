"""An implementation's meaning is found from what it does, whatever its options and numbers."""

from __future__ import annotations

import random

import numpy as np
import pytest

from freqopt.crosscheck import Case, cases, compare, exercises, reference, trace
from freqopt.crosscheck.cases.dialects import KNOWN, beside, made, number, other_values
from freqopt.crosscheck.diagnosis.fingerprint import TOLERANCE, fingerprint, identify
from freqopt.crosscheck.diagnosis.meanings import changes, numbers
from freqopt.crosscheck.diagnosis.option_sets import axes, box_of, common, joined, paths, whole
from freqopt.crosscheck.mutants import mutants
from freqopt.errors import CrosscheckError
from freqopt.optimizers import rules

MEMORY = [name for name in rules if name.endswith("_c")]
"""Rules with so many options that a search takes seconds."""

LARGE = [*MEMORY, "adam", "adamw", "amsgrad", "lazy_adam", "nadam", "cf_sgd", "fa_sgd"]

ONCE = [("adam", np.float32), ("fa_sgd", np.float32), ("cf_sgd", np.float64)]
"""What is recognised in the quick run too, of rules whose search takes seconds."""


def drawn(name, seed):
    """A point of the whole product, with numbers that no golden file has."""
    rng, kind = random.Random(f"{name} {seed}"), rules[name]
    while True:
        options = {axis: rng.choice(values) for axis, values in axes(kind)}
        for field, value in other_values(kind):
            if isinstance(value, float) and rng.random() < 0.8:
                options[field] = value * rng.uniform(0.6, 1.05)
        for field in ("clip", "max_norm"):
            if rng.random() < 0.3:
                options[field] = rng.uniform(0.5, 3)
        rule = made(kind, options)
        if rule is not None:
            return rule


def doing(rule):
    """An implementation that does what a rule says, whatever was asked of it."""
    return lambda asked, table, given: reference(rule, table, given)


def holds(meaning, rule):
    """Whether a meaning has all options of a rule, or does not tell them from its own."""
    return all(
        getattr(rule, name) in (getattr(meaning.rule, name), *meaning.alike.get(name, ()))
        for name in type(rule).model_fields
    )


def recognised(rule, dtype):
    asked = made(type(rule), numbers(rule)) or rule
    found = fingerprint(doing(rule), asked, dtype)
    assert not any(m.mutant for m in found.meanings)
    assert any(holds(meaning, rule) for meaning in found.meanings), str(found)
    put = [Case(name, rule, exercise) for name, exercise in exercises(dtype).items()]
    seen = [trace(reference, case) for case in put]
    for meaning in found.meanings:
        other = [{name: v} for name, values in meaning.alike.items() for v in values]
        for change in [{}, *other]:
            same = made(type(rule), {**dict(meaning.rule), **change})
            if same is None:
                continue  # refused alone
            for case, tables in zip(put, seen, strict=True):
                got = trace(reference, Case(case.name, same, case.exercise))
                assert compare(case, tables, got).ulps <= TOLERANCE[np.dtype(dtype).name] / 2


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        (name, dtype)
        for name in rules
        for dtype in (np.float32, np.float64)
        if name not in LARGE or (name, dtype) in ONCE
    ],
)
def test_a_point_of_the_whole_product_is_recognised(name, dtype):
    recognised(drawn(name, 0), dtype)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", list(rules))
def test_more_points_of_the_whole_product_are_recognised(name, dtype):
    for seed in range(1, 3 if name in MEMORY else 9):
        recognised(drawn(name, seed), dtype)


def test_a_point_of_a_fixed_memory_rule_is_recognised():
    recognised(drawn("sgd_c", 0), np.float64)


# -- other arithmetic --------------------------------------------------------------------------


def adam_of_the_textbook(rule, table, _given):
    """Algorithm 1 on touched rows, moments divided by their corrections, in the table's dtype."""
    m, v, t = np.zeros_like(table), np.zeros_like(table), 0
    b1, b2, lr, eps = (table.dtype.type(x) for x in (rule.beta1, rule.beta2, rule.lr, rule.epsilon))

    def step(rows, grads):
        nonlocal t
        t += 1
        here = np.unique(rows)
        g = np.zeros_like(table)
        np.add.at(g, rows[::-1], grads[::-1])
        m[here] += (1 - b1) * (g[here] - m[here])
        v[here] += (1 - b2) * (g[here] ** 2 - v[here])
        mean, square = m[here] / (1 - b1**t), v[here] / (1 - b2**t)
        table[here] -= lr * mean * (1 / (np.sqrt(square) + eps))
        return table

    return step


def rowwise_in_float64(rule, table, _given):
    """Row-wise AdaGrad whose numbers are float64 and rounded when they are shown."""
    w, s = table.astype(np.float64), np.zeros(len(table))

    def step(rows, grads):
        for row in set(rows.tolist()):
            g = grads[rows == row].astype(np.float64).sum(axis=0)
            s[row] += np.mean(g * g)
            if s[row]:
                w[row] -= rule.lr * g / (np.sqrt(s[row]) + rule.epsilon)
        return w.astype(table.dtype)

    return step


def momentum_as_velocity(rule, table, _given):
    """Dense SGD as v <- mu v - lr g, w <- w + v."""
    v = np.zeros_like(table)

    def step(rows, grads):
        g = np.zeros_like(table)
        np.add.at(g, rows, grads)
        v[...] = rule.momentum * v - rule.lr * g
        table[...] = table + v
        return table

    return step


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "options", "guest", "means"),
    [
        (
            "lazy_adam",
            {"lr": 0.03, "beta1": 0.85, "beta2": 0.96, "epsilon": 3e-5},
            adam_of_the_textbook,
            {"rows": "touched", "duplicates": "sum", "epsilon_place": "outside"},
        ),
        (
            "rowwise_adagrad",
            {"lr": 0.07, "epsilon": 2e-6, "rows": "all"},
            rowwise_in_float64,
            {"statistic": "mean_square", "epsilon_place": "outside", "law": "sum"},
        ),
        (
            "sgd",
            {"lr": 0.01, "momentum": 0.83},
            momentum_as_velocity,
            {"rows": "all", "nesterov": False, "maximize": False},
        ),
    ],
)
def test_a_guest_with_other_rounding_is_recognised(name, options, guest, means, dtype):
    found = fingerprint(guest, rules[name](**options), dtype)
    assert 0 < found.meanings[0].ulps < TOLERANCE[np.dtype(dtype).name] / 2
    assert not found.meanings[0].mutant
    assert {key: getattr(found.meanings[0].rule, key) for key in means} == means


# -- one thing wrong ---------------------------------------------------------------------------


def diagnosed(name, mutant):
    """Whether a mutant of a rule with other numbers is found by its name, or as an option."""
    kind = rules[name]
    plain = {k: v for k, v in other_values(kind) if number(kind.model_fields[k]) is not bool}
    rule = kind(**beside(kind, {}, plain)).completed(**KNOWN)
    put = [Case(key, rule, exercise) for key, exercise in exercises(np.float64).items()]
    seen = [(case, trace(mutants(name)[mutant], case)) for case in put]
    if all(compare(case, trace(reference, case), got) for case, got in seen):
        return True  # these options do not show it
    found = identify(seen)
    options = [
        f"{key} = {value}"
        for meaning in found.meanings
        for key, (_, new) in changes(rule, meaning.rule).items()
        for value in (new, *meaning.alike.get(key, ()))
    ]
    equivalent = found.meanings and found.nearest is None  # other options do exactly the same
    return equivalent or mutant in [*options, *(m.mutant for m in found.meanings)]


@pytest.mark.parametrize("name", ["rowwise_adagrad", "rmsprop", "sgd", "cf_sgd"])
def test_a_fault_is_diagnosed_by_its_name(name):
    every = sorted(mutants(name))
    for mutant in every[len(name) % 31 :: 31]:
        assert diagnosed(name, mutant), mutant


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in rules if name not in MEMORY])
def test_every_fault_is_diagnosed_by_its_name(name):
    assert [mutant for mutant in mutants(name) if not diagnosed(name, mutant)] == []


def lazy_adam_with(fault):
    """Lazy Adam, one row after the other, as the textbook has it, and one thing wrong with it."""

    def make(rule, table, _given):
        m, v, t, last = np.zeros_like(table), np.zeros_like(table), int(fault == "from 2"), None

        def step(rows, grads):
            nonlocal t, last
            if fault == "stale" and not rows.size and last:
                rows, grads = last
            last, t = (rows, grads), t + 1
            b1, b2 = rule.beta1, rule.beta2
            if fault == "swapped":
                b1, b2 = b2, b1
            lost = rows.max(initial=0) if fault == "highest row" else -1
            for row in set(rows.tolist()) - {lost}:
                g = grads[rows == row].sum(axis=0)
                g += 1e-6 * table[row] if fault == "tiny decay" else 0
                m[row] += (1 - b1) * (g - m[row])
                v[row] += (1 - b2) * (g * g - v[row])
                early = m[row].astype(np.float16) if fault == "early" else m[row]
                rate = rule.lr * np.sqrt(1 - b2**t) / (1 - b1**t)
                table[row] -= rate * early / (np.sqrt(v[row]) + rule.epsilon)
                if fault in ("late", "early"):
                    m[row] = m[row].astype(np.float16)
            return table.round(6) if fault == "printed" else table

        return step

    return make


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ("from 2", "cause: the step starts at 2"),
        ("stale", "with the fault 'empty batch repeats the last'"),
        ("highest row", "with the fault 'highest row of a batch lost'"),
        ("late", "with the fault 'm in float16'"),
        ("early", "with the fault 'm in float16 at once'"),
        ("printed", "with the fault 'printed with 6 decimals'"),
        ("tiny decay", "weight_decay = 1e-06, asked was 0"),
        ("swapped", "cause: takes beta1 for beta2 and beta2 for beta1"),
    ],
)
def test_a_fault_in_somebody_elses_arithmetic_is_named(fault, named):
    rule = rules["lazy_adam"](lr=0.0137, beta1=0.83, beta2=0.977, epsilon=3e-5)
    assert fingerprint(lazy_adam_with(""), rule)
    found = fingerprint(lazy_adam_with(fault), rule)
    assert named in str(found)


def test_a_number_of_another_library_is_named():
    rule = rules["rowwise_adagrad"](lr=0.07, epsilon=1e-8)
    squared = rules["rowwise_adagrad"](lr=0.07, epsilon=1e-8**2, rows="nonzero", count_empty=False)
    assert fingerprint(doing(squared), rule).cause == "takes the square of epsilon"


def test_a_library_that_is_deaf_to_its_options_is_recognised():
    kind = rules["adagrad"]
    own = kind(**kind.dialects["keras.Adagrad"])
    found = fingerprint(doing(own), kind(epsilon=3e-4))
    assert {**changes(own, found.meanings[0].rule), **found.meanings[0].alike}.keys().isdisjoint(
        {"epsilon", "initial_accumulator", "lr"}
    )
    assert found.nearest is not None


def test_another_rule_is_named():
    adagrad = rules["adagrad"](lr=0.1, epsilon=1e-8)
    found = fingerprint(doing(adagrad), rules["lazy_adam"](lr=0.1))
    assert found.meanings[0].rule == adagrad
    assert "torch.Adagrad" in found.known
    assert "it is adagrad, asked was lazy_adam" in str(found)


def test_what_nothing_explains_has_a_nearest_meaning_and_a_first_divergence():
    rule = rules["rowwise_adagrad"](lr=0.07, rows="nonzero")

    def late(asked, table, given):
        step, taken = reference(rule, table, given), 0

        def slowed(rows, grads):
            nonlocal taken
            taken += 1
            return step(rows, grads * (0.75 if taken == 9 else 1.0))

        return slowed

    found = fingerprint(late, rules["rowwise_adagrad"](lr=0.07, statistic="norm"))
    assert found.meanings == ()
    assert found.nearest.rule.statistic == "mean_square"
    assert found.nearest.comparison.first.step == 9
    assert 0.5 < found.nearest.share < 1
    assert "it parts at\n  step 9, row 0" in str(found)
    assert "statistic = mean_square, asked was norm" in str(found)


# -- the text, and the pieces ------------------------------------------------------------------


def test_the_text_is_a_sentence_with_what_differs_and_who_does_it():
    kind = rules["rowwise_adagrad"]
    bug = kind(lr=0.07, epsilon=1e-8, statistic="square_of_mean", weight_decay=0.01, rows="all")
    found = fingerprint(doing(bug), kind(lr=0.07, epsilon=1e-8, weight_decay=0.01))
    assert str(found).startswith(
        "cause: rows = all, asked was touched and statistic = square_of_mean, asked was "
        "mean_square\nit means something else:\n"
        "  Row-wise AdaGrad, rows all, duplicates sum, statistic square of mean, "
        "epsilon 1e-08 outside, law sum, order accumulate first\n"
        "    rows = all, asked was touched (Rows updated: those in the batch; those with a "
        "non-zero combined gradient; every row, absent ones with gradient zero (dense))\n"
        "    statistic = square_of_mean, asked was mean_square (What a row's gradient adds to its "
        "accumulator, (1) to (1b))\n"
    )
    assert found.known == ("torchrec.RowWiseAdagrad(before 2024-05)",)
    assert not found
    assert fingerprint(reference, kind(epsilon=1e-8))


def test_what_means_the_same_is_said_in_a_line_each():
    asked = rules["sgd"](lr=0.1, momentum=0.5, nesterov=True)
    found = fingerprint(doing(rules["sgd"](lr=0.1, momentum=0.5)), asked)
    assert len(found.meanings) == 4
    lines = str(found).splitlines()
    assert sum("at most" in line for line in lines) == 1
    assert [line for line in lines if line.startswith("  or ")] == [
        "  or count_empty = False",
        "  or rate_place = inside",
        "  or count_empty = False, rate_place = inside",
    ]
    lost = fingerprint(mutants("sgd")["first row never written"], rules["sgd"](lr=0.1))
    assert lost.cause == "row 0 is taken for padding and never updated"
    assert "\n  or with the fault 'first row never written'" in str(lost)


def test_options_without_effect_are_not_told_apart():
    (first, *_) = fingerprint(reference, rules["sgd"](lr=0.1)).meanings
    assert set(first.alike) >= {"lr_decay_law", "decay", "decay_rows", "clip_scope", "rate_place"}
    assert first.alike["duplicates"] == ("squares",)
    assert "maximize" not in first.alike


def test_cases_of_different_rules_are_refused():
    one, other = cases("sgd")[0], cases("sgd")[-1]
    with pytest.raises(CrosscheckError, match="2 cases with 2 sets of options"):
        identify([(case, trace(reference, case)) for case in (one, other)])
    with pytest.raises(CrosscheckError, match="got 0 cases"):
        identify([])


def test_a_box_is_split_where_an_option_is_read():
    kind = rules["adagrad"]
    box = whole(kind())
    found = dict(paths_of(kind, box, lambda rule: rule.law if rule.maximize else "none"))
    assert found == {
        ((False,), ("sum", "mean", "weighted")): "none",
        ((True,), ("sum",)): "sum",
        ((True,), ("mean",)): "mean",
        ((True,), ("weighted",)): "weighted",
    }
    assert len(list(paths(kind, box, lambda rule: rule.rate(3)))) == 1  # lr_decay is 0
    slower = {**box, "lr_decay": (0.5,)}
    assert len(list(paths(kind, slower, lambda rule: rule.rate(3)))) == 6  # one for each law
    parts = [part for part, _ in paths(kind, box, lambda rule: (rule.law, rule.order))]
    assert len(parts) == 6
    assert [{**whole_box, "law": set(whole_box["law"])} for whole_box in joined(parts)] == [
        {**joined(parts)[0], "law": {"sum", "mean", "weighted"}}
    ]
    assert common(parts[0], parts[1]) is None
    assert common(box, box_of(kind())) == box_of(kind())


def paths_of(kind, box, run):
    for part, result in paths(kind, box, run):
        yield (part["maximize"], part["law"]), result
