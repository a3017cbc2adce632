r"""MEM-2: a closed-form step for MEM-1

Source
    derived here (docs/theory/memory.md, MEM-2).
Problem
    As MEM-1, S_t = S constant, omega_i <= W_o, K >= 1.
Algorithm
    As MEM-1 with alpha = min{1/(2LS), 1/(2KS mu), 1/(2 L W_o K sqrt(1+eta))}.
Assumptions
    Those of MEM-1 apart from (C1).
Statement
    This alpha satisfies (C1). If the third term is the least (eta = 0), V_T <=
    (1 - S/(2 W_o kappa_f K))^T V_0: O(kappa_f K log(1/eps)) steps.
Checks
    (C1) evaluated over a grid of all parameters and by adversarial search.
Literature
    Bernoulli's inequality gives q^-i <= 2 within the window.
"""

import numpy as np

from freqopt.theory import Case, Claim, Mutant, Search, Theorem


def case(S, W_o, K, mu, eta, terms):
    third = terms[2] / (2 * W_o * K * np.sqrt(1 + eta))
    step = min(terms[0] / (2 * S), terms[1] / (2 * K * S * mu), third)
    q = 1 - step * S * mu
    with np.errstate(divide="ignore", over="ignore"):
        tail = np.sum(W_o * q ** -np.arange(1.0, K + 1)) if q > 0 else np.inf
    left = (1 + eta) * step**2 * (W_o * K / S) * tail
    name = f"S = {S:.3g}, W_o = {W_o:.3g}, K = {K}, mu = {mu:.3g}, eta = {eta:.3g}"
    least = step == third and eta == 0
    return Case(name, left=left, right=1 / S - step, q=q, least=least, S=S, W_o=W_o, K=K, mu=mu)


def theorem(terms=(1.0, 1.0, 1.0), rate=2.0):
    """Parts: factors of the three terms; the 2 in the rate."""

    def grid(quick):
        rng = np.random.default_rng(14)
        for _ in range(300 if quick else 5000):
            S, W_o, mu = (10 ** rng.uniform(*r) for r in ((-0.5, 1), (-1, 1), (-3, 0)))
            eta = 0.0 if rng.random() < 0.5 else 10 ** rng.uniform(-1, 2)
            yield case(S, W_o, int(10 ** rng.uniform(0, 2)), mu, eta, terms)

    def chosen(x):
        S, W_o, K = 10 ** (1.5 * x[0] - 0.5), 10 ** (2 * x[1] - 1), int(10 ** (2 * x[2]))
        return case(S, W_o, K, 10 ** (3 * x[3] - 3), 10 ** (3 * x[4] - 1), terms)

    return Theorem(
        claims=(
            Claim(
                "(C1) holds",
                lambda c: c.left,
                lambda c: c.right,
                instances=grid,
                search=Search(5, chosen),
            ),
            Claim(
                "rate",
                lambda c: 1 - c.q,
                lambda c: c.S * c.mu / (rate * c.W_o * c.K),
                "equal",
                lambda quick: (c for c in grid(quick) if c.least),
                tolerance=1e-10,
            ),
        )
    )


MUTANTS = {
    "1/(LS)": Mutant("statement", terms=(2.0, 1.0, 1.0)),
    "2/(KS mu)": Mutant("statement", terms=(1.0, 4.0, 1.0)),
    "1/(L W_o K)": Mutant("statement", terms=(1.0, 1.0, 2.0)),
    "rate without its 2": Mutant("statement", rate=1.0),
}
