r"""FA-1: f is smooth with weight p_k L on the block of token k

Source
    derived here (docs/theory/frequency.md, FA-1 and FA-1b).
Problem
    f(Theta) = E l(Theta; xi); p_k the probability that token k is in a sample.
Algorithm
    none; V is any displacement.
Assumptions
    H2: every l(.; xi) is L-smooth jointly in the tokens of xi (FA-1); or, for FA-1b, only the
    Hessian blocks of f are bounded, |H_kk| <= p_k L and |H_ij| <= sqrt(p_i p_j) L.
Statement
    f(Theta + V) <= f(Theta) + <grad f, V> + (L/2) sum_k p_k |v_k|^2; under FA-1b, when the two
    tokens i, j move, L (p_i |v_i|^2 + p_j |v_j|^2) takes the place of the last term.
Checks
    witnesses; the remainder evaluated on the real pair problems at random and large displacements;
    equality on the additive model with equal displacements.
Literature
    Weighted smoothness: the place where one of the two factors p_k of the noise comes from.
"""

import numpy as np
import sympy as sp

from freqopt.problems.pair import Pair
from freqopt.theory import Bound, Case, Claim, Mutant, Step, Theorem, total
from freqopt.theory.symbols import L, half, p

v2, a, b, x, y = sp.symbols("v2 a b x y", nonnegative=True)
LAW = {"kind": "counts", "counts": ((9, 4, 1), (3, 2, 1))}


def displaced(problem, tables, moves, name):
    f0, f1 = problem.objective(tables), problem.objective({n: tables[n] + moves[n] for n in tables})
    slope = sum(float(np.sum(g * moves[n])) for n, g in problem.gradient(tables).items())
    constants = problem.constants
    return Case(
        name,
        remainder=f1 - f0 - slope,
        p=np.concatenate([constants.frequency[n] for n in "uv"]),
        v2=np.concatenate([np.sum(moves[n] ** 2, axis=1) for n in "uv"]),
        L=constants.smoothness,
    )


def random_cases(quick):
    rng = np.random.default_rng(1)
    for i in range(60 if quick else 600):
        loss, width = ("squared", "logistic", "cosine")[i % 3], 1 + i % 4
        noise = {} if loss == "logistic" else {"noise": 0.4}
        problem = Pair(pairs=LAW, score="sum", loss=loss, dimension=width, **noise)
        tables = {n: 2 * rng.standard_normal(s) for n, s in problem.shapes.items()}
        size = 10 ** rng.uniform(-1, 1)
        moves = {n: size * rng.standard_normal(s) for n, s in problem.shapes.items()}
        yield displaced(problem, tables, moves, f"{loss}, draw {i}, |v| about {size:.2g}")


def equal_moves():
    problem = Pair(pairs=LAW, score="sum", loss="squared", dimension=1)
    ones = {n: np.ones(s) for n, s in problem.shapes.items()}
    return displaced(problem, problem.optimum, ones, "squared loss, every token moved by 1")


def block_cases(quick):
    """Quadratics whose Hessian only has bounded blocks: H = L sqrt(p) sqrt(p)'."""
    rng = np.random.default_rng(2)
    for i in range(20):
        q = rng.dirichlet(np.ones(2))
        v = 1 / np.sqrt(q) if i == 0 else rng.standard_normal(2)
        yield Case(
            f"rank-one Hessian {i}", remainder=(np.sqrt(q) @ v) ** 2 / 2, p=q, v2=v**2, L=1.0
        )


def theorem(factor=half, exponent=1, blocks=1):
    """Parts: the factor L/2, the power of p; the factor of FA-1b."""
    return Theorem(
        claims=(
            Claim(
                "remainder",
                lambda case: case.remainder,
                Bound(factor * L * total(p**exponent * v2)),
                instances=random_cases,
                extremal=equal_moves(),
            ),
            Claim(
                "remainder, two blocks (FA-1b)",
                lambda case: case.remainder,
                Bound(blocks * L * total(p**exponent * v2)),
                instances=block_cases,
            ),
        ),
        steps=(
            Step(  # one sample: l'' (d_i + d_j)^2 / 2 with l'' <= L/2, weights summed over samples
                "Hessian of one pair",
                L / 4 * (x + y) ** 2,
                factor * L * (x**2 + y**2),
                ((sp.Rational(1, 4), (L, (x - y) ** 2)),),
            ),
            Step(
                "two blocks",
                L / 2 * (a + b) ** 2,
                blocks * L * (a**2 + b**2),
                ((half, (L, (a - b) ** 2)),),
            ),
        ),
    )


MUTANTS = {
    "L/2 -> L/4": Mutant("statement", factor=sp.Rational(1, 4)),
    "weight p^2": Mutant("statement", exponent=2),
    "FA-1b with L/2": Mutant("statement", blocks=half),
    "L/2 -> L": Mutant("statement", weaker="L > L/2", factor=1),
}
