"""A problem of one's own, outside of the library: all kinds of fields, names that C++ keeps."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from freqopt.kernels import (
    Index,
    Lookup,
    Normal,
    ProblemKernel,
    Sign,
    Token,
    Uniform,
    quotient,
)
from freqopt.problems import Constants, Problem
from freqopt.streams import BoundedZipf, Stream
from freqopt.streams.elementary import sigmoid
from freqopt.streams.fold import fold
from freqopt.streams.transforms import index

USERS, ITEMS, RATINGS, WIDTH = 12, 7, 40, 5


class TwoTables(Problem):
    """Logistic scores of users and items, with weights by user and noise."""

    weight: float = 0.3

    @cached_property
    def law(self) -> BoundedZipf:
        """Of the users."""
        return BoundedZipf(1.0, USERS)

    @cached_property
    def items(self) -> Any:
        """The item of each rating."""
        return Stream(0, 0, "items").words(0, RATINGS).astype(np.int64) % ITEMS

    @cached_property
    def planted(self) -> Any:
        """A direction of each user."""
        return Stream(0, 0, "planted").normal(0, USERS * WIDTH).reshape(USERS, WIDTH)

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Two tables."""
        return {"double": (USERS, WIDTH), "items": (ITEMS, WIDTH)}

    @property
    def constants(self) -> Constants:
        """The frequencies alone."""
        counted = np.bincount(self.items, minlength=ITEMS) / RATINGS
        return Constants(frequency={"double": self.law.probabilities(), "items": counted})

    def start(self, seed: int, run: int, dtype: Any = np.float64) -> dict[str, Any]:
        """Small numbers."""
        stream = Stream(seed, run, "start")
        return {
            name: (0.3 * stream.normal(k, n * d).reshape(n, d)).astype(dtype)
            for k, (name, (n, d)) in enumerate(self.shapes.items())
        }

    def draw(self, seed: int, run: int, steps: Any, batch: int) -> Any:
        """The numbers of each sample."""
        rating = index(Stream(seed, run, "rating").words(steps, batch), RATINGS)
        sign = Stream(seed, run, "sign").words(steps, batch) >> np.uint64(63)
        return {
            "user": self.law.draw(Stream(seed, run, "user"), steps, batch),
            "rating": rating,
            "item": self.items[rating],
            "y": 2.0 * sign - 1.0,
            "u": Stream(seed, run, "u").uniform(steps, batch),
            "z": Stream(seed, run, "z").normal(steps, batch),
        }

    def gradients(self, tables: Any, samples: Any) -> Any:
        """One entry per sample and table."""
        u, v = tables["double"][samples["user"]], tables["items"][samples["item"]]
        real, planted = u.dtype.type, self.planted[samples["user"]].astype(u.dtype)
        total = fold(u * v + planted)
        each = -sigmoid(-(samples["y"] * total)) * samples["y"] * samples["u"]
        noise = (self.weight * samples["z"]).astype(u.dtype)[:, None]
        each, batch = each.astype(u.dtype)[:, None], real(len(u))
        of_item = np.where(v == 0, 0, each * u / np.where(v == 0, 1, v))
        return {
            "double": (samples["user"], (each * v + noise * planted) / batch),
            "items": (samples["item"], of_item / batch),
        }

    def kernel(self, real: Any) -> ProblemKernel:
        """For one entry."""
        weight = self.weight

        def term(f: Any, w: Any) -> Any:
            return w.double * w.items + real(f.planted)

        def sample(f: Any, total: Any) -> Any:
            each = -sigmoid(-(f.y * float(total))) * f.y * f.long
            return real(each), real(weight * f.real)

        def element(f: Any, r: Any, w: Any, batch: Any) -> Any:
            each, noise = r
            of_user = each * w.items + noise * real(f.planted)
            return of_user / real(batch), quotient(each * w.double, w.items) / real(batch)

        return ProblemKernel(
            {
                "user": Token(self.law, "user"),
                "rating": Index(RATINGS, "rating"),
                "item": Lookup(self.items, by="rating"),
                "y": Sign("sign"),
                "long": Uniform("u"),
                "real": Normal("z"),
                "planted": Lookup(self.planted, by="user"),
            },
            {"double": "user", "items": "item"},
            element,
            sample,
            term,
        )
