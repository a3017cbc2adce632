"""When a run is looked at: by default at steps spread evenly on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from freqopt._fields import Fields, is_whole
from freqopt.errors import StudyError
from freqopt.streams.elementary import exp, log


class Every(Fields):
    """Evenly spaced checkpoints, for averages over the steps."""

    every: Annotated[int, Field(gt=0, strict=True)] = Field(
        description="Steps from one checkpoint to the next."
    )


Checkpoints = int | Sequence[int] | Every
MOST = 10**7
"""Checkpoints of one run."""


def as_checkpoints(value: Any) -> int | list[int] | Every:
    """The value as one of the three forms.

    Raises
    ------
    StudyError
        It is none of them.
    """
    if isinstance(value, Every):
        return value
    if isinstance(value, Mapping) and list(value) == ["every"] and is_whole(value["every"]):
        if value["every"] > 0:
            return Every(every=int(value["every"]))
    elif is_whole(value) and 2 <= value < 2**31:
        return int(value)
    elif isinstance(value, list | tuple | range | np.ndarray) and all(map(is_whole, value)):
        return [int(step) for step in value]
    if is_whole(value) and value >= 2**31:
        raise StudyError(f"checkpoints = {value}: that many are not kept; give fewer than 2^31")
    raise StudyError(
        f"checkpoints = {value!r}: a run is recorded at its start and its end; give 2 or more, or "
        "the steps, such as [10, 100], or {every = 50}"
    )


def checkpoint_steps(steps: int, checkpoints: Checkpoints) -> tuple[int, ...]:
    """The steps at which a run is recorded, ascending, 0 and `steps` among them.

    Parameters
    ----------
    steps : int
        Length of the run.
    checkpoints : int, sequence of int, or Every
        How many, logarithmically spaced (early ones coincide, so that there may be fewer); which
        ones; or one every so many steps.

    Examples
    --------
    >>> checkpoint_steps(1000, 8)
    (0, 1, 3, 10, 32, 100, 316, 1000)
    """
    checkpoints = as_checkpoints(checkpoints)
    if isinstance(checkpoints, Every):
        if steps // checkpoints.every > MOST:
            raise StudyError(
                f"checkpoints = {{every = {checkpoints.every}}} of {steps} steps: more than {MOST} "
                "are not kept; give a larger every, or a number of checkpoints"
            )
        checkpoints = list(range(0, steps, checkpoints.every))
    if not isinstance(checkpoints, int):
        outside = [step for step in checkpoints if not 0 <= step <= steps]
        if outside:
            raise StudyError(
                f"checkpoint {outside[0]} is outside the run of {steps} steps; give steps from 0 "
                f"to {steps}, or a number of checkpoints"
            )
        return tuple(sorted({0, *checkpoints, steps}))
    return _log_spaced(steps, checkpoints - 2) if steps else (0,)


@lru_cache(maxsize=64)
def _log_spaced(steps: int, between: int) -> tuple[int, ...]:
    # The project's own exp and log, so that every machine rounds to the same steps.
    spaced = exp(log(float(steps)) * np.arange(between) / max(between, 1))
    return tuple(sorted({0, *np.floor(spaced + 0.5).astype(int).tolist(), steps}))
