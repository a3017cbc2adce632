"""MLET: embeddings as two layers against plain ones, by the paper's protocol and by a fair one.

MovieLens, a rating of 4 stars or more as a click; arXiv 2309.15881 has Criteo and Avazu: the
mechanism, not its numbers. Above, left: one epoch, no l2, every rate of a grid, mean validation AUC
with 0.95 intervals; the dotted line is the plain table's best rate, which the paper gives to MLET
as well. Right: rate and l2 chosen for every variant on validation rows, with equal budgets;
difference in test AUC from the plain table, paired by split and run, of all rows and of rows of
rare items (fewer than ten ratings in training). Below: singular values of the item table over the
largest, and test AUC after every table is cut to a lower rank, against tables trained at that width
(rings).
"""

import matplotlib.pyplot as plt
import numpy as np

from freqopt.report import tidy

STUDIES = ("mlet", "mlet_rates")
MARKERS, LINES = "osD^vP", ("-", "--", "-.", ":", "-", "--")
START = "plain, start of k = 16"
COLUMNS = ("panel", "rule", "dimension", "x", "y", "low", "high")


def data(results):
    """Columns panel, rule, dimension, x (rate, share of rows, number, rank), y and its interval."""
    points = rates(tidy.columns(results["mlet_rates"], metric="validation_auc"))
    table = tidy.columns(results["mlet"])
    table = tidy.where(table, step=table["step"].max())
    plain = tidy.where(table, rule="plain")
    for x, metric in enumerate(("test_auc", "test_auc_rare")):
        at = tidy.where(table, metric=metric, group="all")
        for key, rows in tidy.groups(at, ("problem.dimension", "rule")):
            d = key["problem.dimension"]
            own = tidy.where(plain, metric=metric, group="all", **{"problem.dimension": d})
            paired = {**rows, "value": rows["value"] - own["value"]}
            points.append(("gain", key["rule"], d, x, *middle(paired)))
    items = tidy.where(table, metric="singular_value", table="items")
    for key, rows in tidy.groups(items, ("problem.dimension", "rule", "token")):
        d, rule = key["problem.dimension"], key["rule"]
        largest = tidy.where(items, rule=rule, token=0, **{"problem.dimension": d})
        share = {**rows, "value": rows["value"] / largest["value"]}
        points.append(("spectrum", rule, d, key["token"] + 1, *middle(share)))
    for key, rows in tidy.groups(
        tidy.where(table, metric="test_auc"), ("problem.dimension", "rule", "group")
    ):
        d, group = key["problem.dimension"], key["group"]
        rank = d if group == "all" else int(group.split()[1])
        points.append(("truncation", key["rule"], d, rank, *middle(rows)))
    return {name: [point[i] for point in points] for i, name in enumerate(COLUMNS)}


def rates(table):
    """Validation AUC of every rate."""
    table = tidy.where(table, step=table["step"].max(), group="all")
    return [
        ("rate", key["rule"], key["problem.dimension"], key["rule.lr"], *middle(rows))
        for key, rows in tidy.groups(table, ("problem.dimension", "rule", "rule.lr"))
    ]


def middle(rows):
    """Mean over splits and runs, and its interval."""
    whole = tidy.centre({**rows, "one": np.zeros(len(rows["value"]))}, ("one",))
    return whole["mean"][0], whole["low"][0], whole["high"][0]


def caption(data):
    """What MLET gains at the plain table's rate, what at its own, and what when all is tuned."""
    d = data["dimension"].min()
    here = tidy.where(data, panel="rate", dimension=d)
    curves = {key["rule"]: rows for key, rows in tidy.groups(here, ("rule",))}
    plain, largest = curves["SGD, plain"], curves["SGD, MLET k = 64"]
    at_plain = largest["y"][np.nanargmax(plain["y"])] - np.nanmax(plain["y"])
    there = f"changes the AUC by {at_plain:+.4f}" if np.isfinite(at_plain) else "diverges"
    at_own = np.nanmax(largest["y"]) - np.nanmax(plain["y"])
    gain = tidy.where(data, panel="gain", dimension=d, x=0)
    others = [i for i, rule in enumerate(gain["rule"]) if rule != "plain"]
    best = max(others, key=lambda i: gain["y"][i])
    clear = [gain["rule"][i] for i in others if gain["low"][i] > 0]
    start = gain["y"][list(gain["rule"]).index(START)]
    return (
        f"d = {d}: at the rate that is best for plain tables MLET with k = 64 {there} in one "
        f"epoch, at its own best rate it changes it by {at_own:+.4f}. With rate and l2 tuned for "
        f"each, the most is {gain['y'][best]:+.4f} ({gain['rule'][best]}), and a plain "
        f"table from the start of k = 16 has {start:+.4f}; above 0 beyond the 0.95 interval: "
        f"{', '.join(clear) or 'none'}."
    )


def draw(data):
    """Rates and gains above, spectra and truncation below."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 7.2), layout="constrained")
    draw_rates(axes[0, 0], tidy.where(data, panel="rate"))
    draw_gains(axes[0, 1], tidy.where(data, panel="gain"))
    wide = data["dimension"].max()
    for panel, axis in (("spectrum", axes[1, 0]), ("truncation", axes[1, 1])):
        here = tidy.where(data, panel=panel, dimension=wide)
        for k, (key, rows) in enumerate(tidy.groups(here, ("rule",))):
            order = np.argsort(rows["x"])
            style = f"{LINES[k]}{MARKERS[k]}"
            axis.plot(rows["x"][order], rows["y"][order], style, ms=4, label=key["rule"])
    axes[1, 0].set(xlabel="number of the singular value", ylabel="over the largest", ylim=(0, 1.05))
    axes[1, 0].set(title=f"item table, d = {wide}", xticks=range(1, wide + 1))
    axes[1, 0].legend(fontsize=7)
    draw_trained(axes[1, 1], tidy.where(data, panel="truncation"))
    return figure


def draw_rates(axis, data):
    """AUC of every rate; a rate at which a run diverged has no point."""
    data = tidy.where(data, dimension=data["dimension"].min())
    for k, (key, rows) in enumerate(tidy.groups(data, ("rule",))):
        spread = np.array([rows["y"] - rows["low"], rows["high"] - rows["y"]])
        style = f"{LINES[k]}{MARKERS[k]}"
        axis.errorbar(rows["x"], rows["y"], spread, fmt=style, ms=4, capsize=2, label=key["rule"])
        if k == 0:
            axis.axvline(rows["x"][np.nanargmax(rows["y"])], color="0.4", ls=":")
    ticks, top = np.unique(data["x"]), np.nanmax(data["high"])
    axis.set_xscale("log")
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.set(ylim=(top - 0.045, top + 0.003), xlabel="learning rate, the same for all")
    axis.set(ylabel="validation AUC after one epoch")
    axis.set(title=f"the paper's protocol, d = {narrow(data)}")
    axis.legend(fontsize=7)


def draw_gains(axis, data):
    """Difference from the plain table, of all rows and of rare items."""
    lines = [key for key, _ in tidy.groups(data, ("dimension", "rule")) if key["rule"] != "plain"]
    for x, (mark, words) in enumerate((("o", "all rows"), ("^", "rare items"))):
        for y, key in enumerate(lines):
            one, place = tidy.where(data, x=x, **key), y + 0.2 * x
            axis.plot([one["low"][0], one["high"][0]], [place, place], "-", color=f"C{x}")
            label = words if y == 0 else None
            axis.plot(one["y"], [place], mark, color=f"C{x}", ms=5, label=label)
    axis.axvline(0, color="k", lw=1, ls="--")
    axis.set_yticks(range(len(lines)), [f"{k['rule']}, d = {k['dimension']}" for k in lines])
    axis.invert_yaxis()
    axis.set(xlabel="test AUC above that of plain tables", title="rate and l2 tuned for each")
    axis.legend(fontsize=7)


def draw_trained(axis, data):
    """Rings: tables trained at the lesser width, if there are two."""
    least, wide = narrow(data), data["dimension"].max()
    ranks = np.unique(tidy.where(data, dimension=wide)["x"]).astype(int)
    title = f"d = {wide}, cut to a lower rank"
    if least < wide:
        for k, (_, rows) in enumerate(tidy.groups(data, ("rule",))):
            ring = tidy.where(rows, dimension=least, x=least)
            axis.plot(ring["x"], ring["y"], MARKERS[k], mfc="none", color=f"C{k}", ms=8)
        title += f"; rings: trained at d = {least}"
    axis.set_xscale("log", base=2)
    axis.set_xticks(ranks, ranks)
    axis.set(xlabel="rank that is kept", ylabel="test AUC", title=title)
    axis.ticklabel_format(axis="y", useOffset=False)


def narrow(data):
    """The least width."""
    return data["dimension"].min()
