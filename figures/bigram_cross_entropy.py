"""Bigrams of a text under cross-entropy: gradient descent waits for rare words, sign descent not.

The bigrams of figure bigram_full_batch (the language reference that Python carries), for the d
commonest words, with the loss that language models have: log loss of a row of scores for each word,
exact gradients, start 0, as in figure 8 of Kunstner and Bach (2025, arXiv 2505.19227; OpenWebText).
Share of the excess loss left after t steps of the project's rules: gradient descent with the step
1/(L p_1), L = 1/2, FA-SGD's row steps (p_k/p_1)^(-1/2)/(L p_1), and sign descent, its best step of
a grid for every t (mean of two steps in succession). Right, steps to a fifth against d; between two
recorded steps logarithms are interpolated.
"""

import matplotlib.pyplot as plt
import numpy as np

import freqopt
from freqopt.report import tidy

STUDIES = ()
SHARE = 0.2
SIZES = (30, 100, 300)
METHODS = {"gradient descent": 0.0, "FA-SGD": 0.5, "sign descent": None}
SMOOTHNESS = 0.5
SIGN_STEPS, SIGN_RATES = 30, np.geomspace(0.05, 1.7, 8)


def data(results):  # noqa: ARG001 - it needs no study
    """Columns method, size, kind (curve, steps), x, y."""
    points = []
    for size in SIZES:
        for method, q in METHODS.items():
            steps, left = losses(size, q)
            points += [(method, size, "curve", *at) for at in zip(steps, left, strict=True)]
            points.append((method, size, "steps", size, needed(steps, left)))
    names = ("method", "size", "kind", "x", "y")
    return {name: [point[i] for point in points] for i, name in enumerate(names)}


def losses(size, q):
    """Steps, and the share of the excess loss that is left after them."""
    tokens = {"kind": "bigrams", "data": "python_topics", "vocabulary": size}
    model = {"name": "linear_bigram", "tokens": tokens, "loss": "cross_entropy"}
    whole = freqopt.problem("full_batch", of=model)
    if q is None:
        rules = [freqopt.rule("rmsprop", rho=0.0, epsilon=1e-30, lr=float(r)) for r in SIGN_RATES]
        found = [gaps(whole, rule, range(SIGN_STEPS + 2)) for rule in rules]
        return np.arange(SIGN_STEPS + 1), np.min([(y[:-1] + y[1:]) / 2 for y in found], axis=0)
    largest = whole.problem.probabilities.max()
    rate = float(largest ** (q - 1) / SMOOTHNESS)
    rule = freqopt.rule("fa_sgd", form="recipe", exponent=q, cap="none", lr=rate)
    steps = np.unique(np.r_[0, np.geomspace(1, 4 * size, 40).astype(int)])
    return steps, gaps(whole, rule, steps)


def gaps(whole, rule, steps):
    """f - inf f, relative to the start."""
    steps = [int(t) for t in steps]
    one = freqopt.run(
        whole, rule, steps=steps[-1], record=["gap"], checkpoints=steps, backend="numpy"
    )
    gap = one.curve("gap")[1]
    return gap / gap[0]


def needed(steps, left):
    """The real t at which the share is SHARE; none if it never is."""
    below = np.flatnonzero(left <= SHARE)
    if not below.size:
        return float("nan")
    i = below[0]
    part = np.log(left[i - 1] / SHARE) / np.log(left[i - 1] / left[i])
    before, after = np.log(np.maximum(steps[i - 1 : i + 1], 0.5))
    return float(np.exp(before + part * (after - before)))


def caption(data):
    """How many times as many steps the largest vocabulary needs as the smallest."""
    steps = tidy.where(data, kind="steps")
    told = []
    for method in METHODS:
        y = tidy.where(steps, method=method)["y"]
        told.append(f"{method} {y[0]:.3g} to {y[-1]:.3g}")
    sizes = steps["size"]
    return (
        f"Steps to {SHARE:g} of the excess loss, from {sizes.min():,} to {sizes.max():,} words: "
        f"{', '.join(told)}."
    )


def draw(data):
    """A column for each method, and the steps against the vocabulary."""
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.2), layout="constrained")
    for method, axis, colour in zip(METHODS, axes, ("C0", "C1", "C2"), strict=False):
        mine = tidy.where(data, method=method)
        for size, style in zip(SIZES, (":", "--", "-"), strict=True):
            curve = tidy.where(mine, kind="curve", size=size)
            axis.loglog(curve["x"], curve["y"], style, color=colour, label=f"d = {size}")
        axis.axhline(SHARE, color="grey", lw=0.7)
        axis.set(title=method, xlabel="steps t", ylabel="excess loss left", ylim=(1e-2, 1.3))
        axis.legend(fontsize=7)
        steps = tidy.where(mine, kind="steps")
        axes[3].loglog(steps["x"], steps["y"], "o-", color=colour, ms=4, label=method)
    axes[3].set(title=f"steps to {SHARE:g}", xlabel="vocabulary d", ylabel="steps")
    axes[3].set_xticks(SIZES, [str(size) for size in SIZES])
    axes[3].minorticks_off()
    axes[3].legend(fontsize=7)
    return figure
