"""The learning rate that a token really got: how far it moved over how hard it was pushed.

For token k, over its visits since the previous checkpoint (steps whose batch holds it),

    sum ||change of theta_k|| / sum ||g_k||,

which is the rate itself for SGD, alpha_k for FA-SGD, and for the adaptive rules whatever their
state made of it. Movement between visits (dense momentum) is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from freqopt.experiment.metrics._metric import Checkpoint, Metric, Reading


class EffectiveRate(Metric):
    """Measured learning rate per token."""

    tracks_movement = True

    def measure(self, at: Checkpoint) -> Iterator[Reading]:
        """Readings `effective_rate` and `visits` of the tokens pushed since the last checkpoint."""
        for table, movement in (at.movement or {}).items():
            (token,) = np.nonzero(movement.pushed > 0)
            rate = movement.moved[token] / movement.pushed[token]
            yield Reading("effective_rate", rate, table, token=token)
            visits = movement.visits[token].astype(np.float64)
            yield Reading("visits", visits, table, token=token)
