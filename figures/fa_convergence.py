"""Frequency-aware rates against one rate for all, on a non-convex problem with Zipf tokens.

The claim drawn is that of arXiv 2110.04844: a rate that falls with a token's frequency speeds up
SGD, and adaptive methods use frequency implicitly. The papers' own curves are on industrial data;
this is a pair problem with the loss 1 - cos, whose objective and gradient are exact sums. Left: f
- f*. Right: root mean square of the conditional gradient of the tail tokens (the last tenth of
the probability). Each rule at its best rate of the grid by final median gap; lines are medians
over runs, bands quartiles.
"""

import matplotlib.pyplot as plt

from freqopt.report import tidy

STUDIES = ("zipf_pair",)
PANELS = {"gap": "objective above its minimum", "tail": "conditional gradient of the tail"}


def data(results):
    """Median and quartiles over runs, per rule, panel and step."""
    table = tidy.columns(results["zipf_pair"])
    gap = tidy.where(table, metric="gap")
    rates = tidy.best(gap, "rule.lr")
    tail = tidy.where(table, metric="conditional_gradient_norm", table="u", group="tail")
    rows = {"panel": [], "rule": [], "lr": [], "step": [], "low": [], "median": [], "high": []}
    for panel, readings in (("gap", gap), ("tail", tail)):
        for rule, lr in rates.items():
            chosen = tidy.where(readings, rule=rule, **{"rule.lr": lr})
            curve = tidy.band(chosen, ("rule", "step"))
            rows["panel"] += [panel] * len(curve["step"])
            rows["lr"] += [lr] * len(curve["step"])
            for name, values in curve.items():
                rows[name] += values
    return rows


def draw(data):
    """Two panels, logarithmic in both directions."""
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.2))
    for axis, (panel, label) in zip(axes, PANELS.items(), strict=True):
        for key, curve in tidy.groups(tidy.where(data, panel=panel), ("rule", "lr")):
            seen = curve["step"] > 0
            step = curve["step"][seen]
            (line,) = axis.loglog(
                step, curve["median"][seen], label=f"{key['rule']}, rate {key['lr']:g}"
            )
            axis.fill_between(
                step,
                curve["low"][seen],
                curve["high"][seen],
                color=line.get_color(),
                alpha=0.15,
                lw=0,
            )
        axis.set(xlabel="samples", ylabel=label)
    axes[0].legend()
    return figure
