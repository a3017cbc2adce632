"""Checks a certificate in exact arithmetic; standard library only: python certificate.py FILE

Claim. f is mu-strongly convex and L-smooth, in any dimension; x* is its minimiser. At every step,
for some point (a, b) of the convex hull of the listed vertices, chosen by anybody,
    x_{t+1} = sum_i a_i x_{t-i} - sum_i b_i (g_{t-i} + xi_{t-i}),  i = 0 .. K,  g_s = grad f(x_s).
With z = (x_t .. x_{t-K}, g_{t-1} .. g_{t-K}) relative to x*,
    V_t = z' P z + sum_i c_i (f(x_{t-i}) - f*),  i = 1 .. K,
has V_t >= |x_t - x*|^2 and V_{t+1} <= rho V_t + sum_i tau_i |xi_{t-i}|^2 for every t; xi = 0 where
every tau is 0.

Proof. P >= 0 makes V_{t+1} convex in (a, b): vertices suffice. There, right minus left side minus a
non-negative combination of interpolation inequalities of the class has no f-values and is a
positive semidefinite form in (z, g_t, xi). Every number is a rational in a string.
"""

import hashlib
import json
import re
import sys
from fractions import Fraction
from typing import Any

Form = list[list[Fraction]]
RATIONAL = re.compile(r"-?[0-9]{1,300}(/[1-9][0-9]{0,299})?", re.ASCII)


class RefusedError(ValueError):
    """The text is no certificate, or proves nothing."""


def check(text: str) -> dict[str, Any]:
    """The parameters of the claim that the certificate proves; RefusedError says why not."""
    need(len(text) <= 2_000_000, "at most 2 MB")
    try:
        d = json.loads(text)
        need(d.pop("sha256") == digest(d), "a file that was not changed after it was made")
        return prove(d)
    except RefusedError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise RefusedError(f"the format; {type(error).__name__}: {error}"[:200]) from None


def digest(d: dict[str, Any]) -> str:
    """SHA-256 of the content: a changed digit is seen even where the proof would survive it."""
    return hashlib.sha256(json.dumps(d, sort_keys=True).encode()).hexdigest()


def prove(d: dict[str, Any]) -> dict[str, Any]:
    """The same for the parsed text."""
    need(d["format"] == "freqopt certificate 1" and d["K"] in list("012345678"), "K from 0 to 8")
    K, mu, L, rho = int(d["K"]), numbers(d["mu"]), numbers(d["L"]), numbers(d["rho"])
    need(0 < mu < L and 0 < rho < 1, "0 < mu < L and 0 < rho < 1")
    m, size = 2 * K + 1, 3 * K + 3
    P, c, tau = numbers(d["P"], m, m), numbers(d["c"], K), numbers(d["tau"], K + 1)
    need(min(tau) >= 0, "no negative tau")
    e = [[Fraction(i == j) for j in range(size)] for i in range(size)]  # basis z, g_t, xi
    zero = [Fraction(0)] * size
    x, g, xi = e[: K + 1], [e[m], *e[K + 1 : m]], e[m + 1 :] if any(tau) else [zero] * (K + 1)
    points = {i: (x[i], g[i]) for i in range(K + 1)} | {-1: (zero, zero)}
    value = quadratic(P, [*x, *g[1:]])
    semidefinite(value, "P")
    S, f = combine(d["positive"], points, mu, L)
    need(f == [0, *c], "f-values that cancel in V - |x|^2")
    semidefinite(add(S, (1, value), (-1, quadratic([[Fraction(1)]], x[:1]))), "V - |x|^2")
    need(type(d["vertices"]) is list and 0 < len(d["vertices"]) <= 64, "1 to 64 vertices")
    vertices = []
    for v in d["vertices"]:
        a, b = numbers(v["x"], K + 1), numbers(v["g"], K + 1)
        need(sum(a) == 1, "weights of the iterates that sum to 1")
        vertices.append((a, b))
        parts = [*zip(a, x, strict=True)]
        parts += [(-w, u) for us in (g, xi) for w, u in zip(b, us, strict=True)]
        new = [sum((w * u[k] for w, u in parts), Fraction(0)) for k in range(size)]
        S, f = combine(v["multipliers"], points, mu, L)
        due = [rho * (c[i - 1] if i else 0) - (c[i] if i < K else 0) for i in range(K + 1)]
        need(f == due, "f-values that cancel in the decrease")
        after = quadratic(P, [new, *x[:K], *g[:K]])
        noise = quadratic([[t * (i == j) for j in range(K + 1)] for i, t in enumerate(tau)], xi)
        semidefinite(add(S, (rho, value), (-1, after), (1, noise)), "the decrease of V")
    return {"mu": mu, "L": L, "rho": rho, "K": K, "P": P, "tau": tau, "vertices": vertices}


def combine(weights: Any, points: Any, mu: Fraction, L: Fraction) -> tuple[Form, list[Fraction]]:
    """Sum of w_ij Q_ij for inequalities Q_ij >= 0 of the class: minus its form, and its f-values.

    Q_ij = f_i - f_j - <g_j, dx> - k (|dg|^2/L + mu |dx|^2 - 2 (mu/L) <dg, dx>), k = L/(2 (L - mu)).
    """
    none, k = Fraction(0), L / (2 * (L - mu))
    S, f = [[none] * len(points[-1][0]) for _ in points[-1][0]], [none] * len(points)
    names = {f"{i},{j}": (i, j) for i in points for j in points if i != j}
    for key, value in weights.items():
        (i, j), w = names[key], numbers(value)
        need(w >= 0, "no negative multiplier")
        f[i], f[j] = f[i] + w, f[j] - w  # index -1 is f*
        dx, dg = ([p - q for p, q in zip(points[i][n], points[j][n], strict=True)] for n in (0, 1))
        inner, cross = w / 2, -w * k * mu / L
        A = [[none, inner, none], [inner, w * k * mu, cross], [none, cross, w * k / L]]
        S = add(S, (1, quadratic(A, [points[j][1], dx, dg])))
    return S, f[:-1]


def quadratic(A: Form, vectors: Form) -> Form:
    """Sum of A_ij v_i v_j', for symmetric A."""
    size, pairs = len(vectors[0]), [(i, j) for i in range(len(A)) for j in range(len(A)) if A[i][j]]
    S = [[Fraction(0)] * size for _ in range(size)]
    for i, j in pairs:
        for r in range(size):
            if vectors[i][r]:
                w = A[i][j] * vectors[i][r]
                S[r] = [old + w * v if v else old for old, v in zip(S[r], vectors[j], strict=True)]
    return S


def add(S: Form, *terms: tuple[Any, Form]) -> Form:
    """S plus weight times form, for each term."""
    for w, T in terms:
        S = [[p + w * q for p, q in zip(a, b, strict=True)] for a, b in zip(S, T, strict=True)]
    return S


def semidefinite(S: Form, name: str) -> None:
    """Refuse unless S is symmetric and positive semidefinite: symmetric elimination."""
    A, n = [row[:] for row in S], len(S)
    need(all(A[i][j] == A[j][i] for i in range(n) for j in range(i)), f"{name} symmetric")
    for i in range(n):
        need(A[i][i] > 0 or not (A[i][i] or any(A[i][i:])), f"{name} positive semidefinite")
        for r in range(i + 1, n):
            if A[r][i]:
                ratio = A[r][i] / A[i][i]
                A[r] = [p - ratio * q for p, q in zip(A[r], A[i], strict=True)]


def numbers(value: Any, *shape: int) -> Any:
    """A rational, or nested lists of them of exactly this shape."""
    if shape:
        need(type(value) is list and len(value) == shape[0], f"a list of {shape[0]}")
        return [numbers(v, *shape[1:]) for v in value]
    need(type(value) is str and RATIONAL.fullmatch(value), "rationals as '-3/4'")
    return Fraction(value)


def need(condition: Any, expected: str) -> None:
    """Refuse unless the condition holds."""
    if not condition:
        raise RefusedError(f"expected {expected}")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            claim = check(file.read())
        print(f"{name}: proved, K = {claim['K']}, rho = {claim['rho']}")
