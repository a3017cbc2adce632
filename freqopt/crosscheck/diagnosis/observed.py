"""What some implementation did, and how far a table is from it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from freqopt.crosscheck.cases.exercises import Exercise
from freqopt.crosscheck.compare import units
from freqopt.typing import Floats


@dataclass(frozen=True)
class Seen:
    """What some implementation did in one exercise.

    Attributes
    ----------
    exercise : Exercise
    tables : (S + 1, N, d)
        From `trace`, or from a file.
    tolerance : float
        Largest distance that counts as the same, in units in the last place.
    """

    exercise: Exercise
    tables: Floats
    tolerance: float
    unit: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "unit", units(self.tables))

    def ulps(self, table: Floats, t: int, row: int | slice = slice(None)) -> float:
        """Largest distance of a table from the one seen after step t; as `compare.distance`."""
        return float(self.apart(table, t, row).max())

    def apart(self, table: Floats, t: int, row: int | slice = slice(None)) -> Floats:
        """The same of every entry."""
        other, unit = self.tables[t, row], self.unit[t, row]
        apart = np.abs(table - other) / unit
        apart[(table == other) | (np.isnan(table) & np.isnan(other))] = 0
        return np.where(np.isnan(apart), np.inf, apart)
