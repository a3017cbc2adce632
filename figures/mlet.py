"""MLET: embeddings as two layers against plain ones, by the paper's protocol and by a fair one.

MovieLens, a rating of 4 stars or more as a click; arXiv 2309.15881 has Criteo and Avazu: the
mechanism, not its numbers. Above, left: one epoch, no l2, every rate of a grid, mean test AUC with
0.95 intervals; the dotted line is the plain table's best rate, which the paper gives to MLET as
well. Right: rate and l2 chosen for every variant on validation rows, with equal budgets; difference
in test AUC from the plain table, paired by split and run, of all rows and of rows of rare items
(fewer than ten ratings in training). Below: singular values of the item table over the largest, and
test AUC after every table is cut to a lower rank, against tables trained at that width (rings).
"""

import matplotlib.pyplot as plt
import numpy as np

from freqopt.report import tidy

STUDIES = ("mlet", "mlet_rates")
MARKERS = "osD^vP"
COLUMNS = ("panel", "rule", "dimension", "x", "y", "low", "high")


def data(results):
    """Columns panel, rule, dimension, x (rate, share of rows, number, rank), y and its interval."""
    points = rates(tidy.columns(results["mlet_rates"], metric="test_auc"))
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
    for key, rows in tidy.groups(tidy.where(table, metric="test_auc"), ("problem.dimension", "rule", "group")):
        d, group = key["problem.dimension"], key["group"]
        rank = d if group == "all" else int(group.split()[1])
        points.append(("truncation", key["rule"], d, rank, *middle(rows)))
    return {name: [point[i] for point in points] for i, name in enumerate(COLUMNS)}


def rates(table):
    """Test AUC of every rate."""
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
    k = int(np.argmax(plain["y"]))
    at_plain = largest["y"][k] - plain["y"][k]
    at_own = largest["y"].max() - plain["y"].max()
    gain = tidy.where(data, panel="gain", dimension=d, x=0)
    others = [i for i, rule in enumerate(gain["rule"]) if rule != "plain"]
    best = max(others, key=lambda i: gain["y"][i])
    clear = [gain["rule"][i] for i in others if gain["low"][i] > 0]
    return (
        f"d = {d}: at the rate that is best for plain tables MLET with k = 64 changes the AUC of "
        f"one epoch by {at_plain:+.4f}, at its own best rate by {at_own:+.4f}. With rate and l2 "
        f"tuned for each, the most is {gain['y'][best]:+.4f} ({gain['rule'][best]}); above 0 "
        f"beyond the 0.95 interval: {', '.join(clear) or 'none'}."
    )


def draw(data):
    """Rates and gains above, spectra and truncation below."""
    figure, ((rate, gain), (spectrum, cut)) = plt.subplots(2, 2, figsize=(9.6, 7), layout="constrained")
    narrow, wide = data["dimension"].min(), data["dimension"].max()
    for k, (key, rows) in enumerate(
        tidy.groups(tidy.where(data, panel="rate", dimension=narrow), ("rule",))
    ):
        spread = np.array([rows["y"] - rows["low"], rows["high"] - rows["y"]])
        rate.errorbar(rows["x"], rows["y"], spread, fmt=f"-{MARKERS[k]}", ms=4, label=key["rule"])
        if k == 0:
            rate.axvline(rows["x"][int(np.argmax(rows["y"]))], color="0.4", ls=":")
    ticks = np.unique(tidy.where(data, panel="rate")["x"])
    rate.set_xscale("log")
    rate.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    rate.minorticks_off()
    rate.set(xlabel="learning rate", ylabel="test AUC after one epoch", title=f"one rate for all, d = {narrow}")
    rate.legend()
    gains = tidy.where(data, panel="gain")
    lines = [(r, d) for d in np.unique(gains["dimension"]) for r in dict.fromkeys(gains["rule"]) if r != "plain"]
    for x, (mark, words) in enumerate((("o", "all rows"), ("^", "rare items"))):
        for y, (rule, d) in enumerate(lines):
            one = tidy.where(gains, rule=rule, dimension=d, x=x)
            place = y + 0.2 * x
            gain.plot([one["low"][0], one["high"][0]], [place, place], "-", color=f"C{x}")
            gain.plot(one["y"], place, mark, color=f"C{x}", ms=5, label=words if y == 0 else None)
    gain.axvline(0, color="k", lw=1, ls="--")
    gain.set_yticks(range(len(lines)), [f"{rule}, d = {d}" for rule, d in lines])
    gain.invert_yaxis()
    gain.set(xlabel="test AUC above that of plain tables", title="rate and l2 tuned for each")
    gain.legend()
    styles = ("-", "--", "-.", ":", "-", "--")
    for k, (key, rows) in enumerate(tidy.groups(tidy.where(data, panel="spectrum", dimension=wide), ("rule",))):
        spectrum.plot(rows["x"], rows["y"], f"{styles[k]}{MARKERS[k]}", ms=4, label=key["rule"])
        own = tidy.where(data, panel="truncation", rule=key["rule"], dimension=wide)
        order = np.argsort(own["x"])
        cut.plot(own["x"][order], own["y"][order], f"{styles[k]}{MARKERS[k]}", ms=4, label=key["rule"])
        trained = tidy.where(data, panel="truncation", rule=key["rule"], x=narrow, dimension=narrow)
        cut.plot(trained["x"], trained["y"], MARKERS[k], mfc="none", color=f"C{k}", ms=8)
    spectrum.set(xlabel="number of the singular value", ylabel="over the largest", title=f"item table, d = {wide}", ylim=(0, None))
    spectrum.set_xticks(range(1, wide + 1) if wide <= 8 else range(2, wide + 1, 2))
    spectrum.legend()
    cut.set_xscale("log", base=2)
    ranks = np.unique(tidy.where(data, panel="truncation", dimension=wide)["x"]).astype(int)
    cut.set_xticks(ranks, ranks)
    cut.set(xlabel="rank that is kept", ylabel="test AUC", title=f"d = {wide} cut; rings: trained at d = {narrow}")
    return figure
