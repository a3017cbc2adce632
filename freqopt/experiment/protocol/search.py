"""Which trials a rule gets: rates far apart, then the neighbours of its best one, without an end.

A trial is a whole number per numeric axis, its place on a grid of constant factor, and a schedule.
Every search of a study gets equally many trials in every round, so all have the same budget.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

SCAN = 8.0
"""Factor between the rates that are looked at first."""

FLAT = 1e-4
"""Share of a score by which a step on an axis changes it, where there is nothing to find."""

Trial = tuple[tuple[int, ...], int]
"""Places on the numeric axes, and the schedule's number."""


@dataclass
class Search:
    """Trials of one rule on one workload.

    Parameters
    ----------
    axes, schedules : int
        How many there are.
    first : tuple of int
        Places on the first axis, the rate's, that are looked at before any neighbour.
    """

    axes: int
    schedules: int
    first: tuple[int, ...] = (0,)
    scores: dict[Trial, float] = field(default_factory=dict)
    """What is minimised; inf where a run diverged."""

    @property
    def width(self) -> int:
        """Neighbours of a trial."""
        return 2 * self.axes + self.schedules - 1

    @property
    def ranked(self) -> list[Trial]:
        """Trials from the best on; of equal ones, as of all that diverged, small rates first."""
        return sorted(self.scores, key=lambda trial: (self.scores[trial], trial))

    @property
    def best(self) -> Trial:
        """The trial of the least score."""
        return self.ranked[0]

    def edges(self) -> list[int]:
        """Axes on which the best trial has a side that was not looked at; all if it diverged.

        An axis beside the rate's that is flat there has none: l2 that tends to 0 ends nowhere.
        """
        if not math.isfinite(self.scores[self.best]):
            return list(range(self.axes))
        open_sides = {axis for axis, near in self.beside(self.best) if near not in self.scores}
        return sorted(axis for axis in open_sides if axis == 0 or not self._flat(axis))

    def _flat(self, axis: int) -> bool:
        least = self.scores[self.best]
        steps = [self.scores.get(near) for on, near in self.beside(self.best) if on == axis]
        return any(step is not None and step - least <= FLAT * abs(least) for step in steps)

    def propose(self, count: int, then: Trial | None = None) -> list[Trial]:
        """The next trials: neighbours not tried yet of the best, then of the second best, ...

        Parameters
        ----------
        count : int
        then : Trial, optional
            One made already, whose neighbours come right after those of the best.
        """
        ranked = self.ranked or [((place, *(0,) * (self.axes - 1)), 0) for place in self.first]
        known = dict.fromkeys([ranked[0], *([then] if then else []), *ranked[1:]])
        proposed = [trial for trial in known if trial not in self.scores][:count]
        for trial in (waiting := list(known)):
            for near in self._near(trial):
                if len(proposed) >= count:
                    return proposed
                if near not in known:
                    known[near] = None
                    proposed.append(near)
                    waiting.append(near)
        return proposed

    def _near(self, trial: Trial) -> Iterator[Trial]:
        flat = {axis for axis in range(1, self.axes) if self.scores and self._flat(axis)}
        yield from (near for axis, near in self.beside(trial) if axis not in flat)
        yield from ((trial[0], k) for k in range(self.schedules) if k != trial[1])

    def beside(self, trial: Trial) -> Iterator[tuple[int, Trial]]:
        """The two trials next to it on each numeric axis."""
        places, schedule = trial
        for axis in range(self.axes):
            for side in (-1, 1):
                moved = (*places[:axis], places[axis] + side, *places[axis + 1 :])
                yield axis, (moved, schedule)


def scanned(count: int, factor: float) -> tuple[int, ...]:
    """The place where a search begins, and `count` others on both sides of it.

    Parameters
    ----------
    count : int
    factor : float
        Of neighbouring places; those here are the nearest that are a factor of 8 apart.

    Returns
    -------
    tuple of int

    Examples
    --------
    >>> scanned(4, 2.0)
    (0, 3, -3, 6, -6)
    """
    apart = max(1, round(math.log(SCAN, factor)))
    sides = [side * apart * far for far in range(1, count // 2 + 2) for side in (1, -1)]
    return (0, *sides[:count])
