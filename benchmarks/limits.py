"""What the machine allows: the memory traffic of a step and nothing else, in C.

`raw` reads B gradient rows and reads and writes a table row for each, without finding duplicates.
The *floor* of a rule is computed from its bytes: B gradient rows are read once, and the batch's
distinct rows of the table and of every slot are read and written once, each at the speed of a
bare pass over those very rows, measured in the same round.
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

    def raw(self, table: np.ndarray, grads: np.ndarray, rows: np.ndarray, a: int, b: int) -> None:
        """W -= rate g for occurrences a .. b - 1."""
        self._raw(
            table.ctypes.data, grads.ctypes.data, rows.ctypes.data, a, b, table.shape[1], 0.01
        )

    def touch(self, table: np.ndarray, rows: np.ndarray, a: int, b: int) -> None:
        """Read and write rows a .. b - 1 of the list."""
        self._touch(table.ctypes.data, rows.ctypes.data, a, b, table.shape[1])

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

        self.raw, self.touch = raw, touch
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
    distinct = [np.unique(ids) for ids in cell.ids]

    def raw(k: int) -> None:
        table, grads, ids = tables["table"], cell.grads[k], cell.ids[k]
        team.run(lambda p: bare.raw(table, grads, ids, *_share(ids.size, p, n)), n)

    def stream(k: int) -> None:
        grads = cell.grads[k]
        team.run(lambda p: bare.stream(grads, *_share(grads.size, p, n)), n)

    def touch(name: str) -> Callable[[int], None]:
        table = tables[name]

        def run(k: int) -> None:
            rows = distinct[k]
            team.run(lambda p: bare.touch(table, rows, *_share(rows.size, p, n)), n)

        return run

    return {"raw": raw, "stream": stream, **{f"touch {name}": touch(name) for name in tables}}


def _share(size: int, part: int, parts: int) -> tuple[int, int]:
    return size * part // parts, size * (part + 1) // parts
