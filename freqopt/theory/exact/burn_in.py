r"""Why CF-SGD needs no burn-in: its bound for few visits and for many, as steps of a proof.

With w = eta (1 - L eta/2), eta <= 1/(4L), the descent gives sum_t E[w |g_t|^2] <= Delta', and so

    (E|g_tau|)^2 <= (Delta'/T) mean_t E[1/w],
    1/w <= (4/7) L + max{4L, v},    v = sqrt(T phat/B)/alpha.

Let y = T p, x = B y, a = alpha B. phat >= 1/(T B) gives v >= 1/a; and from
E phat <= p + (1-p)/((t-1) B + 1) follows

    mean_t E v <= (8/7 sqrt(x) + h)/a,                                                         (1)
    h = sqrt(x + 1) + asinh(sqrt x)/sqrt(x) - 8/7 sqrt(x) + (B - 1) (1 - sqrt p)/sqrt(T B),

by comparing the sum with an integral. At B = 1 h falls in x from 0.875 at x = 16/7 and is negative
from x = 19 on. Few visits, y <= 16/7, need |grad_k f|^2 <= 2 p L (f - f*) alone. So the mean over
t of E[1/w], or this, is below (8/7) (4L + sqrt(x)/a) for every y, alpha and B.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

import numpy as np
import sympy as sp
from scipy.stats import binom

from freqopt.theory.symbols import L
from freqopt.theory.theorem import Case, Hypothesis, Step

LIMIT = sp.Rational(16, 7)
"""Visits up to which smoothness alone is enough."""

a, y, root = sp.symbols("a y root", positive=True)
v, below = sp.symbols("v below", nonnegative=True)  # means of E v and of E(4L - v)_+
h = sp.Symbol("h", real=True)
SHARE = sp.Rational(8, 7)
RIGHT = SHARE * (4 * L + root / a)


@functools.cache
def place(p: float, steps: int, rate: float, batch: int) -> Case:
    """Both means exactly, from the law of the counter; L = 1, `rate` = alpha B."""
    t = np.arange(1, steps + 1)[:, None]
    size = (t - 1) * batch
    most = int(size[-1, 0] * p + 12 * math.sqrt(size[-1, 0] * p) + 40)
    counts = np.arange(min(size[-1, 0], most) + 1)
    chance = binom.pmf(counts, size, p)
    value = np.sqrt(steps * batch * (counts + 1) / (size + 1)) / rate
    x = steps * batch * p
    excess = math.sqrt(x + 1) + math.asinh(math.sqrt(x)) / math.sqrt(x) - 8 / 7 * math.sqrt(x)
    excess += (batch - 1) * (1 - math.sqrt(p)) / math.sqrt(steps * batch)  # (1)
    return Case(
        f"p = {p:.3g}, T = {steps}, alpha B = {rate:.3g}, B = {batch}",
        L=1.0, a=rate, y=steps * p, root=math.sqrt(x), h=excess,
        v=float((chance * value).sum() / steps),
        below=float((chance * np.maximum(4 - value, 0)).sum() / steps),
    )  # fmt: skip


def _places(batches: tuple[int, ...], rates: tuple[float, ...], few: bool) -> Iterator[Case]:
    for batch in batches:
        for p in (0.6, 0.05):
            for visits in (0.3, 1.0, 2.2) if few else (2.4, 4.0, 9.0, 20.0):
                steps = math.floor(visits / p) if few else math.ceil(visits / p)
                for rate in rates if steps >= 1 else ():
                    yield place(p, steps, rate, batch)


def proof(batches: tuple[int, ...] = (1,)) -> tuple[tuple[Hypothesis, ...], tuple[Step, ...]]:
    """Hypotheses and steps; every y, alpha is in one of the four cases."""

    def few(quick: bool) -> list[Case]:  # noqa: ARG001
        return list(_places(batches, (0.05, 0.5, 5.0), True))

    def large(quick: bool) -> list[Case]:  # noqa: ARG001
        return list(_places(batches, (0.25, 0.5, 2.0, 20.0), False))

    def small(quick: bool) -> list[Case]:  # noqa: ARG001
        return list(_places(batches, (0.003, 0.03, 0.1, 0.25), False))

    def sooner(quick: bool) -> list[Case]:
        return [i for i in small(quick) if i.h <= 4 * i.a]

    def later(quick: bool) -> list[Case]:
        return [i for i in small(quick) if i.h >= 4 * i.a]

    mean = (SHARE * root + h) / a - v
    crossing = 16 * root - h * (7 * y - 16)
    hypotheses = (
        Hypothesis("T p <= 16/7", LIMIT - y, cases=few),
        Hypothesis("(1)", mean),
        Hypothesis("E(4L - v)_+ <= 4L - 1/a", 4 * L - 1 / a - below, cases=large),
        Hypothesis("h <= 1", 1 - h),
        Hypothesis("h <= 4 a L", 4 * a * L - h, cases=sooner),
        Hypothesis("h >= 4 a L", h - 4 * a * L, cases=later),
        Hypothesis("T p >= 16/7", 7 * y - 16),
        Hypothesis("h (7 T p - 16) <= 16 sqrt(T B p)", crossing),
    )
    steps = (
        Step(
            "few visits", 2 * L * y, RIGHT, ((2, (L, LIMIT - y)), (SHARE, (root / a,))),
        ),
        Step(
            "many visits, 1/a <= 4L", sp.Rational(4, 7) * L + v + below, RIGHT,
            ((1, (mean,)), (1, (4 * L - 1 / a - below,)), (1, (1 / a, 1 - h))),
        ),
        Step(
            "many visits, 4L <= 1/a, so that the cap is never met",
            sp.Rational(4, 7) * L + v, RIGHT, ((1, (mean,)), (1, (1 / a, 4 * a * L - h))),
        ),
        Step(
            "the rest, by smoothness", 2 * L * y, RIGHT,
            ((1 / (14 * a), (7 * y - 16, h - 4 * a * L)), (1 / (14 * a), (crossing,))),
        ),
    )  # fmt: skip
    return hypotheses, steps
