"""The fused sparse step: `Rule.step` on the same arrays, with the same bits."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.backends.numba import _threads
from freqopt.backends.numba._apply import make_apply, shorten, shrink
from freqopt.backends.numba._apply_critical import make_apply_critical
from freqopt.backends.numba._critical import (
    Critical,
    measure_part,
    norm_of_all,
    offer_all,
    remember_all,
)
from freqopt.backends.numba._gather import BATCH, REFUSED, gather
from freqopt.backends.numba._kernel import choices, hyper
from freqopt.backends.numba._lists import Lists
from freqopt.backends.numba._norms import clip_all
from freqopt.backends.numba._settle import make_settle
from freqopt.backends.numba._workspace import Workspace
from freqopt.errors import BatchError
from freqopt.optimizers import Rule, State
from freqopt.optimizers._batch import check_batch, check_table, intake
from freqopt.optimizers._critical import FixedMemory
from freqopt.optimizers._group import check_names

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]


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
        Any rule that `capabilities` names.
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
    _Begun(rule, table, state, rows, grads, workspace or _own_workspace()).finish()


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
    shared = None
    if isinstance(rule, FixedMemory) and rule.synced:
        shared = 0.0
        for one in begun:
            shared += one.norm
    for one in begun:
        one.finish(shared)


def settle(
    rule: Rule,
    table: Floats,
    state: State,
    rows: Integers | None = None,
    workspace: Workspace | None = None,
) -> None:
    """Bring rows that a lazy rule has left behind up to the present batch: `Rule.settle`.

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
    if not rule.settles_before_reading:
        rule.settle(table, state, rows)
        return
    check_table(table)
    workspace = workspace or _own_workspace()
    plan = workspace.remember((id(rule), table.dtype), lambda: _Plan(rule, table.dtype))
    table, elements, row_slots, decayed_at = plan.arrays(table, state)
    chosen = np.arange(len(table))
    if rows is not None:
        rows = np.asarray(rows).reshape(-1)
        chosen = np.unique(
            check_batch(table, rows, np.zeros((rows.size, table.shape[1]), table.dtype))[0]
        )
    parts = workspace.parts_for(chosen.size, table.shape[1])
    compiled, until = make_settle(rule, table.dtype), int(state["t"])
    scratch = np.zeros((parts, 3, table.shape[1]), table.dtype)
    _threads.team.run(
        compiled,
        (parts, table, elements, row_slots, decayed_at, chosen, until, plan.h, scratch),
        parts,
    )


class _Begun:
    """A step that has been validated and combined, and has changed nothing yet.

    Attributes
    ----------
    norm : float
        Of the batch's gradient, for a fixed-memory rule.
    """

    def __init__(
        self, rule: Rule, table: Floats, state: State, rows: Integers, grads: Floats,
        workspace: Workspace,
    ) -> None:  # fmt: skip
        check_table(table)
        plan = workspace.remember((id(rule), table.dtype), lambda: _Plan(rule, table.dtype))
        self._arrays = table, elements, _, _ = plan.arrays(table, state)
        rows, grads = _batch(table, rows, grads, elements)
        self._plan, self._rule, self._state, self._grads = plan, rule, state, grads

        visited = len(table) if plan.everyone else rows.size
        self._parts = parts = workspace.parts_for(visited, table.shape[1])
        self._space = space = workspace.space(
            table, parts, rows.size, squares=rule.duplicates == "squares"
        )
        self._index = index = workspace.index(len(table), rows.size + parts)
        self._base = base = workspace.reserve(rows.size + parts)
        run = _threads.team.run
        run(gather, (rows, len(table), grads, plan.options, plan.limit, index, base, space), parts)
        if space[2].min() == REFUSED:
            _refuse(rule, table, rows, grads)
        if plan.options[4] == BATCH:
            clip_all(plan.limit, space)
            run(shorten, (space,), parts)
        self._lists, self.norm = None, 0.0
        if plan.remembers:
            self._lists = plan.lists(state, workspace)
            self._critical = self._lists.critical(state, parts, rows.size, space[4].size)
            run(measure_part, (grads, space, self._critical), parts)
            self.norm = norm_of_all(space, self._critical)

    def finish(self, shared_norm: float | None = None) -> None:
        """Change table and state; `shared_norm` is that of a group."""
        rule, state, plan, space = self._rule, self._state, self._plan, self._space
        table, parts, run = self._arrays[0], self._parts, _threads.team.run
        if not rule.count_empty and (space[2] == space[1][:-1]).all():
            return
        state["t"] += 1
        t = int(state["t"])
        if rule.weight_decay and rule.decay == "decoupled" and rule.decay_rows == "all":
            factor = table.dtype.type(1 - rule.rate(t) * rule.weight_decay)
            run(shrink, (parts, table, factor), parts)
        extra: tuple[Critical, ...] = ()
        if self._lists is not None:
            extra = (self._critical,)
            offer_all(self.norm if shared_norm is None else shared_norm, t, space, self._critical)
        arguments = (
            *self._arrays, self._grads, plan.h, t, plan.everyone, self._index, self._base, space,
            *extra,
        )  # fmt: skip
        run(plan.apply, arguments, parts)
        if self._lists is not None:
            remember_all(self._critical)
            self._lists.stepped(state)


class _Plan:
    """What a step needs to know of a rule, found out once.

    Attributes
    ----------
    apply : see `make_apply`
    h : the rule's hyper vector
    options, limit : see `gather`
    everyone : bool
        Rows outside the batch are updated too.
    remembers : bool
        The rule keeps a buffer of critical gradients.
    """

    def __init__(self, rule: Rule, dtype: Any) -> None:
        self.rule = rule  # also keeps its id from being used again
        self.remembers = isinstance(rule, FixedMemory) and bool(rule.kappa)
        self.apply = (make_apply_critical if self.remembers else make_apply)(rule, dtype)
        self.h = hyper(rule)
        clipped = choices(Rule, "clip_scope").index(rule.clip_scope) if rule.clip else -1
        stored = (
            rule.maximize
            or rule.clip is not None
            or rule.rows == "nonzero"
            or rule.duplicates == "squares"
        )
        self.options = np.array(
            [
                choices(Rule, "duplicates").index(rule.duplicates),
                choices(Rule, "nonfinite").index(rule.nonfinite),
                -1 if rule.padding_row is None else rule.padding_row,
                rule.maximize,
                clipped,
                rule.rows == "nonzero",
                stored,
            ]
        )
        self.limit = dtype.type(rule.clip or 0)
        self.slots = [slot for slot in rule.all_slots() if slot.name != "t"]
        own = [slot for slot in self.slots if slot.per != "table" and not slot.copies]
        at_rest = not own and not rule.weight_decay and rule.max_norm is None
        self.everyone = rule.rows == "all" and not (self.remembers and at_rest)

    def lists(self, state: State, workspace: Workspace) -> Lists:
        """The lists of this very state."""
        key = ("lists", id(self.rule), id(state["buffer"]))
        lists: Lists = workspace.remember(key, lambda: Lists(self.rule, state))
        if not lists.of(self.rule, state):  # the memory of another state was used again
            workspace.forget(key)
            return self.lists(state, workspace)
        return lists

    def arrays(
        self, table: Floats, state: State
    ) -> tuple[Floats, tuple[Floats, ...], tuple[NDArray[Any], ...], Integers]:
        """The table, its element slots and row slots in declared order, and `decayed_at`."""
        _check_contiguous("the table", table)
        elements, row_slots, decayed_at = [], [], _NEVER
        for slot in self.slots:
            array = state.get(slot.name)
            shape = slot.shape((table.shape[0], table.shape[1]))
            dtype = table.dtype if slot.dtype == "table" else np.dtype(slot.dtype)
            if array is None or array.shape != shape or array.dtype != dtype:
                found = "missing" if array is None else f"{array.dtype} of shape {array.shape}"
                raise BatchError(
                    f"state slot {slot.name!r} is {found}, expected {dtype} of shape {shape}; "
                    "use what rule.init(table) gives"
                )
            _check_contiguous(f"state slot {slot.name!r}", array)
            if slot.name == "decayed_at":
                decayed_at = array
            elif slot.copies or slot.per == "table":
                continue  # the buffer of a fixed-memory rule, see `Lists`
            elif slot.per == "element":
                elements.append(array)
            else:
                row_slots.append(array)
        return np.asarray(table), tuple(elements), tuple(row_slots), decayed_at


_NEVER = np.zeros(0, np.int64)
_local = threading.local()


def _own_workspace() -> Workspace:
    """The calling thread's workspace."""
    if not hasattr(_local, "workspace"):
        _local.workspace = Workspace()
    return _local.workspace


def _check_contiguous(what: str, array: NDArray[Any]) -> None:
    if not array.flags.c_contiguous:
        raise BatchError(
            f"{what} is not C-contiguous (strides {array.strides}), and a compiled step updates it "
            "in place; use numpy.ascontiguousarray once, or the numpy backend"
        )
    if not array.flags.writeable:
        raise BatchError(f"{what} is read-only, and a step updates it in place; pass a copy")


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


def _refuse(rule: Rule, table: Floats, rows: Integers, grads: Floats) -> None:
    """Raise the reference's error for a batch that a kernel refused."""
    intake(rule, table, rows, grads)
    raise AssertionError("a kernel refused a batch that the reference takes")
