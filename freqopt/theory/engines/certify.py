"""The search for a certificate: untrusted, in floating point, then rounded to rationals.

A semidefinite programme finds P, c and the multipliers with a margin z in every condition; rounding
then moves them by less than the margin, and the f-values, which must cancel exactly, are repaired
through the multipliers of pairs with the minimiser. What comes out is a text for
`freqopt.theory.certificate.check`, which believes none of this.

cvxpy and Clarabel are optional: the extra `theory`. Checking needs neither.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.theory.certificate import RefusedError, check, combine, digest

DENOMINATOR = 10**11
MARGIN = 1e-7
"""Least z that rounding is tried with."""

Vertex = tuple[Sequence[Fraction], Sequence[Fraction]]
"""(weights a of the iterates, weights b of the gradients), newest first, K + 1 each."""


@dataclass(frozen=True)
class Method:
    """What is to be proved to converge: class, memory, and the vertices of what may happen."""

    mu: Fraction
    L: Fraction
    K: int
    vertices: tuple[Vertex, ...]


def selection(K: int, *steps: Fraction, spread: Fraction = Fraction(0)) -> tuple[Vertex, ...]:
    """All weight on one of the K + 1 newest gradients, for each step size.

    The hull is every convex combination and every step between the given ones. `spread` d blows
    the simplex of weights up: they sum to 1 and are at least -d.
    """
    still = [Fraction(i == 0) for i in range(K + 1)]
    return tuple(
        (still, [step * (1 + K * spread if i == age else -spread) for i in range(K + 1)])
        for step in steps
        for age in range(K + 1)
    )


def heavy_ball(K: int, step: Fraction, momentum: Fraction) -> tuple[Vertex, ...]:
    """To x + momentum (x - previous x) - step times one of the K + 1 newest gradients; K >= 1."""
    moved = [1 + momentum, -momentum, *[Fraction(0)] * (K - 1)]
    return tuple((moved, [step * (i == age) for i in range(K + 1)]) for age in range(K + 1))


def search(method: Method, rho: Fraction, tau: Sequence[Fraction] | None = None) -> str | None:
    """A certificate of contraction rho (and noise gain tau), as text; None if none was found."""
    programme = _Programme(method, rho, tau)
    if not programme.solve():
        return None
    text = programme.text()
    try:
        check(text)
    except RefusedError:
        return None
    return text


def fastest(method: Method, tolerance: float = 1e-4) -> float | None:
    """Least rho, within the tolerance, for which the programme is feasible; None if none is < 1."""
    low, high = 0.0, 1 - 1e-6
    if not _Programme(method, Fraction(high), None).solve():
        return None
    while high - low > tolerance:
        middle = (low + high) / 2
        feasible = _Programme(method, Fraction(middle), None).solve()
        low, high = (low, middle) if feasible else (middle, high)
    return high


def noise_gain(method: Method, rho: Fraction) -> list[Fraction] | None:
    """Least sum of tau for a given rho, a little enlarged and rational; None if infeasible."""
    programme = _Programme(method, rho, "free")
    if not programme.solve():
        return None
    return [Fraction(round(1.002 * t * 10**6) + 100, 10**6) for t in programme.tau.value]


class _Programme:
    """The conditions of the certificate as a cvxpy problem."""

    def __init__(self, method: Method, rho: Fraction, tau: Any) -> None:
        import cvxpy as cp

        self.method, self.rho = method, rho
        K, m = method.K, 2 * method.K + 1
        noisy = tau is not None
        self.given_tau = [Fraction(0)] * (K + 1) if tau is None or tau == "free" else list(tau)
        size = m + 1 + (K + 1 if noisy else 0)
        unit = np.eye(size)
        x, g, xi = unit[: K + 1], np.vstack([unit[m : m + 1], unit[K + 1 : m]]), unit[m + 1 :]
        self.pairs, forms, coefficients = _inequalities(method, size)
        old = [n for n, pair in enumerate(self.pairs) if 0 not in pair]
        self.old = [self.pairs[n] for n in old]

        self.P = cp.Variable((m, m), symmetric=True)
        self.c = cp.Variable(max(1, K))
        self.margin = cp.Variable()
        self.tau = cp.Variable(K + 1, nonneg=True)
        self.positive = cp.Variable(max(1, len(old)), nonneg=True)
        self.weights = [cp.Variable(len(self.pairs), nonneg=True) for _ in method.vertices]
        constraints = [
            self.margin <= (1e-6 if tau == "free" else 1),
            self.P >> self.margin * np.eye(m),
            cp.trace(self.P) <= 1e5,
        ]
        c = (
            [0, *(self.c[i] for i in range(K)), 0] if K else [0, 0]
        )  # c[i] of f(x_{t-i}), c[K+1] = 0
        S = self.P - np.outer(unit[0][:m], unit[0][:m])
        S = S + sum(self.positive[k] * forms[n][:m, :m] for k, n in enumerate(old))
        constraints.append(S >> self.margin * np.eye(m))
        for i in range(1, K + 1):
            terms = [self.positive[k] * coefficients[n][i] for k, n in enumerate(old)]
            constraints.append(sum(terms) == c[i])
        pick = np.vstack([x, g[1:]])
        for (a, b), weight in zip(method.vertices, self.weights, strict=True):
            new = np.array(a, float) @ x - np.array(b, float) @ g
            if noisy:
                new = new - np.array(b, float) @ xi
            state = np.vstack([new[None], x[:K], g[:K]])
            S = float(rho) * pick.T @ self.P @ pick - state.T @ self.P @ state
            S = S + sum(weight[k] * form for k, form in enumerate(forms))
            if noisy:
                gain = self.tau if tau == "free" else np.array(self.given_tau, float)
                S = S + xi.T @ cp.diag(gain) @ xi
            constraints.append((S + S.T) / 2 >> self.margin * np.eye(size))
            for i in range(K + 1):
                terms = [weight[k] * coefficients[k][i] for k in range(len(self.pairs))]
                constraints.append(sum(terms) == float(rho) * c[i] - c[i + 1])
        goal = cp.Minimize(cp.sum(self.tau)) if tau == "free" else cp.Maximize(self.margin)
        if tau == "free":
            constraints.append(self.margin >= 1e-6)
        self.problem = cp.Problem(goal, constraints)

    def solve(self) -> bool:
        """Whether a solution with a margin was found."""
        import cvxpy as cp

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # inaccurate solutions are found out by the check
            try:
                self.problem.solve(solver="CLARABEL")
            except cp.SolverError:
                return False
        return self.margin.value is not None and self.margin.value >= MARGIN

    def text(self) -> str:
        """The solution, rounded and repaired."""
        method, K = self.method, self.method.K
        P = (self.P.value + self.P.value.T) / 2
        c = [_rational(v) for v in self.c.value[:K]] if K else []
        due = {i: c[i - 1] for i in range(1, K + 1)}
        positive = _balanced(self.old, self.positive.value, due) if K else {}
        vertices = []
        for (a, b), weight in zip(method.vertices, self.weights, strict=True):
            due = {
                i: self.rho * (c[i - 1] if i else 0) - (c[i] if i < K else 0) for i in range(K + 1)
            }
            vertices.append(
                {
                    "x": [str(Fraction(v)) for v in a],
                    "g": [str(Fraction(v)) for v in b],
                    "multipliers": _balanced(self.pairs, weight.value, due),
                }
            )
        document = {
            "format": "freqopt certificate 1",
            "mu": str(method.mu),
            "L": str(method.L),
            "rho": str(self.rho),
            "K": str(K),
            "P": [[str(_rational(v)) for v in row] for row in P],
            "c": [str(v) for v in c],
            "tau": [str(v) for v in self.given_tau],
            "positive": positive,
            "vertices": vertices,
        }
        return sealed(document)


def sealed(document: dict[str, Any]) -> str:
    """The text of a certificate, with its digest."""
    content = {key: value for key, value in document.items() if key != "sha256"}
    return json.dumps({**content, "sha256": digest(content)}, indent=1) + "\n"


def _inequalities(
    method: Method, size: int
) -> tuple[list[tuple[int, int]], list[NDArray[np.float64]], list[list[float]]]:
    """Every ordered pair of points, and the form (negated) and f-values of its inequality."""
    K, m = method.K, 2 * method.K + 1
    unit = [[Fraction(i == j) for j in range(size)] for i in range(size)]
    x, g = unit[: K + 1], [unit[m], *unit[K + 1 : m]]
    zero = [Fraction(0)] * size
    points = {i: (x[i], g[i]) for i in range(K + 1)} | {-1: (zero, zero)}
    pairs = [(i, j) for i in points for j in points if i != j]
    forms, coefficients = [], []
    for i, j in pairs:
        form, f = combine({f"{i},{j}": "1"}, points, method.mu, method.L)
        forms.append(np.array(form, float))
        coefficients.append([float(v) for v in f])
    return pairs, forms, coefficients


def _balanced(
    pairs: list[tuple[int, int]], values: NDArray[np.float64], due: dict[int, Fraction]
) -> dict[str, str]:
    """Rounded multipliers whose f-values are exactly those due, by pairs with the minimiser."""
    found = {pair: max(Fraction(0), _rational(v)) for pair, v in zip(pairs, values, strict=False)}
    for i, wanted in due.items():
        total = sum((v for (a, _), v in found.items() if a == i), Fraction(0))
        total -= sum((v for (_, b), v in found.items() if b == i), Fraction(0))
        excess = total - wanted
        found[(-1, i) if excess > 0 else (i, -1)] += abs(excess)
    return {f"{i},{j}": str(v) for (i, j), v in found.items() if v}


def _rational(value: float) -> Fraction:
    return Fraction(round(float(value) * DENOMINATOR), DENOMINATOR)
