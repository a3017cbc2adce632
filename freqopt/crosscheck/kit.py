"""Do the cases notice every wrong version of a rule, and by how much?

The kit runs each mutant of a rule (`freqopt.crosscheck.mutants`) through the rule's cases until one
shows it. A mutant that no case shows is a hole in the cases, unless it is listed as equivalent; one
that is listed and shows is a mistake in the list.

The tolerance follows from the result. It is the largest that keeps ten times its size below the
effect of every mutant, and at most `WIDEST`. What a mutant changes by fewer than `RESOLUTION` units
in the last place of float32 cannot be told from rounding there, and is judged in float64 instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import DTypeLike, NDArray

from freqopt.crosscheck.cases.dialects import Case, cases
from freqopt.crosscheck.compare import units
from freqopt.crosscheck.implementation import Implementation, reference, steps, trace
from freqopt.crosscheck.mutants import equivalent, mutants
from freqopt.errors import CrosscheckError
from freqopt.typing import Floats

WIDEST = {np.dtype(np.float64): 1024.0, np.dtype(np.float32): 8.0}
"""The widest tolerance in units in the last place, 2e-13 and 1e-6 of a weight."""

RESOLUTION = 20.0
"""Effects in float32 below this many units are judged in float64: two units may be rounding."""

MARGIN = 10.0
"""The effect of every mutant is at least this many times the tolerance."""


@dataclass(frozen=True)
class Kill:
    """What became of one mutant.

    Attributes
    ----------
    mutant : str
    effect : float
        The largest distance from the reference that was seen, in units in the last place; at least
        that, for the search ends where a distance is large enough. Infinite if the mutant failed.
    case : str
        The case that showed it; empty for a survivor.
    dtype : str
        Where it was judged: float64 also for what float32 cannot resolve.
    reason : str
        Why no case can show it, from the lists of equivalents; empty for the others.
    """

    mutant: str
    effect: float
    case: str
    dtype: str
    reason: str


@dataclass(frozen=True)
class Kit:
    """The kill matrix of one rule in one dtype, and the tolerance that follows from it.

    Attributes
    ----------
    rule : str
    dtype : str
    kills : tuple of Kill
        One for every mutant.
    """

    rule: str
    dtype: str
    kills: tuple[Kill, ...]

    @property
    def survivors(self) -> list[Kill]:
        """Mutants that no case shows, and no list excuses."""
        return [kill for kill in self.kills if not kill.effect and not kill.reason]

    @property
    def mislabelled(self) -> list[Kill]:
        """Mutants that are listed as equivalent, and show."""
        return [kill for kill in self.kills if kill.effect and kill.reason]

    @property
    def unresolved(self) -> list[Kill]:
        """Mutants that this dtype cannot tell from rounding, and float64 judged instead."""
        return [kill for kill in self.kills if kill.dtype != self.dtype]

    @property
    def smallest(self) -> Kill:
        """The mutant that is hardest to see in this dtype."""
        seen = [kill for kill in self.kills if kill.effect and kill.dtype == self.dtype]
        return min(seen, key=lambda kill: kill.effect)

    @property
    def tolerance(self) -> float:
        """In units in the last place: a tenth of the smallest effect, at most `WIDEST`."""
        return min(self.smallest.effect / MARGIN, WIDEST[np.dtype(self.dtype)])


def tolerance(rule: str, dtype: DTypeLike = np.float64) -> float:
    """How far from the reference an implementation of a rule may be, in units in the last place.

    Parameters
    ----------
    rule : str
        A rule's name, or the path of a user's own file with a rule.
    dtype : float32 or float64

    Raises
    ------
    CrosscheckError
        A mutant survives, or one that is listed as equivalent does not: no tolerance is safe.
    """
    found = kit(rule, np.dtype(dtype).name)
    for what, kills in (("survive", found.survivors), ("are not equivalent", found.mislabelled)):
        if kills:
            names = ", ".join(kill.mutant for kill in kills)
            raise CrosscheckError(
                f"the cases of {rule} give no tolerance in {found.dtype}: these mutants {what}: "
                f"{names}; add a case that shows them, or mend the list of equivalents "
                "(EQUIVALENT, mutant -> reason, in your own rule's file)"
            )
    return found.tolerance


@cache
def kit(rule: str, dtype: str = "float64") -> Kit:
    """All mutants of a rule on all its cases, seconds of work; parameters as `tolerance`."""
    wide = kit(rule) if dtype == "float32" else None
    return examine(rule, cases(rule, dtype), mutants(rule), wide)


def examine(
    rule: str, on: list[Case], judged: Mapping[str, Implementation], wide: Kit | None = None
) -> Kit:
    """Run mutants through cases.

    Parameters
    ----------
    rule : str
        Whose list of equivalents holds.
    on : list of Case, all of one dtype
    judged : name -> mutant
    wide : Kit, optional
        For cases in float32: what came of the same in float64, found out first if absent.
    """
    dtype = on[0].exercise.table.dtype
    expected = {case.name: _Expected(case) for case in on}
    reasons, enough = equivalent(rule), MARGIN * WIDEST[dtype]
    if wide is None and dtype == np.float32:
        wide = examine(rule, [case.in_dtype(np.float64) for case in on], judged)
    known = {kill.mutant: kill for kill in wide.kills} if wide else {}
    kills = []
    for name, mutant in judged.items():
        kill = known.get(name)
        if kill is None or kill.effect:
            shown = [expected[kill.case]] if kill else []  # where float64 shows it, float32 may too
            effect, case = _effect(mutant, [*shown, *expected.values()], enough)
            if kill is None or effect >= RESOLUTION:
                kill = Kill(name, effect, case, dtype.name, reasons.get(name, ""))
        kills.append(kill)
    return Kit(rule, dtype.name, tuple(kills))


class _Expected:
    """A case, what the reference does in it, and the unit of every entry."""

    def __init__(self, case: Case) -> None:
        self.case, self.tables = case, trace(reference, case)
        self.units = units(self.tables)


def _effect(mutant: Implementation, exercises: list[_Expected], enough: float) -> tuple[float, str]:
    """The largest distance from the reference, and the case that has it; stops at `enough`."""
    applies: Callable[..., bool] = getattr(mutant, "applies", lambda _rule: True)
    worst, where = 0.0, ""
    for expected in exercises:
        if not applies(expected.case.rule):
            continue
        seen = _distance(mutant, expected, enough)
        if seen > worst:
            worst, where = seen, expected.case.name
        if worst >= enough:
            break
    return worst, where


def _distance(mutant: Implementation, expected: _Expected, enough: float) -> float:
    """How far the mutant gets from the reference in one case; stops at the first step beyond."""
    worst = 0.0
    try:
        for t, table in enumerate(steps(mutant, expected.case), start=1):
            worst = max(worst, _worst(expected.tables[t], table, expected.units[t]))
            if worst >= enough:
                break
    except CrosscheckError:  # it fails where the reference does not
        return np.inf
    return worst


def _worst(expected: Floats, got: Floats, unit: NDArray[np.float64]) -> float:
    with np.errstate(invalid="ignore", over="ignore"):
        gap = np.abs(expected.astype(np.float64) - got) / unit
    return float(np.where(np.isnan(gap), np.inf, gap).max())
