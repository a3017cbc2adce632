"""The fused sparse step: `Rule.step` on the same arrays, with the same bits."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.backends.numba import _threads
from freqopt.backends.numba._apply import make_apply, shorten, shrink
from freqopt.backends.numba._gather import BATCH, REFUSED, gather, survey
from freqopt.backends.numba._kernel import choices, hyper
from freqopt.backends.numba._workspace import Workspace
from freqopt.errors import BatchError
from freqopt.optimizers import Rule, State
from freqopt.optimizers._batch import check_batch, check_table, intake
from freqopt.streams.fold import fold

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
        nothing more is allocated, except with clip_scope = "batch".

    Raises
    ------
    BackendError
        The rule has no kernel here.
    BatchError, RowError, GradientError
        As `Rule.step`, before anything is changed; also for arrays that are not C-contiguous.
    """
    check_table(table)
    workspace = workspace or _own_workspace()
    plan = workspace.remember((id(rule), table.dtype), lambda: _Plan(rule, table.dtype))
    table, elements, row_slots, decayed_at = plan.arrays(table, state)
    rows, grads = _batch(table, rows, grads, elements)

    everyone = rule.rows == "all"
    parts = workspace.parts_for(len(table) if everyone else rows.size)
    space = workspace.space(table, parts, rows.size, squares=rule.duplicates == "squares")
    index = workspace.index(len(table), rows.size + parts)
    base = workspace.reserve(rows.size + parts)
    run = _threads.team.run

    starts, ends = space[1:3]
    if not survey(rows, len(table), space):
        _refuse(rule, table, rows, grads)
    run(lambda p: gather(p, rows, grads, plan.options, plan.limit, index, base, space), parts)
    if ends.min() == REFUSED:
        _refuse(rule, table, rows, grads)
    if not rule.count_empty and (ends == starts[:-1]).all():
        return
    if plan.options[4] == BATCH:
        factors = _clip_factors(rule.clip, space)
        run(lambda p: shorten(p, factors, space), parts)

    state["t"] += 1
    t = int(state["t"])
    if rule.weight_decay and rule.decay == "decoupled" and rule.decay_rows == "all":
        factor = table.dtype.type(1 - rule.rate(t) * rule.weight_decay)
        run(lambda p: shrink(p, parts, table, factor), parts)
    run(
        lambda p: plan.apply(
            p, table, elements, row_slots, decayed_at, grads, plan.h, t, everyone, index, base,
            space,
        ),
        parts,
    )  # fmt: skip


class _Plan:
    """What a step needs to know of a rule, found out once.

    Attributes
    ----------
    apply : see `make_apply`
    h : the rule's hyper vector
    options, limit : see `gather`
    """

    def __init__(self, rule: Rule, dtype: Any) -> None:
        self.rule = rule  # also keeps its id from being used again
        self.apply = make_apply(rule, dtype)
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


def _clip_factors(limit: float | None, space: tuple[Any, ...]) -> Floats:
    """What each wave of a batch is multiplied by to have at most norm `limit`, float (waves,)."""
    _, starts, ends, _, _, _, (row, _, _, rank), _, _, norms, _ = space
    used = np.concatenate([np.arange(s, e) for s, e in zip(starts, ends, strict=False)])
    factors = np.ones(rank[used].max(initial=0) + 1, norms.dtype)
    for k in range(factors.size):
        wave = used[rank[used] == k]
        norm = np.sqrt(fold(norms[wave[np.argsort(row[wave])]]))
        if norm > limit:
            factors[k] = limit / norm
    return factors
