r"""FA-7: why the exponent is 1/2

Source
    derived here (docs/theory/frequency.md, FA-7).
Problem
    As FA-4, sum p = M.
Algorithm
    eta_k = beta p_k^-q with the best beta = sqrt(2 Delta/(L T A_q)), where it stays below the cap;
    A_q = sum_l p_l^(2-2q) sigma_l^2.
Assumptions
    H1, H2, H3; eta_k <= 1/(4L).
Statement
    E|grad_k f(Theta^tau)|^2 <= (8/7) p_k^q sqrt(2 L Delta A_q / T). For sigma = 1 the sum A_q is at
    most M for every N if q <= 1/2, and N (M/N)^(2-2q), unbounded, at uniform p if q > 1/2. q = 1
    beats q = 1/2 exactly for tokens with p_k < M/N.
Checks
    exact second moments for q in {0, 1/4, 1/2, 3/4, 1}; the sums; adversarial search.
Literature
    The exponent 1/2 of the paper's rule is inferred from its citations.
"""

from dataclasses import replace

import numpy as np
import sympy as sp

from freqopt.theory import Assumption, Bound, Case, Claim, Mutant, Search, Theorem, total
from freqopt.theory.exact.tokens import random_tokens, token_search
from freqopt.theory.symbols import Delta, L, T, p, q, sigma2


def steps(exponent):
    def choose(tokens, scale):
        size = np.sum(tokens.p ** (2 - 2 * exponent) * tokens.sigma2)
        beta = np.sqrt(2 * tokens.gap / (tokens.steps * size))
        eta = beta * tokens.p**-exponent
        shrink = min(1, 0.25 / eta.max()) ** 2  # a nearer start, so that the cap stays inactive
        tokens = replace(tokens, R2=tokens.R2 * shrink, eta=eta * np.sqrt(shrink))
        return replace(tokens, more={"q": exponent})

    return choose


def instances(quick):
    for exponent in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield from random_tokens(steps(exponent), 20 if quick else 200, seed=int(8 * exponent))


def space():
    inner = token_search(steps(0.5))

    def make(point):
        exponent = float(np.round(4 * point[0]) / 4)
        return token_search(steps(exponent)).make(point[1:])

    return Search(inner.dimension + 1, make)


def laws(quick):
    rng = np.random.default_rng(6)
    for i in range(20 if quick else 200):
        size = int(10 ** rng.uniform(0.5, 4))
        law = 2 * rng.dirichlet(np.full(size, 0.3))
        law = np.minimum(law, 1.0)
        yield Case(f"random law {i}, N = {size}", p=law[law > 0])


def uniform(quick):
    for size in (10, 10**3, 10**6):
        for exponent in (0.6, 0.75, 1.0):
            yield Case(
                f"uniform, N = {size}, q = {exponent}", p=np.full(size, 2 / size), q=exponent
            )


def theorem(constant=sp.Rational(8, 7), power=q, inner=2 - 2 * q, exponent=0.5, cross=1.0):
    """Parts: 8/7; the power of p_k; that of p_l; the largest harmless q; where q = 1 wins."""

    def better(c):
        size, M = len(c.p), c.p.sum()
        one, root = c.p * np.sqrt(size), np.sqrt(c.p * M)
        edge = cross * M / size
        clear = np.abs(c.p / edge - 1) > 1e-9
        return float(np.sum(((one < root) != (c.p < edge)) & clear))

    return Theorem(
        assumptions=(
            Assumption(
                "eta_k <= 1/(4L)", lambda i: not hasattr(i, "eta") or i.eta.max() <= 0.2500001
            ),
        ),
        claims=(
            Claim(
                "rate of token k",
                lambda i: i.square_gradient(),
                Bound(constant * p**power * sp.sqrt(2 * L * Delta * total(p**inner * sigma2) / T)),
                instances=instances,
                search=space(),
                trivial=lambda i: i.trivial_square_gradient(),
            ),
            Claim(
                "sum of p^(2-2q) <= M for q <= 1/2",
                lambda c: np.sum(c.p ** (2 - 2 * exponent)),
                lambda c: np.sum(c.p),
                instances=laws,
            ),
            Claim(
                "uniform p, q > 1/2",
                lambda c: np.sum(c.p ** (2 - 2 * c.q)),
                lambda c: len(c.p) * (2 / len(c.p)) ** (2 - 2 * c.q),
                "equal",
                uniform,
            ),
            Claim("q = 1 wins iff p_k < M/N", better, lambda c: 0.0, "equal", laws),
        ),
    )


MUTANTS = {
    "p_k^(2q)": Mutant("statement", power=2 * q),
    "sum of p^(3-2q)": Mutant("statement", inner=3 - 2 * q),
    "8/7 -> 1/4": Mutant("statement", constant=sp.Rational(1, 4)),
    "3/4 is harmless": Mutant("statement", exponent=0.75),
    "q = 1 wins below 2M/N": Mutant("statement", cross=2.0),
    "8/7 -> 2": Mutant("statement", weaker="2 > 8/7", constant=2),
}
