"""What the machine allows: the memory traffic of a step and nothing else, in C.

`raw` reads B gradient rows and reads and writes a table row for each, without finding duplicates.
The *floor* of a rule is computed from its bytes: B gradient rows are read once, and the batch's
distinct rows of the table and of every slot are read and written once, each at the speed of a
bare pass over those very rows, measured in the same round. Adding the occurrences of a row costs
nothing there. `coalesce` adds them: it is SGD's step for someone who was told beforehand which
occurrences belong together, one pass over the gradients in which a row is updated at its last one.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
from cells import Cell

from freqopt.backends.numba._threads import Team

SOURCE = r"""
#include <stdint.h>
void raw(float *table, const float *grads, const int64_t *rows, int64_t from, int64_t to,
         int64_t width, float rate) {
    for (int64_t b = from; b < to; b++) {
        float *w = table + rows[b] * width;
        const float *g = grads + b * width;
        if (b + 16 < to)
            for (int64_t j = 0; j < width; j += 16)
                __builtin_prefetch(table + rows[b + 16] * width + j, 1);
        for (int64_t j = 0; j < width; j++) w[j] -= rate * g[j];
    }
}
void touch(float *table, const int64_t *rows, int64_t from, int64_t to, int64_t width) {
    for (int64_t b = from; b < to; b++) {
        float *w = table + rows[b] * width;
        if (b + 16 < to)
            for (int64_t j = 0; j < width; j += 16)
                __builtin_prefetch(table + rows[b + 16] * width + j, 1);
        for (int64_t j = 0; j < width; j++) w[j] += 1e-9f;
    }
}
enum { ONCE, FIRST, MIDDLE, LAST };
void coalesce(float *table, float *sums, const float *grads, const int64_t *rows,
              const int64_t *own, const int64_t *entry, const int8_t *kind, int64_t count,
              int64_t width, float rate) {
    for (int64_t k = 0; k < count; k++) {
        int64_t b = own[k];
        float *w = table + rows[b] * width, *s = sums + entry[b] * width;
        const float *g = grads + b * width;
        if (k + 16 < count && (kind[own[k + 16]] == ONCE || kind[own[k + 16]] == LAST))
            for (int64_t j = 0; j < width; j += 16)
                __builtin_prefetch(table + rows[own[k + 16]] * width + j, 1);
        switch (kind[b]) {
        case ONCE: for (int64_t j = 0; j < width; j++) w[j] -= rate * g[j]; break;
        case FIRST: for (int64_t j = 0; j < width; j++) s[j] = g[j]; break;
        case MIDDLE: for (int64_t j = 0; j < width; j++) s[j] += g[j]; break;
        case LAST: for (int64_t j = 0; j < width; j++) w[j] -= rate * (s[j] + g[j]);
        }
    }
}
float stream(const float *grads, int64_t from, int64_t to) {
    float most[64] = {0};
    for (int64_t k = from; k + 64 <= to; k += 64)
        for (int j = 0; j < 64; j++) most[j] = grads[k + j] > most[j] ? grads[k + j] : most[j];
    return most[0] + most[63];
}
"""


class CPasses:
    """The bare passes, compiled by the system's compiler."""

    name = "C"

    def __init__(self) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            raise FileNotFoundError
        folder = Path(tempfile.mkdtemp())
        (folder / "passes.c").write_text(SOURCE)
        flags = ["-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC"]
        subprocess.run([compiler, *flags, "passes.c", "-o", "passes.so"], cwd=folder, check=True)
        library = ctypes.CDLL(str(folder / "passes.so"))
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        self._raw, self._touch, self._stream = library.raw, library.touch, library.stream
        self._raw.argtypes = [pointer, pointer, pointer, number, number, number, ctypes.c_float]
        self._touch.argtypes = [pointer, pointer, number, number, number]
        self._stream.argtypes = [pointer, number, number]
        self._coalesce = library.coalesce
        self._coalesce.argtypes = [*[pointer] * 7, number, number, ctypes.c_float]

    def raw(self, table: np.ndarray, grads: np.ndarray, rows: np.ndarray, a: int, b: int) -> None:
        """W -= rate g for occurrences a .. b - 1."""
        self._raw(
            table.ctypes.data, grads.ctypes.data, rows.ctypes.data, a, b, table.shape[1], 0.01
        )

    def touch(self, table: np.ndarray, rows: np.ndarray, a: int, b: int) -> None:
        """Read and write rows a .. b - 1 of the list."""
        self._touch(table.ctypes.data, rows.ctypes.data, a, b, table.shape[1])

    def coalesce(
        self, table: np.ndarray, sums: np.ndarray, grads: np.ndarray, rows: np.ndarray,
        own: np.ndarray, entry: np.ndarray, kind: np.ndarray,
    ) -> None:  # fmt: skip
        """W -= rate (sum of g) for the occurrences `own`."""
        arrays = (table, sums, grads, rows, own, entry, kind)
        self._coalesce(*(a.ctypes.data for a in arrays), own.size, table.shape[1], 0.01)

    def stream(self, grads: np.ndarray, a: int, b: int) -> None:
        """Read numbers a .. b - 1."""
        self._stream(grads.ctypes.data, a, b)


class NumbaPasses:
    """The same where there is no C compiler."""

    name = "Numba (no C compiler found)"

    def __init__(self) -> None:
        fast = numba.njit(nogil=True)

        @fast
        def raw(table, grads, rows, a, b):
            for k in range(a, b):
                for j in range(table.shape[1]):
                    table[rows[k], j] -= np.float32(0.01) * grads[k, j]

        @fast
        def touch(table, rows, a, b):
            for k in range(a, b):
                for j in range(table.shape[1]):
                    table[rows[k], j] += np.float32(1e-9)

        @fast
        def stream(flat, a, b):
            most = np.zeros(64, np.float32)
            for k in range(a, b - 63, 64):
                for j in range(64):
                    most[j] = max(most[j], flat[k + j])
            return most[0]

        @fast
        def coalesce(table, sums, grads, rows, own, entry, kind):
            for b in own:
                for j in range(table.shape[1]):
                    g = grads[b, j] if kind[b] in (0, 1) else sums[entry[b], j] + grads[b, j]
                    if kind[b] in (1, 2):
                        sums[entry[b], j] = g
                    else:
                        table[rows[b], j] -= np.float32(0.01) * g

        self.raw, self.touch, self.coalesce = raw, touch, coalesce
        self.stream = lambda grads, a, b: stream(grads.reshape(-1), a, b)


def passes() -> CPasses | NumbaPasses:
    """The fastest that this machine offers."""
    try:
        return CPasses()
    except (FileNotFoundError, subprocess.CalledProcessError):
        return NumbaPasses()


def limits(cell: Cell, bare: CPasses | NumbaPasses) -> dict[str, Callable[[int], None]]:
    """Contenders: raw, and the pieces of the floors; each is a function of the batch's number."""
    team, n = Team(), cell.threads
    tables = {"table": cell.table(), "slot": cell.table(), "column": np.ones((cell.rows, 1), "f4")}
    moved, sums = cell.table(), np.empty((cell.batch, cell.width), "f4")  # apart from what is
    distinct = [np.unique(ids) for ids in cell.ids]  # touched, which would be in the cache
    told = [_told(ids, n) for ids in cell.ids]

    def raw(k: int) -> None:
        grads, ids = cell.grads[k], cell.ids[k]
        team.run(lambda p: bare.raw(moved, grads, ids, *_share(ids.size, p, n)), n)

    def coalesce(k: int) -> None:
        own, entry, kind = told[k]
        grads, ids = cell.grads[k], cell.ids[k]
        team.run(lambda p: bare.coalesce(moved, sums, grads, ids, own[p], entry, kind), n)

    def stream(k: int) -> None:
        grads = cell.grads[k]
        team.run(lambda p: bare.stream(grads, *_share(grads.size, p, n)), n)

    def touch(name: str) -> Callable[[int], None]:
        table = tables[name]

        def run(k: int) -> None:
            rows = distinct[k]
            team.run(lambda p: bare.touch(table, rows, *_share(rows.size, p, n)), n)

        return run

    return {
        "raw": raw,
        "coalesce": coalesce,
        "stream": stream,
        **{f"touch {name}": touch(name) for name in tables},
    }


def _told(ids: np.ndarray, parts: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """For `coalesce`: the occurrences of each part's rows, and the entry and kind of each."""
    rows, first, entry, count = np.unique(
        ids, return_index=True, return_inverse=True, return_counts=True
    )
    last = ids.size - 1 - np.unique(ids[::-1], return_index=True)[1]
    kind = np.full(ids.size, 2, np.int8)
    kind[first], kind[last] = 1, 3
    kind[count[entry] == 1] = 0
    part = np.zeros(rows.size, np.int64)  # heavy rows first, each to the part with least work
    work = [0] * parts
    for row in np.argsort(-count):
        part[row] = int(np.argmin(work)) if count[row] > 1 else row % parts
        work[part[row]] += count[row]
    return [np.flatnonzero(part[entry] == p) for p in range(parts)], entry, kind


def _share(size: int, part: int, parts: int) -> tuple[int, int]:
    return size * part // parts, size * (part + 1) // parts
