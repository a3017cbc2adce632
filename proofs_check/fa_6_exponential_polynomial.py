r"""FA-6: speed-up for exponential and polynomial token laws

Source
    derived here (docs/theory/frequency.md, FA-6).
Problem
    FA-5 with sum p = 1 and equal sigma: S_k = sqrt(sum p^2 / p_k).
Algorithm
    As FA-5.
Assumptions
    p_k = (1 - r) r^(k-1), r = e^-lam, N infinite; or p_k = k^-nu / H_{N,nu}.
Statement
    Exponential: S_k = sqrt(e^(lam (k-1)) / (1 + e^-lam)): the head loses at most sqrt 2.
    Polynomial: S_k = sqrt(k^nu H_{N,2nu} / H_{N,nu}); for large N
    sqrt(zeta(2 nu)/zeta(nu)) k^(nu/2) if nu > 1, sqrt(zeta(2) k / ln N) if nu = 1,
    sqrt(zeta(2 nu) (1 - nu) k^nu N^(nu-1)) if 1/2 < nu < 1, sqrt((1-nu)/(1-2nu)) at k = N if
    nu < 1/2, and 1 if nu = 0.
Checks
    exact: the sums themselves; asymptotic forms at N = 10^5, within the error of the next term,
    and at N = 10^300, where only ln N has one.
Literature
    The laws named in the abstract's claim for imbalanced tokens.
"""

import numpy as np
from scipy.special import zeta

from freqopt.theory import Case, Claim, Mutant, Theorem
from freqopt.theory.exact.power_sums import FAR, power_sum

N = 10**5
RANK = np.arange(1.0, N + 1)


def speed(p):
    return np.sqrt(np.sum(p**2) / p)


def zipf(nu):
    weight = RANK**-nu
    return weight / weight.sum()


def exponential(quick):
    for rate in (0.01, 0.1, 1.0, 3.0):
        k = np.arange(1, int(700 / rate) + 1)  # the mass beyond is below 1e-304
        p = -np.expm1(-rate) * np.exp(-rate * (k - 1.0))
        yield Case(f"lam = {rate}", p=p, k=k, lam=rate)


def powers(low, high):
    return lambda quick: (
        Case(f"nu = {nu}", nu=nu, p=zipf(nu), k=RANK, N=N)
        for nu in (0.0, 0.2, 0.4, 0.6, 0.75, 1.0, 1.5, 2.0, 3.0)
        if low <= nu < high
    )


def limits(low, high, k):
    """Tokens 1 and 10, or the last, of FAR many."""
    return lambda quick: (
        Case(f"nu = {nu}, N = {FAR:g}", nu=nu, k=k, N=FAR)
        for nu in (0.0, 0.2, 0.4, 0.6, 0.75, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0)
        if low <= nu < high
    )


def far(c):
    return np.sqrt(c.k**c.nu * power_sum(c.N, 2 * c.nu) / power_sum(c.N, c.nu))


TABLE = (  # nu, N, S_1, S_N as printed in the theory document, three figures
    (1.0, 10**5, 0.369, 116.6),
    (1.5, 10**5, 0.679, 3819.0),
    (0.7, 10**5, 0.173, 9.7),
)


def printed(quick):
    for nu, size, first, last in TABLE:
        weight = RANK[:size] ** -nu
        yield Case(f"nu = {nu}, N = {size}", p=weight / weight.sum(), ends=np.array([first, last]))
    weight = np.exp(-0.1 * np.arange(300))
    yield Case("exponential 0.1, N = 300", p=weight / weight.sum(), ends=np.array([0.725, 2.25e6]))


def theorem(
    tail=lambda c: np.sqrt(np.exp(c.lam * (c.k - 1)) / (1 + np.exp(-c.lam))),
    harmonic=lambda c: np.sqrt(c.k**c.nu * np.sum(RANK ** (-2 * c.nu)) / np.sum(RANK**-c.nu)),
    steep=lambda c: np.sqrt(zeta(2 * c.nu) / zeta(c.nu)) * c.k ** (c.nu / 2),
    flat=lambda c: np.sqrt((1 - c.nu) / (1 - 2 * c.nu)),
    between=lambda c: np.sqrt(zeta(2 * c.nu) * (1 - c.nu) * c.k**c.nu * c.N ** (c.nu - 1)),
    one=lambda c: np.sqrt(zeta(2) * c.k / np.log(c.N)),
    loss=np.sqrt(2),
):
    """Each part is one of the formulas."""
    of_p = lambda c: speed(c.p)  # noqa: E731
    head, last = np.array([1.0, 10.0]), np.array([FAR])
    return Theorem(
        claims=(
            Claim("exponential", of_p, tail, "equal", exponential, tolerance=1e-9),
            Claim(
                "head of the exponential",
                lambda c: 1 / speed(c.p)[0],
                lambda c: loss,
                "upper",
                exponential,
            ),
            Claim("polynomial", of_p, harmonic, "equal", powers(0, 9), tolerance=1e-9),
            # H_{N,nu} differs from zeta(nu) by N^(1-nu)/(nu-1): 0.24 % at nu = 1.5.
            Claim("nu > 1", of_p, steep, "equal", powers(1.2, 9), tolerance=3e-3),
            # ln N against H_N = ln N + 0.577: 2.4 % of the root at N = 10^5.
            Claim("nu = 1", of_p, one, "equal", powers(1, 1.1), tolerance=0.025),
            # The next terms fall like N^(1-2nu) and N^(nu-1): 5 % at nu = 0.6 and nu = 0.75.
            Claim("1/2 < nu < 1", of_p, between, "equal", powers(0.55, 1), tolerance=0.06),
            Claim(
                "nu < 1/2, k = N",
                lambda c: speed(c.p)[-1],
                flat,
                "equal",
                powers(0, 0.45),
                tolerance=0.06,
            ),
            *(
                Claim(f"{name}, N = {FAR:g}", far, form, "equal", limits(low, high, k), tolerance=t)
                for name, form, low, high, k, t in (
                    ("nu > 1", steep, 1.1, 9, head, 1e-9),
                    ("nu = 1", one, 1, 1.1, head, 5e-4),
                    ("1/2 < nu < 1", between, 0.55, 1, head, 1e-9),
                    ("nu < 1/2", flat, 0, 0.45, last, 1e-9),
                )
            ),
            Claim(
                "printed table",
                lambda c: speed(c.p)[[0, -1]],
                lambda c: c.ends,
                "equal",
                printed,
                tolerance=5e-3,
            ),
        )
    )


MUTANTS = {
    "exponential without the root": Mutant(
        "statement", tail=lambda c: np.exp(c.lam * (c.k - 1)) / (1 + np.exp(-c.lam))
    ),
    "1 - e^-lam for 1 + e^-lam": Mutant(
        "statement", tail=lambda c: np.sqrt(np.exp(c.lam * (c.k - 1)) / (1 - np.exp(-c.lam)))
    ),
    "k^(nu/2) -> k^nu": Mutant(
        "statement", steep=lambda c: np.sqrt(zeta(2 * c.nu) / zeta(c.nu)) * c.k**c.nu
    ),
    "zetas exchanged": Mutant(
        "statement", steep=lambda c: np.sqrt(zeta(c.nu) / zeta(2 * c.nu)) * c.k ** (c.nu / 2)
    ),
    "ln N forgotten": Mutant("statement", one=lambda c: np.sqrt(zeta(2) * c.k)),
    "3 % off between 1/2 and 1": Mutant(
        "statement",
        between=lambda c: (
            0.97 * np.sqrt(zeta(2 * c.nu) * (1 - c.nu) * c.k**c.nu * c.N ** (c.nu - 1))
        ),
    ),
    "1 - nu forgotten": Mutant(
        "statement", between=lambda c: np.sqrt(zeta(2 * c.nu) * c.k**c.nu * c.N ** (c.nu - 1))
    ),
    "bounded gain without its root": Mutant(
        "statement", flat=lambda c: (1 - c.nu) / (1 - 2 * c.nu)
    ),
    "head loses nothing": Mutant("statement", loss=1.0),
}
