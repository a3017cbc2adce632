"""The best step of a rare token, and what FA-SGD's step loses against it.

Left: gamma/R times the best step for the worst case over every convex function with gradients of at
most gamma, against the expected number of visits lambda = T p; FA-SGD's step R/(gamma
sqrt(lambda)), which grows without end; the same capped at R/gamma; and sqrt(q/lambda) R/gamma,
q = 1 - exp(-lambda) the chance of being seen at all, which minimises the bound of FA-15-SHARP.
Right: how much larger the worst case is than with the best step. Data:
`proofs_check/best_steps.csv`.
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
    """Best step, and step and loss of the others, per expected number of visits."""
    with TABLE.open(newline="", encoding="ascii") as file:
        rows = [row for row in csv.DictReader(file) if row["theorem"] == "FA-15"]
    visits = np.array([float(row["lambda"]) for row in rows])
    columns = {"visits": visits, "best": np.array([float(row["best_e"]) for row in rows])}
    for name, (_, step) in STEPS.items():
        columns[f"step_{name}"] = step(visits)
        columns[f"loss_{name}"] = np.array([float(row[f"loss_{name}"]) for row in rows])
    return columns


def draw(data):
    """Steps on the left, losses on the right."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.2))
    left.loglog(data["visits"], data["best"], "ko", label="best")
    for name, (label, _) in STEPS.items():
        (line,) = left.loglog(data["visits"], data[f"step_{name}"], label=label)
        right.semilogx(
            data["visits"], 100 * data[f"loss_{name}"], color=line.get_color(), label=label
        )
    left.set(xlabel=r"expected visits $\lambda$", ylabel=r"step, in units of $R/\gamma$")
    right.set(xlabel=r"expected visits $\lambda$", ylabel="worst case above the best (%)")
    left.legend()
    return figure
