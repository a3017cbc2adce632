"""How much sooner FA-SGD learns a token than SGD, against the token's frequency.

Derived prediction FA-5: with the rates of FA-3 and FA-4 the factor between the two rates of token
k, and so between the steps that it needs, is S_k = sqrt(sum_l p_l^2 / p_k): above 1 for tokens
rarer than the frequency-weighted mean frequency, below 1 for the head. Measured: the step at
which the root mean square over runs of a token's gradient has halved, interpolated between
checkpoints. Null control: uniform tokens, for which both rules are the same and S_k = 1. A
token's visits are random, so the dots scatter by about 1/sqrt(visits x runs); rare tokens learn
from few visits.
"""

import matplotlib.pyplot as plt
import numpy as np

from freqopt.report import tidy

STUDIES = ("token_speedup",)


def data(results):
    """Frequency, measured and predicted speed-up of every token whose gradient halves."""
    table = tidy.columns(results["token_speedup"])
    rows = {"tokens": [], "frequency": [], "measured": [], "predicted": []}
    for law in dict.fromkeys(table["problem.tokens"]):
        here = tidy.where(table, **{"problem.tokens": law})
        p = tidy.where(here, metric="frequency", run=0, rule="FA-SGD")["value"]
        squares = float((p**2).sum())
        sgd = tidy.where(here, rule="SGD")
        rate = sgd["rule.lr"][np.argmin(abs(sgd["rule.lr"] - squares**-0.5))]
        slow = _halving(tidy.where(sgd, **{"rule.lr": rate}))
        fast = _halving(tidy.where(here, rule="FA-SGD"))
        both = np.isfinite(slow) & np.isfinite(fast)
        rows["tokens"] += ["uniform" if p.max() == p.min() else "Zipf"] * both.sum()
        rows["frequency"] += p[both].tolist()
        rows["measured"] += (slow / fast)[both].tolist()
        rows["predicted"] += np.sqrt(squares / p)[both].tolist()  # FA-5
    return rows


def _halving(readings):
    """Step at which each token's root mean square gradient first falls to half; NaN if never."""
    readings = tidy.where(readings, metric="token_gradient_norm")
    steps, row = np.unique(readings["step"], return_inverse=True)
    tokens = readings["token"]
    squares = np.zeros((steps.size, tokens.max() + 1))
    np.add.at(squares, (row, tokens), readings["value"] ** 2)
    ratio = 0.5 * np.log(squares / squares[0])
    found = np.full(squares.shape[1], np.nan)
    for k, curve in enumerate(ratio.T):
        below = np.flatnonzero(curve <= np.log(0.5))
        if below.size:
            i = below[0]
            found[k] = np.interp(np.log(2), -curve[[i - 1, i]], steps[[i - 1, i]])
    return found


def draw(data):
    """One dot per token, the prediction as a line."""
    figure, axis = plt.subplots()
    for key, rows in tidy.groups(data, ("tokens",)):
        axis.loglog(
            rows["frequency"], rows["measured"], "o", ms=4, label=f"{key['tokens']}, measured"
        )
        if key["tokens"] == "Zipf":
            order = np.argsort(rows["frequency"])
            axis.loglog(
                rows["frequency"][order], rows["predicted"][order], "k-", lw=1,
                label=r"predicted $\sqrt{\sum p^2 / p_k}$ (derived)",
            )  # fmt: skip
    axis.axhline(1, color="0.5", lw=0.8, ls="--")
    axis.set(xlabel="token frequency $p_k$", ylabel="steps of SGD / steps of FA-SGD")
    axis.legend()
    return figure
