r"""FA-16: exponent and size of the gain in the convex case

Source
    derived here (docs/theory/frequency.md, FA-16).
Problem
    As FA-15 with R_k = R and gamma_k = gamma; sum p = M.
Algorithm
    eta_k = beta p_k^-q with the best beta.
Assumptions
    Those of FA-15.
Statement
    The bound is R gamma sqrt(sum p^q sum p^(1-q))/sqrt(T); it is least at q = 1/2, and q = 1 is no
    better than q = 0. (Best single step)/(FA) = sqrt(N M)/sum sqrt p, for Zipf and exponential laws
    as in the table of the theory document.
Beware
    The gain is in the bound for E f of the averaged iterate. Other metrics and single benign
    instances gain less or lose: T4.
Checks
    exact: FA-15 minimised numerically over beta; the asymptotic table at N = 10^5, and at
    N = 10^300, where only ln N has a next term.
Literature
    The same factor as T4 for E f of the averaged iterate, squared.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import zeta

from freqopt.theory import Case, Claim, Mutant, Theorem
from freqopt.theory.exact.power_sums import FAR, power_sum

N = 10**5
RANK = np.arange(1.0, N + 1)


def laws(quick):
    rng = np.random.default_rng(8)
    for i in range(20 if quick else 200):
        law = 2 * rng.dirichlet(np.full(30, 0.3)) + 1e-6
        R, gamma, steps = (
            10 ** rng.uniform(-1, 1),
            10 ** rng.uniform(-1, 1),
            int(10 ** rng.uniform(1, 6)),
        )
        for q in (0.0, 0.3, 0.5, 1.0):
            yield Case(f"random law {i}, q = {q}", p=law, q=q, R=R, gamma=gamma, T=steps)


def minimised(c):
    """FA-15 with eta = beta p^-q at the numerically best beta."""

    def bound(log_beta):
        eta = np.exp(log_beta) * c.p**-c.q
        return np.sum(c.R**2 / eta) / (2 * c.T) + np.sum(eta * c.p) * c.gamma**2 / 2

    return minimize_scalar(bound, bracket=(-10.0, 0.0), tol=1e-12).fun


def ratio(c):
    return np.sqrt(len(c.p) * c.p.sum()) / np.sum(np.sqrt(c.p))


def zipf(low, high):
    def draw(quick):
        for nu in (0.0, 0.3, 0.7, 1.0, 1.3, 1.5, 1.7, 2.0, 2.5, 3.0):
            if low <= nu < high:
                weight = RANK**-nu
                yield Case(f"nu = {nu}", nu=nu, N=N, p=weight / weight.sum())

    return draw


def limits(low, high):
    return lambda quick: (
        Case(f"nu = {nu}, N = {FAR:g}", nu=nu, N=FAR)
        for nu in (0.0, 0.3, 0.7, 0.9, 1.0, 1.1, 1.5, 1.9, 2.0, 2.1, 2.5, 3.0)
        if low <= nu < high
    )


def far(c):
    return np.sqrt(c.N) * np.sqrt(power_sum(c.N, c.nu)) / power_sum(c.N, c.nu / 2)


def exponential(quick):
    for rate in (0.001, 0.1, 1.0):
        k = np.arange(int(700 / rate))
        p = -np.expm1(-rate) * np.exp(-rate * k)
        yield Case(f"lam = {rate}", p=p, lam=rate)


PRINTED = ((0.7, 1.17), (1.0, 1.74), (1.5, 7.54))


def printed(quick):
    for nu, value in PRINTED:
        weight = RANK**-nu
        yield Case(f"nu = {nu}, N = {N}", p=weight / weight.sum(), value=value)


def theorem(
    inner=lambda q: 1 - q,
    best=0.5,
    one=1.0,
    gentle=lambda c: (1 - c.nu / 2) / np.sqrt(1 - c.nu),
    critical=lambda c: np.sqrt(np.log(c.N)) / 2,
    steep=lambda c: np.sqrt(zeta(c.nu)) * (1 - c.nu / 2) * c.N ** ((c.nu - 1) / 2),
    square=lambda c: np.sqrt(c.N * zeta(2)) / np.log(c.N),
    steepest=lambda c: np.sqrt(c.N * zeta(c.nu)) / zeta(c.nu / 2),
    tail=lambda c: np.sqrt(len(c.p)) * -np.expm1(-c.lam / 2) / np.sqrt(-np.expm1(-c.lam)),
):
    """Parts: the second exponent; the best q; q = 1 against q = 0; one formula per law."""

    def closed(c):
        return c.R * c.gamma * np.sqrt(np.sum(c.p**c.q) * np.sum(c.p ** inner(c.q)) / c.T)

    def product(c, q):
        return np.sum(c.p**q) * np.sum(c.p ** (1 - q))

    return Theorem(
        claims=(
            # minimize_scalar stops where the bound changes by its square root of rounding.
            Claim("bound at the best beta", minimised, closed, "equal", laws, tolerance=1e-9),
            Claim(
                "least at q = 1/2",
                lambda c: product(c, best),
                lambda c: product(c, c.q),
                "upper",
                laws,
            ),
            Claim(
                "q = 1 no better than q = 0",
                lambda c: product(c, 0.0),
                lambda c: product(c, one),
                "upper",
                laws,
            ),
            Claim("nu < 1", ratio, gentle, "equal", zipf(0, 0.9), tolerance=0.04),
            # H_N against ln N, and 2 sqrt N against its sum: 3 % at N = 10^5.
            Claim("nu = 1", ratio, critical, "equal", zipf(1, 1.1), tolerance=0.04),
            Claim("1 < nu < 2", ratio, steep, "equal", zipf(1.2, 1.6), tolerance=0.1),
            Claim("nu = 2", ratio, square, "equal", zipf(2, 2.1), tolerance=0.06),
            # sum k^(-nu/2) converges like N^(1 - nu/2): 5 % at nu = 2.5.
            Claim("nu > 2", ratio, steepest, "equal", zipf(2.4, 9), tolerance=0.06),
            *(
                Claim(f"{name}, N = {FAR:g}", far, form, "equal", limits(low, high), tolerance=t)
                for name, form, low, high, t in (
                    ("nu < 1", gentle, 0, 1, 1e-9),
                    ("nu = 1", critical, 1, 1.1, 5e-4),
                    ("1 < nu < 2", steep, 1.1, 2, 1e-9),
                    ("nu = 2", square, 2, 2.1, 1e-3),
                    ("nu > 2", steepest, 2.1, 9, 1e-9),
                )
            ),
            Claim("exponential", ratio, tail, "equal", exponential, tolerance=1e-9),
            Claim("printed values", ratio, lambda c: c.value, "equal", printed, tolerance=5e-3),
        )
    )


MUTANTS = {
    "p^(1-q) -> p^-q": Mutant("statement", inner=lambda q: -q),
    "least at q = 1": Mutant("statement", best=1.0),
    "q = 1/2 no better than q = 0": Mutant("statement", one=0.5),
    "nu < 1 without its root": Mutant("statement", gentle=lambda c: (1 - c.nu / 2) / (1 - c.nu)),
    "nu = 1 without its root": Mutant("statement", critical=lambda c: np.log(c.N) / 2),
    "N^(nu-1)": Mutant(
        "statement", steep=lambda c: np.sqrt(zeta(c.nu)) * (1 - c.nu / 2) * c.N ** (c.nu - 1)
    ),
    "nu = 2 without ln N": Mutant("statement", square=lambda c: np.sqrt(c.N * zeta(2))),
    "zeta(nu) for zeta(nu/2)": Mutant(
        "statement", steepest=lambda c: np.sqrt(c.N * zeta(c.nu)) / zeta(c.nu)
    ),
    "exponential without sqrt N": Mutant(
        "statement", tail=lambda c: -np.expm1(-c.lam / 2) / np.sqrt(-np.expm1(-c.lam))
    ),
}
