"""Save and restore, rates, accumulation, several tables: judged where offered, else said."""

from __future__ import annotations

import numpy as np
import pytest

from freqopt.crosscheck.judge import NEVER_SEEN, ZERO, judge_implementation


class Adagrad:
    """AdaGrad on touched rows with everything that a life has; `wrong` names what is not right."""

    wrong = ""

    def __init__(self, rule, table, _given):
        for name, field in type(rule).model_fields.items():
            if name != "lr" and getattr(rule, name) != field.default:
                raise NotImplementedError(name)
        self.lr, self.epsilon, self.table = rule.lr, rule.epsilon, table
        self.sums, self.pending = np.zeros_like(table), []

    def __call__(self, rows, grads):
        self.pending.append((rows, grads))
        pending = self.pending[-1:] if self.wrong == "accumulate" else self.pending
        rows, grads = (np.concatenate(parts) for parts in zip(*pending, strict=True))
        grads = grads / len(pending) if self.wrong == "average" else grads
        self.pending = []
        i, where = np.unique(rows, return_inverse=True)
        g = np.zeros((i.size, self.table.shape[1]), self.table.dtype)
        np.add.at(g, where, grads)
        self.sums[i] = self.sums[i] + g * g
        den = np.sqrt(self.sums[i]) + self.table.dtype.type(self.epsilon)
        self.table[i] -= self.table.dtype.type(self.lr) * (g / np.where(den == 0, 1, den))
        return self.table

    def save(self):
        return {"sums": self.sums.copy()}

    def restore(self, saved):
        self.sums = saved["sums"] * (0 if self.wrong == "restore" else 1)

    def set_rate(self, rate):
        self.lr = self.lr if self.wrong == "set_rate" else rate

    def idle(self):
        return (
            self(np.array([0]), np.ones_like(self.table[:1]))
            if self.wrong == "idle"
            else self.table
        )

    def accumulate(self, rows, grads):
        self.pending.append((rows, grads))

    def cast(self, dtype):
        self.table = self.table.astype(dtype)
        if self.wrong != "narrow":
            lost = self.wrong == "cast"
            self.sums = np.zeros_like(self.table) if lost else self.sums.astype(dtype)


class Momentum(Adagrad):
    """SGD with momentum and nothing else; a step that is idle by a hair too much."""

    def __init__(self, rule, table, _given):
        for name, field in type(rule).model_fields.items():
            if name not in ("lr", "momentum") and getattr(rule, name) != field.default:
                raise NotImplementedError(name)
        self.lr, self.mu, self.table = rule.lr, rule.momentum, table
        self.b, self.begun, self.pending = np.zeros_like(table), False, []

    def __call__(self, rows, grads):
        i, where = np.unique(rows, return_inverse=True)
        g = np.zeros((i.size, self.table.shape[1]), self.table.dtype)
        np.add.at(g, where, grads)
        self.b[i] = self.mu * self.b[i] + g
        self.table[i] -= self.lr * self.b[i]
        return self.table

    accumulate = cast = property()

    def save(self):
        return self.b.copy()

    def restore(self, saved):
        self.b = saved * (self.wrong != "restore")

    def set_rate(self, rate):
        self.lr = rate
        self.b *= self.wrong != "set_rate"

    def idle(self):
        self.table *= np.float32(1 + 4e-6 * (self.wrong == "idle"))
        return self.table


def group(wrong):
    """Several tables, each with an optimizer of its own; one that comes twice has one."""

    def make_group(rules, tables, given):
        first = next(iter(rules.values()))
        chosen = {name: first if wrong == "options" else rule for name, rule in rules.items()}
        made = {id(t): Adagrad(chosen[name], t, given) for name, t in reversed(tables.items())}

        def step(batches):
            together = {}
            for name, batch in batches.items():
                together.setdefault(id(tables[name]), []).append(batch)
            for key, some in together.items():
                if wrong == "shared":
                    for one in some:
                        made[key](*one)
                else:
                    made[key](*(np.concatenate(part) for part in zip(*some, strict=True)))
            return tables

        return step

    return make_group


def lived(wrong="", of_group=""):
    kind = type("Mine", (Adagrad,), {"wrong": wrong})
    return judge_implementation(
        kind, "adagrad", ["float64"], options={"lr": 0.05}, group=group(of_group)
    )


def test_a_right_life_is_judged():
    report = lived()
    assert report.matches
    assert len(report.lives) == 10
    assert set(report.coverage.not_judged) == {
        "every other option, number and pair", "float32", "rows and counts beyond 2^24",
        *(what for what, _ in (*NEVER_SEEN, ZERO)),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "name", "cause"),
    [
        ("restore", "save and restore", "save and restore lose v"),
        ("set_rate", "a rate changed", "a new rate is not used"),
        ("idle", "steps without a gradient", ""),
        ("accumulate", "gradient accumulation", "of accumulated gradients the last are used alone"),
        ("average", "gradient accumulation", "averaged, not summed"),
        ("cast", "a dtype change", "a cast loses v"),
        ("narrow", "a dtype change", "float32"),
    ],
)
def test_a_wrong_life_is_rejected_and_named(wrong, name, cause):
    report = lived(wrong)
    assert not report.matches
    bad = [life.case.name for life in report.lives if life.verdict != "PASS"]
    assert all(said.startswith(name) for said in bad)
    assert cause in report.cause


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ("", ""),
        ("restore", "save and restore lose b"),
        ("set_rate", "a new rate loses b"),
        ("idle", ""),
    ],
)
def test_a_life_is_judged_with_what_only_an_option_brings_and_to_the_last_bits(wrong, cause):
    report = judge_implementation(
        type("Mine", (Momentum,), {"wrong": wrong}), "sgd", ["float32", "float64"]
    )
    assert report.matches is not bool(wrong)
    assert report.cause == cause


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ("options", "the options of one table are used for both"),
        ("shared", "a shared table is updated once for each of its names"),
    ],
)
def test_a_wrong_group_is_rejected_and_named(wrong, cause):
    report = lived(of_group=wrong)
    assert not report.matches
    assert report.cause == cause


def test_what_is_not_offered_is_said():
    def make(rule, table, given):
        return Adagrad(rule, table, given).__call__

    report = judge_implementation(make, "adagrad", ["float64"], options={"lr": 0.05})
    assert report.matches
    assert (
        report.coverage.not_judged["save and restore"]
        == "what make returns has no save and restore"
    )
    assert "several tables, a shared one, options for each" in report.coverage.not_judged
