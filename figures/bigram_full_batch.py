"""Full batches on bigrams: what a larger vocabulary costs gradient descent and its rivals.

Above, tokens of a Zipf law with exponent 1 whose next token has the same law (assumption 2.3 of
Kunstner and Bach 2025, arXiv 2505.19227); below, the bigrams of a real text, the language reference
that Python carries (64,000 words; the paper used OpenWebText). Share of the excess square loss that
is left after t steps, exact, for vocabularies of the d commonest words: gradient descent with the
step 1/p_1, the row steps (p_k/p_1)^(-1/2)/p_1 of FA-SGD, and sign descent with its best step for
every t (mean of two steps in succession). Dots are steps of the project's rules, by problem
`full_batch`. Right, steps to a tenth against d, with law L3's powers as dashed lines.
"""

import matplotlib.pyplot as plt
import numpy as np

import freqopt
from freqopt.report import tidy
from freqopt.theory.scaling import full_batch, groups

STUDIES = ()
SHARE = 0.1
SIZES = {"Zipf law": (30, 100, 300, 1000, 3000), "text": (30, 100, 300, 1000, 3000)}
CURVES, CHECKED = (100, 1000), (30, 100)  # vocabularies with curves, and with dots on the right
METHODS = {"gradient descent": 0.0, "FA-SGD": 0.5, "sign descent": None}
TIMES = np.unique(np.geomspace(1, 3000, 30).astype(int))


def data(results):  # noqa: ARG001 - it needs no study
    """Columns source, method, size, kind (curve, run, steps, counted), x, y."""
    points = []
    for source, sizes in SIZES.items():
        for size in sizes:
            problem = bigrams(source, size)
            rows, distances = spectrum(problem)
            for method, q in METHODS.items():
                here = (source, method, size)
                if size in CURVES:
                    points += [(*here, "curve", t, left(rows, distances, q, t)) for t in TIMES]
                if q is None:
                    needed = full_batch.sign_steps_needed(distances, SHARE)
                else:
                    needed = full_batch.steps_needed(rows, SHARE, q)
                points.append((*here, "steps", size, needed))
                if size == CURVES[0]:
                    points += [(*here, "run", t, y) for t, y in run(problem, distances, q)]
    names = ("source", "method", "size", "kind", "x", "y")
    return {name: [point[i] for point in points] for i, name in enumerate(names)}


def bigrams(source, size):
    """The linear bigram model on the `size` commonest tokens."""
    tokens = (
        {"kind": "zipf", "size": size}
        if source == "Zipf law"
        else {"kind": "bigrams", "data": "python_topics", "vocabulary": size}
    )
    return freqopt.problem("linear_bigram", tokens=tokens)


def spectrum(problem):
    """What gradient descent's loss, and what sign descent's, is a sum over."""
    if problem.tokens.kind == "zipf":
        law = groups.zipf(1.0, problem.probabilities.size)
        return law, law
    return full_batch.observed(*problem.tokens.listed[::2])


def left(rows, distances, q, t):
    """The share of the excess loss after t steps."""
    if q is None:
        return full_batch.tuned_sign_loss(distances, int(t))
    return full_batch.relative_loss(rows, t, q)


def run(problem, distances, q):
    """The same by the rule itself, from exact gradients."""
    whole = freqopt.problem("full_batch", of={"name": problem.name(), **problem.model_dump()})
    p = problem.probabilities[problem.probabilities > 0]
    for t in (1, 3, 10, 30, 100):
        if q is None:
            step = best_sign_step(distances, t)
            rule = freqopt.rule("rmsprop", rho=0.0, epsilon=1e-30, lr=step)
            last = [t, t + 1]
        else:
            rule = freqopt.rule(
                "fa_sgd", form="recipe", exponent=q, cap="none", lr=float(p.max() ** (q - 1))
            )
            last = [t]
        one = freqopt.run(
            whole, rule, steps=last[-1], record=["gap"], checkpoints=[0, *last], backend="numpy"
        )
        gap = one.curve("gap")[1]
        yield t, float(np.mean(gap[1:]) / gap[0])


def best_sign_step(distances, t):
    """The step of `full_batch.tuned_sign_loss`."""
    p = distances.p
    steps = [x / t for x in np.geomspace(p[0], p[-1], 120)]
    return min(steps, key=lambda eta: full_batch.sign_loss(distances, t, eta))


def caption(data):
    """How many times as many steps the largest vocabulary needs as the smallest."""
    told = []
    for source in SIZES:
        steps = tidy.where(data, source=source, kind="steps")
        growth = [
            f"{method} {own['y'][-1] / own['y'][0]:.1f}"
            for method in METHODS
            for own in [tidy.where(steps, method=method)]
        ]
        told.append(f"{source}: {', '.join(growth)}")
    sizes = data["size"][data["kind"] == "steps"]
    return (
        f"Steps to {SHARE:g} of the excess loss grow from {sizes.min():,} to {sizes.max():,} "
        f"tokens by the factors, on the {'; on the '.join(told)}."
    )


def draw(data):
    """A row for each source: three methods, and the steps to a tenth."""
    figure, axes = plt.subplots(2, 4, figsize=(14, 5.6), sharex="col", layout="constrained")
    styles = dict(zip(CURVES, ("-", "--"), strict=True))
    for source, line in zip(SIZES, axes, strict=True):
        for method, axis, colour in zip(METHODS, line, ("C0", "C1", "C2"), strict=False):
            mine = tidy.where(data, source=source, method=method)
            for size, style in styles.items():
                curve = tidy.where(mine, kind="curve", size=size)
                axis.loglog(curve["x"], curve["y"], style, color=colour, label=f"d = {size}")
            dots = tidy.where(mine, kind="run")
            axis.loglog(dots["x"], dots["y"], "ko", ms=4, label=f"rule, d = {CURVES[0]}")
            axis.axhline(SHARE, color="grey", lw=0.7)
            axis.set(title=f"{method}, {source}", ylabel="excess loss left", ylim=(3e-3, 1.3))
            steps, last = tidy.where(mine, kind="steps"), line[3]
            mark = {"C0": "o-", "C1": "s-", "C2": "^-"}[colour]
            last.loglog(steps["x"], steps["y"], mark, color=colour, ms=4, label=method)
            power = {"C0": 1 - SHARE, "C1": (1 - SHARE) / 2, "C2": 0.5}[colour]
            law = steps["y"][0] * (steps["x"] / steps["x"][0]) ** power
            last.loglog(steps["x"], law, ":", color=colour, lw=1)
        line[3].set(title=f"steps to {SHARE:g}, {source}", ylabel="steps")
        line[3].legend(fontsize=7)
        line[0].legend(fontsize=7)
    for axis in axes[1]:
        axis.set(xlabel="steps t")
    axes[1, 3].set(xlabel="vocabulary d")
    return figure
