"""The fused sparse step on a device: `Rule.step` on the same arrays, with the same bits."""

from __future__ import annotations

from functools import cache, lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from freqopt.backends.cupy._device import chosen_device
from freqopt.backends.cupy._source import (
    CudaSource,
    memory_words,
    own_slots,
    remembers,
    step_source,
)
from freqopt.errors import BatchError
from freqopt.kernels import hyper
from freqopt.optimizers import Rule
from freqopt.optimizers._batch import preprocess
from freqopt.streams.fold import fold

Array = Any
"""A `cupy.ndarray`, or on the twin a `numpy.ndarray`."""


class Stepper:
    """The step of one rule for tables of one dtype and width, on a device.

    Parameters
    ----------
    rule : Rule
    dtype : float32 or float64
    width : int
    device : module
        `_gpu` or `_twin`.
    lanes : int, optional
        Threads that share a row; no bit depends on it.

    Raises
    ------
    BackendError
        The rule has no kernel, or the device cannot compile it.
    """

    def __init__(
        self, rule: Rule, dtype: Any, width: int, device: ModuleType, lanes: int | None = None
    ) -> None:
        self.rule, self.device, self.width = rule, device, width
        self.dtype = np.dtype(dtype)
        source = step_source(rule, dtype, width, lanes or device.LANES)
        self.module = _module(device, source)
        xp = device.xp
        self.hyper = xp.asarray(hyper(rule))
        self.slots = own_slots(rule)
        words = [word if isinstance(word, int) else xp.asarray(word) for word in memory_words(rule)]
        self._kept = words
        self._memory = [w if isinstance(w, int) else device.address(w) for w in words]
        self._checked = [slot for slot in rule.all_slots() if slot.name != "t"]

    def __call__(self, table: Array, state: dict[str, Array], rows: Array, grads: Array) -> None:
        """Apply one batch to the table and the state, in place.

        Parameters
        ----------
        table : (N, d), C-contiguous
        state : from `rule.init`, its arrays on the device but for `t`
        rows : int64 (B,)
        grads : (B, d), the table's dtype

        Raises
        ------
        BatchError, RowError, GradientError
            As `Rule.step`, before anything is changed.
        """
        _check(table, state, rows, grads, self._checked, self.device.xp.ndarray)
        with self.device.room(f"a batch of {rows.size} x {self.width}"):
            self._take(table, state, rows, grads)

    def _take(self, table: Array, state: dict[str, Array], rows: Array, grads: Array) -> None:
        """The step on arrays of the right kind. Memory is asked for before anything is changed."""
        rule, xp, launch = self.rule, self.device.xp, self.module.launch
        size, width = table.shape
        scratch = width * self.dtype.itemsize
        slots = self._slots(state)

        order, touched, starts = self._admit(table, rows, grads)
        sequential = rule.duplicates == "sequential"
        items = order.size if sequential else touched.size
        sums = xp.empty((items, width), self.dtype)
        squares = xp.empty((items if rule.duplicates == "squares" else 0, width), self.dtype)
        norms = xp.empty(order.size if rule.clip is not None else 0, self.dtype)
        alive = xp.ones(items, np.int64)
        launch(
            "combine", items, scratch,
            grads, order, starts, items, width, float(rule.clip or 0), sums, squares, norms, alive,
        )  # fmt: skip
        if not rule.count_empty and not bool(alive.any()):
            return
        if rule.clip is not None and rule.clip_scope == "batch":
            factors = self._factors(norms[:items], alive, starts)
            launch("shorten", items, 0, items, width, xp.asarray(factors), sums)

        entry_of = None
        if rule.rows == "all":
            entry_of = xp.full(size, -1, np.int64)
            entry_of[touched] = xp.arange(touched.size)
        squares_wide = xp.empty(items if remembers(rule) else 0)

        state["t"] += 1
        t = int(state["t"])
        if rule.weight_decay and rule.decay == "decoupled" and rule.decay_rows == "all":
            factor = 1 - rule.rate(t) * rule.weight_decay
            launch("shrink", size, 0, table, size, width, factor)
        if remembers(rule):
            launch(
                "measure", items, 8 * width,
                grads, order, starts, items, width, sums, squares_wide,
            )  # fmt: skip
            launch("decide", 1, 0, squares_wide, items, slots, self.hyper, t)
            scratch *= 2  # the aggregate beside the row
        launch(
            "apply", size if entry_of is not None else touched.size, scratch,
            table, size, width, slots, state.get("decayed_at"), grads, touched, order, starts,
            touched.size, entry_of, sums, squares, alive, self.hyper, t,
        )  # fmt: skip

    def _slots(self, state: dict[str, Array]) -> Array:
        """Addresses of the rule's slots, on the device."""
        found = [self.device.address(state[slot.name]) for slot in self.slots]
        return self.device.xp.asarray(np.array([*found, *self._memory], np.uint64))

    def _admit(self, table: Array, rows: Array, grads: Array) -> tuple[Array, Array, Array]:
        """Occurrences sorted by row; the rows; where each one's occurrences begin."""
        rule, xp = self.rule, self.device.xp
        batch, shift = rows.size, max(1, int(rows.size).bit_length())
        keys = xp.empty(batch, np.int64)
        counts = xp.asarray(np.array([batch, batch, 0, 0]))
        padding = -1 if rule.padding_row is None else rule.padding_row
        self.module.launch(
            "admit", batch, 0,
            rows, grads, batch, len(table), self.width, padding, shift, keys, counts,
        )  # fmt: skip
        keys.sort()
        first = (keys >> shift) != -1
        first[1:] = (keys[1:] >> shift) != (keys[:-1] >> shift)
        order, touched, starts = (xp.empty(batch + k, np.int64) for k in (0, 0, 1))
        self.module.launch(
            "segment", batch, 0,
            keys, xp.cumsum(first), batch, shift, order, touched, starts, counts,
        )  # fmt: skip
        # The only time that Python waits for the device.
        outside, infinite, distinct, kept = (int(n) for n in self.device.to_host(counts))
        if outside < batch or (infinite < batch and rule.nonfinite == "raise"):
            host = self.device.to_host
            preprocess(rule, host(table), host(rows), host(grads))
            raise AssertionError("a kernel refused a batch that the reference takes")
        return order[:kept], touched[:distinct], starts[: distinct + 1]

    def _factors(self, norms: Array, alive: Array, starts: Array) -> Array:
        """What every item is multiplied by so that its round has at most norm `clip`."""
        norms, alive, starts = (self.device.to_host(a) for a in (norms, alive, starts))
        rounds = np.zeros(norms.size, np.int64)
        if self.rule.duplicates == "sequential":
            before = np.cumsum(alive) - alive  # occurrences that move, in the sorted order
            first = np.repeat(starts[:-1], np.diff(starts))
            rounds = before - before[first]
        factors = np.ones(norms.size, self.dtype)
        for k in range(int(rounds.max(initial=-1)) + 1):
            moving = (rounds == k) & (alive != 0)
            norm = np.sqrt(fold(norms[moving]))
            if norm > self.rule.clip:
                factors[moving] = self.rule.clip / norm
        return factors

    def catch_up(self, table: Array, state: dict[str, Array], rows: Array | None = None) -> None:
        """As `Rule.catch_up`: bring a lazy rule's rows up to the present, in place."""
        count = len(table) if rows is None else rows.size
        with self.device.room(f"{count} rows to catch up"):
            self.module.launch(
                "catch_up_rows", count, self.width * self.dtype.itemsize,
                table, self.width, self._slots(state), state.get("decayed_at"), rows, count,
                self.hyper, int(state["t"]),
            )  # fmt: skip


def step(rule: Rule, table: Array, state: dict[str, Array], rows: Array, grads: Array) -> None:
    """Apply one batch to a table on the GPU, in place: `Rule.step` with the same bits.

    Parameters
    ----------
    rule : Rule
    table : cupy float32 or float64 (N, d), C-contiguous
    state : what `rule.init` gives, its arrays on the GPU but for the batch count `t`
    rows : cupy int64 (B,)
    grads : cupy (B, d), the table's dtype
        With FREQOPT_CUDA_TWIN=1 in the environment all are NumPy's, on the twin.

    Raises
    ------
    BackendError
        There is no GPU, or the rule has no kernel.
    BatchError, RowError, GradientError
        As `Rule.step`, before anything is changed.
    """
    _stepper(rule, table)(table, state, rows, grads)


def catch_up(rule: Rule, table: Array, state: dict[str, Array], rows: Array | None = None) -> None:
    """Bring rows of a table on the GPU up to the present, in place: `Rule.catch_up`."""
    _stepper(rule, table).catch_up(table, state, rows)


def _stepper(rule: Rule, table: Array) -> Stepper:
    return _steppers(rule, np.dtype(table.dtype), int(table.shape[1]), chosen_device())


@lru_cache(maxsize=64)
def _steppers(rule: Rule, dtype: Any, width: int, device: ModuleType) -> Stepper:
    return Stepper(rule, dtype, width, device)


@cache
def _module(device: ModuleType, source: CudaSource) -> Any:
    return device.Module(source)


def _check(
    table: Array, state: dict[str, Array], rows: Array, grads: Array, slots: Any, kind: type
) -> None:
    """Refuse arrays of the wrong place, shape, dtype or layout: a kernel would not notice."""
    given = {"table": table, "rows": rows, "grads": grads, **state}
    for name, array in given.items():
        if name != "t" and not isinstance(array, kind):
            raise BatchError(
                f"{name} is a {type(array).__module__}.{type(array).__name__}, expected a "
                f"{kind.__module__}.{kind.__name__}; copy it there once with asarray"
            )
    if table.ndim != 2 or table.dtype not in (np.float32, np.float64):
        raise BatchError(
            f"the table is {table.dtype} of shape {table.shape}, expected float32 or float64 (N, d)"
        )
    size, width = table.shape
    wanted = {
        "rows": (rows, (rows.size,), np.int64),
        "grads": (grads, (rows.size, width), table.dtype),
    }
    for slot in slots:
        dtype = table.dtype if slot.dtype == "table" else slot.dtype
        if slot.name not in state:
            raise BatchError(
                f"state slot {slot.name!r} is missing; use what rule.init(table) gives"
            )
        wanted[f"state slot {slot.name!r}"] = (state[slot.name], slot.shape((size, width)), dtype)
    for name, (array, shape, dtype) in {
        "the table": (table, table.shape, table.dtype),
        **wanted,
    }.items():
        if array.shape != shape or array.dtype != dtype:
            raise BatchError(
                f"{name} is {array.dtype} of shape {array.shape}, expected {np.dtype(dtype)} of "
                f"shape {shape}"
            )
        if not array.flags.c_contiguous:
            raise BatchError(f"{name} is not C-contiguous; use ascontiguousarray once")
