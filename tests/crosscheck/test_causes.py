"""What is wrong is named: optimizers written plainly, with one line replaced."""

from __future__ import annotations

import re

import numpy as np
import pytest

from freqopt.crosscheck import Case, exercises, reference, trace
from freqopt.crosscheck.cases.selection import chosen_cases
from freqopt.crosscheck.judge import answers, judge, judge_implementation
from freqopt.crosscheck.mistakes.places import places
from freqopt.errors import CrosscheckError
from freqopt.optimizers import rules
from tests.crosscheck.wrong_optimizers import (
    ADAGRAD,
    ADAM,
    AMSGRAD,
    LAZY,
    NADAM,
    RMSPROP,
    ROWWISE,
    SGD,
    WRONG,
    made,
)

RIGHT = [ADAM, LAZY, AMSGRAD, NADAM, SGD, ADAGRAD, ROWWISE, RMSPROP]


def named(base, old, new):
    """The cause, from the cases of the options that are fixed, in float64."""
    kind = rules[base["rule"]]
    options = {k: v for k, v in base["FIXED"].items() if v != kind.model_fields[k].default}
    moved = {"weight_decay": 0.1875} if "weight_decay" in f"{old}{new}" else {}
    on = chosen_cases(base["rule"], ["float64"], {"lr": 0.05, **options, **moved})
    return judge(answers(made(base, old, new)), on).fingerprint.cause


@pytest.mark.parametrize(
    ("base", "old", "new", "cause"),
    [
        (ADAM, "m[i] / c1", "m[i] * c1", "multiplies by c1 where the rule divides"),
        (ADAM, "np.sqrt(v[i] / c2) + eps", "np.sqrt(v[i] / c2) + 2 * eps", "takes 2 epsilon"),
        (LAZY, "t += 1", "t += rows.size", "the step advances by the occurrences"),
        (LAZY, "m[i] = b1 * m[i]", "m[i] = b1", "leaves m out of beta1 * m"),
        (ADAGRAD, "s[i] += g * g", "s[i] += np.abs(g)", "|g| for the square"),
        (ADAGRAD, "+ one(rule.weight_decay) * table[i]", "+ one(rule.weight_decay)", "a constant"),
        (ADAM, "t += 1", "t = min(t + 1, 11)", "the step stops at 11"),
        (ADAGRAD, "s[i] += g * g", "s[i] += g * g + rule.epsilon", "stores v plus epsilon"),
        (ADAM, "(1 - b2) * g * g", "(1 - b2) * (g - m[i]) ** 2", "takes (g - m) ** 2"),
        (
            ADAM,
            "c1 = 1 - b1**t\n            c2 = 1 - b2**t",
            "k = t - 1; c1, c2 = (1 - b**k if k else 1.0 for b in (b1, b2))",
            "of the step before, and 1",
        ),
        (
            LAZY,
            "ids, where = np",
            (
                "k = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])[: rows.size]; "
                "grads = np.add.reduceat(grads, k) if rows.size else grads; rows = rows[k]; "
                "last = [np.flatnonzero(rows == r)[-1] for r in np.unique(rows)]; "
                "rows, grads = rows[last], grads[last]; ids, where = np"
            ),
            "neighbouring occurrences",
        ),
        (
            ROWWISE,
            ".mean(axis=1, keepdims=True)",
            "[:, :2].sum(axis=1, keepdims=True) / d",
            "sums the first 2 columns",
        ),
        (
            LAZY,
            "m[i] = b1 * m[i]",
            "L = x.setdefault(0, 0 * m[:, :1]); gap = t - L[i]; L[i] = t; m[i] = b1**gap * m[i]",
            "the batches since the row's last visit",
        ),
    ],
)
def test_a_mistake_is_named(base, old, new, cause):
    assert cause in named(base, old, new)


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("adam", {"lr_decay": 0.125, "clip": 2.0, "max_norm": 3.0, "nonfinite": "skip"}),
        ("adam", {"lr_decay": 0.125, "lr_decay_law": "cosine", "padding_row": 2}),
        ("cf_sgd", {"horizon": 16, "duplicates": "mean"}),
        ("fa_sgd", {"horizon": 16, "weight_decay": 0.125, "decay": "decoupled"}),
        ("catchup_adam", {}),
        ("sgd", {"weight_decay": 0.125, "decay": "decoupled", "decay_rows": "lazy",
                 "momentum": 0.75, "dampening": 0.25, "clip": 2.0, "clip_scope": "batch"}),
    ],
)  # fmt: skip
def test_every_mistake_around_the_equations_can_be_made(rule, options):
    """One that fails in its own code would never be the name of anything."""
    case = Case("", rules[rule](**options), exercises("float64")["main"].cut(4))
    with np.errstate(all="ignore"):
        failed = [said for m in places(case.rule) if (said := _failure(m, case))]
    assert failed == []


def _failure(mistake, case):
    try:
        trace(mistake.apply, case)
    except CrosscheckError as error:
        return f"{mistake.cause}: {error}" if _OWN.search(str(error)) else ""
    return ""


_OWN = re.compile(r"(TypeError|AttributeError|NameError|KeyError|IndexError)")


@pytest.mark.slow
@pytest.mark.parametrize("base", RIGHT, ids=lambda base: base["rule"])
def test_a_right_optimizer_passes(base):
    assert judge_implementation(made(base), base["rule"]).matches


@pytest.mark.slow
@pytest.mark.parametrize(("base", "old", "new", "words"), WRONG)
def test_every_wrong_optimizer_is_rejected_and_most_are_named(base, old, new, words):
    report = judge_implementation(made(base, old, new), base["rule"], ["float64"])
    assert not report.matches
    if report.having("FAIL") and report.fingerprint.cause and words:
        assert re.search(words, report.fingerprint.cause)


def test_an_option_without_effect_is_said_with_where():
    text = "lr, mu = rule.lr / (1 + (t - 1) * rule.lr_decay), rule.momentum"
    wrong = made(SGD, text, f"{text}\n            lr = rule.lr if mu else lr")
    report = judge_implementation(wrong, "sgd", ["float64"])
    cause = "lr_decay has no effect: 0.0 is used whatever is asked, where momentum is not 0.0"
    assert report.fingerprint.cause == cause
    assert report.to_dict()["cause"] == cause


def test_float32_inside_float64_is_named_with_its_tolerance():
    wrong = made(
        ADAM,
        "c1 = 1 - b1**t\n            c2 = 1 - b2**t",
        "c1, c2 = (float(np.float32(1) - np.float32(b) ** np.float32(t)) for b in (b1, b2))",
    )
    on = chosen_cases("adam", ["float64"], {"lr": 0.05})
    report = judge(answers(wrong), on)
    assert report.fingerprint.cause == "1 - beta^t is formed in float32"
    (line,) = (line for line in str(report).splitlines() if "--ulps" in line)
    least = float(line.split("--ulps ")[1].split()[0])
    assert judge(answers(wrong), on, least).matches
    assert not judge(answers(wrong), on, least / 2).matches


def test_a_number_below_0_has_neighbours_too():
    """FTRL's power is negative; its text, with one thing wrong that no name fits, is still told."""

    def make(rule, table, given):
        right = reference(rule, table, given)
        return lambda rows, grads: right(rows, grads * np.where(grads > 1e-3, 0.83, 1.07))

    on = chosen_cases("ftrl", ["float64"], {"lr": 0.05})
    assert "known here" in str(judge(answers(make), on))


def test_what_nothing_explains_gets_no_name():
    def make(rule, table, given):
        step = made(ADAGRAD)(rule, table, given)
        return lambda rows, grads: step(rows, grads * np.where(grads > 1e-3, 0.83, 1.07))

    on = chosen_cases("adagrad", ["float64"], {"lr": 0.05})
    assert judge(answers(make), on).fingerprint.cause == ""
