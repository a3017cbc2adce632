"""What every rule shares: hyper-parameters common to all, the step around the rule's own equations.

A rule's file holds the equations alone, twice: `update` on a block of rows (NumPy) and `kernel` on
one row, number by number. This module surrounds the first with what is the same for every rule;
`_slow.py` surrounds the second, run by Python, and shares nothing with this one. Every other
backend reads `kernel` (`freqopt.kernels`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from types import MethodType
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from freqopt._fields import Fields, NonNegative, Positive
from freqopt.errors import BatchError, RuleError, describe
from freqopt.kernels import Kernel, Options
from freqopt.kernels._own import file_of
from freqopt.optimizers._batch import Batch, check_table, clip_rows, densify, preprocess
from freqopt.optimizers._rate import rate
from freqopt.optimizers._results import check_results
from freqopt.optimizers._rows import Rows, gather, scatter
from freqopt.optimizers._slots import Slot, State, declared
from freqopt.optimizers._slow import slow_advance, slow_preprocess
from freqopt.streams.elementary import integer_power
from freqopt.typing import Floats, Integers

Decay = Annotated[float, Field(ge=0, lt=1)]
"""Decay rate of a running mean: 0 <= beta < 1."""


class Rule(Fields):
    """An optimizer: hyper-parameters, declared state, and one step on a table.

    Every field below is an axis of meaning that implementations differ in; each rule adds its own.
    """

    lr: Positive = Field(0.01, description="Base learning rate.")
    lr_decay: NonNegative = Field(
        0.0, description="d in the law of the rate below; 0: the rate is lr at every batch."
    )
    lr_decay_law: Literal["inverse", "inverse_sqrt", "linear", "cosine", "step", "warmup"] = Field(
        "inverse",
        description="Rate over lr at batch t, x = (t-1) d: 1/(1+x); 1/sqrt(1+x); 1-x; "
        "(1+cos(pi x))/2; 2^-floor(x), halved every 1/d batches; min(1, t d), rising over the "
        "first 1/d. Linear and cosine end with batch 1/d, and stay at what it has.",
    )
    rows: Literal["touched", "nonzero", "all"] = Field(
        "touched",
        description="Rows updated: those in the batch; those with a non-zero combined gradient; "
        "every row, absent ones with gradient zero (dense).",
    )
    duplicates: Literal["sum", "sequential", "mean", "sqrt_count", "last", "first", "squares"] = (
        Field(
            "sum",
            description="Occurrences of one row in a batch: summed; applied one after the other; "
            "averaged; summed over sqrt(count); last or first kept; summed, but the second moment "
            "takes the sum of their squares.",
        )
    )
    maximize: bool = Field(False, description="Ascend: the gradient's sign is turned first.")
    weight_decay: NonNegative = Field(0.0, description="Coefficient of weight decay.")
    decay: Literal["l2", "decoupled"] = Field(
        "l2",
        description="l2 adds weight_decay * w to the gradient; decoupled multiplies w by "
        "1 - rate * weight_decay before the update.",
    )
    decay_rows: Literal["updated", "all", "lazy"] = Field(
        "updated",
        description="Rows that decoupled decay shrinks: updated ones; all; updated ones, with the "
        "decay of the batches missed in between made up for.",
    )
    clip: Positive | None = Field(None, description="Largest gradient norm; absent for none.")
    clip_scope: Literal["occurrence", "row", "batch"] = Field(
        "row",
        description="What is clipped: each occurrence before duplicates are combined; each "
        "combined row; the whole batch by its global norm.",
    )
    max_norm: Positive | None = Field(
        None, description="Largest norm of an updated row after the step; absent for none."
    )
    padding_row: Annotated[int, Field(ge=0)] | None = Field(
        None, description="A row whose occurrences are dropped; absent for none."
    )
    nonfinite: Literal["raise", "skip", "propagate"] = Field(
        "raise", description="Occurrences with NaN or inf: error; dropped; used as they are."
    )
    count_empty: bool = Field(True, description="Whether an empty batch advances t.")

    dialects: ClassVar[dict[str, dict[str, Any]]] = {}
    """Known implementations: name -> the options with which this rule means the same."""

    catches_up_before_reading: ClassVar[bool] = False
    """Whether a run brings a batch's rows up to the present before it reads them."""

    def __init__(self, **options: Any) -> None:
        if type(self).update is Rule.update:
            raise RuleError(
                f"{file_of(type(self))}: class {type(self).__name__} has no update, the equations "
                "on a block of rows that every kernel is compared with; write `def update(self, w, "
                "g, s)` (docs/add_a_rule.md has one)"
            )
        try:
            super().__init__(**options)
        except ValidationError as error:
            fields = sorted(type(self).model_fields)
            raise RuleError(describe(error, f"rule {self.name()}", fields)) from None

    @classmethod
    def name(cls) -> str:
        """The rule's name: that of its file.

        Returns
        -------
        str
        """
        return cls.__module__.rsplit(".", 1)[-1]

    @property
    def row_local(self) -> bool:
        """Whether the step of a row depends on that row's own gradients and state only."""
        return not (self.clip is not None and self.clip_scope == "batch")

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        if self.rows == "all" and self.duplicates == "sequential":
            raise ValueError(
                "duplicates = 'sequential' applies occurrence after occurrence to the touched "
                "rows and has no meaning with rows = 'all'; choose rows = 'touched'"
            )
        if self.duplicates == "squares" and self.weight_decay and self.decay == "l2":
            raise ValueError(
                "duplicates = 'squares' keeps squares of raw occurrences, which l2 weight decay "
                "would change; choose decay = 'decoupled' or weight_decay = 0"
            )
        if self.decay_rows != "updated" and self.weight_decay and self.decay == "l2":
            raise ValueError(
                f"decay_rows = {self.decay_rows!r} applies to decay = 'decoupled'; with l2 the "
                "decay is part of the gradient of the updated rows (rows = 'all' for every row)"
            )
        return self

    # -- state ---------------------------------------------------------------------------------

    def slots(self) -> tuple[Slot, ...]:
        """The slots of this rule's own equations; rules override this.

        Returns
        -------
        tuple of Slot
        """
        return ()

    def all_slots(self) -> tuple[Slot, ...]:
        """Own slots and the common ones.

        Returns
        -------
        tuple of Slot
            The step count "t" first.
        """
        return self._all_slots

    @cached_property
    def _all_slots(self) -> tuple[Slot, ...]:
        common = [Slot("t", per="table", dtype="int64")]
        if self.weight_decay and self.decay == "decoupled" and self.decay_rows == "lazy":
            common.append(Slot("decayed_at", per="row", dtype="int64"))
        return (*common, *declared(self))

    @cached_property
    def _slots_by_name(self) -> dict[str, Slot]:
        return {slot.name: slot for slot in self.all_slots() if slot.name != "t"}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values in some fields, unchecked, and with the slots of those."""
        copied = super().model_copy(update=update, deep=deep)
        for name in ("_all_slots", "_slots_by_name"):
            copied.__dict__.pop(name, None)
        return copied

    def with_methods(self, **functions: Callable[..., Any]) -> Self:
        """A copy whose NumPy step runs other functions in the place of its own methods.

        The seam for whoever wants to know what a rule would do with one equation changed (the
        cross-check's mistakes), or to look on while it steps. Methods that a step calls, in its
        order: `_decayed(w, s)`, `_regularised(g, w)`, `update(w, g, s)` and what that calls,
        `rate(t)`; around them `_apply(table, state, batch, first_round)`.

        Parameters
        ----------
        **functions
            By the name of the method: functions of (rule, ...), as they would stand in a class.

        Returns
        -------
        Rule
        """
        copied = self.model_copy()
        copied.__dict__.update({k: MethodType(f, copied) for k, f in functions.items()})
        return copied

    def init(self, table: Floats, **given: NDArray[Any]) -> State:
        """The state before the first step.

        Parameters
        ----------
        table : float32 or float64 (N, d)
            Only its shape and dtype are used.
        **given
            One array for each slot declared `given` (for example ``frequency``, shape (N,)).

        Returns
        -------
        dict of str to array
            The state: slot name -> array of the shape that `Slot.shape` says.

        Raises
        ------
        BatchError
            If the table is not one, or a given array is missing, unknown or of the wrong shape.
        """
        check_table(table)
        state: State = {}
        for slot in self.all_slots():
            state[slot.name] = slot.allocate(table)
            if slot.given:
                state[slot.name][...] = self._given(slot, given.pop(slot.name, None), table)
        if given:
            raise BatchError(f"{self.name()} has no given slot {sorted(given)}; leave it out")
        return state

    def _given(self, slot: Slot, values: Any, table: Floats) -> NDArray[Any]:
        shape = slot.shape((table.shape[0], table.shape[1]))
        if values is None:
            raise BatchError(
                f"{self.name()} needs {slot.name!r}, an array of shape {shape}; "
                f"call init(table, {slot.name}=...)"
            )
        values = np.asarray(values)
        if values.shape != shape:
            raise BatchError(f"{slot.name!r} has shape {values.shape}, expected {shape}")
        return values

    def bytes_per_row(self, width: int, itemsize: int = 4) -> int:
        """Optimizer memory per table row in bytes, for rows of `width` numbers of `itemsize`.

        Parameters
        ----------
        width : int
            Numbers d of a row.
        itemsize : int
            Bytes of one of them: 4 for float32, 8 for float64.

        Returns
        -------
        int
            Bytes of state; those of the row itself are not among them.
        """
        return sum(slot.bytes_per_row(width, itemsize) for slot in self.all_slots())

    def completed(self, **known: Any) -> Self:
        """This rule with the fields left None filled from what a run knows (horizon, ...).

        Parameters
        ----------
        **known
            Values by field name; those of fields that the rule does not have, or has a value in,
            are passed over.

        Returns
        -------
        Rule
        """
        fill = {
            k: v
            for k, v in known.items()
            if k in type(self).model_fields and getattr(self, k) is None
        }
        return type(self)(**{**self.model_dump(exclude_unset=True), **fill}) if fill else self

    # -- the step ------------------------------------------------------------------------------

    def step(self, table: Floats, state: State, rows: Integers, grads: Floats) -> None:
        """Apply one batch to the table and the state, in place.

        Parameters
        ----------
        table : float32 or float64 (N, d), C order
        state : from `init`
        rows : integers (B,)
            Row of each occurrence; duplicates allowed, B = 0 allowed.
        grads : (B, d), the table's dtype
            Gradient of each occurrence.

        Raises
        ------
        BatchError, RowError, GradientError
            Before anything is changed.
        """
        self.advance(table, state, preprocess(self, table, rows, grads))

    def advance(self, table: Floats, state: State, batches: list[Batch]) -> None:
        """The step on a batch that `preprocess` has validated and combined.

        Parameters
        ----------
        table : float32 or float64 (N, d), C order
            Changed in place.
        state : dict of str to array
            From `init`; changed in place.
        batches : list of Batch
            Rounds of distinct rows, in order: one, or as many as a row has occurrences with
            duplicates = "sequential"; none for an empty batch.
        """
        if not batches and not self.count_empty:
            return
        state["t"] += 1
        t = int(state["t"])
        if self.weight_decay and self.decay == "decoupled" and self.decay_rows == "all":
            table *= 1 - self.rate(t) * self.weight_decay
        if self.rows == "all":
            self._apply(table, state, densify(batches, table), True)
            return
        for k, batch in enumerate(batches):
            self._apply(table, state, batch, k == 0)

    def slow_step(self, table: Floats, state: State, rows: Integers, grads: Floats) -> None:
        """The same step by scalar loops that share no function with `step`.

        Parameters
        ----------
        table : float32 or float64 (N, d), C order
            Changed in place.
        state : dict of str to array
            From `init`; changed in place.
        rows : integers (B,)
        grads : (B, d), the table's dtype

        Raises
        ------
        BatchError, RowError, GradientError
            Before anything is changed.
        """
        slow_advance(self, table, state, slow_preprocess(self, table, rows, grads))

    def advance_group(
        self,
        tables: Mapping[str, Floats],
        states: Mapping[str, State],
        batches: Mapping[str, list[Batch]],
    ) -> None:
        """One step of several tables on validated batches; rules that couple them override it.

        Parameters
        ----------
        tables : mapping of str to float32 or float64 (N, d)
            Changed in place.
        states : mapping of str to dict
            By the same names; changed in place.
        batches : mapping of str to list of Batch
            By the same names, as `advance` takes them.
        """
        for name, table in tables.items():
            self.advance(table, states[name], batches[name])

    def slow_step_group(
        self,
        tables: Mapping[str, Floats],
        states: Mapping[str, State],
        batches: Mapping[str, tuple[Integers, Floats]],
    ) -> None:
        """The same by scalar loops, from raw (rows, grads).

        Parameters
        ----------
        tables : mapping of str to float32 or float64 (N, d)
            Changed in place.
        states : mapping of str to dict
            By the same names; changed in place.
        batches : mapping of str to (rows (B,), grads (B, d))
        """
        for name, table in tables.items():
            self.slow_step(table, states[name], *batches[name])

    def _apply(self, table: Floats, state: State, batch: Batch, first_round: bool) -> None:
        """Gather the batch's rows, update them, scatter them back."""
        where = slice(None) if batch.rows.size == len(table) else batch.rows
        s = Rows(
            t=int(state["t"]),
            ids=batch.rows,
            occurrences=batch.occurrences[:, None],
            first_round=first_round,
            squares=batch.squares,
        )
        for name, slot in self._slots_by_name.items():
            setattr(s, name, gather(slot, state[name], where))
        before = dict(vars(s))
        old = self._decayed(table[where], s)
        w = self.update(old, self._regularised(batch.grads, old), s)
        if "update" not in vars(self):  # what if: see `with_methods`
            check_results(self.update, w, old, self._slots_by_name, before, s)
        table[where] = w if self.max_norm is None else clip_rows(w, self.max_norm)
        for name, slot in self._slots_by_name.items():
            scatter(slot, state[name], where, getattr(s, name))

    def _regularised(self, g: Floats, w: Floats) -> Floats:
        """The gradient with l2 weight decay."""
        return g + self.added_decay * w if self.added_decay else g

    def _decayed(self, w: Floats, s: Rows) -> Floats:
        """Decoupled weight decay of the updated rows, before the update."""
        if not self.weight_decay or self.decay == "l2" or self.decay_rows == "all":
            return w
        factor = 1 - self.rate(s.t) * self.weight_decay
        if self.decay_rows == "lazy":
            missed = integer_power(factor, s.t - s.decayed_at)
            s.decayed_at = np.full_like(s.decayed_at, s.t)
            return w * missed.astype(w.dtype)
        return w * factor

    def rate(self, t: int) -> float:
        """Learning rate at batch t >= 1, in float64.

        Parameters
        ----------
        t : int
            1 in the first batch.

        Returns
        -------
        float
        """
        return rate(self.lr, self.lr_decay, self.lr_decay_law, t)

    @property
    def added_decay(self) -> float:
        """Coefficient of the weight decay added to the gradient just before the update."""
        return self.weight_decay if self.decay == "l2" else 0.0

    def catch_up(self, table: Floats, state: State, rows: Integers | None = None) -> None:
        """Bring rows that a lazy dialect has left behind up to the present batch, in place.

        Parameters
        ----------
        table : float32 or float64 (N, d)
        state : from `init`
        rows : integers (n,), optional
            By default all rows.
        """
        if "decayed_at" in state:
            where = np.arange(len(table)) if rows is None else np.unique(rows)
            factor = 1 - self.rate(int(state["t"])) * self.weight_decay
            missed = integer_power(factor, state["t"] - state["decayed_at"][where])
            table[where] = table[where] * missed.astype(table.dtype)[:, None]
            state["decayed_at"][where] = state["t"]

    # -- the rule's own equations -------------------------------------------------------------

    def update(self, w: Floats, g: Floats, s: Rows) -> Floats:
        """New rows from rows w (n, d), combined gradients g (n, d) and their state.

        Parameters
        ----------
        w : float32 or float64 (n, d)
            Rows before the step, decayed where decay is decoupled.
        g : (n, d), the dtype of w
            Combined gradients.
        s : Rows
            State of these rows; what is assigned to it is stored.

        Returns
        -------
        (n, d), the dtype of w
            Rows after the step; w itself is left as it is.
        """
        raise NotImplementedError(f"{self.name()} defines no update")

    @staticmethod
    def kernel(rule: Options) -> Kernel:
        """The same for one row, number by number, from the options that are on.

        Parameters
        ----------
        rule : Options
            The rule's options by name.

        Returns
        -------
        Kernel
        """
        raise NotImplementedError("the rule defines no kernel")
