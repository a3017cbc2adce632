"""Which rows each stored gradient of a fixed-memory rule holds, kept beside the rule's state.

The state is the reference's alone. The lists are found from the buffer when a state is new here or
was changed elsewhere, and kept up from then on.
"""

from __future__ import annotations

import math
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.backends.numba.fixed_memory._buffer import CHOICES, Critical
from freqopt.optimizers import State
from freqopt.optimizers._critical import FixedMemory
from freqopt.streams import purpose_id

COUNTS = ("length", "accepted", "rejected")
ORDERS = ("aggregated", "stays", "places")


class Lists:
    """Memory of `Critical` for one table's state.

    Parameters
    ----------
    rule : FixedMemory
    state : from `rule.init`
    """

    def __init__(self, rule: FixedMemory, state: State) -> None:
        buffer = state["buffer"]
        (self._capacity, self._size, self._width), self._dtype = buffer.shape, buffer.dtype
        self._rule, self._buffer = rule, weakref.ref(buffer)
        self._dense = bool(
            rule.stores_decay and rule.weight_decay and rule.decay == "l2"
        )  # every row is stored
        self._stamp: tuple[Any, ...] = ()
        self._memories: dict[str, NDArray[Any]] = {}
        self._lists = np.zeros((self._capacity + 1, 0), np.int64)
        self._kept: dict[str, Any] = {
            "codes": np.array(
                [
                    *(choices.index(getattr(rule, name)) for name, choices in CHOICES.items()),
                    rule.threshold == "minimum",
                    rule.acceptance_test,
                    rule.kappa_in_place,
                ],
                np.int64,
            ),
            "numbers": np.array(
                [
                    rule.factor,
                    rule.priority_decay,
                    np.inf if rule.max_age is None else rule.max_age,
                    rule.weight_decay if self._dense else 0,
                ]
            ),
            "key": np.array(
                [rule.seed or 0, rule.run or 0, purpose_id("critical_buffer")], np.uint64
            ),
            "sizes": np.zeros(self._capacity + 1, np.int64),
            "which": np.arange(self._capacity + 1),
            "seen": np.zeros(self._size, np.int64),
            **{name: np.zeros(self._capacity + 1, np.int64) for name in ORDERS},
            "decided": np.zeros(7, np.int64),
            "norm": np.zeros(1),
            "ranks": np.zeros(self._capacity + 1),
        }

    @property
    def dense(self) -> bool:
        """Whether every row is stored, because weight decay is part of what is stored."""
        return self._dense

    def of(self, rule: FixedMemory, state: State) -> bool:
        """Whether these lists were made for this very rule and state."""
        return self._rule is rule and self._buffer() is state["buffer"]

    def critical(self, state: State, parts: int, batch: int, places: int) -> Critical:
        """What a step needs, for a batch of at most `batch` rows among `places` entries."""
        if self._stamp != _stamp(state):
            self._find(state)
        if not self._dense and self._lists.shape[1] < max(batch, 1):
            self._lists = np.pad(self._lists, ((0, 0), (0, max(batch, 1) - self._lists.shape[1])))
        union = min(self._lists.size + batch, self._size)
        return Critical(
            buffer=state["buffer"].reshape(-1, self._width),
            priorities=state["priorities"],
            born=state["born"],
            lists=self._lists,
            union=self._memory("union", (union,), np.int64),
            norms=self._memory("norms", (places,), np.float64),
            sorted_norms=self._memory("sorted norms", (places,), np.float64),
            wide=self._memory("wide", (parts, self._width), np.float64),
            scratch=self._memory("scratch", (parts, self._capacity + 4, self._width), self._dtype),
            **{name: state[name].reshape(1) for name in COUNTS},
            **self._kept,
        )

    def stepped(self, state: State) -> None:
        """The state was changed here, and the lists with it."""
        self._stamp = _stamp(state)

    def _find(self, state: State) -> None:
        """Read the lists off the buffer."""
        self._kept["seen"][:] = 0
        self._kept["which"][:] = np.arange(self._capacity + 1)
        self._kept["sizes"][:] = 0
        if self._dense:
            return
        bits = state["buffer"].view(f"i{self._dtype.itemsize}")  # -0.0 counts as something
        held = [np.flatnonzero(bits[k].any(axis=1)) for k in range(int(state["length"]))]
        room = max((rows.size for rows in held), default=0)
        self._lists = np.zeros((self._capacity + 1, max(room, self._lists.shape[1])), np.int64)
        for k, rows in enumerate(held):
            self._lists[k, : rows.size] = rows
            self._kept["sizes"][k] = rows.size

    def _memory(self, name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """Memory of no value that stays, and grows where it is too small."""
        size = math.prod(shape)
        if name not in self._memories or self._memories[name].size < size:
            self._memories[name] = np.zeros(size, dtype)
        return self._memories[name][:size].reshape(shape)


def _stamp(state: State) -> tuple[Any, ...]:
    """What differs between any two steps of a run."""
    return int(state["t"]), state["priorities"].tobytes(), state["born"].tobytes()
