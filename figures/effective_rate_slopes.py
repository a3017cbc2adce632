"""Implicit use of frequency: the slope of the rate that a token gets, for every adaptive rule.

The abstract of arXiv 2110.04844 says that adaptive rules use frequencies implicitly; -1/2 is the
frequency-aware rate. Slopes of the logarithm of the measured rate (distance moved over gradient
received, second half of the run), by least squares over tokens; bars are the range over runs. Left:
quadratics, tokens more and less frequent than 1 - beta2 = .01. Right: items of MovieLens, against
their frequencies. FTRL's slopes stand as numbers at the edge: its first step replaces a start that
is not 0, which is no rate; its later ones are AdaGrad's.
"""

import matplotlib.pyplot as plt
import numpy as np

from freqopt.report import tidy

STUDIES = ("effective_rate_rules", "effective_rate_movielens")
BORDER, LEFT = 0.01, -1.0
PARTS = {"above": "o", "below": "^", "items": "s"}


def data(results):
    """Columns rule, part (above, below 1 - beta2; items), slope, low, high, tokens."""
    rows = []
    for study, table in (("effective_rate_rules", "tokens"), ("effective_rate_movielens", "items")):
        whole = tidy.where(tidy.columns(results[study]), table=table)
        p = tidy.where(whole, metric="frequency", run=0, rule=whole["rule"][0])["value"]
        last = tidy.where(whole, step=whole["step"].max())
        for key, readings in tidy.groups(last, ("rule",)):
            for part, (low, high) in parts(table).items():
                slopes, used = fits(readings, p, low, high)
                rows.append((key["rule"], part, np.mean(slopes), min(slopes), max(slopes), used))
    names = ("rule", "part", "slope", "low", "high", "tokens")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def parts(table):
    """Name -> range of frequencies."""
    if table == "items":
        return {"items": (0.0, np.inf)}
    return {"above": (BORDER, np.inf), "below": (0.0, BORDER)}


def fits(readings, p, low, high):
    """One slope for each run, and how many tokens they are of."""
    slopes, used = [], 0
    for _, run in tidy.groups(readings, ("run",)):
        rate = tidy.where(run, metric="effective_rate")
        frequency = p[rate["token"]]
        keep = (frequency >= low) & (frequency < high)
        keep &= rate["value"] > 0
        x, y = np.log(frequency[keep]), np.log(rate["value"][keep])
        slopes.append(float(np.polyfit(x, y, 1)[0]))
        used = max(used, int(keep.sum()))
    return slopes, used


def caption(data):
    """Which rules have the frequency-aware slope where, within a tenth."""
    near = {
        part: [r for r, s in zip(own["rule"], own["slope"], strict=True) if abs(s + 0.5) <= 0.1]
        for part in PARTS
        for own in [tidy.where(data, part=part)]
    }
    both = [rule for rule in near["above"] if rule in near["below"]]
    above = [rule for rule in near["above"] if rule not in near["below"]]
    return (
        f"Slope -1/2 within .1 at every frequency: {', '.join(both) or 'no rule'}; only above "
        f"1 - beta2 = {BORDER:g}: {', '.join(above) or 'no rule'}; on MovieLens' items: "
        f"{', '.join(near['items']) or 'no rule'}."
    )


def draw(data):
    """A line for each rule."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9.6, 4.2), sharey=True, layout="constrained"
    )
    rules = list(dict.fromkeys(data["rule"]))
    words = {"above": "p above 1 - beta2", "below": "p below", "items": "items"}
    for part, mark in PARTS.items():
        axis = right if part == "items" else left
        own = tidy.where(data, part=part)
        place = np.array([rules.index(rule) for rule in own["rule"]]) + 0.25 * (part == "below")
        spread = [own["slope"] - own["low"], own["high"] - own["slope"]]
        axis.errorbar(
            own["slope"], place, xerr=spread, fmt=mark, ms=5, capsize=2, label=words[part]
        )
        for slope, y in zip(own["slope"], place, strict=True):
            if slope < LEFT:
                axis.text(LEFT, y, f"{slope:.1f}", va="center", fontsize=7)
    for axis, title in ((left, "quadratics, Zipf 1.5"), (right, "MovieLens ratings")):
        axis.axvline(-0.5, color="k", ls=":", lw=1, label="$p^{-1/2}$")
        axis.axvline(0, color="grey", lw=0.8)
        axis.set(xlabel="slope of log rate in log frequency", title=title, xlim=(LEFT - 0.05, 0.15))
        axis.legend(fontsize=7)
    left.set_yticks(range(len(rules)), rules)
    left.invert_yaxis()
    return figure
