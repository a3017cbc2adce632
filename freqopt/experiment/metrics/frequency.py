"""The probability p_k of every token, so that results can be plotted against it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from freqopt.experiment.metrics._metric import Checkpoint, Metric, Reading


class Frequency(Metric):
    """p_k, at step 0 only: it does not change."""

    def measure(self, at: Checkpoint) -> Iterator[Reading]:
        """One reading `frequency` per table."""
        if at.step == 0:
            for table, p in at.constants.frequency.items():
                yield Reading("frequency", p, table, token=np.arange(p.size))
