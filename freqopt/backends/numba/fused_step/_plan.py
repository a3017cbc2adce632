"""What a step needs to know of a rule, found out once, and the arrays that it steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.backends.numba.batch._preprocess import BATCH
from freqopt.backends.numba.batch._workspace import Workspace
from freqopt.backends.numba.fixed_memory._apply import make_apply_critical
from freqopt.backends.numba.fixed_memory._lists import Lists
from freqopt.backends.numba.fused_step._apply import make_apply
from freqopt.errors import BatchError
from freqopt.kernels import choices, hyper
from freqopt.optimizers import Rule, State
from freqopt.optimizers._critical import FixedMemory
from freqopt.typing import Floats, Integers

_NEVER = np.zeros(0, np.int64)


class Plan:
    """What a step needs to know of a rule, found out once.

    Attributes
    ----------
    apply : see `make_apply`
    h : the rule's hyper vector
    options, limit : see `preprocess`
    everyone : bool
        Rows outside the batch are updated too.
    remembers : bool
        The rule keeps a buffer of critical gradients.
    shrinks : bool
        All rows of the table shrink before the rows of the batch are updated.
    clips_batch : bool
        The gradients are clipped by the norm of all.
    at_once : bool
        Nothing happens between preprocess and apply, and without entries nothing happens in apply.
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
        self.slots = rule.all_slots()
        own = [slot for slot in self.slots if slot.per != "table" and not slot.copies]
        at_rest = not own and not rule.weight_decay and rule.max_norm is None
        self.everyone = rule.rows == "all" and not (self.remembers and at_rest)
        decoupled = rule.decay == "decoupled" and rule.decay_rows == "all"
        self.shrinks = decoupled and bool(rule.weight_decay)
        self.clips_batch = clipped == BATCH
        self.at_once = not (self.everyone or self.remembers or self.shrinks or self.clips_batch)

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
        _check("the table", table)
        elements, row_slots, decayed_at = [], [], _NEVER
        for slot in self.slots:
            array = state.get(slot.name)
            shape = slot.shape((table.shape[0], table.shape[1]))
            dtype = table.dtype if slot.dtype == "table" else np.dtype(slot.dtype)
            if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != dtype:
                found = "no array"
                if isinstance(array, np.ndarray):
                    found = f"{array.dtype} of shape {array.shape}"
                raise BatchError(
                    f"state slot {slot.name!r} is {found}, expected {dtype} of shape {shape}; "
                    "use what rule.init(table) gives"
                )
            _check(f"state slot {slot.name!r}", array)
            if slot.name == "decayed_at":
                decayed_at = array
            elif slot.copies or slot.per == "table":
                continue  # t, or the buffer of a fixed-memory rule, see `Lists`
            elif slot.per == "element":
                elements.append(array)
            else:
                row_slots.append(array)
        return np.asarray(table), tuple(elements), tuple(row_slots), decayed_at


def _check(what: str, array: NDArray[Any]) -> None:
    if not array.flags.c_contiguous:
        raise BatchError(
            f"{what} is not C-contiguous (strides {array.strides}), and a compiled step updates it "
            "in place; use numpy.ascontiguousarray once, or the numpy backend"
        )
    if not array.flags.writeable:
        raise BatchError(f"{what} is read-only, and a step updates it in place; pass a copy")
