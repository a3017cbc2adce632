"""The memory that a step works in, kept from one step to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from freqopt.backends.numba.batch._index import BINS
from freqopt.backends.numba.batch._space import Space
from freqopt.backends.numba.jit._memory import LINE
from freqopt.backends.numba.threads._team import usable_cores
from freqopt.errors import BackendError

DIRECT_ROWS = 2**25
"""Largest table that gets a direct index, 4 bytes a row; larger ones are hashed batch by batch."""
SHARE = 2**17
"""Numbers that make a further thread pay."""
LARGEST = 2**31 - 1
REMEMBERED = 64
Found = TypeVar("Found")
Index = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]
"""Direct form; keys and entries of the hashed form. One of the two is empty."""


class Workspace:
    """Memory for steps on tables of any shape; it grows with the largest batch and stays.

    Not for two threads at a time: give each its own. Without one, `step` uses a workspace that
    belongs to the calling thread.

    Parameters
    ----------
    threads : int, optional
        Threads that share a large batch; all usable cores if absent. The bits do not depend on it.
    parts : int, optional
        Parts that every batch is cut into, whatever its size; by default few for a small batch.
    direct : bool, optional
        Whether rows are found by an array as long as the table, or by hashing the rows of the
        batch; by default as the table's length says.

    Raises
    ------
    BackendError
        A number of threads or parts below 1.
    """

    def __init__(
        self, threads: int | None = None, *, parts: int | None = None, direct: bool | None = None
    ) -> None:
        self._threads = usable_cores() if threads is None else threads
        self._parts, self._direct = parts, direct
        if self._threads < 1 or (parts is not None and parts < 1):
            raise BackendError(
                f"threads = {threads}, parts = {parts}: a workspace needs at least one of each; "
                "leave them out for all usable cores"
            )
        self._buffers: dict[str, NDArray[Any]] = {}
        self._indices: dict[tuple[int | None, int | None], Index] = {}
        self._spaces: dict[tuple[Any, ...], Space] = {}
        self._remembered: dict[Any, Any] = {}
        self._used = 0

    def remember(self, key: Any, make: Callable[[], Found]) -> Found:
        """What `make` gave when it was first asked for `key`, among the last REMEMBERED keys."""
        if key not in self._remembered:
            while len(self._remembered) >= REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)))
            self._remembered[key] = make()
        found: Found = self._remembered[key]
        return found

    def forget(self, key: Any) -> None:
        """No longer remember `key`."""
        self._remembered.pop(key, None)

    def beside(self, k: int) -> Workspace:
        """The workspace of the k-th table of a group: this one, or one like it."""
        if k == 0:
            return self
        return self.remember(
            ("beside", k), lambda: Workspace(self._threads, parts=self._parts, direct=self._direct)
        )

    def parts_for(self, rows: int, width: int) -> int:
        """Number of parts that a batch of so many rows is cut into."""
        return self._parts or min(self._threads, 1 + rows * width // SHARE)

    def reserve(self, count: int) -> int:
        """The `base` from which on `count` entry numbers are unused, see `_index`."""
        if self._used + count > LARGEST:
            self._used = 0
            for name in ("direct", "hashed"):
                if name in self._buffers:
                    self._buffers[name][...] = 0
        base = self._used + 1
        self._used += count
        return base

    def index(self, size: int, places: int) -> Index:
        """Memory of `_index` for a table of `size` rows and `places` occurrences."""
        direct = size <= DIRECT_ROWS if self._direct is None else self._direct
        places = _room(places)
        key = (size, None) if direct else (None, places)
        if key not in self._indices:
            self._indices[key] = (
                self._buffer("direct", size if direct else 0, np.int32),
                self._buffer("keys", 0 if direct else 4 * places, np.int64),
                self._buffer("hashed", 0 if direct else 4 * places, np.int32),
            )
        return self._indices[key]

    def space(self, table: NDArray[Any], parts: int, batch: int, *, squares: bool) -> Space:
        """Memory of `preprocess` and `apply` for a batch on a table."""
        places, width = _room(batch + parts), table.shape[1]
        key = (parts, places, width, table.dtype, squares)
        if key not in self._spaces:
            sums = self._buffer("sums", places * width, table.dtype).reshape(places, width)
            kept = self._buffer("squares", places * width if squares else 0, table.dtype)
            numbers = ("own", "numbers", "place", "count", "rank")
            self._spaces[key] = Space(
                owners=np.zeros((parts, BINS + parts), np.int64),
                starts=np.zeros(parts + 1, np.int64),
                ends=np.zeros(parts, np.int64),
                bins=np.zeros((parts, BINS), np.int64),
                row=self._buffer("row", places, np.int64),
                sums=sums,
                squares=kept.reshape(places, width if squares else 0),
                norms=self._buffer("norms", 2 * places, table.dtype).reshape(2, places),
                scratch=np.zeros((parts, 3, width), table.dtype),
                **{name: self._buffer(name, places, np.int32) for name in numbers},
            )
        return self._spaces[key]

    def _buffer(self, name: str, size: int, dtype: Any) -> NDArray[Any]:
        """An array over the memory `name`, which grows where it is too small."""
        needed = size * np.dtype(dtype).itemsize
        if name not in self._buffers or self._buffers[name].size < needed:
            memory = np.zeros(needed + LINE, np.uint8)  # pages that no row uses are never touched
            self._buffers[name] = memory[-memory.ctypes.data % LINE :][:needed]
            self._indices.clear()
            self._spaces.clear()
        return self._buffers[name][:needed].view(dtype)


def _room(count: int) -> int:
    """Places kept for `count`: the next power of two, so that few sizes come up."""
    return 1 << (count - 1).bit_length()
