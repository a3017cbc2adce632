r"""X2: simulations of every backend have the exact means

Source
    derived here (docs/theory/descent.md).
Problem
    The token quadratic; the additive model of two tables, whose tokens are coupled.
Algorithm
    SGD, FA-SGD, CF-SGD with a horizon, simulated on each backend: sampler, gradient, step.
Assumptions
    Samples independent; noise +-sigma.
Statement
    The means over runs of the squared errors of the last iterate, of the averaged iterate, and of
    f - f* of the last and of the averaged iterate of the coupled model are the exact expectations
    of X1.
Checks
    statistics: e-processes against both directions, and bets that leave 10 % on either side (25 %
    for the coupled model in a quick run, its average not by NumPy there); every backend on its own
    random numbers.
Literature
    Backends with equal bits could share an error; the expectation shares no code with them.
"""

from functools import partial

import numpy as np

from freqopt.backends import Simulation, backends
from freqopt.errors import BackendError
from freqopt.optimizers.cf_sgd import CFSGD
from freqopt.optimizers.fa_sgd import FASGD
from freqopt.optimizers.sgd import SGD
from freqopt.problems.pair import Pair
from freqopt.problems.token_quadratic import TokenQuadratic
from freqopt.streams import fold
from freqopt.theory import Check, Mutant, Theorem
from freqopt.theory.engines.betting import Sampling, equal
from freqopt.theory.exact import specified
from freqopt.theory.exact.additive import additive_moments
from freqopt.theory.exact.counters import problem_moments
from freqopt.theory.exact.moments import averaged_iterate

T, LR = 12, 0.2
TOKENS = TokenQuadratic(tokens={"kind": "counts", "counts": (12, 3, 1)}, dimension=2, noise=0.7)
PAIRS = Pair(
    pairs={"kind": "counts", "counts": ((8, 3, 1), (4, 2, 2))},
    dimension=1, score="sum", loss="squared", noise=0.15, spread=0.0, instance=286,
)  # fmt: skip
RULES = {  # the rule, and the step the theory asks for
    "SGD": (SGD(lr=0.15), specified.sgd(0.15)),
    "FA-SGD": (FASGD(lr=LR, horizon=T, smoothness=1.0), specified.fa_sgd(LR, T, 1.0)),
    "CF-SGD": (CFSGD(lr=LR, horizon=T, smoothness=1.0), specified.cf_sgd(LR, T, 1.0)),
}


AT_ONCE = {"numba": {"patience": 0.0}}  # compiled from the first step on


def errors(tables):
    """|theta_k - a_k|^2, (N,)."""
    return fold((tables["tokens"][:] - TOKENS.optimum) ** 2)


BEGIN = errors(TOKENS.start(0, 0))
# A step goes towards a_k + noise and not beyond, so this bounds |theta_k - a_k|^2 on every path.
REACH = np.maximum(BEGIN, TOKENS.noises**2 * TOKENS.dimension)


def last_iterate(name):
    """(read, E read, largest read) of the squared errors, each in units of its expectation."""
    weight = 1 / problem_moments(TOKENS, RULES[name][1], T)
    return lambda t: float(np.sum(weight * errors(t))), len(BEGIN), float(np.sum(weight * REACH))


def averaged_errors(name):
    """The same for the averaged iterate, unweighted."""
    p, lam = TOKENS.probabilities, TOKENS.curvatures
    sigma2 = (lam * TOKENS.noises) ** 2 * TOKENS.dimension
    exact = averaged_iterate(p, lam, sigma2, BEGIN, RULES[name][1](p, 0 * p, 1), T)
    return lambda t: float(np.sum(errors(t))), float(np.sum(exact)), float(np.sum(REACH))


def coupled(name, *, average=False):
    """The same for f - f* of the coupled model."""
    p = np.concatenate([PAIRS.constants.frequency[table] for table in "uv"])
    start = -np.concatenate([PAIRS.optimum[table][:, 0] for table in "uv"])
    eta = RULES[name][1](p, 0 * p, 1)
    found = additive_moments(PAIRS.pairs.rows(slice(0, 2)), eta, PAIRS.noise**2, start, T)
    # e_i' = (1 - eta) e_i - eta (e_j + xi): no |e| grows by more than eta |xi| in a step.
    reach = np.abs(start).max() + T * eta.max() * PAIRS.noise
    exact = found.averaged_objective if average else found.objective[-1]
    lowest = PAIRS.constants.optimum_value
    return lambda t: PAIRS.objective(t) - lowest, float(exact), float(2 * reach**2)


QUANTITIES = {  # what is measured: (rule, problem, averaged, its read, expectation, bound)
    "SGD, last iterate": ("SGD", TOKENS, False, last_iterate),
    "FA-SGD, last iterate": ("FA-SGD", TOKENS, False, last_iterate),
    "CF-SGD, last iterate": ("CF-SGD", TOKENS, False, last_iterate),
    "FA-SGD, averaged iterate": ("FA-SGD", TOKENS, True, averaged_errors),
    "FA-SGD, coupled, f of the last": ("FA-SGD", PAIRS, False, coupled),
    "FA-SGD, coupled, f of the average": (
        "FA-SGD",
        PAIRS,
        True,
        lambda n: coupled(n, average=True),
    ),
}


def lacking(backend):
    """Why a backend cannot run here, or ""."""
    try:
        backends[backend]()
    except BackendError as reason:
        return str(reason)
    return ""


def simulated(backend, problem, rule, seed, read, *, averaged, batch):
    """`read` of the last, or of the averaged, iterate of independent runs."""
    first_run = (list(backends).index(backend) + 1) * 10**6  # no two backends share a run

    def draw(first, count):
        engine = backends[backend](**AT_ONCE.get(backend, {}))
        found = np.empty(count)
        for s in range(count):
            run = Simulation.begin(
                problem, rule, steps=T, batch=batch, seed=seed, run=first_run + first + s
            )
            tables = run.tables
            if averaged:
                sums = {name: np.zeros(shape) for name, shape in problem.shapes.items()}
                for until in range(1, T + 1):
                    sums = {name: total + run.tables[name][:] for name, total in sums.items()}
                    engine.advance(run, until)
                tables = {name: total / T for name, total in sums.items()}
            else:
                engine.advance(run, T)
            found[s] = read(tables)
        return found

    return draw


def theorem(factor=1.0, rules=None, drawn=TOKENS, batch=1, average=True):
    """Parts: the expectations; the rules; the sampler; the batch; whether iterates are averaged."""

    def agreement(backend, name):
        rule_name, problem, averaged, quantity = QUANTITIES[name]
        rule = (rules or {}).get(rule_name, RULES[rule_name][0])
        simulation = (drawn if problem is TOKENS else problem, rule)

        def run(context):
            read, exact, most = quantity(rule_name)
            how = {"averaged": averaged and average, "batch": batch}
            draw = simulated(backend, *simulation, context.seed, read, **how)
            margin = 0.25 if context.quick and problem is PAIRS else 0.1
            return equal(draw, factor * exact, context.delta, most, margin, Sampling(most=16384))

        missing = partial(lacking, backend)
        return Check(
            "statistics", f"{name}: {backend}", run, statistical=True, lacking=missing,
            slow=backend == "numpy" and name == "FA-SGD, coupled, f of the average",
        )  # fmt: skip

    # A wrong rule concerns its own quantities only.
    concerned = [name for name, (rule, *_) in QUANTITIES.items() if not rules or rule in rules]
    return Theorem(checks=tuple(agreement(b, name) for name in concerned for b in backends))


MUTANTS = {
    "expectations + 30 %": Mutant("statement", factor=1.3),
    "momentum 0.9": Mutant("implementation", rules={"SGD": SGD(lr=0.15, momentum=0.9)}),
    "exponent 1": Mutant(
        "implementation", rules={"FA-SGD": RULES["FA-SGD"][0].model_copy(update={"exponent": 1.0})}
    ),
    "counter before the visit": Mutant(
        "implementation",
        rules={"CF-SGD": RULES["CF-SGD"][0].model_copy(update={"current": "excluded"})},
    ),
    "a biased sampler": Mutant(
        "implementation",
        drawn=TokenQuadratic(
            tokens={"kind": "counts", "counts": (8, 5, 3)}, dimension=2, noise=0.7
        ),
    ),
    "batches of two": Mutant("implementation", batch=2),
    "the last iterate for the average": Mutant("implementation", average=False),
}
