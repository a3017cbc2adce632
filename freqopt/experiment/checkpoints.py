"""When a run is looked at: steps spread evenly on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from freqopt.errors import StudyError
from freqopt.streams.elementary import exp, log


def checkpoint_steps(steps: int, checkpoints: int | Sequence[int]) -> tuple[int, ...]:
    """The steps at which a run is recorded, ascending, 0 and `steps` among them.

    Parameters
    ----------
    steps : int
        Length of the run.
    checkpoints : int or sequence of int
        How many (the early ones coincide, so that there may be fewer), or which ones.

    Examples
    --------
    >>> checkpoint_steps(1000, 8)
    (0, 1, 3, 10, 32, 100, 316, 1000)
    """
    if not isinstance(checkpoints, int):
        outside = [step for step in checkpoints if not 0 <= step <= steps]
        if outside:
            raise StudyError(
                f"checkpoint {outside[0]} is outside the run of {steps} steps; give steps from 0 "
                f"to {steps}, or a number of checkpoints"
            )
        return tuple(sorted({0, *checkpoints, steps}))
    if checkpoints < 2:
        raise StudyError(
            f"checkpoints = {checkpoints}: a run is recorded at its start and its end; "
            "give 2 or more"
        )
    between = checkpoints - 2
    if not steps:
        return (0,)
    # The project's own exp and log, so that every machine rounds to the same steps.
    spaced = exp(log(float(steps)) * np.arange(between) / max(between, 1))
    return tuple(sorted({0, *np.floor(spaced + 0.5).astype(int).tolist(), steps}))
