"""The tables [tune] and [compare] of a study file."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator

from freqopt._fields import Fields, Positive

Schedule = Literal["constant", "inverse", "inverse_sqrt", "linear", "cosine", "step", "warmup"]
SCHEDULES: dict[str, tuple[str, float]] = {
    "constant": ("inverse", 0.0),
    "inverse": ("inverse", 10.0),
    "inverse_sqrt": ("inverse_sqrt", 100.0),
    "linear": ("linear", 1.0),
    "cosine": ("cosine", 1.0),
    "step": ("step", 4.0),
    "warmup": ("warmup", 10.0),
}
"""Schedule -> `lr_decay_law`, and `lr_decay` times the number of steps.

The rate falls to 1/11, to 1/10, to 0, to 0, three times by half; or rises over the first tenth.
"""

Count = Annotated[int, Field(gt=0, lt=2**31, strict=True)]


class Tune(Fields):
    """[tune]: how rates are chosen; the same number of trials for every rule."""

    metric: str = Field(
        description="Least at the last step, mean over runs: gap, objective, or rmse, logloss of "
        "held-out rows (without the word validation or test)."
    )
    trials: Count = Field(12, description="Trials of every rule; more until the best is interior.")
    most: Count = Field(60, description="Trials after which a best one at an edge is reported.")
    runs: Count = Field(2, description="Runs of a trial.")
    factor: Annotated[float, Field(gt=1, allow_inf_nan=False)] = Field(
        2.0, description="Of neighbouring values on every axis."
    )
    scan: Annotated[int, Field(ge=0, lt=100, strict=True)] = Field(
        4,
        description="How many of the trials, the first, are rates that lie factors of about 8 "
        "from where the search begins, on both sides: on a plateau no neighbour shows the way.",
    )
    axes: dict[str, Positive] = Field(
        {}, description="Dotted path -> the value to begin at, beside rule.lr: problem.l2, say."
    )
    schedules: Annotated[list[Schedule], Field(min_length=1)] = Field(
        ["constant"], description=f"Of the rate: {', '.join(get_args(Schedule))}."
    )

    @field_validator("axes", mode="before")
    @classmethod
    def _dotted(cls, axes: Any) -> Any:
        return flatten(axes) if isinstance(axes, dict) else axes


class Compare(Fields):
    """[compare]: what the chosen are compared in."""

    reference: str = Field(description="Label of the rule that the others are compared with.")
    target: bool = Field(
        True, description="Also: steps to what the reference ends with, the rate chosen for that."
    )


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as dotted paths: {"a": {"b": 1}} is {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= (
            flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return flat
