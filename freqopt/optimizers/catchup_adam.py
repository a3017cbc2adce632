r"""Catch-up Adam: stored lazily, dense in meaning.

Problem
    As dense Adam, for a table of which a batch names few rows.
Update
    When a row is in batch t and was last brought up to batch a, the batches a+1, ..., t-1 that it
    missed are replayed: adam (1) to (7) with g = 0 (plus lambda w with l2 weight decay), each with
    its own rate and bias corrections. Then comes batch t.                                    (1)
    `catch_up` replays all rows up to the present batch; afterwards table and moments equal those of
    dense Adam bit for bit, also with amsgrad, Nesterov, l2 or decoupled weight decay and max_norm.
Semantics
    Between two visits the stored row is out of date. Whoever reads rows to form the next gradient
    reads dense Adam's values only after `catch_up(table, state, rows)`, which costs that replay.
    A row whose moments are 0 is at rest: it needs no replay unless weights decay or a norm is
    limited. A row that was touched never comes to rest: beta1 m rounds to a subnormal, not to 0.
    Refused, because dense Adam has no counterpart: duplicates = "sequential", step_index =
    "visits", other decay_rows; and rows = "all", which is rule adam.
State
    m, v (N, d), settled_at (N,) int64: 8 d + 8 bytes per row in float32; vmax as in adam.
    Time: one row update per batch missed, so dense Adam's work on the rows touched so far, and none
    on the others. Per batch NumPy loops over the longest gap in it: on a Zipf table (s = 1, 8
    occurrences per batch, d = 16) a batch took 22, 1.9 and 0.05 times dense Adam's time at
    N = 1,000, 10,000 and 100,000.
Theorems
    FA-20 (b), as dense Adam: v of a row tends to p s^2.
Differs from
    1. Dense Adam (torch.optim.Adam): none. 2. torch.optim.SparseAdam and LazyAdam replay nothing:
    one unit gradient at batch 1 moves a row by 1.0 lr there and by 6.006 lr here. 3. Decay of the
    moments alone by beta^gap (pytorch #3137; OneFlow's SmartDecay) leaves out the moves.
Source
    Derived here from Kingma and Ba 2015, Algorithm 1.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from freqopt.kernels import Kernel, Options
from freqopt.optimizers._batch import Batch
from freqopt.optimizers._rows import Rows
from freqopt.optimizers._slots import Slot, State
from freqopt.optimizers._slow import _row, slow_advance, slow_preprocess
from freqopt.optimizers.adam import Adam
from freqopt.typing import Floats, Integers


class CatchUpAdam(Adam):
    """Adam on the touched rows, with the batches they missed replayed first."""

    rows: Literal["touched"] = Field(
        "touched", description="Rows stored anew: those in the batch. In meaning: every row."
    )
    duplicates: Literal["sum", "mean", "sqrt_count", "last", "first", "squares"] = Field(
        "sum", description="As in every rule, except that occurrences cannot follow one another."
    )
    decay_rows: Literal["updated"] = Field(
        "updated", description="Weight decay is replayed too, so every row decays in every batch."
    )
    step_index: Literal["batches"] = Field(
        "batches", description="k: batches so far, as in dense Adam."
    )

    dialects = {
        "torch.Adam": {},
        "torch.AdamW": {"decay": "decoupled", "weight_decay": 0.01},
        "torch.Adam(amsgrad)": {"amsgrad": "raw"},
    }

    catches_up_before_reading = True

    def slots(self) -> tuple[Slot, ...]:
        """Adam's, and the batch that each row has caught up to."""
        return (*super().slots(), Slot("settled_at", per="row", dtype="int64"))

    def catch_up(self, table: Floats, state: State, rows: Integers | None = None) -> None:
        """Bring rows (all by default) up to the present batch, in place.

        Parameters
        ----------
        table : float32 or float64 (N, d)
        state : from `init`
        rows : integers (n,), optional
            Rows about to be read, for example to form the next batch's gradient.
        """
        chosen = np.arange(len(table)) if rows is None else np.unique(rows)
        self._replay(table, state, chosen, int(state["t"]))

    def update(self, w: Floats, g: Floats, s: Rows) -> Floats:
        """Adam's equations; the rows have caught up to s.t with them."""
        s.settled_at = np.full_like(s.settled_at, s.t)
        return super().update(w, g, s)

    def _apply(self, table: Floats, state: State, batch: Batch, first_round: bool) -> None:
        self._replay(table, state, batch.rows, int(state["t"]) - 1)
        super()._apply(table, state, batch, first_round)

    def _replay(self, table: Floats, state: State, rows: Integers, until: int) -> None:
        """Take ascending distinct rows through the batches they missed, `until` included, (1)."""
        settled_at = state["settled_at"]
        resting = self._at_rest(state, rows)
        settled_at[rows[resting]] = until
        rows = rows[~resting]
        oldest = int(settled_at[rows].min(initial=until))
        for t in range(oldest + 1, until + 1):
            behind = rows[settled_at[rows] < t]
            nothing = np.zeros((behind.size, table.shape[1]), table.dtype)
            absent = Batch(behind, nothing, np.zeros(behind.size, np.int64))
            super()._apply(table, {**state, "t": np.array(t)}, absent, True)

    def _at_rest(self, state: State, rows: Integers) -> NDArray[np.bool_]:
        """Rows that a gradient of zero leaves as they are."""
        if self.weight_decay or self.max_norm is not None:
            return np.zeros(rows.size, bool)
        m, v = state["m"], state["v"].reshape(len(state["v"]), -1)
        return (m[rows] == 0).all(axis=1) & (v[rows] == 0).all(axis=1)

    def slow_step(self, table: Floats, state: State, rows: Integers, grads: Floats) -> None:
        """The same step by scalar loops: each row of the batch is replayed, then updated."""
        visits = slow_preprocess(self, table, rows, grads)
        for i in visits:
            self.slow_catch_up(table, state, i)
        slow_advance(self, table, state, visits)

    def slow_catch_up(self, table: Floats, state: State, row: int) -> None:
        """Replay one row up to the present batch by scalar loops.

        Parameters
        ----------
        table : float32 or float64 (N, d)
            Changed in place.
        state : dict of str to array
            From `init`; changed in place.
        row : int
        """
        zero = [table.dtype.type(0)] * table.shape[1]
        for t in range(int(state["settled_at"][row]) + 1, int(state["t"]) + 1):
            _row(self, table, state, row, t, zero, zero, 0, True)

    @staticmethod
    def kernel(rule: Options) -> Kernel:  # type: ignore[override]
        """Adam's, and the batch that the row has caught up to; what it missed comes before."""
        return Adam.kernel(rule, replayed=True)
