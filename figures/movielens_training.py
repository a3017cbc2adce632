"""Training on MovieLens: SGD, frequency-aware and adaptive rules on real long-tailed tokens.

ArXiv 2110.04844 compares such rules on MovieLens-1M (its Figure 2, not available to us). This is
matrix factorisation on the 100,004 ratings that the `movielens` extra installs: the mechanism,
not the paper's numbers. Left: training objective. Right: RMSE on the held-out tenth. Each rule at
the rate with the lowest final median of held-out RMSE; medians over runs, bands quartiles.
"""

import matplotlib.pyplot as plt

from freqopt.report import tidy

STUDIES = ("movielens",)
PANELS = {"objective": "training objective", "test_rmse": "RMSE on held-out ratings"}
PER_EPOCH = 90_004 / 64


def data(results):
    """Median and quartiles over runs, per rule, panel and step."""
    table = tidy.columns(results["movielens"])
    rates = tidy.best(tidy.where(table, metric="test_rmse"), "rule.lr")
    rows = {"panel": [], "rule": [], "lr": [], "epoch": [], "low": [], "median": [], "high": []}
    for panel in PANELS:
        for rule, lr in rates.items():
            chosen = tidy.where(table, metric=panel, rule=rule, **{"rule.lr": lr})
            curve = tidy.band(chosen, ("rule", "step"))
            rows["panel"] += [panel] * len(curve["step"])
            rows["lr"] += [lr] * len(curve["step"])
            rows["epoch"] += [step / PER_EPOCH for step in curve.pop("step")]
            for name, values in curve.items():
                rows[name] += values
    return rows


def draw(data):
    """Two panels over epochs."""
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.2))
    for axis, (panel, label) in zip(axes, PANELS.items(), strict=True):
        for key, curve in tidy.groups(tidy.where(data, panel=panel), ("rule", "lr")):
            (line,) = axis.plot(
                curve["epoch"], curve["median"], label=f"{key['rule']}, rate {key['lr']:g}"
            )
            axis.fill_between(
                curve["epoch"],
                curve["low"],
                curve["high"],
                color=line.get_color(),
                alpha=0.15,
                lw=0,
            )
        axis.set(xlabel="epochs", ylabel=label)
    axes[1].legend()
    return figure
