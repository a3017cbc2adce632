"""What a run is beside its problem and its rule: the settings of `run`, checked in one place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from freqopt._fields import Fields, is_whole
from freqopt.backends import Factorised
from freqopt.errors import StudyError, describe
from freqopt.experiment.checkpoints import Every, as_checkpoints, checkpoint_steps
from freqopt.experiment.groups import Groups
from freqopt.experiment.metrics import metrics

_LEAST = {"steps": 1, "batch": 1, "seed": 0, "run": 0}
_STEPS = 10**13
"""At ten million steps a second, which nothing here reaches, they take eleven days."""


class RunConfig(Fields):
    """Settings of one run; see `freqopt.run` for what they mean.

    Raises
    ------
    StudyError
        A value that no run can have.
    """

    steps: int
    batch: int = 1
    seed: int = 0
    run: int = 0
    dtype: Literal["float64", "float32"] = "float64"
    checkpoints: int | list[int] | Every = 40
    record: list[str] = Field(["objective"])
    groups: Groups = Groups()
    factorised: Factorised | None = None

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise StudyError(describe(error, "run", type(self).model_fields)) from None

    @field_validator(*_LEAST, mode="before")
    @classmethod
    def _whole(cls, given: Any, info: ValidationInfo) -> Any:
        least = _LEAST[str(info.field_name)]
        if not is_whole(given) or not least <= given < 2**63:
            raise ValueError(
                f"{info.field_name} = {given!r}: give a whole number, {least} or more and below "
                "2^63"
            )
        if info.field_name == "steps" and given > _STEPS:
            raise ValueError(f"steps = {given}: a run of more than {_STEPS} would not end")
        return given

    @field_validator("dtype", mode="before")
    @classmethod
    def _known_dtype(cls, given: Any) -> Any:
        if given not in ("float64", "float32"):
            raise ValueError(f"dtype = {given!r}: give 'float64' or 'float32'")
        return given

    @field_validator("checkpoints", mode="before")
    @classmethod
    def _one_of_three_forms(cls, given: Any) -> Any:
        return as_checkpoints(given)

    @field_validator("record", mode="before")
    @classmethod
    def _names(cls, given: Any) -> list[str]:
        """At least one metric, each once."""
        names = [given] if isinstance(given, str) else given
        names = list(names) if isinstance(names, Iterable) else []
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError(
                f"record = {given!r}: give the names of at least one metric; known: "
                f"{', '.join(metrics)}"
            )
        return list(dict.fromkeys(names))

    @property
    def schedule(self) -> tuple[int, ...]:
        """The steps at which the run is looked at, ascending."""
        return checkpoint_steps(self.steps, self.checkpoints)
