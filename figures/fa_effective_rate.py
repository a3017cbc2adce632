"""Adaptive methods use frequency implicitly: the rate a token really gets, against its frequency.

The claim is read in the abstract of arXiv 2110.04844; the calculation is FA-20 (derived). All
tokens have the same gradients and differ in frequency only. The measured rate of a token,
distance moved over gradient received in the second half of the run, relative to that of the
commonest token, is drawn for each rule; the dotted line is p^-1/2. AdaGrad and the counter of CF-
SGD follow it; RMSprop and dense Adam do down to p of about 1 - beta2 = 0.001 and then saturate;
lazy Adam loses the frequency. If its bias correction counts all batches, as torch's SparseAdam
does, rare rows look frequent: an artefact. Points are medians over the tokens of a bin and runs,
bars their quartiles. A token that did not occur in that half has no rate: at the left, where less
than one visit is expected, those that are drawn occurred more often than their frequency says,
which bends CF-SGD and AdaGrad down. Rates are given, not tuned: each rule is compared with itself
alone.
"""

import itertools

import matplotlib.pyplot as plt
import numpy as np

from freqopt.report import tidy

STUDIES = ("effective_rate",)
BINS = 24


def data(results):
    """Per rule, in bins of log frequency: rate relative to the commonest tokens, and its slope."""
    table = tidy.columns(results["effective_rate"])
    p = tidy.where(table, metric="frequency", run=0, rule=table["rule"][0])["value"]
    rows = {"rule": [], "frequency": [], "low": [], "rate": [], "high": [], "tokens": []}
    last = tidy.where(table, metric="effective_rate", step=table["step"].max())
    edges = np.geomspace(p.min() * 0.999, p.max() * 1.001, BINS + 1)
    for key, readings in tidy.groups(last, ("rule",)):
        frequency, rate = p[readings["token"]], readings["value"]
        head = np.median(rate[readings["token"] == readings["token"].min()])
        for low, high in itertools.pairwise(edges):
            here = (frequency >= low) & (frequency < high)
            if here.any():
                rows["rule"].append(key["rule"])
                rows["frequency"].append(float(np.exp(np.log(frequency[here]).mean())))
                quartiles = np.quantile(rate[here] / head, (0.25, 0.5, 0.75)).tolist()
                for name, value in zip(("low", "rate", "high"), quartiles, strict=True):
                    rows[name].append(value)
                rows["tokens"].append(int(np.unique(readings["token"][here]).size))
    return rows


def caption(data):
    """The power of p where p > 0.001, and what of p^-1/2 is left for the rarest tokens."""
    told = []
    for key, rows in tidy.groups(data, ("rule",)):
        common, rarest = rows["frequency"] > 1e-3, int(np.argmin(rows["frequency"]))
        at = np.log(rows["frequency"][common]), np.log(rows["rate"][common])
        top = rows["frequency"].max()
        share = rows["rate"][rarest] * (rows["frequency"][rarest] / top) ** 0.5
        told.append(f"{key['rule']} {np.polyfit(*at, 1)[0]:.2f}, {share:.2f}")
    return (
        "Power of the frequency p by which a token's rate goes where p > 0.001 (FA-SGD: -0.5), and "
        f"the share of p^-1/2 that the rarest tokens get: {'; '.join(told)}."
    )


def draw(data):
    """Logarithmic in both directions, the slope -1/2 for the eye."""
    figure, axis = plt.subplots(figsize=(6.2, 4.2))
    styles = ("o-", "s-", "D-", "^--", "v-", "*-")
    for (key, rows), style in zip(tidy.groups(data, ("rule",)), styles, strict=True):
        spread = np.array([rows["rate"] - rows["low"], rows["high"] - rows["rate"]]).clip(0)
        axis.errorbar(
            rows["frequency"], rows["rate"], spread, fmt=style, ms=3.5, lw=1, label=key["rule"]
        )
    axis.set(xscale="log", yscale="log")
    p = np.array([data["frequency"].min(), data["frequency"].max()])
    axis.loglog(p, (p / p[1]) ** -0.5, "k:", lw=1, label="$p^{-1/2}$")
    axis.set(xlabel="token frequency $p_k$", ylabel="rate relative to the commonest token")
    axis.legend()
    return figure
