"""How many times fewer steps than tuned SGD: exponent, vocabulary, horizon and noise, exactly.

Quadratics with curvature 1 and start distance 1, tokens of a Zipf law: the exact recursion of the
second moment (docs/laws.md; figure scaling_laws checks it by runs, figure fa_speedup has the same
ratio by runs, with AdaGrad, of which no recursion is known). The target is the gap of SGD at its
best constant rate after T steps; every rule has the rate that is there first. SGD with a falling
rate, c / sqrt(1 + t / 100), followed in stairs of 3 %, is what a schedule gives without any
knowledge of frequencies. Dense Adam has no momentum and beta2 = .999. Exponent 0 is the null: all
tokens alike. Expected before it was first drawn: 1 for FA-SGD at exponent 0, gains that grow with
the exponent, the vocabulary and T, and fall with noise; the falling rate has most of the gain up to
exponent 1/2; Adam is between SGD and FA-SGD once T exceeds 1 / (1 - beta2).
"""

import matplotlib.pyplot as plt
import numpy as np

from freqopt.report import tidy
from freqopt.theory.scaling import adaptive, counting, groups

STUDIES = ()
EXPONENTS = (0.0, 0.5, 1.0, 1.25, 1.5, 2.0, 3.0)
PANELS = [(size, steps, 1.0) for size in (1e3, 1e5) for steps in (1e4, 1e5, 1e6)]
PANELS += [(1e3, 1e5, noise) for noise in (1 / 16, 16.0)]
FALLING, COUNTER = "SGD, falling rate", "CF-SGD"
STYLES = {FALLING: "k^:", "FA-SGD": "C0o-", COUNTER: "C1s--", "dense Adam": "C2D-."}
RATE = 1.12
"""Of neighbouring rates; the least gap over them is within .1 % of the least over all."""


def data(results):  # noqa: ARG001 - it needs no study
    """Columns size, steps, noise, exponent, rule, factor."""
    rows = []
    for size, noise in dict.fromkeys((size, noise) for size, _, noise in PANELS):
        horizons = [steps for n, steps, s in PANELS if (n, s) == (size, noise)]
        for nu in EXPONENTS:
            law = groups.coarser(groups.zipf(nu, size), 0.03)
            curves = gaps(law, noise, max(horizons))
            for steps in horizons:
                target = at(curves["SGD"], steps)
                for rule, curve in curves.items():
                    if rule != "SGD":
                        rows.append((size, steps, noise, nu, rule, steps / first(curve, target)))
    names = ("size", "steps", "noise", "exponent", "rule", "factor")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def gaps(law, noise, most):
    """Rule -> (steps, least gap over rates at each)."""
    steps = np.geomspace(1, most, int(np.log(most) / 0.03) + 1)
    shapes = {
        "SGD": np.ones(law.p.size),
        "FA-SGD": law.p**-0.5,
        "dense Adam": adaptive.effective_shape(law.p, 1e-3),
    }
    found = {rule: (steps, constant(law, shape, noise, steps)) for rule, shape in shapes.items()}
    found[FALLING] = steps, falling(law, noise, steps)
    few = np.geomspace(10, most, int(np.log(most / 10) / 0.25) + 2)
    found[COUNTER] = few, counted(law, noise, few)
    return found


def rates(law, shape, most):
    """From no token moved by a thousandth to every rate at 1."""
    low, high = 1e-3 / (most * np.max(law.p * shape)), 1 / shape.min()
    return np.geomspace(low, high, int(np.log(high / low) / np.log(RATE)) + 2)


def constant(law, shape, noise, steps):
    """Rates min(1, c shape), recursion (2) of `freqopt.theory.scaling.online`."""
    least = np.full(steps.size, np.inf)
    for c in rates(law, shape, steps[-1]):
        eta = np.minimum(1, c * shape)
        with np.errstate(divide="ignore"):
            fall = np.exp(steps[:, None] * np.log1p(-law.p * eta * (2 - eta)))
        moment = fall + (1 - fall) * eta * noise / (2 - eta)
        least = np.minimum(least, moment @ law.mass / 2)
    return least


def falling(law, noise, steps):
    """One rate for all, c / sqrt(1 + t / 100), constant between the given steps."""
    c = (
        rates(law, np.ones(1), steps[-1])[:, None] * 11
    )  # c itself may exceed 1 while the rate does not
    moment, least = np.ones((c.size, law.p.size)), np.empty(steps.size)
    before = 0.0
    for i, t in enumerate(steps):
        eta = np.minimum(1, c / np.sqrt(1 + (before + t) / 200))
        with np.errstate(divide="ignore"):
            fall = np.exp((t - before) * np.log1p(-law.p * eta * (2 - eta)))
        moment = fall * moment + (1 - fall) * eta * noise / (2 - eta)
        least[i], before = (moment @ law.mass / 2).min(), t
    return least


def counted(law, noise, steps):
    """CF-SGD: alpha / sqrt(n) at a token's n-th visit, at most 1."""
    visits = [counting.visit_law(law, t) for t in np.floor(steps)]
    least = np.full(steps.size, np.inf)
    for alpha in np.geomspace(0.05, 4, 36):
        curve = counting.by_visits(alpha, visits[-1][0][-1], noise)
        means = [np.sum(mass * np.interp(n, *curve)) / 2 for n, mass in visits]
        least = np.minimum(least, means)
    return least


def at(curve, steps):
    """A gap between two steps, both logarithmic."""
    return np.exp(np.interp(np.log(steps), np.log(curve[0]), np.log(curve[1])))


def first(curve, target):
    """Steps to a gap, linear in the logarithms; curves of least gaps fall."""
    steps, gap = curve
    gap, target = np.minimum.accumulate(gap), target * (1 + 1e-9)  # reached but for rounding
    k = int(np.argmax(gap <= target)) if (gap <= target).any() else -1
    if k <= 0:
        return np.inf if k < 0 else steps[0]
    x, y = np.log(steps[k - 1 : k + 1]), np.log(gap[k - 1 : k + 1])
    return float(np.exp(x[0] + (y[0] - np.log(target)) / (y[0] - y[1]) * (x[1] - x[0])))


def caption(data):
    """Where FA-SGD gains most, what it gains beyond the schedule, and the null."""
    fa, by_schedule = (tidy.where(data, rule=rule) for rule in ("FA-SGD", FALLING))
    k = int(np.argmax(fa["factor"]))
    unequal = fa["exponent"] > 0
    behind = np.sum(by_schedule["factor"][unequal] >= fa["factor"][unequal])
    null = np.abs(fa["factor"][fa["exponent"] == 0] - 1).max()
    nu, size, steps = (fa[name][k] for name in ("exponent", "size", "steps"))
    return (
        f"FA-SGD needs up to {fa['factor'][k]:.0f} times fewer steps than tuned SGD (exponent "
        f"{nu:g}, N = {size:g}, T = {steps:g}); SGD with a falling rate, which knows no "
        f"frequencies, is ahead of it in {behind} of {unequal.sum()} settings with unequal tokens. "
        f"With equal tokens FA-SGD is SGD, within {100 * null:.1f} %."
    )


def draw(data):
    """A panel for each vocabulary, horizon and noise."""
    figure, axes = plt.subplots(2, 4, figsize=(13, 6), sharex=True, layout="constrained")
    order = (
        [axes[0, k] for k in range(3)] + [axes[1, k] for k in range(3)] + [axes[0, 3], axes[1, 3]]
    )
    for axis, (size, steps, noise) in zip(order, PANELS, strict=True):
        here = tidy.where(data, size=size, steps=steps, noise=noise)
        for rule, style in STYLES.items():
            own = tidy.where(here, rule=rule)
            axis.plot(own["exponent"], own["factor"], style, ms=4, label=rule)
        axis.axhline(1, color="grey", lw=0.8)
        axis.set_yscale("log")
        ticks = [
            t for t in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500) if t <= 2 * here["factor"].max()
        ]
        axis.set_yticks(ticks, [f"{t:g}" for t in ticks])
        axis.minorticks_off()
        axis.set_title(f"N = {size:g}, T = {steps:g}, noise {noise:g}", fontsize=9)
    for axis in axes[1]:
        axis.set_xlabel("exponent of the Zipf law")
    for axis in axes[:, 0]:
        axis.set_ylabel("times fewer steps than tuned SGD")
    axes[0, 0].legend()
    return figure
