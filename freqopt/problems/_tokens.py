"""Fields that problems share: which token distribution, and how a quantity varies over tokens."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, PositiveInt, model_validator

import freqopt.data as datasets
from freqopt._fields import Finite, NonNegative, Positive
from freqopt.problems._parameters import Nested
from freqopt.problems._sources import Data
from freqopt.streams import BoundedZipf, ExponentialTail, TokenCounts, TokenDistribution
from freqopt.streams.elementary import power

Probability = Annotated[float, Field(ge=0, le=1)]
Instance = Annotated[int, Field(ge=0, lt=2**63)]
"""Seed of a problem's planted parameters: they are the same in every run of the problem."""


class TokenLaw(Nested):
    """A distribution over the tokens 0 .. size - 1."""

    @property
    def law(self) -> TokenDistribution:
        """The sampler."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _exists(self) -> Self:
        _ = self.law  # a sampler refuses what is no distribution
        return self


class Zipf(TokenLaw):
    """p_k proportional to (k + 1)^-exponent for k = 0 .. size - 1; exponent 0 is uniform."""

    kind: Literal["zipf"] = Field("zipf", description="Which kind this is.")
    exponent: NonNegative = Field(1.0, description="0 is uniform; words have about 1.")
    size: PositiveInt = Field(1000, description="Number of tokens N.")

    @cached_property
    def law(self) -> BoundedZipf:
        """The sampler."""
        return BoundedZipf(self.exponent, self.size)


class Exponential(TokenLaw):
    """p_k proportional to exp(-rate k) for k = 0 .. size - 1."""

    kind: Literal["exponential"] = Field("exponential", description="Which kind this is.")
    rate: Positive = Field(description="Each token is exp(-rate) times as frequent as the last.")
    size: PositiveInt = Field(description="Number of tokens N.")

    @cached_property
    def law(self) -> ExponentialTail:
        """The sampler."""
        return ExponentialTail(self.rate, self.size)


class Counts(TokenLaw):
    """p_k proportional to an observed count of token k."""

    kind: Literal["counts"] = Field("counts", description="Which kind this is.")
    counts: tuple[Annotated[int, Field(ge=0, lt=2**63)], ...] = Field(
        min_length=1, description="How often each token occurs, not all 0."
    )

    @cached_property
    def law(self) -> TokenCounts:
        """The sampler."""
        return TokenCounts(np.array(self.counts, np.int64))


class FromData(TokenLaw):
    """p_k proportional to the count of the k-th commonest token of real data."""

    kind: Literal["data"] = Field("data", description="Which kind this is.")
    data: Data = Field(description="A table of counts, a text, or ratings.")
    column: Literal["items", "users"] = Field("items", description="Of ratings, what is counted.")
    vocabulary: PositiveInt | None = Field(
        None, description="Keep the commonest tokens only. Absent: all."
    )

    @cached_property
    def law(self) -> TokenCounts:
        """The sampler."""
        read = self.data.load(datasets.TokenCounts, datasets.Ratings)
        if isinstance(read, datasets.Ratings):
            counts = np.bincount(read.items if self.column == "items" else read.users)
        else:
            assert isinstance(read, datasets.TokenCounts)
            counts = read.counts
        return TokenCounts(np.sort(counts)[::-1][: self.vocabulary].copy())


Tokens: TypeAlias = Annotated[Zipf | Exponential | Counts | FromData, Field(discriminator="kind")]
"""`{kind = "zipf", exponent = 1.2, size = 1000}` and the like."""


class PowerOfFrequency(Nested):
    """value_k = scale (p_k / max p)^exponent: `scale` at the commonest token."""

    scale: NonNegative = Field(1.0, description="Value at the commonest token.")
    exponent: Finite = Field(0.0, description="0 is the same value for every token.")

    def values(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """value_k of every token, float64 (N,); tokens that never occur get `scale`."""
        seen = probabilities > 0
        relative = np.where(seen, probabilities, 1.0) / np.where(seen, probabilities.max(), 1.0)
        return self.scale * power(relative, np.float64(self.exponent))


def _number_is_scale(value: Any) -> Any:
    return {"scale": value} if isinstance(value, int | float) else value


Profile: TypeAlias = Annotated[PowerOfFrequency, BeforeValidator(_number_is_scale)]
"""`0.5`, the same for every token, or `{scale = 0.5, exponent = -0.5}`."""
