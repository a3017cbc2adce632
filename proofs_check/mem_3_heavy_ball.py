r"""MEM-3: fixed memory with heavy-ball momentum

Source
    derived here (docs/theory/memory.md, MEM-3).
Problem
    As MEM-1, no negative weights, total weight S.
Algorithm
    v <- beta v + u_t, theta <- theta - alpha v, v_{-1} = 0, u_t as MEM-1's direction (SGDM_C).
Assumptions
    (C1) with w_lo = S, w_hi = S/(1-beta), omega_i = S beta^max(0, i-K)/(1-beta) for all i >= 1, and
    beta < q = 1 - alpha S mu.
Statement
    V_T <= q^T V_0 + (1 + 1/eta) (1/(1-beta)) sigma^2/(2 mu).
Beware
    Valid and very conservative: the measured rate is 20 times better.
Checks
    quadratics under adversaries at the largest allowed step, with and without noise; search;
    SGD with momentum and SGDM_C of the project.
Literature
    The momentum turns K into an infinite window with geometric weights.
"""

import numpy as np
import sympy as sp

from freqopt.optimizers.sgd import SGD
from freqopt.optimizers.sgd_c import SGDC
from freqopt.optimizers.sgdm_c import SGDMC
from freqopt.theory import Assumption, Bound, Case, Claim, Mutant, Search, Theorem
from freqopt.theory.exact.memory import Condition, greedy, mixture, one, run
from freqopt.theory.symbols import mu, q

T = sp.Symbol("T", nonnegative=True)
V0, noise2 = sp.symbols("V0 noise2", nonnegative=True)
split, beta = sp.symbols("split beta", positive=True)
SPECTRUM, WINDOW = 5, 400  # beta^400 is below rounding for every beta used


def condition(kappa, oldest, momentum, eta):
    ages = np.arange(1, WINDOW + 1)
    stale = momentum ** np.maximum(0, ages - oldest) / (1 - momentum)
    return Condition(oldest, 1.0, 1 / (1 - momentum), stale, 1 / kappa, eta=eta)


def case(kappa, oldest, momentum, adversary, *, eta=0.0, noise=0.0, scale=1.0, start=None, T=400):
    rule = condition(kappa, oldest, momentum, eta)
    step = scale * rule.largest_step()
    hessian = np.geomspace(1 / kappa, 1, SPECTRUM)
    select = {
        "fresh": one([0]),
        "stalest": one([oldest]),
        "saw": one(list(range(oldest + 1))),
        "greedy": greedy(hessian, step, oldest),
        "mixture": mixture(oldest, 3),
    }[adversary]
    push = (lambda t, x: -noise * np.eye(SPECTRUM)[0]) if noise else None
    x0 = np.ones(SPECTRUM) if start is None else start
    values = run(hessian, x0, step, T, select, push, momentum)
    return Case(
        f"kappa = {kappa:g}, K = {oldest}, beta = {momentum}, {adversary}, noise {noise}",
        values=values[1:], V0=values[0], T=np.arange(1.0, T + 1), q=rule.contraction(step / scale),
        mu=1 / kappa, noise2=noise**2, beta=momentum, split=1 + 1 / eta if eta else 1.0,
        slack=rule.slack(step / scale),
    )  # fmt: skip


def rules(quick):
    """The project's momentum rules: their moves filter those without momentum."""
    grads = np.random.default_rng(13).standard_normal((12, 1, 3))
    for beta in (0.3, 0.9):
        for plain, heavy in (
            (SGD(lr=0.5), SGD(lr=0.5, momentum=beta)),
            (SGDC(lr=0.5, capacity=2), SGDMC(lr=0.5, capacity=2, momentum=beta)),
        ):
            directions, moves = (_moves(rule, grads) for rule in (plain, heavy))
            velocity, filtered = 0.0, []
            for u in directions:
                velocity = beta * velocity + u
                filtered.append(velocity)
            yield Case(
                f"{heavy.name()}, beta = {beta}", moves=moves.ravel(), beta=beta, slack=0.0, q=1.0,
                wanted=np.ravel(filtered),
            )  # fmt: skip


def _moves(rule, grads):
    table, positions = np.zeros((1, 3)), [np.zeros((1, 3))]
    state = rule.init(table)
    for gradient in grads:
        rule.step(table, state, np.array([0]), gradient)
        positions.append(table.copy())
    return np.diff(np.concatenate(positions), axis=0)


ADVERSARIES = ("fresh", "stalest", "saw", "greedy", "mixture")


def theorem(contraction=q, ball=1 / (1 - beta), scale=1.0):
    """Parts: q; the ball's factor; the step over (C1)'s, which q belongs to."""
    bound = Bound(contraction**T * V0 + split * ball * noise2 / (2 * mu))

    def quiet(quick):
        for kappa in (2, 10):
            for oldest in (1, 3):
                for momentum in (0.5, 0.9):
                    for adversary in ADVERSARIES[:3] if quick else ADVERSARIES:
                        yield case(kappa, oldest, momentum, adversary, scale=scale)
        for momentum in (0.0, 0.01):  # MEM-1 and nearly so: at T = 4 q^T is what the delay costs
            yield case(1.0, 1, momentum, "stalest", scale=scale, T=40)

    def noisy(quick):
        for momentum in (0.3, 0.5):
            yield case(2, 1, momentum, "stalest", eta=10.0, noise=0.5, T=4000, scale=scale)

    def chosen(x):
        momentum = (0.0, 0.3, 0.6, 0.9)[int(3.999 * x[0])]
        oldest, adversary = 1 + int(2.999 * x[1]), ADVERSARIES[int(4.999 * x[2])]
        start = 2 * x[4:] - 1
        return case(2 + 20 * x[3], oldest, momentum, adversary, start=start, T=40, scale=scale)

    space = Search(4 + SPECTRUM, chosen)
    return Theorem(
        assumptions=(
            Assumption("(C1)", lambda i: i.slack >= -1e-9),
            Assumption("beta < q", lambda i: i.beta < i.q),
        ),
        claims=(
            Claim(
                "no noise",
                lambda i: i.values,
                bound,
                "upper",
                quiet,
                search=space,
                trivial=lambda i: i.V0,
            ),
            Claim("bounded noise", lambda i: i.values, bound, "upper", noisy),
            Claim("the project's rules", lambda i: i.moves, lambda i: i.wanted, "equal", rules),
        ),
    )


MUTANTS = {
    "contraction q^40": Mutant("statement", contraction=q**40),
    "contraction q^(11/10)": Mutant("statement", contraction=q ** sp.Rational(11, 10)),
    "no ball": Mutant("statement", ball=0),
    "four times the step of (C1), its q": Mutant("statement", scale=4.0),
    "ball / (1-beta)^2": Mutant("statement", weaker="1/(1 - beta) > 1", ball=(1 - beta) ** -2),
}
