"""What the step benchmarks run on: one table size, one batch size, batches drawn beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Cell:
    """One combination of sizes, and its data.

    Batches rotate, so that no contender finds its gradients in a near cache. Rows follow a Zipf law
    in no order of frequency.
    """

    rows: int
    width: int = 64
    batch: int = 65536
    threads: int = 2
    exponent: float = 1.05
    batches: int = field(init=False)
    ids: list[np.ndarray] = field(init=False)
    grads: list[np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        self.batches = min(64, max(8, 2**18 // self.batch))
        self._found = np.empty((self.batch, self.width), np.float32)
        rng = np.random.default_rng(0)
        law = np.cumsum(np.arange(1, self.rows + 1) ** -self.exponent)
        names = rng.permutation(self.rows)
        self.ids = [
            names[np.searchsorted(law, rng.random(self.batch) * law[-1])]
            for _ in range(self.batches)
        ]
        self.grads = [
            rng.normal(size=(self.batch, self.width)).astype(np.float32)
            for _ in range(self.batches)
        ]

    def table(self, value: float = 0.1) -> np.ndarray:
        """A table of its own for each contender, its pages touched."""
        return np.full((self.rows, self.width), value, np.float32)

    def look_up(self, table: np.ndarray, k: int) -> None:
        """Read the rows of batch k."""
        np.take(table, self.ids[k], axis=0, out=self._found[:, : table.shape[1]], mode="clip")

    def __str__(self) -> str:
        distinct = np.unique(self.ids[0]).size
        return (
            f"N = {self.rows:,}, d = {self.width}, B = {self.batch:,} "
            f"(Zipf {self.exponent}: {distinct:,} distinct rows), {self.threads} threads"
        )
