"""Fixed-memory optimizers on three test surfaces: objective against steps.

The authors of arXiv 2106.10708 published such curves with their code (settings of their notebook:
capacity 5, priority decay 0.7, momentum 0.9, one rate per surface). All are reproduced here from
the reference rules, whose losses equal those of the published code in every printed digit. The
third surface is the six-hump camel as their code has it, with a misplaced parenthesis. Nothing
is tuned, so that no rule is shown to be better: on smooth runs nearly every gradient is accepted,
SGD_C moves like SGD at twice the rate, and that is its fair rival, drawn dotted. The other pairs
have no such rival here: SGDM_C ahead of SGDM, or behind it, may be its longer steps alone. One
start and no chance in it: another start would give other curves.
"""

import matplotlib.pyplot as plt
import numpy as np

from freqopt.report import tidy

STUDIES = ("surfaces",)
SURFACES = {
    "beale": ("Beale", 1e-3),
    "goldstein_price": ("Goldstein-Price", 1e-5),
    "official_camel": ("camel as published", 1e-4),
}
TWICE = "SGD at twice the rate"


def data(results):
    """Objective above the minimum, per surface, rule and step, at the published rates."""
    table = tidy.columns(results["surfaces"], metric="gap")
    published = [rate for _, rate in SURFACES.values()]
    at_twice = (table["rule"] == "SGD") & ~np.isin(table["rule.lr"], published)
    table["rule"] = np.where(at_twice, TWICE, table["rule"])
    shown = np.isin(table["rule.lr"], published) | at_twice
    names = ("problem.surface", "rule", "step", "value")
    return {name: table[name][shown].tolist() for name in names}


def ends(data):
    """Of each surface: rule -> objective above the minimum at the last step."""
    last = tidy.where(data, step=data["step"].max())
    of_surface = [tidy.where(last, **{"problem.surface": surface}) for surface in SURFACES]
    return [
        dict(zip(rows["rule"].tolist(), rows["value"].tolist(), strict=True)) for rows in of_surface
    ]


def caption(data):
    """How SGD_C ends beside SGD at its rate, and at twice its rate."""
    found = ends(data)
    ahead = sum(one["SGD_C"] < one["SGD"] for one in found)
    ratios = ", ".join(f"{one[TWICE] / one['SGD_C']:.2g}" for one in found)
    return (
        f"Settings as published, not tuned. SGD_C ends below SGD on {ahead} of {len(found)} "
        f"surfaces; {TWICE} ends at {ratios} times the gap of SGD_C."
    )


def draw(data):
    """One panel per surface; a rule and its fixed-memory form share a colour."""
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.6))
    colours: dict[str, str] = {}
    for axis, (surface, (title, rate)) in zip(axes, SURFACES.items(), strict=True):
        for key, curve in tidy.groups(tidy.where(data, **{"problem.surface": surface}), ("rule",)):
            parent = key["rule"].removesuffix("_C")
            style = {"color": "k", "ls": ":", "lw": 2}
            if key["rule"] != TWICE:
                colour = colours.setdefault(parent, f"C{len(colours)}")
                style = {"color": colour, "ls": "-" if parent != key["rule"] else "--"}
                style |= {"marker": "osD^"[int(colour[1])], "ms": 3, "markevery": 7}
            seen = curve["step"] > 0
            step, value = curve["step"][seen], curve["value"][seen].clip(1e-12)
            axis.loglog(step, value, label=key["rule"], **style)
        axis.set(xlabel="steps", title=f"{title}, rate {rate:g}")
    axes[0].set_ylabel("objective above its minimum")
    axes[2].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
