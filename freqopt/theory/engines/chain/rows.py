"""Worst case over bound: what theorem files list, and the verdict on the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from freqopt.theory.engines.chain.gram import NoValueError
from freqopt.theory.engines.chain.tokens import Chain
from freqopt.theory.engines.chain.worst import worst
from freqopt.theory.theorem import Check, Context
from freqopt.theory.verdict import TIGHT_FROM, Verdict, Word

ACCURACY = 1e-5
"""Of the two sides, relatively: wider brackets decide nothing, unless a row says so itself."""

RANDOM, MEAN = "random iterate", "averaged iterate"
"""p E F(theta^tau), tau as the output's law; p E F(sum of law_t theta^t), which is at most that."""

MET = "mean of the rows met"
"""E F of the plain mean over the visits: at most that of the averaged iterate."""


@dataclass(frozen=True)
class Row:
    """One instance of a theorem, its bound and its worst case from both sides.

    Attributes
    ----------
    case : str
        The parameters.
    output : str
        Which output's worst case it is: `RANDOM` or `MEAN`.
    band : float
        How far apart the sides may be, relatively.
    """

    case: str
    output: str
    bound: float
    lower: float
    upper: float
    band: float = ACCURACY

    @property
    def shares(self) -> tuple[float, float]:
        """Both sides over the bound."""
        return self.lower / self.bound, self.upper / self.bound


def row(case: str, output: str, bound: float, chain: Chain) -> Row:
    """The row of a chain."""
    found = worst(chain.trimmed())
    return Row(case, output, bound, found.lower, found.upper)


def judged(rows: Callable[[], Iterable[Row]]) -> Verdict:
    """The rows' verdict: every bound above its worst case, and how much of it is used.

    A bound is refuted by a function that exceeds it, never by a solver; where the two sides are too
    far apart, or the solver gave nothing, the word is UNPROVED.
    """
    found: list[Row] = []
    try:
        for made in rows():
            found.append(made)  # noqa: PERF402 - those before a failure are kept
    except NoValueError as error:
        return Verdict("", "", "", Word.UNPROVED, note=f"after {len(found)} cases: {error}")
    closest = max(found, key=lambda r: r.shares[0])
    low, high = closest.shares
    note = f"{len(found)} cases; closest: {low:.4f} to {high:.4f} of the bound"
    word = Word.TIGHT if low >= TIGHT_FROM else Word.EXACT
    for made in found:
        if made.lower > made.bound * (1 + 1e-9):
            closest, word, note = made, Word.REFUTED, f"exceeded by a function: {made.case}"
            break
        if made.upper > made.bound * (1 + ACCURACY):
            closest, word, note = made, Word.UNPROVED, f"upper value above the bound: {made.case}"
        elif made.upper - made.lower > made.band * made.upper and word is not Word.UNPROVED:
            apart = f"{made.lower:.6g} and {made.upper:.6g}"
            closest, word, note = made, Word.UNPROVED, f"sides too far apart: {made.case}, {apart}"
    return Verdict(
        "", "", "", word, measured=closest.lower, bound=closest.bound, ratio=closest.shares[0],
        witness=f"{closest.output}, {closest.case}", note=note,
    )  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """A theorem's worst cases beside its bound, as what a check runs.

    Parameters
    ----------
    rows : quick -> rows
    """

    rows: Callable[[bool], Iterable[Row]]

    def __call__(self, context: Context) -> Verdict:
        """The verdict on the list."""
        return judged(lambda: self.rows(context.quick))


def check(name: str, rows: Callable[[bool], Iterable[Row]]) -> Check:
    """The check of such a list."""
    return Check("worst case", name, Listing(rows), needs="clarabel")
