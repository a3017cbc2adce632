"""What other libraries' optimizers mean is found from what they do, sound or with a fault."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from freqopt.crosscheck import Case, exercises, trace
from freqopt.crosscheck.agreement import drawn
from freqopt.crosscheck.cases.dialects import KNOWN, made
from freqopt.crosscheck.diagnosis.fingerprint import fingerprint, identify
from freqopt.crosscheck.diagnosis.meanings import numbers
from freqopt.crosscheck.guests import guests
from freqopt.crosscheck.guests._library import load, quiet
from freqopt.optimizers import rules

from .guest_list import judged, needs

GUESTS = [pytest.param(name, marks=judged(guest), id=name) for name, guest in guests.items()]


def identified(guest, rule):
    """The fingerprint of a guest that was told `rule`, asked for by its numbers alone."""
    dtype = guest.dtypes[-1]
    asked = made(type(rule), numbers(rule)) or rule
    put = [e for e in exercises(dtype).values() if not guest.refusal_of_table(e.table)]
    seen = [(Case(e.name, asked, e), trace(guest, Case(e.name, rule, e))) for e in put]
    return identify(seen, guest.tolerance(dtype))


def holds(found, rule):
    """Whether one of the meanings has all options of a rule, or does not tell them apart."""
    return found.nearest is None and any(
        all(
            getattr(rule, name) in (getattr(meaning.rule, name), *meaning.alike.get(name, ()))
            for name in type(rule).model_fields
        )
        for meaning in found.meanings
    )


@pytest.mark.parametrize("name", GUESTS)
def test_the_dialect_of_a_guest_is_recognised_and_named(name):
    guest = guests[name]
    found = identified(guest, rules[guest.rule](**guest.own).completed(**KNOWN))
    assert holds(found, rules[guest.rule](**guest.own).completed(**KNOWN)), str(found)
    known = {one.split(" (")[0] for one in found.known}
    assert not isinstance(guest.dialect, str) or guest.dialect in known, found.known


@pytest.mark.parametrize("name", GUESTS)
def test_a_guest_is_recognised_under_numbers_that_no_golden_has(name):
    guest = guests[name]
    for options in drawn(guest, draws=1, seed=1):
        rule = rules[guest.rule](**options).completed(**KNOWN)
        found = identified(guest, rule)
        assert holds(found, rule), f"{options}\n{found}"


@pytest.mark.slow
@pytest.mark.parametrize("name", GUESTS)
def test_a_guest_is_recognised_under_many_numbers(name):
    guest = guests[name]
    for options in drawn(guest, draws=8, seed=2):
        rule = rules[guest.rule](**options).completed(**KNOWN)
        found = identified(guest, rule)
        assert holds(found, rule), f"{options}\n{found}"


# -- faults put into PyTorch's own code, and around it -----------------------------------------

ASKED = rules["lazy_adam"](lr=0.03, beta1=0.8, beta2=0.95, epsilon=1e-3)

SOURCE = "torch.optim._functional"

# Text of its sparse_adam -> what it becomes; the option, or the name of the fault, to be found.
EDITED = {
    "rate doubled": ({"step_size = lr": "step_size = 2 * lr"}, "lr x 2"),
    "eps inside": ({".sqrt_().add_(eps)": ".add_(eps).sqrt_()"}, "epsilon_place = eps_hat_inside"),
    "eps after the correction": (
        {"add_(eps)": "add_(eps * math.sqrt(1 - beta2**step))"},
        "epsilon_place = outside",
    ),
    "no bias correction": (
        {"lr * math.sqrt(bias_correction2) / bias_correction1": "lr"},
        "bias_correction = none",
    ),
    "first moment corrected only": (
        {"lr * math.sqrt(bias_correction2) /": "lr /"},
        "bias_correction = first",
    ),
    "turned about": ({"-step_size": "step_size"}, "maximize = True"),
    "v never stored": (
        {"exp_avg_sq.add_(make_sparse(exp_avg_sq_update_values))": ""},
        "v never stored",
    ),
    "v a sum": ({"pow(2).sub_(old_exp_avg_sq_values)": "pow(2)"}, "v sums"),
    "betas swapped": (
        {
            "old_exp_avg_values).mul_(1 - beta1)": "old_exp_avg_values).mul_(1 - beta2)",
            "old_exp_avg_sq_values).mul_(1 - beta2)": "old_exp_avg_sq_values).mul_(1 - beta1)",
        },
        "betas swapped",
    ),
    "second correction from beta1": (
        {"bias_correction2 = 1 - beta2": "bias_correction2 = 1 - beta1"},
        "c2 from beta1",
    ),
}


def named(found, what):
    """Whether an option's value or a fault is among what was found."""
    option, _, value = what.partition(" = ")
    if value:
        return found.nearest is None and str(getattr(found.meanings[0].rule, option)) == value
    return what in {meaning.mutant for meaning in found.meanings}


@needs("torch.SparseAdam")
@pytest.mark.parametrize("fault", list(EDITED))
def test_a_fault_in_pytorchs_own_source_is_named(fault, monkeypatch):
    edits, what = EDITED[fault]
    with quiet():
        module = load(SOURCE)
    text = inspect.getsource(module.sparse_adam)
    for old, new in edits.items():
        assert text.count(old) == 1, f"PyTorch's source has changed: {old}"
        text = text.replace(old, new)
    space = dict(vars(module))
    exec(text, space)
    monkeypatch.setattr(module, "sparse_adam", space["sparse_adam"])
    found = fingerprint(guests["torch.SparseAdam"], ASKED)
    assert named(found, what), str(found)
    assert not found


def _averaged(rows, grads):
    counts = np.array([(rows == row).sum() for row in rows], grads.dtype)
    return rows, grads / counts[:, None] if rows.size else grads


def _last(rows, grads):
    keep = [i for i, row in enumerate(rows) if row not in rows[i + 1 :]]
    return rows[keep], grads[keep]


def _given(change):
    """SparseAdam is given another batch."""

    def implementation(rule, table, given):
        step = guests["torch.SparseAdam"](rule, table, given)
        return lambda rows, grads: step(*change(rows, grads))

    return implementation


def _written(change):
    """Its table, which it shares with the caller, is changed after each step."""

    def implementation(rule, table, given):
        step = guests["torch.SparseAdam"](rule, table, given)

        def changed(rows, grads):
            old = table.copy()
            table[...] = change(old, step(rows, grads))
            return table

        return changed

    return implementation


def _resumed(rule, table, given):
    """A checkpoint after step 7 holds the weights and not the optimizer."""
    step, taken = guests["torch.SparseAdam"](rule, table, given), 0

    def resumed(rows, grads):
        nonlocal step, taken
        if taken == 7:
            step = guests["torch.SparseAdam"](rule, table, given)
        taken += 1
        return step(rows, grads)

    return resumed


AROUND = {
    "duplicates averaged": (_given(_averaged), "duplicates = mean"),
    "last duplicate wins": (_given(_last), "duplicates = last"),
    "loss doubled": (_given(lambda rows, grads: (rows, 2 * grads)), "gradient x 2"),
    "row 0 as padding": (
        _given(lambda rows, grads: (rows[rows > 0], grads[rows > 0])),
        "row 0 taken for padding",
    ),
    "float16 weights": (_written(lambda _, new: new.astype(np.float16)), "table in float16"),
    "last row lost": (
        _written(lambda old, new: np.vstack([new[:-1], old[-1:]])),
        "last row never written",
    ),
    "state lost at step 7": (_resumed, "state reset at step 7"),
}


@needs("torch.SparseAdam")
@pytest.mark.parametrize("fault", list(AROUND))
def test_a_fault_around_pytorchs_optimizer_is_named(fault):
    implementation, what = AROUND[fault]
    found = fingerprint(implementation, ASKED)
    assert named(found, what), str(found)
    assert not found


@needs("torch.SparseAdam")
def test_without_a_fault_it_means_what_was_asked():
    assert fingerprint(guests["torch.SparseAdam"], ASKED)
