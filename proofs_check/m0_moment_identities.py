r"""M0: moment identities of one step

Source
    derived here (docs/theory/descent.md, M0).
Problem
    min f(Theta) = E l(Theta; xi); token k is in a sample with probability p_k. Instances: the pair
    problem with squared and with 1 - cos loss, and the token quadratic.
Algorithm
    SGD, FA-SGD (6.1) and (6.5), CF-SGD (6.2), (6.3) and (6.6): the project's rules, through `step`
    and through the compiled step.
Assumptions
    Samples are independent; the step eta_k depends on the past only.
Statement
    E[theta_k' - theta_k] = -eta_k grad_k f and
    E|theta_k' - theta_k|^2 = eta_k^2 ((1 - 1/B) |grad_k f|^2 + (|grad_k f|^2/p_k + p_k s_k^2) / B),
    s_k^2 the variance of token k's gradient given that k is sampled: equalities at every state.
Checks
    moments: all samples of one step, at states on random paths; error of correct code 1e-15.
    sampler: a million draws of the pair problem against D, at the run's error level.
Literature
    None. A curve below its bound notices none of the 15 wrong implementations.
"""

import math
from dataclasses import replace

import numpy as np

from freqopt.backends.numba import step as compiled_step
from freqopt.optimizers.cf_sgd import CFSGD
from freqopt.optimizers.fa_sgd import FASGD
from freqopt.optimizers.sgd import SGD
from freqopt.problems.pair import Pair
from freqopt.problems.token_quadratic import TokenQuadratic
from freqopt.theory import Check, Mutant, Theorem, Word
from freqopt.theory.engines.moments import check_moments
from freqopt.theory.engines.sampler import check_sampler
from freqopt.theory.exact import specified
from freqopt.theory.exact.ensemble import Ensemble
from freqopt.theory.exact.outcomes import outcomes

T, ALPHA, B = 50, 0.5, 2
LAW = {"kind": "counts", "counts": ((11, 4), (3, 1))}
OPTIONS = {"pairs": LAW, "dimension": 1, "score": "sum", "spread": 1.0, "noise": 0.6}
PROBLEMS = (
    Pair(loss="squared", **OPTIONS),
    Pair(loss="cosine", **OPTIONS),
    TokenQuadratic(tokens={"kind": "counts", "counts": (12, 3, 1)}, dimension=2, noise=0.5),
)


RULES = {  # name: (rule, its options, batch, the step the theory asks for, given L and alpha)
    "SGD": (SGD, {"lr": 0.12}, 1, lambda L, alpha: specified.sgd(0.12)),
    "FA-SGD": (FASGD, {"horizon": T}, 1, lambda L, alpha: specified.fa_sgd(alpha, T, L)),
    "CF-SGD": (CFSGD, {"horizon": T}, 1, lambda L, alpha: specified.cf_sgd(alpha, T, L)),
    "CF-SGD anytime": (
        CFSGD,
        {"form": "anytime"},
        1,
        lambda L, alpha: specified.cf_sgd_anytime(alpha, L),
    ),
    "FA-SGD, B = 2": (
        FASGD,
        {"horizon": T, "batch": B},
        B,
        lambda L, alpha: specified.fa_sgd(alpha, T, L, B),
    ),
    "CF-SGD, B = 2": (
        CFSGD,
        {"horizon": T, "batch": B, "unit": "occurrence", "current": "one"},
        B,
        lambda L, alpha: specified.cf_sgd(alpha, T, L, B),
    ),
}


class Compiled(Ensemble):
    """Steps of the Numba backend."""

    def step(self, samples, batch=1):
        for name, (rows, grads) in self.gradients(samples, batch).items():
            compiled_step(self.rule, self.tables[name], self.states[name], rows, grads)


def theorem(make=Ensemble, compiled=Compiled, fa=None, cf=None, believe=None, draw=None):
    """Each argument replaces a part of the implementation by a wrong one."""
    wrong = {FASGD: fa or {}, CFSGD: cf or {}, SGD: {}}

    def identities(name, make, engine="moments", seen=0):
        kind, options, batch, step = RULES[name]
        rate = ALPHA * math.sqrt(seen) / 10 if seen else ALPHA  # steps that rounding leaves alone

        def run(context):
            worst = None
            for problem in PROBLEMS:
                L = problem.constants.smoothness
                known = {} if kind is SGD else {"smoothness": L, "lr": rate}
                rule = kind(**{**options, **known, **wrong[kind]})
                told = believe(problem.constants.frequency) if believe else None
                start = problem.start(context.seed, 0)
                verdict = check_moments(
                    lambda p=problem, r=rule, s=start, f=told: make(p, r, s, 1, f),
                    outcomes(problem).batched(batch),
                    step(L, rate),
                    steps=5,
                    paths=2 if context.quick else 10,
                    seed=context.seed,
                    seen=seen,
                )
                if worst is None or verdict.ratio > worst.ratio:
                    worst = verdict
            return worst

        return Check(engine, f"{name}, {seen} visits before" if seen else name, run)

    def sampled(context):
        problem, count = PROBLEMS[0], 1_000_000
        drawn = (draw or problem.draw)(context.seed, 0, np.arange(1), count)
        pairs = drawn["u"] * 2 + drawn["v"]
        return check_sampler(pairs, problem.pairs.rows(slice(0, 2)).ravel(), context.delta)

    def sensitive(context):
        """The check itself: a specified step that is off by a billionth has to be refuted."""
        problem = PROBLEMS[0]
        start = problem.start(context.seed, 0)
        verdict = check_moments(
            lambda: Ensemble(problem, SGD(lr=0.12), start, 1), outcomes(problem),
            specified.sgd(0.12 * (1 + 1e-9)), steps=3, paths=1, seed=context.seed,
        )  # fmt: skip
        noticed = verdict.word is Word.REFUTED
        word = Word.EXACT if noticed else Word.REFUTED
        note = f"a step wrong by 1e-9 is {'' if noticed else 'not '}noticed"
        return replace(verdict, word=word, ratio=1 / verdict.ratio, note=note)

    sampler = Check("sampler", "pairs follow D", sampled, statistical=True)
    stepped = (identities(name, make) for name in RULES)
    fused = (identities(name, compiled, "compiled moments") for name in RULES)
    resolution = Check("moments", "the check notices 1e-9", sensitive)
    late = [
        identities("CF-SGD anytime", by, engine, 2**25)
        for by, engine in ((make, "moments"), (compiled, "compiled moments"))
    ]
    return Theorem(checks=(*late, *stepped, *fused, resolution, sampler))


class OverP(Ensemble):
    """The gradient divided by p."""

    power = -1

    def gradients(self, samples, batch=1):
        found = {}
        for name, (rows, grads) in super().gradients(samples, batch).items():
            p = self.problem.constants.frequency[name]
            found[name] = (rows, grads * p[rows % len(p), None] ** self.power)
        return found


class TimesP(OverP):
    """The gradient multiplied by p: 'forgot that it is conditional'."""

    power = 1


class Doubled(Ensemble):
    """The gradient times 2."""

    def gradients(self, samples, batch=1):
        found = super().gradients(samples, batch)
        return {name: (rows, 2 * grads) for name, (rows, grads) in found.items()}


class Noise(Ensemble):
    """The deviation of a sample's gradient from its mean times `share`: (1) holds, (2) does not."""

    share = 0.9

    def gradients(self, samples, batch=1):
        found = {}
        mean = self.problem.gradient({name: self.values(name)[0] for name in self.tables})
        for name, (rows, grads) in super().gradients(samples, batch).items():
            p = self.problem.constants.frequency[name]
            row = rows % len(p)
            usual = mean[name][row] / p[row, None] / batch
            found[name] = (rows, usual + self.share * (grads - usual))
        return found


class Noisy(Noise):
    """And by as much too large."""

    share = 1.1


class GaussSeidel(Ensemble):
    """The second table's gradient from the already updated first table."""

    def step(self, samples, batch=1):
        for name in self.tables:
            rows, grads = self.gradients(samples, batch)[name]
            self.rule.step(self.tables[name], self.states[name], rows, grads)


class LastOnly(Compiled):
    """Of several occurrences of a row in a batch the last one counts."""

    def step(self, samples, batch=1):
        self.rule = self.rule.model_copy(update={"duplicates": "last"})
        super().step(samples, batch)


class Single(Compiled):
    """Gradients rounded to single precision on the way to the compiled step."""

    def gradients(self, samples, batch=1):
        found = super().gradients(samples, batch)
        return {name: (r, g.astype(np.float32).astype(float)) for name, (r, g) in found.items()}


class DenseDecay(Ensemble):
    """All rows shrink by a thousandth in each step."""

    def step(self, samples, batch=1):
        super().step(samples, batch)
        for table in self.tables.values():
            table *= 1 - 1e-3


class NowForHorizon(Ensemble):
    """The step number t where the horizon T belongs."""

    def step(self, samples, batch=1):
        if getattr(self.rule, "horizon", None):
            now = int(self.states[next(iter(self.states))]["t"]) + 1
            self.rule = self.rule.model_copy(update={"horizon": now})
        super().step(samples, batch)


class PairCounter(Ensemble):
    """Counts the pair (i, j), not the token."""

    def __init__(self, problem, rule, start, copies, frequency=None):
        super().__init__(problem, rule, start, copies, frequency)
        self.seen = np.zeros((copies, *(size for size, _ in problem.shapes.values())), np.int64)

    def repeated(self, times):
        grown = super().repeated(times)
        grown.seen = np.repeat(self.seen, times, axis=0)
        return grown

    def step(self, samples, batch=1):
        copy = np.arange(self.copies * batch) // batch
        place = (copy, *(samples[name] for name in self.tables))
        for name, state in self.states.items():
            if "c" in state:
                size = self.problem.shapes[name][0]
                state["c"][copy * size + samples[name]] = self.seen[place]
        super().step(samples, batch)
        np.add.at(self.seen, place, 1)


def swapped(frequency):
    """User frequencies told to the items and the other way round."""
    names = list(frequency)
    return dict(zip(names, [frequency[n] for n in reversed(names)], strict=True))


def half_precision(frequency):
    """Frequencies kept in float16."""
    return {name: p.astype(np.float16).astype(float) for name, p in frequency.items()}


def uniformly(seed, run, steps, batch):
    """Pairs drawn uniformly instead of by D."""
    rng = np.random.default_rng(seed)
    return {name: rng.integers(0, 2, (len(steps), batch)) for name in "uv"}


MUTANTS = {
    "I1 1/p": Mutant("implementation", fa={"exponent": 1.0}),
    "I2 no T": Mutant("implementation", fa={"form": "recipe"}),
    "I3 no cap": Mutant("implementation", fa={"cap": "none"}),
    "I4 counter before the visit": Mutant("implementation", cf={"current": "excluded"}),
    "I5 no /t": Mutant("implementation", cf={"form": "anytime", "lr": ALPHA / math.sqrt(T)}),
    "I6 gradient / p": Mutant("implementation", make=OverP),
    "I7 tables swapped": Mutant("implementation", believe=swapped),
    "I8 pair counter": Mutant("implementation", make=PairCounter),
    "I9 gradient x 2": Mutant("implementation", make=Doubled),
    "noise x 0.9": Mutant("implementation", make=Noise),
    "noise x 1.1": Mutant("implementation", make=Noisy),
    "I10 Gauss-Seidel": Mutant("implementation", make=GaussSeidel),
    "I11 uniform sampler": Mutant("implementation", draw=uniformly),
    "I12 t for T": Mutant("implementation", make=NowForHorizon),
    "I13 dense decay": Mutant("implementation", make=DenseDecay),
    "I14 float16 p": Mutant("implementation", believe=half_precision),
    "I15 gradient x p": Mutant("implementation", make=TimesP),
    "compiled: last of a row's occurrences": Mutant("implementation", compiled=LastOnly),
    "compiled: float32 gradients": Mutant("implementation", compiled=Single),
    "exponent 0.501": Mutant("implementation", fa={"exponent": 0.501}),
    "half the cap": Mutant("implementation", fa={"smoothness": 4.0}, cf={"smoothness": 4.0}),
}
