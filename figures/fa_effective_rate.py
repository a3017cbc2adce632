"""Adaptive methods use frequency implicitly: the rate a token really gets, against its frequency.

The claim is read in the abstract of arXiv 2110.04844; the calculation is FA-20 (derived). All
tokens have the same gradients and differ in frequency only. The measured rate of a token,
distance moved over gradient received in the second half of the run, relative to that of the
commonest token, is drawn for each rule; the dotted line is p^-1/2. AdaGrad and the counter of CF-
SGD follow it; RMSprop and dense Adam do down to p of about 1 - beta2 = 0.001 and then saturate;
lazy Adam loses the frequency. If its bias correction counts all batches, as torch's SparseAdam
does, rare rows look frequent: an artefact.
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
    rows = {"rule": [], "frequency": [], "rate": [], "tokens": []}
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
                rows["rate"].append(float(np.median(rate[here]) / head))
                rows["tokens"].append(int(np.unique(readings["token"][here]).size))
    return rows


def draw(data):
    """Logarithmic in both directions, the slope -1/2 for the eye."""
    figure, axis = plt.subplots()
    styles = ("o-", "s-", "D-", "^--", "v-", "*-")
    for (key, rows), style in zip(tidy.groups(data, ("rule",)), styles, strict=True):
        axis.loglog(rows["frequency"], rows["rate"], style, ms=3.5, label=key["rule"])
    p = np.array([data["frequency"].min(), data["frequency"].max()])
    axis.loglog(p, (p / p[1]) ** -0.5, "k:", lw=1, label="$p^{-1/2}$")
    axis.set(xlabel="token frequency $p_k$", ylabel="rate relative to the commonest token")
    axis.legend()
    return figure
