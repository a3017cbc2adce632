"""Groups of tokens by frequency: by default head, middle and tail."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from freqopt._fields import Fields
from freqopt.errors import StudyError, describe
from freqopt.typing import Integers

Share = Annotated[float, Field(gt=0, le=1)]


class Groups(Fields):
    """Tokens in order of falling frequency, cut into consecutive shares.

    The default: the head is the most frequent tokens that hold the first half of the probability
    mass, the tail the rare ones that hold the last tenth. A token belongs to the group in which its
    share begins, so that the most frequent one is always in the first. Tokens of equal frequency
    keep the table's order; those that never occur come last.
    """

    by: Literal["mass", "rank"] = Field(
        "mass", description="Shares of the probability mass, or of the number of tokens."
    )
    shares: dict[str, Share] = Field(
        default={"head": 0.5, "middle": 0.4, "tail": 0.1},
        description="Group name -> share, from the most frequent on; together 1.",
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise StudyError(describe(error, "groups", type(self).model_fields)) from None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum(self.shares.values())
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the shares sum to {total:g}, expected 1")
        if "all" in self.shares:
            raise ValueError("'all' names the whole table; choose another name")
        return self

    def members(self, frequency: NDArray[np.float64]) -> dict[str, Integers]:
        """Rows of each group, ascending; empty groups are left out.

        Parameters
        ----------
        frequency : float64 (N,)
            p_k of every row of a table.

        Returns
        -------
        dict of str to int64 (n,)
        """
        order = np.argsort(-frequency, kind="stable")
        weight = frequency[order] if self.by == "mass" else np.ones(order.size)
        upto = np.add.accumulate(weight)  # left to right by definition
        before = (upto - weight) / upto[-1]
        bounds = np.add.accumulate(list(self.shares.values()))[:-1]
        # A share that begins within rounding of a bound begins at the bound.
        group = np.searchsorted(bounds, before + 1e-12, side="right")
        rows = {name: np.sort(order[group == i]) for i, name in enumerate(self.shares)}
        return {name: members for name, members in rows.items() if members.size}
