"""The best step of a rare token, theorem by theorem, and what FA-SGD's step loses against it.

Left: gamma/R times the best step for the worst case over every convex function with gradients of at
most gamma, against the expected number of visits lambda = T p; FA-SGD's step R/(gamma
sqrt(lambda)), which grows without end; the same capped at R/gamma; and sqrt(q/lambda) R/gamma,
q = 1 - exp(-lambda) the chance of being seen at all, which minimises the bound of FA-15-SHARP.
Middle: how much larger the worst case is than with the best step. Right: the best step for the
classes of all theorems, each in the unit of its step (`docs/worst_cases.md`); FA-18's is that of
the upper value. Data: `proofs_check/best_steps.csv`.
"""

import csv
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

STUDIES = ()
TABLE = Path(__file__).parents[1] / "proofs_check" / "best_steps.csv"
STEPS = {
    "theorem": ("FA-SGD", lambda visits: visits**-0.5),
    "capped": ("capped at $R/\\gamma$", lambda visits: np.minimum(1, visits**-0.5)),
    "seen": (r"$\sqrt{q/\lambda}$", lambda visits: np.sqrt(-np.expm1(-visits) / visits)),
}


def data(results):  # noqa: ARG001 - it needs no study
    """Best step per theorem and expected number of visits; FA-15's: steps and losses of others."""
    with TABLE.open(newline="", encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    visits = np.array([float(row["lambda"]) for row in rows])
    theorem = np.array([row["theorem"] for row in rows])
    best = np.array([float(row["best_e"]) for row in rows])
    columns = {"theorem": theorem, "visits": visits, "best": best}
    for name, (_, step) in STEPS.items():
        columns[f"step_{name}"] = np.where(theorem == "FA-15", step(visits), np.nan)
        losses = np.array([float(row[f"loss_{name}"] or "nan") for row in rows])
        columns[f"loss_{name}"] = np.where(theorem == "FA-15", losses, np.nan)
    return columns


def caption(data):
    """What each step loses at most, on the visits drawn."""
    own = {name: column[data["theorem"] == "FA-15"] for name, column in data.items()}
    losses = []
    for name, (label, _) in STEPS.items():
        worst = int(np.argmax(own[f"loss_{name}"]))
        loss, visits = own[f"loss_{name}"][worst], own["visits"][worst]
        losses.append(f"{label} {100 * loss:.2g} % (at {visits:g} visits)")
    return f"Worst case above that of the best step, at most: {', '.join(losses)}."


def draw(data):
    """FA-15's steps on the left, losses in the middle; all theorems on the right."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11.2, 3.2))
    own = {name: column[data["theorem"] == "FA-15"] for name, column in data.items()}
    left.loglog(own["visits"], own["best"], "ko", label="best")
    for name, (label, _) in STEPS.items():
        (line,) = left.loglog(own["visits"], own[f"step_{name}"], label=label)
        loss = 100 * own[f"loss_{name}"]
        middle.semilogx(own["visits"], loss, color=line.get_color(), label=label)
    left.set(xlabel=r"expected visits $\lambda$", ylabel=r"step, in units of $R/\gamma$")
    middle.set(xlabel=r"expected visits $\lambda$", ylabel="worst case above the best (%)")
    left.legend()
    for theorem in dict.fromkeys(data["theorem"]):
        mine = data["theorem"] == theorem
        name = theorem.replace("sigma", r"$\sigma$")
        right.loglog(data["visits"][mine], data["best"][mine], ".-", label=name)
    right.set(xlabel=r"expected visits $\lambda$", ylabel="best step, in the theorem's unit")
    right.legend(fontsize=6, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for axis, ticks in ((left, (0.4, 0.6, 1, 2, 4)), (right, (0.3, 0.4, 0.6, 0.8, 1))):
        axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_yticks([], minor=True)
    return figure
