"""Tables larger than memory: the fused step of CF-SGD on files that are mapped into memory.

    python benchmarks/scale.py                      200 million rows, 8 numbers each
    python benchmarks/scale.py --rows 3000000000 --width 1

Table and counts are sparse files, of which only the pages that rows fall on exist; they are deleted
at the end. The same batches, of log-uniform ranks (a Zipf law of exponent 1) scattered over the
table, are done by
  memory   a table of a million rows in memory, the rows taken modulo its length
  new      the mapped table, each batch for the first time: the files grow by a page per new row
  cached   the same batches again: their pages are in the page cache
  file     the same batches again, each with an empty page cache: all pages are read from the file.
           This is the slowest that a table of any size, however many times the memory, can be.
"""

from __future__ import annotations

import argparse
import mmap
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import spread

from freqopt.backends.numba import Workspace, step
from freqopt.optimizers import rules

IN_MEMORY = 1_000_000
SCATTER = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio


class MappedArray:
    """An array in a sparse file."""

    def __init__(self, path: Path, dtype: str, shape: tuple[int, ...]) -> None:
        self.path = path
        self.array = np.memmap(path, dtype, "w+", shape=shape)
        self.array._mmap.madvise(mmap.MADV_RANDOM)  # a row asks for its page, not for a stretch

    def forget(self) -> None:
        """Write what changed and empty the page cache of this file."""
        self.array.flush()
        self.array._mmap.madvise(mmap.MADV_DONTNEED)
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def on_disk(self) -> int:
        """Bytes that the file takes."""
        return self.path.stat().st_blocks * 512


def batches(rows: int, width: int, batch: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows and gradients of each step."""
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(count):
        ranks = np.exp(rng.random(batch) * np.log(rows)).astype(np.uint64)
        ids = (ranks * np.uint64(SCATTER)) % np.uint64(rows)
        drawn.append((ids.astype(np.int64), rng.normal(size=(batch, width)).astype(np.float32)))
    return drawn


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000_000)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--batch", type=int, default=8192)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the files go; a temporary folder")
    asked = parser.parse_args()
    rule = rules["cf_sgd"](lr=0.01, form="anytime", cap="none")
    drawn = batches(asked.rows, asked.width, asked.batch, asked.count)
    workspace = Workspace(asked.threads)
    times: dict[str, list[float]] = {}

    def take(what: str, table: np.ndarray, state: dict, ids: np.ndarray, grads: np.ndarray) -> None:
        start = time.perf_counter()
        step(rule, table, state, ids, grads, workspace)
        times.setdefault(what, []).append(time.perf_counter() - start)

    small = np.zeros((IN_MEMORY, asked.width), np.float32)
    state = rule.init(small)
    for turn in range(2):  # the first turn compiles, and touches the memory
        for ids, grads in drawn:
            take("memory" if turn else "first", small, state, ids % IN_MEMORY, grads)

    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        table = MappedArray(Path(folder) / "table", "f4", (asked.rows, asked.width))
        counts = MappedArray(Path(folder) / "count", "i8", (asked.rows,))
        (name,) = (slot.name for slot in rule.all_slots() if slot.per == "row")
        state = {"t": np.zeros((), np.int64), name: counts.array}
        for what in ("new", "cached", "file"):
            for ids, grads in drawn:
                if what == "file":
                    table.forget()
                    counts.forget()
                take(what, table.array, state, ids, grads)
        distinct = np.mean([np.unique(ids).size for ids, _ in drawn])
        size = table.array.nbytes + counts.array.nbytes
        used = table.on_disk() + counts.on_disk()
    print(
        f"CF-SGD, N = {asked.rows:,}, d = {asked.width}, B = {asked.batch:,} ({distinct:,.0f} "
        f"distinct rows), {asked.threads} threads; files of {size / 1e9:.1f} GB, of which "
        f"{used / 1e9:.2f} GB exist.\n"
    )
    print("| table | ms per step | times memory | steps, % |\n|---|---|---|---|")
    for what in ("memory", "new", "cached", "file"):
        milliseconds = 1e3 * float(np.median(times[what]))
        slower = float(np.median(times[what]) / np.median(times["memory"]))
        own = spread(np.array(times[what]))
        print(f"| {what} | {milliseconds:.2f} | {slower:.1f} | {own} |")


if __name__ == "__main__":
    main()
