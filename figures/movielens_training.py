"""Training on MovieLens: SGD, frequency-aware and adaptive rules on real long-tailed tokens.

Matrix factorisation on 100,004 ratings. Rate, l2 and schedule of each rule were chosen on
validation rows, with equal budgets; drawn is the RMSE on test rows that nothing was chosen on, the
mean over splits and runs. Left: at the end of training, with 0.95 intervals that resample splits
and runs. Right: on the way there. The dashed line is biases without embeddings, solved to their
optimum, their ridge chosen on the same validation rows. FA-SGD is told the training rows'
frequencies; two intervals that overlap may still differ in pairs, which the study's report tests.
ArXiv 2110.04844 compares such rules on MovieLens-1M (its Figure 2, not available to us): the
mechanism, not the paper's numbers.
"""

import matplotlib.pyplot as plt
import numpy as np

import freqopt
from freqopt.report import tidy

STUDIES = ("movielens",)
PER_EPOCH = 90_004 / 64
MARKERS = "osD^v"
SPLIT = "problem.held_out.seed"


def data(results):
    """Mean and interval over splits and runs, per rule and step; baselines at step 0."""
    table = tidy.where(tidy.columns(results["movielens"]), metric="test_rmse")
    curves = tidy.centre(table, ("rule", "step"))
    rows = {name: list(curves[name]) for name in ("rule", "low", "mean", "high")}
    rows["epoch"] = [step / PER_EPOCH for step in curves["step"]]
    rows["last"] = [int(step == table["step"].max()) for step in curves["step"]]
    reached = [
        freqopt.problem("ratings", dimension=1, held_out={"seed": int(seed)}).baselines()
        for seed in np.unique(table[SPLIT])
    ]
    for name in ("popularity", "bias only"):
        value = float(np.mean([one[name]["test_rmse"] for one in reached]))
        for key, cell in {"rule": name, "low": value, "mean": value, "high": value}.items():
            rows[key].append(cell)
        rows["epoch"].append(0.0)
        rows["last"].append(2)
    return rows


def caption(data):
    """Which rules end below the model that has no embeddings, beyond their intervals."""
    line = tidy.where(data, rule="bias only")["mean"][0]
    last = tidy.where(data, last=1)
    order = np.argsort(last["mean"])
    below = [last["rule"][k] for k in order if last["high"][k] < line]
    best = order[0]
    start = f"{', '.join(below) or 'No rule'} end{'' if below[1:] else 's'}"
    return (
        f"{start} below the RMSE {line:.4f} of biases without embeddings, beyond the 0.95 "
        f"interval, each at the rate, l2 and schedule that validation rows chose; least: "
        f"{last['rule'][best]} at {last['mean'][best]:.4f}."
    )


def draw(data):
    """Ends with intervals on the left, curves on the right."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6))
    last = tidy.where(data, last=1)
    for k, rule in enumerate(last["rule"]):
        left.plot([last["low"][k], last["high"][k]], [k, k], "-", color="0.4")
        left.plot(last["mean"][k], k, MARKERS[k], color=f"C{k}")
        own = tidy.where(data, rule=rule)
        seen = own["epoch"] > 0
        right.plot(own["epoch"][seen], own["mean"][seen], f"-{MARKERS[k]}", ms=3, label=rule)
        bounds = own["low"][seen], own["high"][seen]
        right.fill_between(own["epoch"][seen], *bounds, alpha=0.15, lw=0)
    line = tidy.where(data, rule="bias only")["mean"][0]
    for across in (left.axvline, right.axhline):
        across(line, color="k", lw=1, ls="--", label="bias only")
    left.set(yticks=range(len(last["rule"])), yticklabels=last["rule"], xlabel="test RMSE (stars)")
    left.locator_params(axis="x", nbins=5)
    left.invert_yaxis()
    right.set(xlabel="epochs", ylabel="test RMSE (stars)")
    right.legend()
    return figure
