"""Click-through rows for the factorisation machine, planted or real, as groups of fields."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import Field, PositiveInt

import freqopt.data as datasets
from freqopt._fields import Finite, Positive
from freqopt.errors import ProblemError
from freqopt.problems._arrays import normals
from freqopt.problems._losses import Logistic
from freqopt.problems._parameters import Nested
from freqopt.problems._sources import Data
from freqopt.problems._tokens import Instance, Tokens, Zipf
from freqopt.streams import Stream, fold
from freqopt.typing import Doubles, Floats, Integers


def machine(bias: float | Floats, rows: Floats) -> Floats:
    """Scores of a factorisation machine, (B,), from rows (B, F, 1 + d) of weight and factors.

    bias + sum_f w_f + 1/2 sum_c ((sum_f v_fc)^2 - sum_f v_fc^2)            [Rendle 2010, lemma 3.1]

    Every sum is a fold.
    """
    weights, factors = rows[:, :, 0], rows[:, :, 1:]
    together = fold(factors, axis=1)
    apart = fold(factors * factors, axis=1)
    return bias + fold(weights) + fold(together * together - apart) / 2


class ClickRows(Nested):
    """n rows of F tokens and a label."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of tokens of each field."""
        raise NotImplementedError(f"{type(self).__name__} does not say this")

    @property
    def tokens(self) -> Integers:
        """Tokens int64 (n, F), 0 .. sizes[f] - 1 in column f."""
        raise NotImplementedError(f"{type(self).__name__} does not say this")

    @property
    def labels(self) -> Doubles:
        """1 clicked, 0 not, float64 (n,)."""
        raise NotImplementedError(f"{type(self).__name__} does not say this")

    @property
    def timestamps(self) -> Integers:
        """Time or row number, int64 (n,)."""
        raise NotImplementedError(f"{type(self).__name__} does not say this")


class Planted(ClickRows):
    """Independent fields; labels drawn once from a planted factorisation machine."""

    kind: Literal["planted"] = Field("planted", description="Which kind this is.")
    fields: tuple[Tokens, ...] = Field(
        tuple(Zipf(exponent=1.1, size=size) for size in (1000, 300, 100, 30)),
        min_length=1,
        description="Law of each field's token.",
    )
    samples: PositiveInt = Field(20_000, description="Rows of the data set.")
    dimension: PositiveInt = Field(4, description="Factors of the planted machine.")
    signal: Positive = Field(1.5, description="Standard deviation of its scores, about.")
    intercept: Finite = Field(-1.0, description="Its bias.")
    instance: Instance = Field(0, description="Seed of the machine, the rows and the labels.")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of the laws."""
        return tuple(field.law.size for field in self.fields)

    @cached_property
    def tokens(self) -> Integers:
        """Step 0 of one stream per field."""
        drawn = [
            field.law.draw(Stream(self.instance, 0, f"clicks field {f}"), 0, self.samples)
            for f, field in enumerate(self.fields)
        ]
        return np.stack(drawn, axis=1)

    @cached_property
    def scores(self) -> Doubles:
        """Planted score of each row, float64 (n,)."""
        # Linear weights and pairwise products each have half of the scores' variance.
        count, width = len(self.fields), self.dimension
        linear = self.signal / math.sqrt(2.0 * count)
        factor = math.sqrt(self.signal / math.sqrt(count * max(count - 1, 1) * width))
        scale = np.array([linear] + [factor] * width)
        rows = [
            scale * normals(self.instance, 0, f"planted field {f}", (size, 1 + width))
            for f, size in enumerate(self.sizes)
        ]
        seen = [table[self.tokens[:, f]] for f, table in enumerate(rows)]
        return np.asarray(machine(self.intercept, np.stack(seen, axis=1)), np.float64)

    @cached_property
    def labels(self) -> Doubles:
        """Clicked with probability sigmoid(planted score)."""
        words = Stream(self.instance, 0, "clicks labels").words(0, self.samples)
        return Logistic().labels(self.scores, words)

    @property
    def timestamps(self) -> Integers:
        """Row numbers."""
        return np.arange(self.samples)


class Real(ClickRows):
    """Rows of a click-through file; its dense features are not used."""

    kind: Literal["data"] = Field("data", description="Which kind this is.")
    data: Data = Field(description="Where the rows are.")

    @cached_property
    def _clicks(self) -> datasets.Clicks:
        return self.data.load(datasets.Clicks)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Vocabulary sizes."""
        return self._clicks.sizes

    @property
    def tokens(self) -> Integers:
        """As read."""
        return self._clicks.tokens

    @property
    def labels(self) -> Doubles:
        """As read."""
        if self._clicks.labels is None:
            raise ProblemError(
                f"{self._clicks.source} has no labels; expected a training file with clicks. "
                "Name the file that has them"
            )
        return self._clicks.labels.astype(np.float64)

    @property
    def timestamps(self) -> Integers:
        """As read."""
        return self._clicks.timestamps


Clicks: TypeAlias = Annotated[Planted | Real, Field(discriminator="kind")]
"""`{kind = "planted", samples = 20000}` or `{kind = "data", data = {...}}`."""
