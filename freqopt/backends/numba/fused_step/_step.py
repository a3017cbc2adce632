"""The fused sparse step: `Rule.step` on the same arrays, with the same bits."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from freqopt.backends.numba.batch._norms import clip_all
from freqopt.backends.numba.batch._preprocess import REFUSED, preprocess
from freqopt.backends.numba.batch._workspace import Workspace
from freqopt.backends.numba.fixed_memory._buffer import (
    measure_part,
    norm_of_all,
    offer_all,
    remember_all,
)
from freqopt.backends.numba.fused_step._apply import shorten, shrink
from freqopt.backends.numba.fused_step._plan import Plan
from freqopt.backends.numba.rule._catch_up import make_catch_up
from freqopt.backends.numba.threads import _team
from freqopt.optimizers import Rule, State
from freqopt.optimizers._batch import check_batch, check_table
from freqopt.optimizers._batch import preprocess as preprocess_or_raise
from freqopt.optimizers._critical import FixedMemory
from freqopt.optimizers._group import check_names
from freqopt.typing import Floats, Integers


def step(
    rule: Rule,
    table: Floats,
    state: State,
    rows: Integers,
    grads: Floats,
    workspace: Workspace | None = None,
) -> None:
    """Apply one batch to the table and the state, in place.

    Parameters
    ----------
    rule : Rule
        Any rule with a `kernel`.
    table : float32 or float64 (N, d), C-contiguous
        Also a `numpy.memmap` larger than memory.
    state : from `rule.init`
    rows : integers (B,)
        Row of each occurrence; duplicates allowed, B = 0 allowed.
    grads : (B, d), the table's dtype
        Gradient of each occurrence.
    workspace : Workspace, optional
        Memory to work in; the calling thread's own if absent. Once it has seen the largest batch,
        nothing more is allocated.

    Raises
    ------
    BackendError
        The rule has no kernel here.
    BatchError, RowError, GradientError
        As `Rule.step`, before anything is changed; also for arrays that are not C-contiguous.
    """
    one = _Begun(rule, table, state, rows, grads, workspace or _own_workspace())
    if one.plan.at_once:
        one.preprocess_and_apply()
    else:
        one.preprocess()
        one.apply()


def step_group(
    rule: Rule,
    tables: Mapping[str, Floats],
    states: Mapping[str, State],
    batches: Mapping[str, tuple[Integers, Floats]],
    workspace: Workspace | None = None,
) -> None:
    """Apply one batch to each of several tables, in place: `freqopt.optimizers._group.step_group`.

    Parameters
    ----------
    rule, tables, states, batches
        As there.
    workspace : Workspace, optional
        As in `step`.

    Raises
    ------
    BackendError, BatchError, RowError, GradientError
        As in `step`, before any table or state is changed.
    """
    check_names(tables, states=states, batches=batches)
    workspace = workspace or _own_workspace()
    begun = [
        _Begun(rule, table, states[name], *batches[name], workspace.beside(k))
        for k, (name, table) in enumerate(tables.items())
    ]
    for one in begun:
        one.preprocess()
    shared = None
    if isinstance(rule, FixedMemory) and rule.synced:
        shared = 0.0
        for one in begun:
            shared += one.norm
    for one in begun:
        one.apply(shared)


def catch_up(
    rule: Rule,
    table: Floats,
    state: State,
    rows: Integers | None = None,
    workspace: Workspace | None = None,
) -> None:
    """Bring rows that a lazy rule has left behind up to the present batch: `Rule.catch_up`.

    Parameters
    ----------
    rule, table, state, workspace
        As in `step`.
    rows : integers (n,), optional
        By default all rows.

    Raises
    ------
    BackendError, BatchError, RowError
        Before anything is changed.
    """
    if not rule.catches_up_before_reading:
        rule.catch_up(table, state, rows)
        return
    check_table(table)
    workspace = workspace or _own_workspace()
    plan = workspace.remember((id(rule), table.dtype), lambda: Plan(rule, table.dtype))
    table, elements, row_slots, decayed_at = plan.arrays(table, state)
    chosen = np.arange(len(table))
    if rows is not None:
        rows = np.asarray(rows).reshape(-1)
        chosen = np.unique(
            check_batch(table, rows, np.zeros((rows.size, table.shape[1]), table.dtype))[0]
        )
    parts = workspace.parts_for(chosen.size, table.shape[1])
    compiled, until = make_catch_up(rule, table.dtype), int(state["t"])
    scratch = np.zeros((parts, 3, table.shape[1]), table.dtype)
    _team.team.run(
        compiled,
        (parts, table, elements, row_slots, decayed_at, chosen, until, plan.h, scratch),
        parts,
    )


class _Begun:
    """A step that has been validated, and has changed nothing yet.

    Attributes
    ----------
    plan : Plan
    norm : float
        Of the batch's gradient after `preprocess`, for a fixed-memory rule.
    """

    def __init__(
        self, rule: Rule, table: Floats, state: State, rows: Integers, grads: Floats,
        workspace: Workspace,
    ) -> None:  # fmt: skip
        check_table(table)
        plan = workspace.remember((id(rule), table.dtype), lambda: Plan(rule, table.dtype))
        self._arrays = table, elements, _, _ = plan.arrays(table, state)
        rows, grads = _batch(table, rows, grads, elements)
        self.plan, self._rule, self._state, self._workspace = plan, rule, state, workspace
        self._batch, self.norm = (rows, grads), 0.0

        visited = len(table) if plan.everyone else rows.size
        self._parts = parts = workspace.parts_for(visited, table.shape[1])
        self._space = space = workspace.space(
            table, parts, rows.size, squares=rule.duplicates == "squares"
        )
        places = rows.size + parts
        index, base = workspace.index(len(table), places), workspace.reserve(places)
        self._found = index, base, tuple(space)

    def _preprocessed(self) -> tuple[Any, ...]:
        """Arguments of `preprocess`."""
        (rows, grads), plan = self._batch, self.plan
        return rows, len(self._arrays[0]), grads, plan.options, plan.limit, *self._found

    def _applied(self, t: int) -> tuple[Any, ...]:
        """Arguments of `apply` for batch t."""
        plan = self.plan
        return *self._arrays, self._batch[1], plan.h, t, plan.everyone, *self._found

    def preprocess_and_apply(self) -> None:
        """The whole step, in one call of compiled code."""
        t = int(self._state["t"]) + 1
        self._space.ends[:] = REFUSED
        try:
            _team.team.run_in_turn(
                (preprocess, self.plan.apply), (self._preprocessed(), self._applied(t)), self._parts
            )
        finally:  # a Ctrl-C is raised as the call returns, or here: table and count must agree
            try:
                self._count(t)
            except KeyboardInterrupt:
                self._count(t)
                raise
        self._refuse()

    def _count(self, t: int) -> None:
        """Make t the count of batches, if the batch was not refused and is one."""
        if REFUSED not in self._space.ends.tolist() and self._counts():
            self._state["t"][...] = t

    def preprocess(self) -> None:
        """The first half."""
        plan, space, parts, run = self.plan, self._space, self._parts, _team.team.run
        run(preprocess, self._preprocessed(), parts)
        self._refuse()
        if plan.clips_batch:
            clip_all(plan.limit, tuple(space))
            run(shorten, (tuple(space),), parts)
        if plan.remembers:
            rows, grads = self._batch
            self._lists = plan.lists(self._state, self._workspace)
            self._critical = tuple(
                self._lists.critical(self._state, parts, rows.size, space.own.size)
            )
            run(measure_part, (grads, tuple(space), self._critical), parts)
            self.norm = norm_of_all(tuple(space), self._critical)

    def apply(self, shared_norm: float | None = None) -> None:
        """The second half; `shared_norm` is that of a group."""
        rule, state, plan = self._rule, self._state, self.plan
        table, parts, run = self._arrays[0], self._parts, _team.team.run
        if not self._counts():
            return
        state["t"] += 1
        t = int(state["t"])
        if plan.shrinks:
            factor = table.dtype.type(1 - rule.rate(t) * rule.weight_decay)
            run(shrink, (parts, table, factor), parts)
        if not plan.remembers:
            run(plan.apply, self._applied(t), parts)
            return
        norm = self.norm if shared_norm is None else shared_norm
        offer_all(norm, t, tuple(self._space), self._critical)
        run(plan.apply, (*self._applied(t), self._critical), parts)
        remember_all(self._critical)
        self._lists.stepped(state)

    def _refuse(self) -> None:
        """Raise the reference's error for a batch that a kernel refused."""
        if REFUSED in self._space.ends.tolist():
            preprocess_or_raise(self._rule, self._arrays[0], *self._batch)
            raise AssertionError("a kernel refused a batch that the reference takes")

    def _counts(self) -> bool:
        """Whether the batch is one of the rule's batches: it touches a row, or may be empty."""
        space = self._space
        return self._rule.count_empty or bool((space.ends != space.starts[:-1]).any())


_local = threading.local()


def _own_workspace() -> Workspace:
    """The calling thread's workspace."""
    if not hasattr(_local, "workspace"):
        _local.workspace = Workspace()
    return _local.workspace


def _batch(
    table: Floats, rows: Integers, grads: Floats, elements: tuple[Floats, ...]
) -> tuple[Integers, Floats]:
    """The batch as the kernels take it: of the right dtypes and shapes, contiguous, read-only."""
    usual = (
        isinstance(rows, np.ndarray)
        and isinstance(grads, np.ndarray)
        and rows.dtype == np.int64
        and grads.dtype == table.dtype
        and rows.ndim == 1
        and grads.shape == (rows.size, table.shape[1])
    )
    if not usual:
        rows, grads = check_batch(table, rows, grads)
    if any(np.may_share_memory(grads, array) for array in (table, *elements)):
        grads = grads.copy()
    rows, grads = np.ascontiguousarray(rows).view(), np.ascontiguousarray(grads).view()
    rows.flags.writeable = grads.flags.writeable = False  # one type for the compiler
    return rows, grads
