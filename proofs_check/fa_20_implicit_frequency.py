r"""FA-20: how adaptive rules use frequency without being told

Source
    derived here (docs/theory/frequency.md, FA-20): asymptotic calculations.
Problem
    One number per token, gradient N(0, 1) if the token is sampled (probability p), else 0.
Algorithm
    AdaGrad; RMSprop and Adam on all rows; Adam on the touched rows with bias correction by visits.
Assumptions
    Gradients of a token are independent with second moment s^2.
Statement
    The rate per visit behaves like p^-1/2 for AdaGrad at every p, and for RMSprop and dense Adam
    where p >> 1 - beta2; where p << 1 - beta2 theirs saturates at lr/sqrt(1 - beta2). Lazy Adam's
    does not depend on p. With momentum the displacement after an isolated visit is
    lr (1-beta1)/(sqrt(1-beta2) (1 - beta1/sqrt(beta2))), 1.0045 of that for (0.9, 0.999).
Checks
    statistics: log-log slope of the mean |step| at visits, one for each of 64 independent copies,
    its median with a distribution-free interval; exact: the displacement, from the rule itself.
Literature
    "Common algorithms exploit the frequency implicitly" is read in the abstract; for lazy Adam it
    is not so.
"""

from functools import cache

import numpy as np

from freqopt.optimizers import rules
from freqopt.streams import Stream
from freqopt.theory import Case, Check, Claim, Mutant, Theorem
from freqopt.theory.engines.medians import median_within

COPIES = 64
DENSE = {"rows": "all"}
RULES = {
    "adagrad": ("adagrad", {"lr": 1.0}),
    "rmsprop": ("rmsprop", {"lr": 1.0, "rho": 0.999, **DENSE}),
    "dense adam": ("adam", {"lr": 1.0, "beta1": 0.0, **DENSE}),
    "lazy adam": ("lazy_adam", {"lr": 1.0, "beta1": 0.0, "step_index": "visits"}),
}
HIGH = (0.02, 0.04, 0.08, 0.16, 0.32)  # far above 1 - beta2 = 0.001
LOW = (4e-5, 8e-5, 1.6e-4)  # far below


@cache  # the mutants change what is claimed, not what is measured
def slopes(rule, law, steps, seed):
    """Log-log slope of the mean |step| at visits in the second half, one per copy: (64,)."""
    law = np.array(law)
    p = np.repeat(law, COPIES)
    table = np.zeros((len(p), 1))
    state, moved, visits = rule.init(table), np.zeros(len(p)), np.zeros(len(p))
    for t, (here, grads) in enumerate(samples(p, steps, seed)):
        before = table[here, 0].copy()
        rule.step(table, state, here, grads)
        if t >= steps // 2:
            moved[here] += np.abs(table[here, 0] - before) * scale(rule, t + 1)
            visits[here] += 1
    means = (moved / np.maximum(visits, 1)).reshape(len(law), COPIES)
    x = np.log(law) - np.log(law).mean()
    return x @ np.log(np.maximum(means, 1e-300)) / (x @ x)


def samples(p, steps, seed):
    """(sampled rows, their gradients) of each step, drawn many steps at a time."""
    stream, block = Stream(seed, 0, "implicit frequency"), 500
    for b in range(steps // block):
        drawn = stream.uniform(2 * b, block * len(p)).reshape(block, -1) < p
        normals = stream.normal(2 * b + 1, int(drawn.sum()))[:, None]
        ends = np.cumsum(drawn.sum(axis=1))
        for here, end in zip(drawn, ends, strict=True):
            rows = np.flatnonzero(here)
            yield rows, normals[end - len(rows) : end]


def scale(rule, t):
    """AdaGrad falls like 1/sqrt(t); the others do not."""
    return np.sqrt(t) if rule.name() == "adagrad" else 1.0


def displacement(case):
    """How far one unit gradient, after a long absence, moves a row of dense Adam in all."""
    rule = rules["adam"](
        lr=1.0, rows="all", beta1=case.beta1, beta2=case.beta2, epsilon=0.0, bias_correction="none"
    )
    table = np.zeros((1, 1))
    state = rule.init(table)
    rule.step(table, state, np.array([0]), np.ones((1, 1)))
    for _ in range(2000):
        rule.step(table, state, np.zeros(0, int), np.zeros((0, 1)))
    return abs(table[0, 0])


def theorem(
    expected=None, momentum=lambda c: 1 - c.beta1 / np.sqrt(c.beta2), options=None, saturated=0.0
):
    """Parts: the slopes; the factor of the displacement; options of the rules; the low slope."""
    claimed = {"adagrad": -0.5, "rmsprop": -0.5, "dense adam": -0.5, "lazy adam": 0.0}
    claimed.update(expected or {})

    def measure(name, law, steps, slope, width):
        def run(context):
            kind, given = RULES[name]
            rule = rules[kind](**{**given, **(options or {}).get(name, {})})
            found = slopes(rule, law, steps, context.seed)
            return median_within(found, slope - width, slope + width, context.delta)

        return run

    frequent = [
        Check(
            "statistics",
            f"{name}: slope at p >= 0.02",
            measure(name, HIGH, 8_000, claimed[name], 0.04),
            statistical=True,
        )
        for name in (expected or options or RULES)  # a mutant concerns some of the rules only
    ]
    rare = Check(
        "statistics",
        "rmsprop: slope at p << 1 - beta2",
        measure("rmsprop", LOW, 200_000, saturated, 0.15),
        statistical=True,
        slow=True,
    )
    return Theorem(
        claims=(
            Claim(
                "displacement after an isolated visit",
                displacement,
                lambda c: (1 - c.beta1) / np.sqrt(1 - c.beta2) / momentum(c),
                "equal",
                lambda quick: [
                    Case(f"betas {b1}, {b2}", beta1=b1, beta2=b2)
                    for b1, b2 in ((0.9, 0.999), (0.5, 0.99), (0.0, 0.9))
                ],
                tolerance=1e-9,
            ),
        ),
        checks=(*frequent, rare),
    )


MUTANTS = {
    "adagrad uses no frequency": Mutant("statement", expected={"adagrad": 0.0}),
    "adagrad's exponent is 1": Mutant("statement", expected={"adagrad": -1.0}),
    "lazy adam's exponent is 1/2": Mutant("statement", expected={"lazy adam": -0.5}),
    "beta2 without its root": Mutant("statement", momentum=lambda c: 1 - c.beta1 / c.beta2),
    "rmsprop on touched rows": Mutant("implementation", options={"rmsprop": {"rows": "touched"}}),
}
