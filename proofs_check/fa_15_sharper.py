r"""FA-15-SHARP: convex losses, with nothing lost to the unseen and the last step

Source
    derived here (docs/worst_cases.md).
Problem
    As FA-15: min f(Theta) convex with minimiser Theta*; R_k = |theta_k^1 - theta_k*|.
Algorithm
    As FA-15: SGD with a fixed step eta_k for each token; output the average of the iterates.
Assumptions
    f convex; E[|g_k|^2 | k sampled] <= gamma_k^2.
Statement
    With q_k = 1 - (1-p_k)^T the chance that k is seen at all, and r_k that before the last step,
    (a) E f(Thetabar) - f* <= (1/(2T)) sum_k [q_k R_k^2/eta_k + (T p_k - p_k(1-p_k) r_k) eta_k
    gamma_k^2], attained for every T at p = 1 and for every p at T = 1;
    (b) FA-15 with its noise term times 1 - (1-p_k)/T, which is (a) with q_k = r_k = 1;
    (c) (a) without r_k is least at eta_k = (R_k/gamma_k) sqrt(q_k/(T p_k)), and then it is
    sum_k R_k gamma_k sqrt(p_k q_k/T) <= sum_k R_k gamma_k min{p_k, sqrt(p_k/T)};
    (d) FA-15's own step, capped at R_k/gamma_k, has the second of these bounds too.
Beware
    A token expected less than once in the run needs no step above R/gamma: FA-15's own best step,
    which grows like 1/sqrt(p) without end, is worse for it.
Checks
    witness, line by line; attained by the project's FA-SGD on max_i (x_i)_+; (d) on random laws,
    also with the steps that FA-SGD's option cap = "visit" takes; worst cases over every convex
    function, from both sides; upper ones to T = 16 in exact rationals.
Literature
    (a) reads E V_(T+1) >= E V_(T+1) of the tokens that were never seen, where FA-15 reads >= 0.
"""

from fractions import Fraction

import numpy as np
import sympy as sp

from freqopt.optimizers.fa_sgd import FASGD
from freqopt.theory import (
    Bound,
    Case,
    Check,
    Claim,
    Mutant,
    Step,
    Theorem,
    Verdict,
    Word,
    total,
)
from freqopt.theory.engines.chain import rational, rows
from freqopt.theory.engines.chain.tokens import Chain
from freqopt.theory.engines.chain.visits import occupation, patterns
from freqopt.theory.symbols import R2, T, eta, gamma2, half, p

variance = sp.Symbol("gamma2", positive=True)  # at gamma = 0 every step is the best
chance_ = sp.Symbol("q", positive=True)
gamma, distance = sp.symbols("gamma distance", positive=True)
square, s = sp.symbols("square s", nonnegative=True)  # E|e_T|^2 of the seen; chance of unseen


def steepest(steps, p=1.0, **wrong):
    """max_i (x_i)_+ from the diagonal: a step takes one coordinate to 0. At T = 1, any p."""
    eta = 1 / np.sqrt(steps)
    rule = FASGD(**{"lr": eta, "form": "recipe", "cap": "none", **wrong})
    table = np.full((1, steps), eta)
    state, mean = rule.init(table, frequency=np.array([1.0])), np.zeros(steps)
    for _ in range(steps):
        mean += table[0] / steps
        gradient = np.eye(steps)[[np.argmax(table)]]
        rule.step(table, state, np.array([0]), gradient)
    return Case(
        f"max_i (x_i)_+, p = {p}, T = {steps}", measured=p * max(0.0, mean.max()), p=np.array([p]),
        eta=np.array([eta]), R2=np.array([1.0]), gamma2=1.0, T=float(steps),
    )  # fmt: skip


def capped(quick):
    rng = np.random.default_rng(15)
    for i in range(20 if quick else 200):
        steps, law = int(10 ** rng.uniform(0, 4)), rng.dirichlet(np.full(20, 0.2)) + 1e-9
        size, slope = 10 ** rng.uniform(-1, 1, 20), 10 ** rng.uniform(-1, 1, 20)
        yield Case(
            f"random law {i}, T = {steps}", p=law, R2=size**2, gamma2=slope**2, T=float(steps),
            eta=size / slope * np.minimum(1, 1 / np.sqrt(steps * law)),
        )  # fmt: skip


def by_the_rule(quick, cap):
    """Steps as the project's rule takes them, R_k/gamma_k = alpha for every token."""
    rng = np.random.default_rng(16)
    for i in range(10 if quick else 100):
        steps, law = int(10 ** rng.uniform(0, 4)), rng.dirichlet(np.full(20, 0.2)) + 1e-9
        alpha, slope = 10 ** rng.uniform(-1, 1), 10 ** rng.uniform(-1, 1, 20)
        rule, table = FASGD(lr=alpha, horizon=steps, cap=cap), np.zeros((20, 1))
        rule.step(table, rule.init(table, frequency=law), np.arange(20), -np.ones((20, 1)))
        yield Case(
            f"random law {i}, T = {steps}", p=law, R2=(alpha * slope) ** 2, gamma2=slope**2,
            T=float(steps), eta=table[:, 0],
        )  # fmt: skip


def steps_of_the_rule(quick, cap):
    """The steps of a batch of B: alpha min{B, sqrt(B/(T p))}, one visit of B moving by eta/B."""
    law, alpha = np.array([0.6, 0.3, 0.099, 1e-3]), 0.7
    for batch in (1, 4):
        for steps in (1, 30, 1000):
            rule = FASGD(lr=alpha, horizon=steps, cap=cap, batch=batch)
            table = np.zeros((4, 1))
            rule.step(table, rule.init(table, frequency=law), np.arange(4), -np.ones((4, 1)))
            yield Case(
                f"T = {steps}, B = {batch}", taken=table[:, 0],
                stated=alpha * np.minimum(batch, np.sqrt(batch / (steps * law))),
            )  # fmt: skip


def worst_cases(quick, value):
    """One token, R = gamma = 1, at three steps; the averaged iterate at p = 1."""

    def row(steps, p, scale, output=rows.RANDOM, means=()):
        eta, weights = scale / np.sqrt(steps * p), occupation(steps, p) * (output is rows.RANDOM)
        chain = Chain(tuple(weights), (eta,) * (steps - 1), gamma2=1.0, means=means)
        case = f"T = {steps}, p = {p}, {scale} x FA-15's step"
        return rows.row(case, output, value(p=p, T=steps, eta=eta, R2=1.0, gamma2=1.0), chain)

    more = () if quick else ((20, 0.5), (20, 0.05), (1000, 0.001), (1000, 0.005))
    for steps, chance in ((1, 0.3), (2, 0.5), (3, 0.1), (5, 1.0), (12, 0.1), *more):
        for scale in (0.5, 1.0, 2.0):
            yield row(steps, chance, scale)
    for steps in (8,) if quick else (8, 20):
        yield row(steps, 1.0, 1.0, rows.MEAN, patterns(steps, 1.0))


RATIONALS = ((1, "1/2", "4/5"), (3, "1/2", "4/5"), (8, "1/10", "1"))
LONGER = ((12, "1/2", "2/5"), (16, "1/4", "1/2"))


def in_rationals(limit):
    """FA-15's worst case, from above, to T = 16: a proof in Fractions, below the bound."""

    def run(context):
        cases = RATIONALS if context.quick else RATIONALS + LONGER
        for steps, chance, step in cases:
            chance, step = Fraction(chance), Fraction(step)
            above = rational.checked(rational.certified(steps, chance, step))
            letters = {"p": [chance], "T": steps, "eta": [step], "R2": 1, "gamma2": 1}
            if above > limit.exact(letters):
                note = f"T = {steps}, p = {chance}: the certificate is above the bound"
                return Verdict("", "", "", Word.UNPROVED, kind="certificate", note=note)
        note = f"{len(cases)} upper certificates, T to {cases[-1][0]}, in exact rationals"
        return Verdict("", "", "", Word.EXACT, kind="certificate", note=note)

    return run


def theorem(seen=1, last=1, cap=1, distant=1, best=1, wrong=None, rule_cap="visit"):
    """Parts: the share of T in q; the factors of p (1 - p) r, of the cap, of R^2 and of the square
    of (c)'s step; the rule's options and its cap.
    """
    unseen = (1 - p) ** (T - 1)
    chance, visits = 1 - (1 - p) ** (seen * T), T * p - last * p * (1 - p) * (1 - unseen)
    sharp = Bound(total(distant * chance * R2 / eta + visits * eta * gamma2) / (2 * T))
    shorter = Bound(total(distant * R2 / eta + (T - last * (1 - p)) * p * eta * gamma2) / (2 * T))
    better = sp.sqrt(best * R2 * chance_ / (variance * T * p))
    limit = Bound(total(sp.sqrt(R2 * gamma2) * sp.Min(cap * p, sp.sqrt(p / T))))
    return Theorem(
        claims=(
            Claim(
                "(a) attained",
                lambda i: i.measured,
                sharp,
                instances=lambda quick: [
                    *(steepest(steps, **(wrong or {})) for steps in (1, 2, 4, 9)),
                    *(steepest(1, chance, **(wrong or {})) for chance in (0.1, 0.5)),
                ],
            ),
            Claim("(d) capped steps", lambda i: sharp(i.letters()), limit, instances=capped),
            Claim(
                '(d) by FA-SGD with cap = "visit"',
                lambda i: sharp(i.letters()),
                limit,
                instances=lambda quick: by_the_rule(quick, rule_cap),
            ),
            Claim(
                '(d) steps of cap = "visit"',
                lambda i: i.taken,
                lambda i: i.stated,
                "equal",
                lambda quick: steps_of_the_rule(quick, rule_cap),
            ),
        ),
        steps=(
            Step(  # |<grad_k f, e>| <= p gamma |e|, and (a - b)^2 >= 0
                "the last step of a token seen before",
                2 * p * eta * gamma * distance,
                distance**2 + p**2 * eta**2 * gamma**2,
                ((1, ((distance - p * eta * gamma) ** 2,)),),
            ),
            Step(
                "the last step of a token not seen before, still at R",
                2 * p * eta * gamma * distance,
                p * distance**2 + p * eta**2 * gamma**2,
                ((1, (p, (distance - eta * gamma) ** 2)),),
            ),
            Step(  # T - 1 steps lower |e|^2 from R^2 to square + s R^2
                "sum of all steps",
                (R2 - square - s * R2 + (T - 1) * p * eta**2 * gamma2)
                + (square + (1 - s) * p**2 * eta**2 * gamma2)
                + s * (p * R2 + p * eta**2 * gamma2),
                (1 - (1 - p) * s) * R2 + (T * p - last * p * (1 - p) * (1 - s)) * eta**2 * gamma2,
            ),
            Step(  # (a - b)^2 >= 0
                "(c)",
                sp.sqrt(p * R2 * variance * chance_ / T),
                chance_ * R2 / (2 * T * eta) + eta * p * variance / 2,
                ((half, (eta * p * variance, (better / eta - 1) ** 2)),),
            ),
            Step(  # the same with the second line for every token, seen or not
                "(b)",
                (R2 - square + (T - 1) * p * eta**2 * gamma2) + square + p**2 * eta**2 * gamma2,
                R2 + (T - last * (1 - p)) * p * eta**2 * gamma2,
            ),
        ),
        checks=(
            rows.check("(a), every function", lambda quick: worst_cases(quick, sharp.one_token)),
            rows.check("(b), every function", lambda quick: worst_cases(quick, shorter.one_token)),
            Check("certificate", "upper worst cases", in_rationals(sharp), needs="clarabel"),
        ),
    )


MUTANTS = {
    "q with T/2 for T": Mutant("statement", seen=half),
    "2 p (1-p) r": Mutant("statement", last=2),
    "cap R/(2 gamma)": Mutant("statement", cap=half),
    "R^2 x 0.99": Mutant("statement", distant=sp.Rational(99, 100)),
    "a step twice that of (c)": Mutant("proof", best=4),
    "the rule uncapped": Mutant("implementation", rule_cap="none"),
    "ascent": Mutant("implementation", wrong={"maximize": True}),
    "cap 2R/gamma": Mutant("statement", weaker="Min with 2 p", cap=2),
}
