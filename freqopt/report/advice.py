"""What `freqopt advise` says, as lines for a terminal, a page and a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from freqopt.theory.scaling.advice import Advice, Model, Setting
from freqopt.theory.scaling.groups import coarser, from_counts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADER = ("rule, each at its best rate", "gap left", "gain over SGD", "c of its rate")
NOTE = (
    "Exact expectations for independent quadratics of equal curvature, start distance and noise, "
    "each token with its frequency in the file: see docs/laws.md."
)
WORDS = {
    "yes": "Use a frequency-aware rate",
    "little": "A frequency-aware rate gains little",
    "no": "Expect no gain from frequency-aware rates",
}


def headline(advice: Advice) -> str:
    """The answer in one sentence."""
    faster = f", and SGD needs {advice.speed_up:.3g} times the samples" if advice.speed_up else ""
    return (
        f"{WORDS[advice.word]}: tuned SGD leaves {advice.gain:.3g} times the gap of tuned "
        f"FA-SGD{faster}."
    )


def lines(advice: Advice) -> list[str]:
    """What is said beside the table."""
    setting, found = advice.setting, [f"Law: {advice.law}."]
    if advice.fit is None:
        found.append("Token law: too few tokens, or counts too equal, to fit a power law.")
    else:
        fit = advice.fit
        verdict = "a power law is rejected" if fit.p_value < 0.1 else "a power law is not rejected"
        found.append(
            f"Token law: p ~ rank^-nu, nu = {fit.nu:.3g} (95 %: {fit.low:.3g} to {fit.high:.3g}), "
            f"for the {fit.tail} tokens with {fit.least} or more occurrences; {verdict} "
            f"(p = {fit.p_value:.2f}, distance {fit.distance:.2g}). The predictions do not use it."
        )
    c = advice.rule("FA-SGD").rate or 0.0
    rare = (
        f"{advice.capped} tokens are at the cap. Where gradients are bounded by gamma and starts "
        "are R away, the same is R/(gamma sqrt(p T)), and R/gamma, not more, for tokens seen less "
        "than once."
    )
    found.append(
        f"Rate to start from: min({setting.cap:.3g}, {c:.3g} p^-1/2) for FA-SGD, in units of "
        f"1/curvature; {rare}"
    )
    if setting.passes == 1:
        alpha = advice.rule("CF-SGD").rate or 0.0
        found.append(f"CF-SGD, which counts: min({setting.cap:.3g}, {alpha:.3g} / sqrt(count)).")
        if advice.beta2 is None:
            beta2 = (
                f"none up to .999999 comes within 5 % of FA-SGD; 1 - 1/{setting.samples:.3g} does"
            )
        else:
            beta2 = f"{advice.beta2:g} or more is within 5 % of FA-SGD"
        found.append(f"beta2 of RMSprop and dense Adam: {beta2}. Lazy Adam has SGD's law.")
    if advice.once:
        found.append(
            f"About {100 * advice.once:.3g} % of future samples are of tokens that the file does "
            "not have: nothing is predicted for them."
        )
    what = "; ".join(advice.changes) or "no noise, horizon or number of passes that was tried"
    found.append(f"What would change the answer: {what}.")
    return found


def rows(advice: Advice) -> list[tuple[str, ...]]:
    """The table's cells."""
    sgd = advice.rule("SGD").gap
    return [
        (r.rule, f"{r.gap:.4g}", f"{sgd / r.gap:.3g}", "" if r.rate is None else f"{r.rate:.3g}")
        for r in advice.rules
    ]


def title(advice: Advice) -> str:
    """What was asked."""
    s = advice.setting
    passes = "one pass over" if s.passes == 1 else f"{s.passes:g} passes over"
    return (
        f"{advice.tokens:,} tokens, {advice.occurrences:,.0f} occurrences; {passes} "
        f"{s.samples:,.0f} samples, noise {s.noise:g}"
    )


def page(advice: Advice, source: str, picture: str) -> str:
    """The page, as Markdown."""
    table = [HEADER, tuple("---" for _ in HEADER), *rows(advice)]
    return "\n".join(
        [
            "# What token frequencies say about the learning rate",
            "",
            f"`{source}`: {title(advice)}.",
            "",
            f"**{headline(advice)}**",
            "",
            *("| " + " | ".join(row) + " |" for row in table),
            "",
            *(f"* {line}" for line in lines(advice)),
            "",
            f"![counts by rank; gap by samples]({picture})",
            "",
            NOTE,
            "",
        ]
    )


def columns(counts: NDArray[np.int64], advice: Advice) -> dict[str, list[Any]]:
    """Of the picture: counts by rank, and gaps by samples of one pass at the given passes."""
    ranked = np.sort(counts)[::-1]
    ranks = np.unique(np.rint(np.geomspace(1, ranked.size, 200)).astype(np.int64))
    data: dict[str, list[Any]] = {"curve": [], "x": [], "y": []}

    def add(curve: str, x: Any, y: Any) -> None:
        for column, value in zip(data.values(), (curve, float(x), float(y)), strict=True):
            column.append(value)

    for rank in ranks:
        add("counts", rank, ranked[rank - 1])
    model, s = Model(coarser(from_counts(counts)), advice.occurrences), advice.setting
    for factor in 10.0 ** np.arange(-2, 2.1, 0.5):
        if s.samples * factor >= 1:
            there = Setting(s.samples * factor, s.passes, s.noise)
            for name, q in (("SGD", 0.0), ("FA-SGD", 0.5)):
                add(name, there.samples, model.tuned(there, q)[0])
    return data


def draw(data: dict[str, NDArray[Any]]) -> Figure:
    """Counts by rank beside predicted gaps."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.2))
    for curve in np.unique(data["curve"]):
        chosen = data["curve"] == curve
        axis, label = (left, None) if curve == "counts" else (right, str(curve))
        axis.loglog(data["x"][chosen], data["y"][chosen], label=label)
    left.set(xlabel="rank", ylabel="occurrences")
    right.set(xlabel="samples of one pass", ylabel="gap left, tuned rates")
    right.legend()
    return figure
