"""How many steps frequency-aware rules save against tuned SGD, against how unequal tokens are.

Steps of SGD at its best constant rate over steps of a rule to the same gap f - f*, every rule at
the rate that is there first, chosen with equal budgets on random numbers of their own (study
token_speedup). Points are medians over runs, bars 0.95 intervals; a rule that does not get there in
half of the runs has no point. Exponent 0 is a null control: all tokens are alike, and what is
gained there, or by SGD with a falling rate, is gained by the schedule and not by knowing
frequencies. CF-SGD and AdaGrad fall too, row by row; FA-SGD does not, and has the theorem's cap
1/(4L), which the others lack: that CF-SGD is ahead of it does not show that counting beats knowing.
"""

import re

import matplotlib.pyplot as plt
import numpy as np

from freqopt.report import tidy

STUDIES = ("token_speedup",)
MARKERS = "os^Dv"


def data(results):
    """Zipf exponent, rule, and how many times as fast as SGD, with its interval."""
    steps = results.compare("token_speedup")["steps"].columns()
    exponents = [float(re.search(r"zipf ([\d.]+)", name)[1]) for name in steps["workload"]]
    names = {"factor": "times fewer steps", "low": "low", "high": "high", "reached": "reached"}
    return {"exponent": exponents, "rule": steps["rule"], **{k: steps[v] for k, v in names.items()}}


def caption(data):
    """The fastest rule on the most unequal tokens, and where tokens are alike."""
    parts = []
    for exponent in (data["exponent"].max(), data["exponent"].min()):
        here = tidy.where(data, exponent=exponent)
        best = int(np.nanargmax(here["factor"]))
        parts.append([here[name][best] for name in ("rule", "factor", "low", "high")])
    (fast, factor, low, high), (null, at_null, *_) = parts
    return (
        f"{fast} needs {factor:.1f} times fewer steps ({low:.1f} to {high:.1f}) than SGD at its "
        f"best constant rate at exponent {data['exponent'].max():g}; at exponent "
        f"{data['exponent'].min():g} the fastest is {null}, {at_null:.2f} times."
    )


def draw(data):
    """One line per rule, on a logarithmic axis with plain ticks."""
    figure, axis = plt.subplots(figsize=(6.2, 3.8))
    for k, (key, rows) in enumerate(tidy.groups(data, ("rule",))):
        if key["rule"] == "SGD":
            continue
        spread = np.array([rows["factor"] - rows["low"], rows["high"] - rows["factor"]])
        spread = np.where(np.isfinite(spread), spread.clip(0), 0)
        x = rows["exponent"] + 0.02 * (k - 2)  # side by side, where bars would hide each other
        axis.errorbar(
            x, rows["factor"], spread, fmt=f"-{MARKERS[k]}", ms=4, capsize=2, label=key["rule"]
        )
    axis.axhline(1, color="k", lw=1, ls="--", label="SGD, constant rate")
    axis.set_yscale("log")
    ticks = [0.5, 0.7, 1, 1.5, 2, 3, 4, 6, 8]
    top, bottom = np.nanmax(data["factor"]) * 1.3, min(0.8, np.nanmin(data["factor"]) / 1.2)
    axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
    axis.minorticks_off()
    axis.set(ylim=(bottom, top), xlabel="exponent of the Zipf law of tokens")
    axis.set(ylabel="times fewer steps than constant SGD")
    axis.legend()
    return figure
