"""How old the gradients are that a fixed-memory rule keeps, and how many it took.

The age of a stored gradient is the number of steps since it was computed, as the next step would
use it: 1 is the gradient of the last step.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from freqopt.experiment.metrics._metric import Checkpoint, Metric, Reading


class MemoryAge(Metric):
    """Mean and largest age in each table's memory, and the share of gradients that were taken."""

    def measure(self, at: Checkpoint) -> Iterator[Reading]:
        """Readings `memory_age`, `memory_oldest`; `memory_accepted` of a memory that is full."""
        for table, state in at.states.items():
            if "born" not in state or not int(state["length"]):
                continue
            ages = at.step + 1 - np.asarray(state["born"])[: int(state["length"])]
            yield Reading("memory_age", float(ages.mean()), table)
            yield Reading("memory_oldest", float(ages.max()), table)
            if judged := int(state["accepted"]) + int(state["rejected"]):
                yield Reading("memory_accepted", int(state["accepted"]) / judged, table)
