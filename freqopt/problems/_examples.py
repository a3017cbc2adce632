"""Labelled feature vectors for the softmax regression, drawn or read, as groups of fields."""

from __future__ import annotations

import gzip
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from freqopt._fields import NonNegative
from freqopt._install import install
from freqopt.data.packages import package_file
from freqopt.data.parsing.faults import bad_line, shown
from freqopt.data.parsing.lines import lines
from freqopt.errors import ProblemError
from freqopt.problems._arrays import normals
from freqopt.problems._parameters import Nested
from freqopt.problems._tokens import Instance, Probability
from freqopt.streams import BoundedZipf, Stream, fold
from freqopt.streams.transforms import index
from freqopt.typing import Doubles, Integers

DIGITS = "datasets/data/digits.csv.gz"
DIGITS_SHA256 = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"


class ExampleSet(Nested):
    """n feature vectors and their classes."""

    @property
    def features(self) -> Doubles:
        """float64 (n, F)."""
        raise NotImplementedError(f"{type(self).__name__} does not say this")

    @property
    def labels(self) -> Integers:
        """Classes 0 .. K-1, int64 (n,)."""
        raise NotImplementedError(f"{type(self).__name__} does not say this")

    @property
    def class_count(self) -> int:
        """K."""
        raise NotImplementedError(f"{type(self).__name__} does not say this")

    def scaled(self, features: Doubles, training: Integers) -> Doubles:  # noqa: ARG002
        """The features as they are learnt from, by what the training rows alone say."""
        return features


class Blobs(ExampleSet):
    """One Gaussian blob of unit variance per class, drawn once.

    Class k has the probability (k + 1)^-exponent, scaled: by default all are equally likely; 1 is
    the heavy-tailed imbalance of a language model's next words (Kunstner, Milligan, Yadav, Schmidt
    & Bietti 2024, *Heavy-tailed class imbalance and why Adam outperforms gradient descent on
    language models*).
    """

    kind: Literal["blobs"] = Field("blobs", description="Which kind this is.")
    samples: PositiveInt = Field(500, description="Examples n.")
    width: PositiveInt = Field(10, description="Features F.")
    classes: Annotated[int, Field(ge=2)] = Field(3, description="Number of classes, 2 or more.")
    exponent: NonNegative = Field(0.0, description="Zipf exponent of the classes' frequencies.")
    separation: NonNegative = Field(1.0, description="Standard deviation of the blobs' centres.")
    mislabelled: Probability = Field(0.0, description="Chance that a label is drawn anew.")
    instance: Instance = Field(0, description="Seed of the blobs.")

    @property
    def class_count(self) -> int:
        """As asked."""
        return self.classes

    @cached_property
    def labels(self) -> Integers:
        """Those of the blobs; where noise strikes, any class, each as likely."""
        if not self.mislabelled:
            return self._true_labels
        noise = Stream(self.instance, 0, "blobs noise of labels")
        struck = noise.uniform(0, self.samples) < self.mislabelled
        return np.where(
            struck, index(noise.words(1, self.samples), self.classes), self._true_labels
        )

    @cached_property
    def _true_labels(self) -> Integers:
        """Independent."""
        stream = Stream(self.instance, 0, "blobs labels")
        if self.exponent:
            return BoundedZipf(self.exponent, self.classes).draw(stream, 0, self.samples)
        return index(stream.words(0, self.samples), self.classes)

    @cached_property
    def features(self) -> Doubles:
        """The class's centre plus N(0, 1) in each feature."""
        centres = normals(self.instance, 0, "blobs centres", (self.classes, self.width))
        noise = normals(self.instance, 0, "blobs noise", (self.samples, self.width))
        return self.separation * centres[self._true_labels] + noise


class Digits(ExampleSet):
    """Handwritten digits, 1,797 of 8 x 8 grey levels 0 to 16, carried by scikit-learn.

    E. Alpaydin and C. Kaynak, *Optical recognition of handwritten digits*, UCI, 1998: its test set.
    Grey levels over 16. The file is read, no code of the package runs.
    """

    kind: Literal["digits"] = Field("digits", description="Which kind this is.")

    @cached_property
    def _table(self) -> NDArray[np.int64]:
        path = package_file("sklearn", DIGITS, DIGITS_SHA256, install("sklearn"))
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        return np.loadtxt(lines, delimiter=",").astype(np.int64)

    @property
    def class_count(self) -> int:
        """Ten."""
        return 10

    @property
    def labels(self) -> Integers:
        """The digit."""
        return self._table[:, -1]

    @property
    def features(self) -> Doubles:
        """In rows from the top left."""
        return self._table[:, :-1] / 16.0


class Csv(ExampleSet):
    """A file of numbers separated by commas, the class in the last column; one row per example."""

    kind: Literal["csv"] = Field("csv", description="Which kind this is.")
    path: Path = Field(description="The file, relative to the folder of the study file.")
    header: bool = Field(True, description="Whether the first line holds names.")
    encoding: str = Field("utf-8", description="Of the file's text.")
    standardise: bool = Field(
        True,
        description="Shift and scale features: mean 0, variance 1 over the training rows.",
    )

    @cached_property
    def _table(self) -> tuple[Doubles, Integers, int]:
        """Features as read, classes 0 .. K-1 in ascending order of the file's labels, and K."""
        rows: list[list[float]] = []
        for number, line in lines(self.path, self.encoding):
            if (number == 1 and self.header) or not line.strip():
                continue
            row = _numbers(line)
            if len(row) < 2 or len(row) != len((rows or [row])[0]):
                raise bad_line(
                    self.path,
                    number,
                    shown(line),
                    f"{len(rows[0])} finite numbers" if rows else "2 or more finite numbers",
                    "Correct the line; the class stands last, names only in line 1.",
                )
            rows.append(row)
        table = np.array(rows or [[0.0, 0.0]])
        values, labels = np.unique(table[:, -1], return_inverse=True)
        if values.size < 2:
            raise ProblemError(
                f"{self.path} has {len(rows)} rows of {values.size if rows else 0} class; expected "
                "2 or more classes. The last column holds the class"
            )
        return table[:, :-1], labels, values.size

    @property
    def class_count(self) -> int:
        """Distinct values of the last column."""
        return self._table[2]

    @property
    def labels(self) -> Integers:
        """The last column, numbered."""
        return self._table[1]

    @property
    def features(self) -> Doubles:
        """The other columns."""
        return self._table[0]

    def scaled(self, features: Doubles, training: Integers) -> Doubles:
        """Standardised, if asked for; a feature that is constant in training becomes 0 there."""
        if not self.standardise:
            return features
        seen = features[training]
        mean = fold(seen, axis=0) / len(seen)
        deviation = np.sqrt(fold((seen - mean) ** 2, axis=0) / len(seen))
        return (features - mean) / np.where(deviation > 0, deviation, 1.0)


def _numbers(line: str) -> list[float]:
    """The line's numbers; none if one of them is not finite or no number."""
    try:
        row = [float(field) for field in line.split(",")]
    except ValueError:
        return []
    return row if np.isfinite(row).all() else []


Examples: TypeAlias = Annotated[Blobs | Digits | Csv, Field(discriminator="kind")]
"""`{kind = "blobs", samples = 500}`, `{kind = "digits"}` or `{kind = "csv", path = "..."}`."""
