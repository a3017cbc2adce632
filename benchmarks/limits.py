"""What the machine allows: the memory traffic of a step and nothing else, in C.

`raw` reads B gradient rows and reads and writes a table row for each, without finding duplicates.
The *floor* of a rule is computed from its bytes: B gradient rows are read once, and the batch's
distinct rows of the table and of every slot are read and written once, each at the speed of a
bare pass over those very rows, measured in the same round. Adding the occurrences of a row costs
nothing there. `coalesce` adds them: it is SGD's step for someone who was told beforehand which
occurrences belong together, row by row, the sum in registers. `find` finds that out, for a thread
that was told which rows are its own: it numbers the rows by an array as long as the table, and
lists the occurrences of each. The *reach* of a rule is `find`, `coalesce` and the bare passes over
its slots: a step in C without any overhead, which gets square roots and divisions for nothing.
"""

from __future__ import annotations

import ctypes
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cells import Cell
from peers import Contender

SOURCE = r"""
#include <stdint.h>
#include <omp.h>
#define PARALLEL _Pragma("omp parallel for schedule(static) num_threads(threads)")
static void fetch(const float *row, int64_t width) {
    for (int64_t j = 0; j < width; j += 16) __builtin_prefetch(row + j, 1);
}
static void fetch_once(const float *row, int64_t width) {
    for (int64_t j = 0; j < width; j += 16) __builtin_prefetch(row + j, 0, 2);
}
void raw(float *table, const float *grads, const int64_t *rows, int64_t count, int64_t width,
         float rate, int threads) {
    PARALLEL for (int64_t b = 0; b < count; b++) {
        float *w = table + rows[b] * width;
        const float *g = grads + b * width;
        if (b + 16 < count) fetch(table + rows[b + 16] * width, width);
        for (int64_t j = 0; j < width; j++) w[j] -= rate * g[j];
    }
}
void touch(float *table, const int64_t *rows, int64_t count, int64_t width, int threads) {
    PARALLEL for (int64_t b = 0; b < count; b++) {
        float *w = table + rows[b] * width;
        if (b + 16 < count) fetch(table + rows[b + 16] * width, width);
        for (int64_t j = 0; j < width; j++) w[j] += 1e-9f;
    }
}
static inline __attribute__((always_inline)) void add_and_step(
    float *table, const float *grads, const int64_t *rows, const int64_t *starts,
    const int64_t *occurrences, int64_t first, int64_t end, int64_t width, float rate) {
    float sum[64 * 64];  // wider rows are not measured
    for (int64_t e = first; e < end; e++) {
        float *w = table + rows[e] * width;
        if (e + 12 < end) fetch(table + rows[e + 12] * width, width);
        for (int64_t k = starts[e]; k < starts[e + 1]; k++) {
            const float *g = grads + occurrences[k] * width;
            if (k + 16 < starts[end]) fetch_once(grads + occurrences[k + 16] * width, width);
            if (k == starts[e]) for (int64_t j = 0; j < width; j++) sum[j] = g[j];
            else for (int64_t j = 0; j < width; j++) sum[j] += g[j];
        }
        for (int64_t j = 0; j < width; j++) w[j] -= rate * sum[j];
    }
}
void coalesce(float *table, const float *grads, const int64_t *rows, const int64_t *starts,
              const int64_t *occurrences, const int64_t *parts, int64_t width, float rate,
              int threads) {
    PARALLEL for (int p = 0; p < threads; p++)
        if (width == 64)  // known to the compiler: the sum stays in registers
            add_and_step(table, grads, rows, starts, occurrences, parts[p], parts[p + 1], 64, rate);
        else
            add_and_step(table, grads, rows, starts, occurrences, parts[p], parts[p + 1], width,
                         rate);
}
void find(int32_t *index, const int64_t *ids, const int64_t *own, const int64_t *shares,
          int32_t base, int64_t *rows, int32_t *starts, int32_t *counts, int32_t *entries,
          int32_t *occurrences, int threads) {
    PARALLEL for (int p = 0; p < threads; p++) {
        int64_t first = shares[p] + p, last = first, end = shares[p + 1] + p;
        const int64_t *mine = own - p;
        for (int64_t k = first; k < end; k++) {
            if (k + 24 < end) __builtin_prefetch(index + ids[mine[k + 24]], 1);
            int64_t row = ids[mine[k]], entry = index[row] - base;
            int8_t new = entry < 0;
            entry = new ? last : entry;
            index[row] = base + entry;
            rows[last] = row;
            counts[last] = new ? 0 : counts[last];
            counts[entry]++;
            entries[k] = entry;
            last += new;
        }
        int64_t behind = first;
        for (int64_t e = first; e < last; e++) starts[e] = behind += counts[e];
        for (int64_t k = end; k-- > first;) occurrences[--starts[entries[k]]] = mine[k];
    }
}
void stream(const float *grads, int64_t count, float *found, int threads) {
    PARALLEL for (int p = 0; p < threads; p++) {
        float most[64] = {0};
        int64_t end = count / 64 * (p + 1) / threads;
        for (int64_t k = count / 64 * p / threads; k < end; k++)
            for (int j = 0; j < 64; j++) {
                float g = grads[64 * k + j];
                most[j] = g > most[j] ? g : most[j];
            }
        found[16 * p] = most[0] + most[63];
    }
}
"""
FLAGS = ["-O3", "-march=native", "-ffp-contract=off", "-fopenmp", "-shared", "-fPIC"]


def passes() -> ctypes.CDLL | None:
    """The bare passes, compiled by the system's compiler; none without a compiler with OpenMP."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    folder = Path(tempfile.mkdtemp())
    (folder / "passes.c").write_text(SOURCE)
    try:
        command = [compiler or "cc", *FLAGS, "passes.c", "-o", "passes.so"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return ctypes.CDLL(str(folder / "passes.so"))
    except (OSError, subprocess.CalledProcessError):
        return None


def limits(cell: Cell, bare: ctypes.CDLL) -> list[Contender]:
    """Raw, and the pieces of the floors."""
    n, width = ctypes.c_int(cell.threads), ctypes.c_int64(cell.width)
    tables = {"table": cell.table(), "slot": cell.table(), "column": np.ones((cell.rows, 1), "f4")}
    moved = cell.table()  # apart from what is touched, which would be in the cache
    distinct = [np.unique(ids) for ids in cell.ids]
    told, found = [_told(ids, cell.threads) for ids in cell.ids], np.empty(16 * cell.threads, "f4")
    shares = [_shares(*one) for one in told]
    index, places, base = np.zeros(cell.rows, "i4"), cell.batch + cell.threads, [1]
    lists = [np.zeros(places, "i8"), *(np.zeros(places, "i4") for _ in range(4))]
    rate = ctypes.c_float(0.01)

    def at(*arrays: np.ndarray) -> list[ctypes.c_void_p]:
        return [ctypes.c_void_p(array.ctypes.data) for array in arrays]

    def size(array: np.ndarray) -> ctypes.c_int64:
        return ctypes.c_int64(array.size)

    def raw(k: int) -> None:
        bare.raw(*at(moved, cell.grads[k], cell.ids[k]), size(cell.ids[k]), width, rate, n)

    def coalesce(k: int) -> None:
        bare.coalesce(*at(moved, cell.grads[k], *told[k]), width, rate, n)

    def find(k: int) -> None:
        given = at(index, cell.ids[k], *shares[k])
        bare.find(*given, ctypes.c_int32(base[0]), *at(*lists), n)
        base[0] += places

    def stream(k: int) -> None:
        bare.stream(*at(cell.grads[k]), size(cell.grads[k]), *at(found), n)

    def touch(table: np.ndarray) -> Callable[[int], None]:
        wide = ctypes.c_int64(table.shape[1])
        return lambda k: bare.touch(*at(table, distinct[k]), size(distinct[k]), wide, n)

    def limit(name: str, run: Callable[[int], None], table: np.ndarray) -> Contender:
        return Contender(name, "sgd", run, lambda k: cell.look_up(table, k))

    return [
        limit("raw", raw, moved),
        limit("coalesce", coalesce, moved),
        limit("find", find, moved),
        Contender("stream", "sgd", stream),
        *(limit(f"touch {name}", touch(table), table) for name, table in tables.items()),
    ]


def _told(ids: np.ndarray, parts: int) -> tuple[np.ndarray, ...]:
    """For `coalesce`: rows part by part, where the occurrences of each start, those, the parts."""
    rows, first, entry, count = np.unique(
        ids, return_index=True, return_inverse=True, return_counts=True
    )
    part = np.zeros(rows.size, np.int64)  # heavy rows first, each to the part with least work
    work = [0] * parts
    for row in np.argsort(-count):
        part[row] = int(np.argmin(work)) if count[row] > 1 else row % parts
        work[part[row]] += count[row]
    order = np.lexsort((first, part))
    place = np.argsort(order)
    starts = np.concatenate([[0], np.cumsum(count[order])])
    occurrences = np.argsort(place[entry], kind="stable")
    return rows[order], starts, occurrences, np.searchsorted(part[order], np.arange(parts + 1))


def _shares(
    _: np.ndarray, starts: np.ndarray, occurrences: np.ndarray, parts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For `find`: the occurrences of each part in ascending order, and where each part begins."""
    bounds = starts[parts]
    own = [np.sort(occurrences[a:b]) for a, b in itertools.pairwise(bounds)]
    return np.concatenate(own), bounds
