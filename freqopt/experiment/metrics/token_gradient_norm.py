"""The exact gradient's norm token by token: N numbers at every checkpoint."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from freqopt.experiment.metrics._metric import Checkpoint, Metric, Reading, row_squares


class TokenGradientNorm(Metric):
    """||grad_k f|| of every token; divide by its `frequency` for the conditional norm."""

    diverged = math.inf

    def measure(self, at: Checkpoint) -> Iterator[Reading]:
        """One reading `token_gradient_norm` per table."""
        for table, grad in at.gradient.items():
            norms = np.sqrt(row_squares(grad))
            yield Reading("token_gradient_norm", norms, table, token=np.arange(norms.size))
