"""word2vec: does CF-SGD win once SGD's rate is tuned?

Skip-gram with negative sampling in passes over a text. The rate and schedule of each rule were
chosen on held-out sentences, with equal budgets; drawn is what the chosen reach on sentences that
nothing was chosen on, the mean over splits and runs with 0.95 intervals that resample both. Left:
the loss of a held-out pair; the dashed line gives one score to all pairs. Right: how far each
rule's loss lies from SGD's in the same split and run, by how often the centre word was seen in
training.
ArXiv 2110.04844 compares such rules on text8: the mechanism, not the paper's numbers.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

from freqopt.experiment.protocol.statistics import interval
from freqopt.report import tidy

STUDIES = ("word2vec",)
MARKERS = "osD^"
GROUPS = {
    "test_loss_rare": "below 10",
    "test_loss_mid": "10 to 99",
    "test_loss_head": "100 and more",
}
SCORES = ("wordsim353", "simlex999", "analogies")
REFERENCE = "SGD"


def data(results):
    """Each figure at the last step, rule by rule: mean and interval, also of what SGD has less."""
    table = tidy.columns(results["word2vec"])
    last = tidy.where(table, step=table["step"].max())
    found = {name: [] for name in ("figure", "rule", "low", "mean", "high", "from_", "by", "to")}
    for figure in ("test_loss", *GROUPS, *SCORES):
        rows = tidy.where(last, metric=figure)
        cells = {str(rule): tidy.by_split(tidy.where(rows, rule=rule)) for rule in rules(rows)}
        for rule, values in cells.items():
            low, high = interval(values)
            from_, to = interval(values - cells[REFERENCE])
            by = (values - cells[REFERENCE]).mean()
            numbers = (figure, rule, low, values.mean(), high, from_, by, to)
            for name, number in zip(found, numbers, strict=True):
                found[name].append(number)
    k = 5  # negatives: softplus(log k) + k softplus(-log k)
    found["figure"].append("one score for all")
    found["rule"].append("")
    for name in ("low", "mean", "high", "from_", "by", "to"):
        line = math.log1p(k) + k * math.log1p(1 / k)
        found[name].append(line if name in ("low", "mean", "high") else 0.0)
    return found


def rules(rows):
    """Rules in the study's order."""
    return list(dict.fromkeys(np.asarray(rows["rule"]).tolist()))


def caption(data):
    """Whether CF-SGD wins once SGD is tuned, in the loss and, where they are there, the scores."""
    said = []
    for figure, name, sign in (("test_loss", "held-out loss", -1), *((s, s, 1) for s in SCORES)):
        at = tidy.where(data, figure=figure, rule="CF-SGD")
        if len(at["by"]):
            by, low, high = (float(at[key][0]) for key in ("by", "from_", "to"))
            wins, loses = (min(sign * low, sign * high) > 0), (max(sign * low, sign * high) < 0)
            verdict = "wins" if wins else "loses" if loses else "does not win"
            said.append(f"{verdict} on {name} ({by:+.4f}, interval {low:+.4f} to {high:+.4f})")
    losses = tidy.where(data, figure="test_loss")
    best = int(np.argmin(losses["mean"]))
    line = tidy.where(data, figure="one score for all")["mean"][0]
    above = losses["rule"][losses["low"] > line]
    return (
        f"Once SGD is tuned, CF-SGD {'; '.join(said)}. Least held-out loss: "
        f"{losses['rule'][best]} at {losses['mean'][best]:.4f}; above the {line:.4f} of one score "
        f"for all pairs, beyond the interval: {', '.join(above) or 'none'}."
    )


def draw(data):
    """Losses on the left, paired differences by group of words on the right."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4))
    losses = tidy.where(data, figure="test_loss")
    names = losses["rule"].tolist()
    for k, rule in enumerate(names):
        left.plot([losses["low"][k], losses["high"][k]], [k, k], "-", color="0.4")
        left.plot(losses["mean"][k], k, MARKERS[k], color=f"C{k}")
        if rule == REFERENCE:
            continue
        for place, group in enumerate(GROUPS):
            at = tidy.where(data, figure=group, rule=rule)
            if len(at["by"]):
                y = place + 0.2 * (k - 2)
                right.plot([at["from_"][0], at["to"][0]], [y, y], "-", color="0.4")
                label = rule if place == 0 else None
                right.plot(at["by"][0], y, MARKERS[k], color=f"C{k}", label=label)
    line = tidy.where(data, figure="one score for all")["mean"][0]
    left.axvline(line, color="k", lw=1, ls="--", label="one score for all")
    left.set(yticks=range(len(names)), yticklabels=names, xlabel="loss of a held-out pair (nats)")
    left.invert_yaxis()
    right.axvline(0, color="k", lw=1)
    right.set(
        yticks=range(len(GROUPS)), yticklabels=GROUPS.values(),
        xlabel="loss less SGD's (nats)", ylabel="occurrences of the centre in training",
    )  # fmt: skip
    for axes in (left, right):
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure
