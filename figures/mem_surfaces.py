"""Fixed-memory optimizers on three test surfaces: objective against steps.

The authors of arXiv 2106.10708 published such curves with their code (settings of their notebook:
capacity 5, priority decay 0.7, momentum 0.9, one rate per surface). All are reproduced here from
the reference rules, whose losses equal those of the published code in every printed digit. The
third surface is the six-hump camel as their code has it, with a misplaced parenthesis. On smooth
runs nearly every gradient is accepted, so SGD_C moves like SGD at twice the rate: a fair
comparison is at 2 lr.
"""

import matplotlib.pyplot as plt

from freqopt.report import tidy

STUDIES = ("surfaces",)
SURFACES = {
    "beale": "Beale, rate 1e-3",
    "goldstein_price": "Goldstein-Price, rate 1e-5",
    "official_camel": "six-hump camel as published, rate 1e-4",
}


def data(results):
    """Objective above the minimum, per surface, rule and step."""
    table = tidy.columns(results["surfaces"], metric="gap")
    names = ("problem.surface", "rule", "step", "value")
    return {name: table[name].tolist() for name in names}


def draw(data):
    """One panel per surface; a rule and its fixed-memory form share a colour."""
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.2))
    colours: dict[str, str] = {}
    for axis, (surface, title) in zip(axes, SURFACES.items(), strict=True):
        for key, curve in tidy.groups(tidy.where(data, **{"problem.surface": surface}), ("rule",)):
            parent = key["rule"].removesuffix("_C")
            colour = colours.setdefault(parent, f"C{len(colours)}")
            seen = curve["step"] > 0
            axis.loglog(
                curve["step"][seen], curve["value"][seen].clip(1e-12),
                "-" if parent != key["rule"] else "--", color=colour, label=key["rule"],
            )  # fmt: skip
        axis.set(xlabel="steps", title=title)
    axes[0].set_ylabel("objective above its minimum")
    axes[0].legend(ncols=2)
    return figure
