"""The CuPy backend on a GPU: bits, update pass, whole step, whole loop, against their targets.

    python benchmarks/gpu.py --page docs/gpu.md    # one GPU of 96 GB or more, about 6 minutes
    python benchmarks/gpu.py --rows 4194304        # with 30 GB
    python benchmarks/gpu.py --twin                # tiny, without a GPU: does every line run?

Contenders take turns in every round, times are medians over rounds, and every limit is measured in
the same run. PyTorch and JAX are compared where they are installed with CUDA.

- *Bits*: large batches beside the NumPy reference, and long trajectories beside Numba.
- The *update pass* reads gradient, row and state and writes row and state, once each: those bytes
  over its time, against the bandwidth of a copy. The rows of the batch are distinct and uniform.
- The *whole step* also finds the duplicates and adds them up, in occurrence order. Its bytes are
  those of every gradient, and of the distinct rows and their state, read and written.
- The *whole loop* is the single-sample pair problem of benchmarks/loop.py.
"""

from __future__ import annotations

import argparse
import copy
import datetime as dt
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from gpu_bits import agree, bits, same_runs
from gpu_cases import RULES, TINY, Sizes, arrays, runs_of
from gpu_peers import AbsentError, free, peers, with_jax
from loop import CASES, LEAST, jaxs, ours
from machine import machine

import freqopt
from freqopt.backends.cupy import Runs, Stepper, _gpu, _twin
from freqopt.backends.numba import NumbaBackend
from freqopt.errors import BackendError

COPY, LOOP = 0.85, 20.0
"""Targets: share of the copy's bandwidth; times as fast as two cores with Numba."""
TARGETS = {"PyTorch SGD": 5.0, "PyTorch SparseAdam": 10.0}
"""Times as fast as these: each of the first three rules."""
PROMISED = list(RULES)[:3]
CLOSEST = {
    "PyTorch SGD": "SGD",
    "PyTorch Adagrad": "AdaGrad",
    "PyTorch SparseAdam": "lazy Adam",
    "JAX SGD": "SGD",
}
"""The rule of ours that does the same."""


def seconds(
    device: ModuleType, calls: dict[str, Callable[[], Any]], rounds: int, times: int = 1
) -> dict[str, float]:
    """Median seconds of every call, `times` in a row, in turns after one that does not count."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            device.wait()
            began = time.perf_counter()
            for _ in range(times):
                call()
            device.wait()
            if number:
                found[name].append((time.perf_counter() - began) / times)
    return {name: statistics.median(all_of) for name, all_of in found.items()}


class Step:
    """One rule and one batch on the device. The rules of a cell share table and gradients."""

    def __init__(self, device: ModuleType, rule: str, table: Any, rows: Any, grads: Any) -> None:
        xp, self._device = device.xp, device
        self._rule = freqopt.rule(**RULES[rule])
        self._batch, width = (table, rows, grads), table.shape[1]
        slots = [slot for slot in self._rule.all_slots() if slot.name != "t"]
        kinds = {slot.name: "f4" if slot.dtype == "table" else slot.dtype for slot in slots}
        self._state = {s.name: xp.zeros(s.shape(table.shape), kinds[s.name]) for s in slots}
        self._state["t"] = np.zeros((), np.int64)
        self._stepper = Stepper(self._rule, np.float32, width, device)
        self._ready = self._stepper._admit(table, rows, grads)
        self._slots = self._stepper._slots(self._state)
        per_row = sum(slot.bytes_per_row(width, 4) for slot in slots if slot.per != "table")
        self.useful = 4 * grads.size + self._ready[1].size * 2 * (4 * width + per_row)

    def whole(self) -> None:
        """De-duplication and update."""
        table, rows, grads = self._batch
        self._stepper(table, self._state, rows, grads)

    def update(self) -> None:
        """The update alone, of rows that are known to be distinct."""
        (table, _, grads), (order, touched, starts) = self._batch, self._ready
        size, width = table.shape
        self._stepper.module.launch(
            "apply", touched.size, 4 * width,
            table, size, width, self._slots, self._state.get("decayed_at"), grads,
            touched, order, starts, touched.size, None, grads, None, None,
            self._stepper.hyper, 1,
        )  # fmt: skip


def verdict(ratio: float, target: float) -> str:
    """A ratio beside its target."""
    return f"{ratio:.2f} ({'reached' if ratio >= target else 'missed'}: {target:g})"


def bandwidth(device: ModuleType, sizes: Sizes) -> float:
    """Bytes per second, read and written, of a copy of eight times the batch's gradients.

    By a kernel or by the driver, whichever is faster.
    """
    source = device.xp.ones(8 * sizes.batch * min(sizes.widths), np.float32)
    target = device.xp.empty_like(source)

    def assign() -> None:
        target[...] = source

    calls: dict[str, Callable[[], Any]] = {"kernel": assign}
    if device is _gpu:
        to, what = target.data, (source.data, source.nbytes)
        calls["driver"] = lambda: to.copy_from_device_async(*what)
    took = seconds(device, calls, sizes.rounds, sizes.calls)
    return 2 * source.nbytes / min(took.values())


def updates(device: ModuleType, sizes: Sizes) -> Iterator[str]:
    """The table of update passes."""
    copied = bandwidth(device, sizes)
    yield f"\n## Update pass\n\nCopy: {copied / 1e9:.0f} GB/s. Target: {COPY:g} of it.\n"
    yield "| rule | d | GB/s of useful bytes | share of the copy |\n| --- | ---: | ---: | ---: |"
    for width in sizes.widths:
        batch = arrays(device, sizes, width, "distinct")
        for rule in PROMISED:
            step = Step(device, rule, *batch)
            took = seconds(device, {rule: step.update}, sizes.rounds, sizes.calls)[rule]
            speed = step.useful / took
            yield f"| {rule} | {width} | {speed / 1e9:.0f} | {verdict(speed / copied, COPY)} |"


def steps(device: ModuleType, sizes: Sizes) -> Iterator[str]:
    """The table of whole steps."""
    yield (
        "\n## Whole step\n\nBeside another library's step: how many times as long it takes as ours "
        f"that does the same, and as the slowest of {', '.join(PROMISED)}, with its target.\n\n"
        "| law | d | step | us | GB/s of useful bytes | x ours | x slowest |\n"
        "| --- | ---: | --- | ---: | ---: | ---: | ---: |"
    )
    for law in ("uniform", "zipf"):
        for width in sizes.widths:
            table, rows, grads = arrays(device, sizes, width, law)
            mine = {rule: Step(device, rule, table, rows, grads) for rule in RULES}
            others, absent = peers(
                device.to_host(rows), sizes.rows, width, processor=device is _twin
            )
            calls = {**{rule: step.whole for rule, step in mine.items()}, **others}
            took = seconds(device, calls, sizes.rounds)
            slowest = max(took[rule] for rule in PROMISED)
            for rule, step in mine.items():
                speed = step.useful / took[rule] / 1e9
                yield f"| {law} | {width} | {rule} | {took[rule] * 1e6:.0f} | {speed:.0f} | | |"
            for name in others:
                same, most = took[name] / took[CLOSEST[name]], took[name] / slowest
                against = verdict(most, TARGETS[name]) if name in TARGETS else f"{most:.2f}"
                yield (
                    f"| {law} | {width} | {name} | {took[name] * 1e6:.0f} | | {same:.2f} | "
                    f"{against} |"
                )
            for name, reason in absent.items():
                yield f"| {law} | {width} | {name} | absent: {reason} | | | |"
            del table, rows, grads, mine, step, others, calls  # the next cell's need their memory
            free()


def loops(device: ModuleType, sizes: Sizes) -> Iterator[str]:
    """The table of whole loops."""
    yield (
        "\n## Whole loop\n\nMillions of steps per second, all runs together; *bits*: of the first "
        "two, beside Numba.\n\n"
        f"| case | {sizes.runs} runs here | Numba, 2 threads | x Numba | JAX, {sizes.runs} runs | "
        "bits |\n| --- | ---: | ---: | ---: | ---: | --- |"
    )
    for case, (loss, rule) in list(CASES.items())[: sizes.cases]:
        together = runs_of(case, sizes.runs, sizes.tokens)
        alone = copy.deepcopy(together[:2])
        runs, until = Runs(together, device), itertools.count(sizes.steps, sizes.steps)
        calls = {
            "here": lambda runs=runs, until=until: runs.advance(next(until)),
            "numba": partial(ours(2, 2, loss, rule, size=sizes.tokens), 10 * sizes.steps),
        }
        work = {"here": sizes.runs * sizes.steps, "numba": 20 * sizes.steps}
        said = ""
        try:
            with_jax(processor=device is _twin)
            scan = jaxs(loss, rule, seeds=sizes.runs, size=sizes.tokens)
            scan(LEAST)  # compiles, and asks for its memory
            calls["jax"], work["jax"] = partial(scan, LEAST), LEAST * sizes.runs
            del scan
        except (AbsentError, RuntimeError) as error:
            said = f"absent: {str(error).splitlines()[0]}"
        took = seconds(device, calls, min(sizes.rounds, 5))
        speed = {name: work[name] / took[name] / 1e6 for name in calls}
        said = said or f"{speed['jax']:.2f}"
        runs.fetch()
        for simulation in alone:
            NumbaBackend(patience=0).advance(simulation, together[0].step)
        same = agree(same_runs(together[:2], alone))
        ratio = verdict(speed["here"] / speed["numba"], LOOP)
        yield f"| {case} | {speed['here']:.2f} | {speed['numba']:.2f} | {ratio} | {said} | {same} |"
        del together, runs, calls  # the next case's need their memory


def page(device: ModuleType, sizes: Sizes) -> Iterator[str]:
    """Every line of the page; a section that fails is named, and the others go on."""
    began = time.perf_counter()
    yield "# GPU\n"
    try:
        xp = device.xp
    except BackendError as error:
        yield f"Absent: {error}"
        return
    card = "CPU twin: these figures say nothing about a GPU"
    if device is _gpu:
        runtime = xp.cuda.runtime
        about = runtime.getDeviceProperties(xp.cuda.Device().id)
        driver = runtime.driverGetVersion()
        card = (
            f"{about['name'].decode()}, {about['totalGlobalMem'] / 2**30:.0f} GiB, CuPy "
            f"{xp.__version__}, driver for CUDA {driver // 1000}.{driver % 1000 // 10}"
        )
    yield f"Written by `python benchmarks/gpu.py` on {dt.datetime.now(dt.UTC).date()}; {card}."
    yield f"{machine()}\n\nN = {sizes.rows:,}, B = {sizes.batch:,}, float32."
    for section in (bits, updates, steps, loops):
        try:
            with device.room(section.__name__):
                yield from section(device, sizes)
        except Exception as error:
            yield f"\n{section.__name__} failed: {type(error).__name__}: {error}"
    yield f"\nAll this took {time.perf_counter() - began:.0f} s."


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--twin", action="store_true", help="tiny, on the processor")
    parser.add_argument("--rounds", type=int, default=Sizes.rounds)
    parser.add_argument("--runs", type=int, default=Sizes.runs)
    parser.add_argument("--rows", type=int, default=Sizes.rows, help="of the table")
    parser.add_argument("--page", type=Path, help="write here too")
    asked = parser.parse_args()
    device = _twin if asked.twin else _gpu
    sizes = TINY if asked.twin else Sizes(rounds=asked.rounds, runs=asked.runs, rows=asked.rows)
    lines = []
    for line in page(device, sizes):
        print(line, flush=True)
        lines.append(line)
        if asked.page:  # as far as it is: nothing is lost if the machine goes
            asked.page.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
