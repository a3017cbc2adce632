"""What is wrong is named: optimizers written plainly, with one line replaced."""

from __future__ import annotations

import re

import numpy as np
import pytest

from freqopt.crosscheck import Case, compare, exercises, reference, trace
from freqopt.crosscheck.cases.selection import chosen_cases
from freqopt.crosscheck.diagnosis.hypotheses import other_numbers
from freqopt.crosscheck.diagnosis.observed import Seen
from freqopt.crosscheck.implementation import as_it_lies
from freqopt.crosscheck.judge import answers, judge, judge_implementation
from freqopt.crosscheck.life import lives
from freqopt.crosscheck.mistakes import Mistake
from freqopt.crosscheck.mistakes.equations import equations
from freqopt.crosscheck.mistakes.mistake import in_methods
from freqopt.crosscheck.mistakes.places import places
from freqopt.crosscheck.mutants._around import on_batch
from freqopt.errors import CrosscheckError
from freqopt.optimizers import rules
from freqopt.optimizers._batch import Batch
from freqopt.optimizers.adam import Adam
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
        (
            ADAM,
            "den = np.sqrt",
            "m[i] /= c1; c1 = 1; den = np.sqrt",
            "m is stored over 1 - beta1^t",
        ),
        (
            {**ADAM, "BODY": ADAM["BODY"].replace("v[i] / c2", "np.abs(v[i]) / c2")},
            "(1 - b2) * g * g",
            "(1 - b2) * g * m[i]",
            "takes g * m where the rule has g ** 2",
        ),
        (
            LAZY,
            "c1 = 1 - b1**t\n            c2 = 1 - b2**t",
            (
                "n = x.setdefault(0, 0 * m); n[i] += g != 0; k = n[i].clip(1)\n"
                "            c1 = 1 - b1**k; c2 = 1 - b2**k"
            ),
            "counted for each entry, and not where the gradient is 0",
        ),
        (
            ROWWISE,
            "s[i] += (g * g).mean(axis=1, keepdims=True)",
            "h = g.astype(np.float32); s[i] += (h * h).mean(axis=1, keepdims=True)",
            "float32",
        ),
        (
            ROWWISE,
            "+ one(rule.epsilon)",
            "+ one(rule.epsilon / d**0.5)",
            "divides epsilon by sqrt(width) besides",
        ),
        (LAZY, "rule.epsilon", "float(np.float16(rule.epsilon))", "epsilon goes through float16"),
        (
            ADAGRAD,
            "s[i] += g * g",
            "S = x.setdefault(0, s.astype(np.float32)); S[i] += g * g; s[i] = S[i]",
            "v is stored in float32, and added to in it",
        ),
        (
            ADAM,
            "m[i] = b1 * m[i] + (1 - b1) * g\n            v[i] = b2 * v[i] + (1 - b2) * g * g",
            (
                "k = np.unique(rows); m[k] = b1 * m[k] + (1 - b1) * g[k]\n"
                "            v[k] = b2 * v[k] + (1 - b2) * g[k] * g[k]"
            ),
            "all state goes on in rows of the batch alone",
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
        ("lazy_adam", {"rows": "nonzero", "step_index": "visits"}),
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


def kept_within_l1(rule, w, g, s):
    new = type(rule).update(rule, w, g, s)
    return np.where(np.abs(s.z) <= rule.l1, w, new)


@pytest.mark.parametrize(
    ("rule", "options", "apply", "cause"),
    [
        (
            "ftrl",
            {"l1": 0.05},
            in_methods(update=kept_within_l1),
            "keeps the weight, and does not set it to 0, where abs(z) <= l1",
        ),
        (
            "adam",
            {"statistic": "row_mean"},
            lambda rule, table, given: reference(
                rule.model_copy(update={"statistic": "elementwise"}).with_methods(
                    update=_mean_of_rows
                ),
                table,
                given,
            ),
            "the mean is over the rows of the table",
        ),
        (
            "rmsprop",
            {"rows": "nonzero"},
            lambda rule, table, given: on_batch(_moving)(
                rule.model_copy(update={"rows": "touched"}), table, given
            ),
            "rows = nonzero looks at the occurrences before they are combined",
        ),
        (
            "catchup_adam",
            {},
            lambda rule, table, given: as_it_lies(
                rule.with_methods(_replay=_all_at_present), table, given
            ),
            "missed batches are replayed at the present step; rows that wait are shown as they lie",
        ),
    ],
)
def test_a_mistake_of_a_rule_is_named(rule, options, apply, cause):
    on = chosen_cases(rule, ["float64"], {"lr": 0.05, **options})
    main = [case for case in on if case.exercise.name in ("main", "holes")]
    assert cause in judge(answers(apply), main).fingerprint.cause


def _begun_in_divisor(rule, w, g, s):
    before, s.n = s.n, s.n + g * g
    s.z = s.z + g - (np.sqrt(s.n) - np.sqrt(before)) / rule.lr * w
    return -s.z / ((rule.beta + np.sqrt(s.n + 0.25)) / rule.lr)


def _mean_of_rows(rule, w, g, s):
    s.squares = np.broadcast_to((g * g).mean(axis=0), g.shape)
    return type(rule).update(rule, w, g, s)


def _moving(rows, grads):
    keep = (grads != 0).any(axis=1)
    return rows[keep], grads[keep]


def _all_at_present(self, table, state, rows, until):
    now = {**state, "t": np.array(until + 1)}
    for row in rows:
        here, last = np.array([row]), int(state["settled_at"][row])
        nothing = Batch(here, np.zeros_like(table[here]), np.zeros(1, np.int64))
        for _ in range(last, until):
            Adam._apply(self, table, now, nothing, True)
        state["settled_at"][row] = until


def test_a_start_that_is_added_in_one_place_alone_is_among_the_mistakes():
    case = Case("", rules["ftrl"](initial_accumulator=0.25), exercises("float64")["main"])
    said = "n begins at 0, and initial_accumulator is added to it here alone, in den"
    (one,) = (m for m in equations(case) if m.cause.startswith(said) and "beta + after" in m.cause)
    plain = Case("", rules["ftrl"](), case.exercise)
    wrong = trace(in_methods(update=_begun_in_divisor), plain)
    assert compare(case, wrong, trace(one.apply, case)).ulps < 64
    assert compare(case, trace(reference, case), trace(one.apply, case)).ulps > 1e6


@pytest.mark.parametrize("rule", ["adamw", "sgd"])
def test_every_mistake_in_a_life_can_be_made(rule):
    case = Case("", rules[rule](weight_decay=0.125, lr_decay=0.125), exercises("float64")["main"])
    with np.errstate(all="ignore"):
        for life in lives(case.rule):
            some = (Mistake(cause, wrong) for cause, wrong in life.wrong.items())
            assert [said for one in some if (said := _failure(one, case))] == []


def test_options_that_change_nothing_here_are_not_said():
    """A dialect comes as a whole; of it, what is seen is said."""

    def make(rule, table, given):
        other = rules["adam"](lr=rule.lr, epsilon=1e-7, epsilon_place="eps_hat", decay="decoupled")
        return reference(other, table, given)

    cause = judge(answers(make), chosen_cases("adam", ["float64"], {"lr": 0.05})).fingerprint.cause
    assert cause == (
        "epsilon = 1e-07, asked was 1e-08 and epsilon_place = eps_hat, asked was outside"
    )


@pytest.mark.slow
def test_what_is_right_in_float32_gets_no_option_for_a_name():
    """Two epsilons: in float32 one of them looks like the whole of it."""
    wrong = made(ADAM, "np.sqrt(v[i] / c2) + eps", "np.sqrt(v[i] / c2 + eps) + eps")
    on = chosen_cases("adam", ["float32", "float64"], {"lr": 0.05})
    assert "epsilon_place = inside, asked" not in judge(answers(wrong), on).fingerprint.cause


def test_a_step_that_belongs_to_the_class_is_told_by_a_second_run():
    steps = {"t": 0}

    def make(rule, table, given):
        state = rule.init(table, **given)

        def step(rows, grads):
            state["t"][...] = steps["t"]
            steps["t"] += 1
            rule.step(table, state, rows, grads)
            return table

        return step

    report = judge_implementation(make, "adam", ["float64"], options={"lr": 0.05})
    assert report.fingerprint is None
    assert report.cause.startswith("two runs of the same case differ")
    assert "two runs" in str(report)


def test_an_error_alone_is_the_cause():
    wrong = made(SGD, "i = ids", "i = ids; assert rows.max(initial=0) < 1000, 'too many rows'")
    report = judge_implementation(wrong, "sgd", ["float64"])
    assert not report.having("FAIL")
    assert "too many rows" in report.cause


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
    """FTRL's power is negative, and is looked at where another number explains nothing."""
    case = Case("", rules["ftrl"](lr_power=-0.75), exercises("float64")["main"].cut(2))
    wrong = case.exercise.table + np.arange(3)[:, None, None]
    views = [Seen(case.exercise, wrong, 1024.0)]
    assert other_numbers(case.rule, [case.rule], views) == ()


def test_what_nothing_explains_gets_no_name():
    def make(rule, table, given):
        step = made(SGD)(rule, table, given)
        return lambda rows, grads: step(rows, grads * np.where(grads > 1e-3, 0.83, 1.07))

    report = judge(answers(make), chosen_cases("sgd", ["float64"], {"lr": 0.05}))
    assert report.fingerprint.cause == ""
    assert "known here" in str(report)
