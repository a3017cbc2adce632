"""Click-through on planted clicks: every rate, one epoch and several, and the notch above the best.

A planted factorisation machine, so that the Bayes log loss is known: drawn is the log loss of
validation rows above it. Left: after one epoch, against the rate over each rule's best one on the
grid. Right: at that rate, epoch by epoch. Bars are the range over splits and runs. The whole grid
is shown; no test row is read. Planted, not Criteo or Avazu.
"""

import matplotlib.pyplot as plt
import numpy as np

from freqopt.report import tidy

STUDIES = ("clicks",)
MARKERS, LINES = "osD^v", ("-", "--", "-.", ":", "-")


def data(results):
    """Columns rule, rate, epoch, and mean, least and largest excess log loss."""
    table = tidy.columns(results["clicks"], metric="validation_excess")
    steps, rows = np.unique(table["step"]), []
    for key, here in tidy.groups(table, ("rule", "rule.lr", "step")):
        epoch = int(np.searchsorted(steps, key["step"]))
        value = np.where(np.isfinite(here["value"]), here["value"], np.inf)
        if epoch:
            rows.append(
                (key["rule"], key["rule.lr"], epoch, value.mean(), value.min(), value.max())
            )
    names = ("rule", "rate", "epoch", "excess", "low", "high")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def notches(data):
    """Rule -> its rows after one epoch, with x the number of factors 2 above its best rate."""
    for key, rows in tidy.groups(tidy.where(data, epoch=1), ("rule",)):
        best = rows["rate"][np.argmin(rows["excess"])]
        yield key["rule"], {**rows, "x": np.log2(rows["rate"] / best)}


def caption(data):
    """Who is ahead after one epoch, what one notch costs, who gets worse with more epochs."""
    best, cost, later = {}, {}, {}
    for rule, rows in notches(data):
        best[rule] = rows["excess"].min()
        if (rows["x"] == 1).any():
            cost[rule] = rows["excess"][rows["x"] == 1][0] - best[rule]
        at = tidy.where(data, rule=rule, rate=rows["rate"][rows["x"] == 0][0])
        later[rule] = at["excess"][np.argmax(at["epoch"])] - at["excess"].min()
    first, least, most = min(best, key=best.get), min(cost, key=cost.get), max(cost, key=cost.get)
    worse = [rule for rule, rise in later.items() if rise > 0]
    return (
        f"After one epoch {first} is nearest to the Bayes log loss, {best[first]:.4f} above it, "
        f"SGD {best['SGD']:.4f}. One notch above the best rate costs {least} {cost[least]:.4f} and "
        f"{most} {cost[most]:.4f}. Worse after the last epoch than before: "
        f"{', '.join(worse) or 'none'}."
    )


def draw(data):
    """Notches on the left, epochs on the right."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4), sharey=True, layout="constrained")
    for k, (rule, rows) in enumerate(notches(data)):
        at = tidy.where(data, rule=rule, rate=rows["rate"][rows["x"] == 0][0])
        for axis, x, own in ((left, rows["x"], rows), (right, at["epoch"], at)):
            spread = np.array([own["excess"] - own["low"], own["high"] - own["excess"]])
            style = f"{LINES[k]}{MARKERS[k]}"
            axis.errorbar(
                x + 0.02 * k, own["excess"], spread, fmt=style, ms=4, capsize=2, label=rule
            )
    low = data["low"].min()
    left.set(ylim=(low - 0.005, low + 0.13), ylabel="validation log loss above Bayes")
    left.set(xlabel="factors 2 above each rule's best rate", title="after one epoch")
    right.set(xlabel="epochs, at that rate", title="more epochs", xticks=np.unique(data["epoch"]))
    right.legend(fontsize=7)
    return figure
