"""The fused sparse step, side by side in one run: ours, the reference, other libraries, limits.

    python benchmarks/step.py                     all cells, two threads
    python benchmarks/step.py --rows 1000000 --batch 4096 --rounds 100
    python benchmarks/step.py --grow              cost against N, d, B, threads, Zipf exponent
    python benchmarks/step.py --threads 1 --clock cpu   on a machine that is busy meanwhile
    python benchmarks/step.py --page docs/step_benchmark.md

Contenders take turns. A turn is eight steps in a row on batches that change, as in training, where
a step follows a step; the first three are not counted, and the median of the others is the turn's
time. Before every step the batch's rows are looked up in the contender's table, as a forward pass
does, which is not timed. In a round all have their turn, in an order that changes. A ratio is the
median over rounds of the ratio within the round, so that a machine that is busy meanwhile disturbs
it little. The clock `cpu` counts the time of the calling thread only. "rounds, %" says how far a
contender's own rounds are apart: quickest and slowest over their median.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from cells import Cell
from limits import limits, passes
from machine import machine, spread
from peers import PEERS, Contender

from freqopt.backends.numba import Workspace, step
from freqopt.optimizers import rules

UNCHECKED = {"nonfinite": "propagate"}  # as the other libraries: no look at NaN before the step
OURS = {
    "sgd": {},
    "fa_sgd": {"form": "recipe", "cap": "none"},
    "cf_sgd": {"form": "anytime", "cap": "none"},
    "rowwise_adagrad": {"epsilon": 1e-8},
    "adagrad": {},
    "lazy_adam": {},
}
GROUPS = (("sgd", "fa_sgd", "cf_sgd"), ("rowwise_adagrad",), ("adagrad",), ("lazy_adam",))
"""Rules whose contenders take turns; their tables are in memory at the same time."""
REFERENCE_ROUNDS = 3
TURN, COUNTED = 8, 5
"""Steps of a turn, and how many of them count."""
PAUSE = 0.02
"""Seconds before every turn: waiting threads of the contender before stop spinning. The core that
measures spins itself; one that sleeps is slow for a while."""
# Targets: our time at most 1/x of the peer's; a limit's time at least x of ours.
PEER_TARGETS = {
    "torch SGD": 3, "FBGEMM SGD": 3, "FBGEMM row-wise Adagrad": 8, "torch Adagrad": 8,
    "FBGEMM Adagrad": 6, "torch SparseAdam": 9,
}  # fmt: skip
RAW_TARGET, FLOOR_TARGET = 0.55, 0.70
SPREAD = "rounds, %"


def ours(cell: Cell, name: str, label: str | None = None, **options: object) -> Contender:
    """A rule of ours, compiled; the defaults but for lr, or as the peers mean it."""
    rule = rules[name](lr=0.01, **options)
    table = cell.table()
    given = {s.name: np.full(cell.rows, 1e-3) for s in rule.all_slots() if s.given}
    state, workspace = rule.init(table, **given), Workspace(cell.threads)
    return Contender(
        label or f"ours {name}",
        name,
        lambda k: step(rule, table, state, cell.ids[k], cell.grads[k], workspace),
        lambda k: cell.look_up(table, k),
        lambda: table,
    )


def reference(cell: Cell, name: str) -> Contender:
    """The NumPy reference of a rule."""
    rule = rules[name](lr=0.01, **OURS[name], **UNCHECKED)
    table = cell.table()
    given = {s.name: np.full(cell.rows, 1e-3) for s in rule.all_slots() if s.given}
    state = rule.init(table, **given)
    return Contender(
        f"NumPy {name}",
        name,
        lambda k: rule.step(table, state, cell.ids[k], cell.grads[k]),
        lambda k: cell.look_up(table, k),
    )


def contenders(cell: Cell, group: tuple[str, ...]) -> tuple[list[Contender], list[str]]:
    """All of some rules that can run here, and the names of the absent libraries."""
    found = [ours(cell, name, **OURS[name], **UNCHECKED) for name in group]
    if "sgd" in group:
        found.append(ours(cell, "sgd", "ours sgd, gradients checked"))
    found += [reference(cell, name) for name in group]
    absent = []
    for library, make in PEERS.items():
        try:
            found += [one for one in make(cell) if one.rule in group]
        except ImportError:
            absent.append(library)
    return found, absent


def check(cell: Cell, found: list[Contender]) -> None:
    """One step of every peer leads where ours leads, or it does not count."""
    expected = {}
    for one in found:
        if one.table is None or "checked" in one.name:
            continue
        one.prepare(0)
        one.step(0)
        rows = cell.ids[0][:1000]
        moved = one.table()[rows] - np.float32(0.1)
        if one.rule not in expected:
            expected[one.rule] = moved
        scale = np.abs(expected[one.rule]).max()
        apart = np.abs(moved - expected[one.rule]).max() / scale
        if not apart < 1e-2:  # a gradient of 1e-6 divided by epsilons of 1e-8 and 1e-10
            raise SystemExit(f"{one.name} moves rows by {apart:.1e} of a step otherwise than ours")


def wait(seconds: float) -> None:
    """Let time pass without sleeping."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def measure(
    cell: Cell, found: list[Contender], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, np.ndarray]:
    """Seconds of a step of every contender in every round."""
    times: dict[str, list[float]] = {one.name: [] for one in found}
    for one in found:  # compiles, and touches all memory
        for k in range(3 if one.name.startswith("NumPy") else cell.batches):
            one.prepare(k)
            one.step(k)
    gc.disable()
    rng = np.random.default_rng(0)
    for i in range(rounds):
        for place in rng.permutation(len(found)):
            one = found[place]
            if one.name.startswith("NumPy") and i >= REFERENCE_ROUNDS:
                times[one.name].append(np.nan)
                continue
            wait(PAUSE)
            turn = []
            for k in range(TURN * i, TURN * (i + 1)):
                one.prepare(k % cell.batches)
                start = clock()
                one.step(k % cell.batches)
                turn.append(clock() - start)
            times[one.name].append(float(np.median(turn[-COUNTED:])))
    gc.enable()
    return {name: np.array(seconds) for name, seconds in times.items()}


def floor(times: dict[str, np.ndarray], rule: str) -> np.ndarray:
    """Seconds that the bytes of a rule's step take, in every round; see `limits`."""
    return times["stream"] + times["touch table"] + slots(times, rule)


def reach(times: dict[str, np.ndarray], rule: str) -> np.ndarray:
    """Seconds of a step in C, in every round; see `limits`."""
    return times["find"] + times["coalesce"] + slots(times, rule)


def slots(times: dict[str, np.ndarray], rule: str) -> np.ndarray:
    """Seconds of bare passes over a rule's slots, in every round."""
    seconds = np.zeros_like(times["touch slot"])
    for slot in rules[rule]().all_slots():
        if slot.per != "table":
            seconds = seconds + times["touch slot" if slot.per == "element" else "touch column"]
    return seconds


def ratio(a: np.ndarray, b: np.ndarray) -> float:
    """Median over rounds of a / b."""
    return float(np.nanmedian(a / b))


def table_of(cell: Cell, found: list[Contender], times: dict[str, np.ndarray]) -> list[str]:
    """Markdown rows: every contender against its limits and against ours."""
    lines = []
    for one in found:
        t = times[one.name]
        milliseconds = 1e3 * float(np.nanmedian(t))
        speed = cell.batch / milliseconds / 1e3
        limited, beyond = ["", "", ""], ""
        if "raw" in times:
            limited = [
                f"{ratio(times['raw'], t):.2f}",
                f"{ratio(reach(times, one.rule), t):.2f}",
                f"{ratio(floor(times, one.rule), t):.2f}",
            ]
            beyond = f"{ratio(t, reach(times, one.rule)):.2f}"
        row = [one.name, f"{milliseconds:.3f}", f"{speed:.2f}", *limited]
        row += [f"{ratio(t, times['ours ' + one.rule]):.2f}", beyond, spread(t)]
        target = ""
        if one.name == "ours sgd":
            target = f"raw {RAW_TARGET}, floor {FLOOR_TARGET}"
        elif one.name in {f"ours {rule}" for rule in OURS}:
            target = f"floor {FLOOR_TARGET}"
        elif one.name in PEER_TARGETS:
            target = f"{PEER_TARGETS[one.name]}x"
        lines.append("| " + " | ".join([*row, target]) + " |")
    bare = ("raw", "find", "coalesce", "stream", "touch table", "touch slot", "touch column")
    for name in bare:
        if name in times:
            middle = 1e3 * float(np.median(times[name]))
            blank = " |" * 6
            lines.append(f"| limit: {name} | {middle:.3f} |{blank} {spread(times[name])} | |")
    return lines


def run(cell: Cell, rounds: int, clock: Callable[[], float]) -> list[str]:
    """One cell: its table as lines of markdown."""
    bare = passes()
    ratios = ["raw / it", "reach / it", "floor / it", "it / ours", "it / reach", SPREAD]
    header = ["contender", "ms", "M rows/s", *ratios, "target"]
    table = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    absent: list[str] = []
    for group in GROUPS:
        found, absent = contenders(cell, group)
        check(cell, found)
        bounds = limits(cell, bare) if bare else []
        times = measure(cell, [*bounds, *found], rounds, clock)
        table += table_of(cell, found, times)
    lines = [f"## {cell}", "", f"{rounds} rounds, clock {clock.__name__}."]
    if bare is None:
        absent.append("the limits, which need a C compiler with OpenMP")
    if absent:
        lines.append(f"Absent: {', '.join(absent)}.")
    return [*lines, "", *table, ""]


def grow(base: Cell, rounds: int) -> list[str]:
    """Nanoseconds per occurrence of ours, one size varied at a time."""
    axes = {
        "N": [replace(base, rows=n) for n in (10**4, 10**5, 10**6, 4 * 10**6)],
        "d": [replace(base, width=d) for d in (1, 8, 16, 64, 128)],
        "B": [replace(base, batch=b) for b in (16, 256, 4096, 65536, 262144)],
        "threads": [replace(base, threads=t) for t in (1, 2)],
        "Zipf exponent": [replace(base, exponent=s) for s in (0.0, 0.8, 1.05, 1.5)],
    }
    fields = {"N": "rows", "d": "width", "B": "batch", "threads": "threads"}
    lines = [f"## Growth, ns per occurrence; otherwise {base}", ""]
    for axis, cells in axes.items():
        values = [getattr(cell, fields.get(axis, "exponent")) for cell in cells]
        lines += ["| rule | " + " | ".join(f"{axis} = {value:,}" for value in values) + " |"]
        lines += ["|---" * (len(cells) + 1) + "|"]
        columns = []
        for cell in cells:
            found = [ours(cell, name, **options, **UNCHECKED) for name, options in OURS.items()]
            times = measure(cell, found, rounds)
            columns.append(
                {c.rule: 1e9 * float(np.median(times[c.name])) / cell.batch for c in found}
            )
        for rule in OURS:
            lines.append(f"| {rule} | " + " | ".join(f"{c[rule]:.1f}" for c in columns) + " |")
        lines.append("")
    return lines


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000, 4_000_000])
    parser.add_argument("--batch", type=int, nargs="*", default=[65536, 4096])
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--grow", action="store_true", help="how the cost grows, instead")
    parser.add_argument("--page", type=Path, help="also write the tables to this file")
    asked = parser.parse_args()
    clock = {"wall": time.perf_counter, "cpu": time.thread_time}[asked.clock]
    lines = ["# The fused sparse step: measurements", "", f"{machine()} float32.", ""]
    lines += [(__doc__ or "").split("\n\n", 2)[2], (limits.__globals__["__doc__"] or "")]
    if asked.grow:
        lines += grow(Cell(1_000_000, threads=asked.threads), asked.rounds)
        print("\n".join(lines))
    else:
        print("\n".join(lines), flush=True)
        for rows in asked.rows:
            for batch in asked.batch:
                cell = Cell(rows, asked.width, batch, asked.threads)
                table = run(cell, asked.rounds, clock)
                print("\n".join(table), flush=True)
                lines += table
    if asked.page:
        asked.page.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
