"""Law L5 as a map: where SGD's common rate and where FA-SGD's is better over a data set.

Excess risk of SGD over that of FA-SGD, each at its best rate, exact in expectation, after E passes
over data whose noise variance is S times the squared start distance: token laws p ~ rank^-nu over
2,000 tokens, 20,000 samples with the expected counts, and the item counts of MovieLens. Above 1
FA-SGD is ahead, below 1 SGD; the black line is where they are equal.
"""

import matplotlib.pyplot as plt
import numpy as np

from freqopt.data import load
from freqopt.report import tidy
from freqopt.theory.scaling import epochs

STUDIES = ()
SAMPLES, TOKENS = 20_000, 2_000
PASSES = (1, 2, 4, 8, 16, 32, 64)
NOISES = (0.25, 1, 4, 16, 64, 256)
PANELS = {"nu = 0.5": 0.5, "nu = 1": 1.0, "nu = 1.5": 1.5, "MovieLens items": None}


def counts_of(exponent):
    """Expected counts of a Zipf law, or MovieLens' own."""
    if exponent is None:
        return np.bincount(load("movielens").items).astype(np.float64)
    p = np.arange(1.0, TOKENS + 1) ** -exponent
    return SAMPLES * p / p.sum()


def data(results):  # noqa: ARG001 - it needs no study
    """Columns counts, passes, noise, ratio."""
    points = []
    for name, exponent in PANELS.items():
        n, multiplicity = np.unique(counts_of(exponent), return_counts=True)
        weight = n * multiplicity / np.sum(n * multiplicity)
        for E in PASSES:
            for noise in NOISES:
                sgd, fa = (epochs.tuned_risk(n, weight, E, noise, q=q)[0] for q in (0.0, 0.5))
                points.append((name, E, noise, sgd / fa))
    return {
        name: [point[i] for point in points]
        for i, name in enumerate(("counts", "passes", "noise", "ratio"))
    }


def caption(data):
    """Who is ahead in how many cells, and where most."""
    ahead, cells = int((data["ratio"] > 1).sum()), data["ratio"].size
    told = []
    for rule, at in (("FA-SGD", np.argmax(data["ratio"])), ("SGD", np.argmin(data["ratio"]))):
        where = f"{data['counts'][at]}, E = {data['passes'][at]}, S = {data['noise'][at]:g}"
        told.append(f"{rule} gains most at {where} (ratio {data['ratio'][at]:.2f})")
    return f"FA-SGD is ahead in {ahead} of {cells} cells; {'; '.join(told)}."


def draw(data):
    """A panel for each token law."""
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.2), sharey=True, layout="constrained")
    far = np.abs(np.log(data["ratio"])).max()
    for name, axis in zip(PANELS, axes, strict=True):
        ratio = tidy.where(data, counts=name)["ratio"].reshape(len(PASSES), len(NOISES)).T
        image = axis.pcolormesh(
            PASSES, NOISES, np.log(ratio), cmap="RdBu_r", vmin=-far, vmax=far, shading="nearest"
        )
        for i, noise in enumerate(NOISES):
            for j, E in enumerate(PASSES):
                dark = abs(np.log(ratio[i, j])) > 0.6 * far
                axis.text(
                    E, noise, f"{ratio[i, j]:.2f}", ha="center", va="center", fontsize=6,
                    color="white" if dark else "black",
                )  # fmt: skip
        if ratio.min() < 1 < ratio.max():
            axis.contour(PASSES, NOISES, np.log(ratio), levels=[0.0], colors="black")
        axis.set(
            xscale="log", yscale="log", title=name, xlabel="passes E",
            xlim=(2**-0.5, 64 * 2**0.5), ylim=(0.125, 512),
        )  # fmt: skip
        axis.set_xticks(PASSES, [f"{E}" for E in PASSES], minor=False, fontsize=7)
        axis.set_xticks([], minor=True)
    axes[0].set(ylabel="noise S")
    axes[0].set_yticks(NOISES, [f"{S:g}" for S in NOISES])
    axes[0].set_yticks([], minor=True)
    bar = figure.colorbar(image, ax=axes, label="risk of SGD / risk of FA-SGD")
    ticks = [r for r in (0.5, 0.67, 0.8, 1, 1.25, 1.5, 2) if abs(np.log(r)) <= far]
    bar.set_ticks(np.log(ticks), labels=[f"{r:g}" for r in ticks])
    return figure
