"""Fixed-memory optimizers once the rate is counted: gap against rate, and 1 + kappa times it.

ArXiv 2106.10708 compares SGD_C with SGD at one nominal rate. SGD_C moves by the gradient plus kappa
= 1 times the mean of its memory, so twice as far. First panel: the nominal rate, where SGD_C has
the smaller gap while rates are too small. Second: the same numbers against (1 + kappa) times the
rate, beside a memory of the last gradients whatever their norm (FIFO). Third: three in ten labels
drawn anew. Fourth: a Zipfian table, where a slow decay of the priorities keeps what is not learnt.
Medians over runs, bars from the least to the largest. Data are planted.
"""

import re

import matplotlib.pyplot as plt
import numpy as np

from freqopt.report import tidy

STUDIES = ("fixed_memory", "memory_kept")
SLOW = "SGD_C, decay .99, C = 5"
STYLES = {
    "SGD": "ko-",
    "FIFO": "C1^:",
    "SGD_C": "C0s--",
    "SGD_C, decay .7": "C0s--",
    "SGD_C, decay .99": "C2D-.",
    SLOW: "C3v-",
    "FA-SGD": "C4*:",
}
WEIGHT = {"SGD": 1.0, "FA-SGD": 1.0}
"""Total weight 1 + kappa of an aggregate; 2 for all memories here."""


def data(results):
    """Columns panel, rule, rate (nominal), moved (total weight times it), gap, its range, age."""
    points = []
    whole = tidy.columns(results["fixed_memory"])
    for key, rows in tidy.groups(whole, ("problem.examples.mislabelled",)):
        share = key["problem.examples.mislabelled"]
        points += panel("noisy labels" if share else "clean labels", rows)
    kept = tidy.columns(results["memory_kept"])
    steepest = max(np.unique(kept["problem.tokens"].astype(str)), key=exponent)
    rows = kept["problem.tokens"].astype(str) == steepest
    points += panel("Zipf table", {name: values[rows] for name, values in kept.items()})
    names = ("panel", "rule", "rate", "moved", "gap", "low", "high", "age")
    return {name: [point[i] for point in points] for i, name in enumerate(names)}


def exponent(law):
    """The exponent that a law's text tells."""
    return float(re.search(r"exponent\W+([\d.]+)", law)[1])


def panel(name, table):
    """One point for each rule and rate, at the last step."""
    table = tidy.where(table, step=table["step"].max())
    for key, rows in tidy.groups(tidy.where(table, metric="gap"), ("rule", "rule.lr")):
        ages = tidy.where(table, metric="memory_age", **key)["value"]
        value, rate = rows["value"], key["rule.lr"]
        age = float(ages.mean()) if ages.size else 0.0
        spread = float(np.median(value)), float(value.min()), float(value.max())
        yield (name, key["rule"], rate, rate * WEIGHT.get(key["rule"], 2.0), *spread, age)


def apart(here, rule):
    """Largest distance of a rule's gap from SGD's that moves as far, up to SGD's best rate."""
    sgd, own = tidy.where(here, rule="SGD"), tidy.where(here, rule=rule)
    best = sgd["moved"][np.argmin(sgd["gap"])]
    found = dict(zip(sgd["moved"], sgd["gap"], strict=True))
    pairs = zip(own["moved"], own["gap"], strict=True)
    return max(abs(gap / found[x] - 1) for x, gap in pairs if x in found and x <= best)


def caption(data):
    """SGD_C against SGD at one nominal rate, and as far as it moves; what a slow decay keeps."""
    clean, table = (tidy.where(data, panel=name) for name in ("clean labels", "Zipf table"))
    sgd, own = (tidy.where(clean, rule=rule) for rule in ("SGD", "SGD_C"))
    least = {key["rule"]: rows["gap"].min() for key, rows in tidy.groups(table, ("rule",))}
    slow, rate = tidy.where(table, rule=SLOW), sgd["rate"][0]
    times, near = sgd["gap"][0] / own["gap"][0], {r: apart(clean, r) for r in ("SGD_C", "FIFO")}
    age = slow["age"][np.argmin(slow["gap"])]
    return (
        f"At the nominal rate {rate:g} SGD_C has a gap {times:.1f} times smaller than SGD; against "
        f"(1 + kappa) times the rate it is within {100 * near['SGD_C']:.0f} % of SGD up to SGD's "
        f"best, and FIFO within {100 * near['FIFO']:.0f} %. On the Zipfian table five gradients "
        f"kept with decay .99 are {age:.0f} steps old where the gap is least, "
        f"{least[SLOW] / least['SGD']:.2f} times SGD's least; FA-SGD's is "
        f"{least['FA-SGD'] / least['SGD']:.2f} times."
    )


def draw(data):
    """Nominal rate, then what rules move, on three problems."""
    figure, axes = plt.subplots(2, 2, figsize=(9.6, 7), layout="constrained")
    panels = (
        ("clean labels", "rate", "nominal rate"),
        ("clean labels", "moved", "(1 + kappa) times the rate"),
        ("noisy labels", "moved", "(1 + kappa) times the rate"),
        ("Zipf table", "moved", "(1 + kappa) times the rate"),
    )
    for axis, (name, x, label) in zip(axes.flat, panels, strict=True):
        here = tidy.where(data, panel=name)
        for key, rows in tidy.groups(here, ("rule",)):
            spread = np.array([rows["gap"] - rows["low"], rows["high"] - rows["gap"]])
            style, word = STYLES[key["rule"]], key["rule"]
            axis.errorbar(rows[x], rows["gap"], spread, fmt=style, ms=4, capsize=2, label=word)
        axis.set(
            xscale="log", yscale="log", xlabel=label, ylabel="gap f - f* at the end", title=name
        )
        ticks = np.unique(here[x])
        ticks = ticks[:: 2 if ticks.size > 6 else 1]
        axis.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks])
        values = [m * 10.0**e for e in range(-4, 1) for m in (1, 2, 5)]
        axis.set_yticks(values, [f"{v:g}" for v in values])
        sgd = tidy.where(here, rule="SGD")["gap"]
        room = 2 if name == "clean labels" else 8  # for the legend; beyond it rules diverge
        axis.set_ylim(here["low"].min() / 1.2, room * sgd.max())
        axis.minorticks_off()
        axis.legend(fontsize=7, loc="upper left" if name != "clean labels" else "upper right")
    return figure
