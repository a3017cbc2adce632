"""Frequency-aware rates against one rate for all, on a non-convex problem with Zipf tokens.

The claim drawn is that of arXiv 2110.04844: a rate that falls with a token's frequency speeds up
SGD, and adaptive methods use frequency implicitly. The papers' own curves are on industrial data;
this is a pair problem with the loss 1 - cos, whose objective and gradient are exact sums. Left: f
- f*. Right: root mean square of the conditional gradient of the tail tokens (the last tenth of
the probability). The rate of each rule, and whether it stays or falls to 0 over the run, were
chosen among equally many trials on other random numbers (study zipf_pair); FA-SGD is told the
frequencies, Adam's betas are not tuned. Lines are medians over runs, bands quartiles; tests of the
differences are in the study's report.
"""

import matplotlib.pyplot as plt
import numpy as np

from freqopt.report import tidy

STUDIES = ("zipf_pair",)
PANELS = {"gap": "objective above its minimum", "tail": "conditional gradient of the tail"}
MARKERS = "osD^v"


def data(results):
    """Median and quartiles over runs, per rule, panel and step; rate and law as chosen."""
    table = tidy.columns(results["zipf_pair"])
    falls = table["rule.lr_decay"] > 0
    gap = tidy.where(table, metric="gap")
    tail = tidy.where(table, metric="conditional_gradient_norm", table="u", group="tail")
    rows = {"panel": [], "rule": [], "lr": [], "falls": [], "step": []}
    rows |= {"low": [], "median": [], "high": []}
    for panel, readings in (("gap", gap), ("tail", tail)):
        curve = tidy.band(readings, ("rule", "rule.lr", "step"))
        rows["panel"] += [panel] * len(curve["step"])
        rows["lr"] += curve.pop("rule.lr")
        rows["falls"] += [int(falls[table["rule"] == rule][0]) for rule in curve["rule"]]
        for name, values in curve.items():
            rows[name] += values
    return rows


def caption(data):
    """Which rule ends lowest, which are as low within quartiles, and SGD, in both panels."""
    said = []
    for panel, what in (("gap", "gap"), ("tail", "gradient of the tail")):
        last = tidy.where(data, panel=panel, step=data["step"].max())
        best = int(np.argmin(last["median"]))
        ratio = tidy.where(last, rule="SGD")["median"][0] / last["median"][best]
        beside = [] if ratio == 1 else [f"SGD: {ratio:.2f} times as much"]
        near = np.flatnonzero(last["low"] <= last["high"][best])
        names = ", ".join(last["rule"][k] for k in near if k != best)
        beside += [f"not told from it by quartiles: {names}"] if names else []
        least = f"the least {what} is that of {last['rule'][best]}, {last['median'][best]:.2g}"
        said.append(least + (f" ({'; '.join(beside)})" if beside else ""))
    return (
        f"After {data['step'].max():,} samples, each rule at the rate and schedule that other "
        f"random numbers chose: {'; '.join(said)}."
    )


def draw(data):
    """Two panels; the gradient of the tail changes too little for a logarithmic axis."""
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.6))
    for axis, (panel, label) in zip(axes, PANELS.items(), strict=True):
        curves = tidy.groups(tidy.where(data, panel=panel), ("rule", "lr", "falls"))
        for (key, curve), marker in zip(curves, MARKERS, strict=True):
            seen = curve["step"] > 0
            step = curve["step"][seen]
            name = f"{key['rule']}, {key['lr']:.2g}{' falling' if key['falls'] else ''}"
            axis.semilogx(step, curve["median"][seen], f"-{marker}", ms=3, markevery=2, label=name)
            axis.fill_between(step, curve["low"][seen], curve["high"][seen], alpha=0.15, lw=0)
        axis.set(xlabel="samples", ylabel=label, yscale="log" if panel == "gap" else "linear")
    axes[0].legend(title="rule, rate", fontsize=7)
    return figure
