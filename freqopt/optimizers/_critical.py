r"""The critical-gradient buffer, and what the four fixed-memory rules share.

Problem
    Minimise f(w) with a memory of a fixed number C of past gradients, chosen by their norm.
Update
    d = agg(g, A; kappa)       the buffer A as it was before this step                      (1)
    put g into A               if A is not full, or its priority n exceeds the threshold     (2)
    p <- lambda p              every priority, the new one included, after the step          (3)
    the parent rule (SGD, RMSprop, Adam) steps along d instead of g                          (4)
    An empty buffer (the first step) gives d = g. With insertion "before", (2) precedes (1): the
    first step then aggregates g with itself, as the official SGD_C_double does.

    aggregation                       d                                       total weight
    "sum"                             g + kappa mean(A)                       1 + kappa
    "mid"                             half of it                              (1 + kappa) / 2
    "mean"                            (g + kappa total(A)) / (len(A) + 1)     1 at kappa = 1
    "min", "median", "max"            g + kappa times that stored gradient    1 + kappa
    "min-mean", "median-mean", "max-mean"     half of the row above           (1 + kappa) / 2
Semantics
    The gradient of a table is dense: absent rows have gradient zero, every row moves. What a
    backend must reproduce to have the same bits:
    1. Norms are those of the raw gradient (no weight decay, after clipping), in float64 whatever
       the table's dtype: sqrt(fold(fold(g^2))), first over the columns of each row, then over the
       distinct touched rows, ascending. Priorities are float64.
    2. `synced`: the tables of a group share one norm, the sum of theirs in the group's order.
    3. Sums over the buffer run in array order, from slot 0 up.
    4. The array order is that of CPython's heapq.heapify, run after every insertion on the old
       array with the new item appended; if C + 1 items result, slot 0 is dropped.
State
    buffer (C, N, d), priorities (C,), born (C,) the step of each gradient, length, accepted and
    rejected (counted when the test is made, so with a full buffer only); unused places are 0.
    C d numbers per row. The delays of a step's aggregate are t - born[:length] before that step.
Theorems
    MEM-1 to MEM-4, MEM-6 to MEM-10 (derived); MEM-5: selection by norm is biased.
Differs from
    CriticalGradientOptimization 1af4b1d (official): nothing at the defaults. Its quirks are options
    whose default is the official one: threshold "slot0" (Q1), kappa_zero (Q2), kappa_role (Q4),
    kappa_in_place (Q5). Refused here, accepted there: decay > 1, C = 0 (Q3).
Source
    McRae, Parthasarathi, Assran, Chandar 2022 (arXiv 2106.10708), as its official code runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from freqopt._fields import NonNegative
from freqopt.optimizers._batch import Batch, densify
from freqopt.optimizers._critical_buffer import gradient_norm, recall
from freqopt.optimizers._critical_slow import slow_directions, slow_norm
from freqopt.optimizers._rule import Rule
from freqopt.optimizers._slots import Slot, State
from freqopt.optimizers._slow import slow_advance, slow_preprocess
from freqopt.typing import Floats, Integers

Seed = Annotated[int, Field(ge=0, lt=2**64)]


class FixedMemory(Rule):
    """A parent rule that steps along an aggregate of the gradient and C stored ones.

    A rule of the family derives from this class first and from its parent rule second.
    """

    rows: Literal["all"] = Field("all", description="Every row moves: the aggregate is dense.")
    duplicates: Literal["sum", "mean", "sqrt_count", "last", "first"] = Field(
        "sum",
        description="Occurrences of one row in a batch: summed; averaged; summed over "
        "sqrt(count); last or first one kept.",
    )
    capacity: Annotated[int, Field(gt=0)] = Field(10, description="Stored gradients C (topC).")
    priority_decay: Annotated[float, Field(gt=0, le=1)] = Field(
        0.7, description="lambda: every priority is multiplied by it after each step."
    )
    kappa: NonNegative = Field(1.0, description="Weight of the buffer in the aggregate.")
    aggregation: Literal[
        "sum", "mid", "mean", "min", "median", "max", "min-mean", "median-mean", "max-mean"
    ] = Field("sum", description="How gradient and buffer combine.")
    policy: Literal["top", "bottom", "fifo", "random"] = Field(
        "top",
        description="Priority and eviction: norm, smallest leaves; 1/norm, largest norm leaves; "
        "step number, no decay, oldest leaves; norm, a uniformly chosen one leaves.",
    )
    max_age: Annotated[int, Field(gt=0)] | None = Field(
        None, description="Largest delay K: gradients older than it are evicted; absent for none."
    )
    insertion: Literal["after", "before", "buffer_only"] = Field(
        "after",
        description="Gradient stored after the aggregation; before it, so that it may count "
        "twice; before it, and the aggregate (sum: total, mean) is of the buffer alone.",
    )
    threshold: Literal["slot0", "minimum"] = Field(
        "slot0",
        description="Stored item that counts as the smallest, in the test and in aggregation "
        "min: slot 0 as in the official code, which may not be the smallest; the true minimum.",
    )
    acceptance_test: bool = Field(
        True, description="Whether a full buffer takes only a priority above its threshold."
    )
    synced: bool = Field(
        True, description="Whether the tables of a group share the sum of their norms."
    )
    kappa_zero: Literal["official", "parent"] = Field(
        "official",
        description="kappa = 0 as the official code has it (SGD_C and SGDM_C: plain SGD without "
        "momentum; RMSprop_C, Adam_C: an error), or the parent rule. Either keeps no buffer.",
    )
    kappa_in_place: bool = Field(
        True,
        description="Whether min, median and max multiply the stored gradient itself by kappa "
        "at each use, as the official code does; without effect at kappa = 1.",
    )
    seed: Seed | None = Field(
        None, description="Seed of policy = 'random'; the run's where absent, 0 outside a run."
    )
    run: Seed | None = Field(
        None, description="Run of policy = 'random'; the run's where absent, 0 outside a run."
    )

    stores_decay: ClassVar[bool] = False
    """Whether l2 weight decay is part of what is stored, or added to the aggregate."""

    @model_validator(mode="after")
    def _memory_options(self) -> Self:
        if self.insertion == "buffer_only" and self.aggregation not in ("sum", "mean"):
            raise ValueError(
                "insertion = 'buffer_only' takes the total or the mean of the buffer; choose "
                f"aggregation = 'sum' or 'mean', not {self.aggregation!r}"
            )
        if self.insertion == "buffer_only" and self.kappa == 0:
            raise ValueError("insertion = 'buffer_only' with kappa = 0 never moves; give kappa > 0")
        return self

    @property
    def row_local(self) -> bool:
        """False: which gradients are stored depends on the norm over all rows."""
        return False

    @property
    def added_decay(self) -> float:
        """Weight decay added to the aggregate; 0 where it is inside what is stored."""
        return 0.0 if self.stores_decay and self.kappa else super().added_decay

    @property
    def factor(self) -> float:
        """The kappa that enters the aggregate."""
        return self.kappa

    def slots(self) -> tuple[Slot, ...]:
        """The buffer beside the parent's slots; none where kappa = 0."""
        if self.kappa == 0:
            return super().slots()
        return (
            Slot("buffer", per="element", copies=self.capacity),
            Slot("priorities", per="table", dtype="float64", copies=self.capacity),
            Slot("born", per="table", dtype="int64", copies=self.capacity),
            Slot("length", per="table", dtype="int64"),
            Slot("accepted", per="table", dtype="int64"),
            Slot("rejected", per="table", dtype="int64"),
            *super().slots(),
        )

    # -- the step ------------------------------------------------------------------------------

    def advance(
        self, table: Floats, state: State, batches: list[Batch], norm: float | None = None
    ) -> None:
        """The step on a validated batch; `norm` is the shared one of a group."""
        if self.kappa and (batches or self.count_empty):
            batch = densify(batches, table)
            g = batch.grads
            if self.stores_decay and self.weight_decay and self.decay == "l2":
                g = g + self.weight_decay * table
            norm = gradient_norm(batches) if norm is None else norm
            batches = [replace(batch, grads=recall(self, state, g, norm))]
        super().advance(table, state, batches)  # (4)

    def advance_group(
        self,
        tables: Mapping[str, Floats],
        states: Mapping[str, State],
        batches: Mapping[str, list[Batch]],
    ) -> None:
        """One step of several tables on validated batches, with one norm if synced."""
        norm = None
        if self.synced:
            norm = 0.0
            for name in tables:  # built-in sum compensates since Python 3.12: other bits
                norm += gradient_norm(batches[name])
        for name, table in tables.items():
            self.advance(table, states[name], batches[name], norm)

    def slow_step(
        self,
        table: Floats,
        state: State,
        rows: Integers,
        grads: Floats,
        norm: float | None = None,
    ) -> None:
        """The same step by scalar loops and heapq."""
        visits = slow_preprocess(self, table, rows, grads)
        if self.kappa and (visits or self.count_empty):
            visits = slow_directions(self, table, state, visits, norm)
        slow_advance(self, table, state, visits)

    def slow_step_group(
        self,
        tables: Mapping[str, Floats],
        states: Mapping[str, State],
        batches: Mapping[str, tuple[Integers, Floats]],
    ) -> None:
        """The same for several tables."""
        norm = None
        if self.synced:
            norm = 0.0
            for name, table in tables.items():
                norm = norm + slow_norm(slow_preprocess(self, table, *batches[name]))
        for name, table in tables.items():
            self.slow_step(table, states[name], *batches[name], norm)


class AdaptiveFixedMemory(FixedMemory):
    """What RMSprop_C and Adam_C share: the official kappa is a switch there."""

    aggregation: Literal[
        "sum", "mid", "mean", "min", "median", "max", "min-mean", "median-mean", "max-mean"
    ] = Field("mean", description="How gradient and buffer combine.")
    kappa_role: Literal["switch", "factor"] = Field(
        "switch",
        description="kappa > 0 aggregates with 1, as the official code does; with kappa itself.",
    )

    @model_validator(mode="after")
    def _kappa_options(self) -> Self:
        if self.kappa == 0 and self.kappa_zero == "official":
            raise ValueError(
                "kappa = 0 is an error in the official code (Q2); give kappa > 0, or kappa_zero = "
                "'parent' for the parent rule"
            )
        return self

    @property
    def factor(self) -> float:
        """The kappa that enters the aggregate, Q4."""
        return 1.0 if self.kappa_role == "switch" else self.kappa
