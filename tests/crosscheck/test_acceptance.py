"""Cases are chosen from what an implementation accepts, and what was not judged is said."""

from __future__ import annotations

import numpy as np
import pytest

from freqopt.crosscheck import reference
from freqopt.crosscheck.cases.acceptance import Acceptance, nearby
from freqopt.crosscheck.cases.selection import select
from freqopt.crosscheck.judge import judge_implementation
from freqopt.optimizers import rules


def having(names, wrong=lambda rule: {}, **fixed):
    """The reference with some options only, and others at one value; `wrong` changes some."""

    def make(rule, table, given):
        for name, field in type(rule).model_fields.items():
            if name in fixed and getattr(rule, name) != fixed[name]:
                raise NotImplementedError(name)
            if name not in (*names, *fixed) and getattr(rule, name) != field.default:
                raise NotImplementedError(name)
        return reference(rule.model_copy(update=wrong(rule)), table, given)

    return make


MOMENTUM = ("lr", "momentum", "dampening", "weight_decay", "nesterov")


@pytest.mark.parametrize(
    ("rule", "names", "fixed", "wrong"),
    [
        ("sgd", MOMENTUM, {"rows": "all"}, lambda rule: {"momentum": 0.0}),
        ("sgd", MOMENTUM, {}, lambda rule: {"nesterov": rule.nesterov and not rule.weight_decay}),
        ("rmsprop", ("lr", "rho", "centered"), {"rows": "all"}, lambda rule: {"centered": False}),
        ("rmsprop", ("lr", "rho", "epsilon"), {"rows": "all"}, lambda rule: {"rho": 0.99}),
        ("adam", ("lr", "weight_decay", "lr_decay"), {"rows": "touched", "decay": "decoupled"},
         lambda rule: {"lr_decay": 0.0 if rule.weight_decay else rule.lr_decay}),
    ],
)  # fmt: skip
def test_what_acts_only_together_or_on_a_dense_table_is_judged(rule, names, fixed, wrong):
    right = judge_implementation(having(names, **fixed), rule, ["float64"])
    assert right.matches
    assert not judge_implementation(having(names, wrong, **fixed), rule, ["float64"]).matches
    assert not [why for why in right.coverage.not_judged.values() if "accepted, and" in why]


def test_every_accepted_pair_is_moved_together_and_a_pair_that_is_not_is_said():
    def accepts(rule):
        return not (rule.maximize and rule.weight_decay) and rule.duplicates == "sum"

    found = Acceptance(rules["adagrad"], accepts)
    judged = [rules["adagrad"](**options) for _, options in found.chosen()]
    assert found.unjudged(judged) == []
    assert "duplicates" in found.refused()
    fewer = [rule for rule in judged if not (rule.weight_decay and rule.epsilon != 1e-10)]
    assert "epsilon with weight_decay" in found.unjudged(fewer)


def test_an_option_that_is_accepted_beside_a_choice_only_is_judged():
    def accepts(rule):
        return rule.duplicates == "sum" and (rule.decay == "decoupled" or not rule.weight_decay)

    found = Acceptance(rules["adagrad"], accepts)
    assert found.bases[0].needs["weight_decay", "0.1875"] == {"decay": "decoupled"}
    judged = [rules["adagrad"](**options) for _, options in found.chosen()]
    assert any(rule.weight_decay for rule in judged)


def test_three_options_that_are_accepted_together_only_are_judged():
    lazy = ("decoupled", "lazy")

    def accepts(rule):
        plain = rule.duplicates == "sum" and rule.rows == "touched"
        return plain and (rule.decay, rule.decay_rows) == (
            lazy if rule.weight_decay else ("l2", "updated")
        )

    found = Acceptance(rules["sgd"], accepts)
    judged = [rules["sgd"](**options) for _, options in found.chosen()]
    assert any(rule.weight_decay and rule.decay_rows == "lazy" for rule in judged)


def test_a_dialect_of_ones_own_is_the_only_base():
    own = {"rows": "all", "epsilon_place": "inside", "epsilon": 1e-7}
    make = having(("lr", "rho"), **own)
    report = judge_implementation(make, "rmsprop", ["float64"], dialect=own)
    assert report.matches
    assert set(report.coverage.judged) == {"own dialect", "tables and batches"}
    wrong = having(("lr", "rho"), lambda rule: {"epsilon_place": "outside"}, **own)
    assert not judge_implementation(wrong, "rmsprop", ["float32"], dialect=own).matches


def narrow(change):
    """SGD whose batch goes through `change(rows, grads)`."""

    def make(rule, table, given):
        step = having(("lr",))(rule, table, given)
        return lambda rows, grads: step(*change(rows, grads))

    return make


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda rows, grads: (rows.astype(np.int8) % 300, grads), "rows_300"),
        (lambda rows, grads: (rows.astype(np.int16) % 7, grads), "rows_70000"),
        (lambda rows, grads: (rows, np.where(np.arange(grads.shape[1]) > 255, 0, grads)), "wide"),
        (lambda rows, grads: (rows[:1024], grads[:1024]), "crowd"),
    ],
)
def test_what_goes_wrong_only_in_large_tables_is_rejected(change, where):
    wrong = judge_implementation(narrow(change), "sgd", ["float64"]).having("FAIL", "ERROR")
    assert wrong
    assert any(where in j.case.name for j in wrong)


def test_a_step_count_of_eight_bits_is_rejected_in_the_long_run_alone():
    def make(rule, table, given):
        having(("lr",))(rule, table, given)
        state = rule.init(table, **given)

        def step(rows, grads):
            rule.step(table, state, rows, grads)
            state["t"][...] = np.minimum(state["t"], 254)
            return table

        return step

    wrong = judge_implementation(make, "lazy_adam", ["float64"]).having("FAIL")
    assert {j.case.exercise.name for j in wrong} == {"long"}


@pytest.mark.parametrize("value", [-0.5, -3, -3.0, -0.001, 0.3, 2, 7.5])
@pytest.mark.parametrize("u", [0.0, 0.31, 0.999])
def test_a_number_nearby_is_of_its_kind_and_sign(value, u):
    near = nearby(value, u)
    assert type(near) is type(value)
    assert near * value > 0
    assert abs(near) <= 2 * abs(value) or abs(value) < 1


def test_weights_do_not_decay_for_1500_steps_in_float32():
    """A factor off by its last bit is right, and would be 63 units off at the end."""
    found = select("adagrad", dict.fromkeys(("float32", "float64"), lambda _rule: True)).cases
    long = [case for case in found if case.exercise.name == "long"]
    decay = {(str(c.exercise.table.dtype), bool(c.rule.weight_decay)) for c in long}
    assert decay == {("float32", False), ("float64", True)}
