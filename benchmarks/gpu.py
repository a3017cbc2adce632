"""The CuPy backend on a GPU: update pass, whole step, whole loop, against the issue's targets.

    python benchmarks/gpu.py [--rounds 20] [--runs 4096] > docs/gpu.md
    python benchmarks/gpu.py --twin    # tiny, without a GPU: does the script run?

Contenders take turns in every round, times are medians over rounds, and every limit is measured in
the same run. PyTorch and JAX are compared where they are installed with CUDA.

- The update pass reads gradient, row and state and writes row and state, once each: those bytes
  over its time, against the bandwidth of a copy. The rows of the batch are distinct and uniform.
- The whole step also finds the duplicates and adds them up, in occurrence order.
- The whole loop is the single-sample pair problem of benchmarks/loop.py.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.util
import statistics
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from loop import begin, ours
from machine import machine

import freqopt
from freqopt.backends.cupy import Runs, Stepper, _gpu, _twin
from freqopt.errors import BackendError

RULES = ("sgd", "cf_sgd", "rowwise_adagrad")
COPY, SGD, SPARSE_ADAM, LOOP = 0.85, 5.0, 10.0, 20.0
"""Targets: share of the copy bandwidth; times as fast as PyTorch's two; as two cores with Numba."""


class Sizes:
    """What is measured: on a GPU, or a hundred-thousandth of it on the twin."""

    def __init__(self, *, twin: bool, rounds: int, runs: int) -> None:
        self.rows, self.batch, self.widths = (64, 32, (8,)) if twin else (2**24, 10**6, (64, 128))
        self.rounds, self.runs = (2, 3) if twin else (rounds, runs)
        self.steps, self.size = (5, 20) if twin else (2000, 10**4)
        self.rules = 1 if twin else 2  # of the loop


def seconds(
    device: ModuleType, calls: dict[str, Callable[[], Any]], rounds: int
) -> dict[str, float]:
    """Median seconds of every call, taken in turns after one that does not count."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            device.wait()
            began = time.perf_counter()
            call()
            device.wait()
            if number:
                found[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in found.items()}


def batch_of(sizes: Sizes, law: str, seed: int = 0) -> np.ndarray:
    """Rows of a batch: Zipf(1.05) tokens, uniform ones, or distinct uniform ones."""
    rng = np.random.default_rng(seed)
    if law == "distinct":
        return rng.permutation(sizes.rows)[: sizes.batch]
    if law == "uniform":
        return rng.integers(0, sizes.rows, sizes.batch)
    tokens = freqopt.problem(
        "token_quadratic", tokens={"kind": "zipf", "exponent": 1.05, "size": sizes.rows}
    ).tokens
    drawn = tokens.law.draw(freqopt.streams.Stream(seed, 0, "tokens"), np.arange(1), sizes.batch)
    return np.ascontiguousarray(drawn[0])


class Step:
    """One rule and one batch on the device."""

    def __init__(self, device: ModuleType, rule: str, sizes: Sizes, width: int, law: str) -> None:
        xp, self._device = device.xp, device
        self._rule = freqopt.rule(rule)
        self.table = xp.zeros((sizes.rows, width), np.float32)
        self.rows = xp.asarray(batch_of(sizes, law))
        self.grads = xp.ones((sizes.batch, width), np.float32)
        shapes = {slot.name: slot.shape(self.table.shape) for slot in self._rule.all_slots()}
        kinds = {s.name: "f4" if s.dtype == "table" else s.dtype for s in self._rule.all_slots()}
        self._state = {name: xp.zeros(shape, kinds[name]) for name, shape in shapes.items()}
        self._state["t"] = np.zeros((), np.int64)
        self._stepper = Stepper(self._rule, np.float32, width, device)
        self._ready = self._stepper._admit(self.table, self.rows, self.grads)
        self._slots = self._stepper._slots(self._state)
        per_row = sum(s.bytes_per_row(width, 4) for s in self._rule.all_slots() if s.per != "table")
        self.useful = sizes.batch * (3 * 4 * width + 2 * per_row)

    def whole(self) -> None:
        """De-duplication and update."""
        self._stepper(self.table, self._state, self.rows, self.grads)

    def update(self) -> None:
        """The update alone, of rows that are known to be distinct."""
        order, touched, starts = self._ready
        size, width = self.table.shape
        self._stepper.module.launch(
            "apply", touched.size, 4 * width,
            self.table, size, width, self._slots, self._state.get("decayed_at"), self.grads,
            touched, order, starts, touched.size, None, self.grads, None, None,
            self._stepper.hyper, 1,
        )  # fmt: skip


def with_torch(rows: np.ndarray, size: int, width: int) -> dict[str, Callable[[], Any]]:
    """PyTorch's sparse SGD and SparseAdam on the GPU, if it is there."""
    if importlib.util.find_spec("torch") is None:
        return {}
    import torch

    if not torch.cuda.is_available():
        return {}
    calls = {}
    for name, make in (
        ("PyTorch SGD", torch.optim.SGD),
        ("PyTorch SparseAdam", torch.optim.SparseAdam),
    ):
        table = torch.nn.Parameter(torch.zeros(size, width, device="cuda"))
        optimizer = make([table], lr=0.1)
        indices = torch.as_tensor(rows, device="cuda")[None]
        grads = torch.ones(rows.size, width, device="cuda")

        def step(table=table, optimizer=optimizer, indices=indices, grads=grads) -> None:
            table.grad = torch.sparse_coo_tensor(indices, grads, table.shape)
            optimizer.step()
            torch.cuda.synchronize()

        calls[name] = step
    return calls


def with_jax(rows: np.ndarray, size: int, width: int) -> dict[str, Callable[[], Any]]:
    """SGD by JAX's scatter-add on the GPU, if it is there; its order of sums is not fixed."""
    if importlib.util.find_spec("jax") is None:
        return {}
    import jax
    import jax.numpy as jnp

    if jax.default_backend() != "gpu":
        return {}
    update = jax.jit(lambda table, rows, grads: table.at[rows].add(-0.1 * grads), donate_argnums=0)
    table = [jnp.zeros((size, width), jnp.float32)]
    indices, grads = jnp.asarray(rows), jnp.ones((rows.size, width), jnp.float32)

    def step() -> None:
        table[0] = update(table[0], indices, grads).block_until_ready()

    return {"JAX SGD": step}


def bandwidth(device: ModuleType, sizes: Sizes) -> float:
    """Bytes per second, read and written, of a copy of eight times the batch's gradients."""
    source = device.xp.ones(8 * sizes.batch * sizes.widths[0], np.float32)
    target = device.xp.empty_like(source)

    def copy() -> None:
        target[...] = source

    return 2 * source.nbytes / seconds(device, {"copy": copy}, sizes.rounds)["copy"]


def verdict(ratio: float, target: float) -> str:
    """A ratio beside its target."""
    return f"{ratio:.2f} ({'reached' if ratio >= target else 'missed'}: {target:g})"


def updates(device: ModuleType, sizes: Sizes) -> None:
    """The table of update passes."""
    copied = bandwidth(device, sizes)
    print(f"\n## Update pass\n\nCopy: {copied / 1e9:.0f} GB/s. Target: {COPY:g} of it.\n")
    print("| rule | d | GB/s of useful bytes | share of the copy |\n| --- | ---: | ---: | ---: |")
    for width in sizes.widths:
        for rule in RULES:
            step = Step(device, rule, sizes, width, "distinct")
            took = seconds(device, {"update": step.update}, sizes.rounds)["update"]
            speed = step.useful / took
            print(f"| {rule} | {width} | {speed / 1e9:.0f} | {verdict(speed / copied, COPY)} |")


def steps(device: ModuleType, sizes: Sizes, *, guests: bool) -> None:
    """The table of whole steps."""
    print("\n## Whole step\n\nMicroseconds; how many times as long another takes.\n")
    print("| law | d | rule | ours | others |\n| --- | ---: | --- | ---: | --- |")
    for law in ("uniform", "zipf"):
        for width in sizes.widths:
            for rule in RULES:
                step = Step(device, rule, sizes, width, law)
                calls: dict[str, Callable[[], Any]] = {"ours": step.whole}
                if guests and rule == "sgd":
                    rows = batch_of(sizes, law)
                    calls |= with_torch(rows, sizes.rows, width) | with_jax(rows, sizes.rows, width)
                took = seconds(device, calls, sizes.rounds)
                mine = took.pop("ours")
                targets = {"PyTorch SGD": SGD, "PyTorch SparseAdam": SPARSE_ADAM, "JAX SGD": 0.0}
                others = [f"{k} {verdict(v / mine, targets[k])}" for k, v in took.items()]
                said = "; ".join(others) or ("-" if rule != "sgd" else "none installed")
                print(f"| {law} | {width} | {rule} | {mine * 1e6:.0f} | {said} |")


def loops(device: ModuleType, sizes: Sizes) -> None:
    """The table of whole loops."""
    print("\n## Whole loop\n\nMillions of steps per second, all runs together.\n")
    print(f"| rule | {sizes.runs} runs here | Numba, 2 threads | ratio |")
    print("| --- | ---: | ---: | ---: |")
    rules = ({"name": "sgd", "lr": 0.1}, {"name": "cf_sgd", "lr": 0.1, "cap": "none"})
    for rule in rules[: sizes.rules]:
        together = [begin("logistic", rule, run, size=sizes.size) for run in range(sizes.runs)]
        for simulation in together:  # one problem for all
            simulation.problem = together[0].problem
        runs, reached = Runs(together, device), [0]

        def here(runs=runs, reached=reached) -> None:
            reached[0] += sizes.steps
            runs.advance(reached[0])

        two = ours(2, 2, "logistic", rule, size=sizes.size)
        calls = {"here": here, "numba": lambda two=two: two(10 * sizes.steps)}
        took = seconds(device, calls, min(sizes.rounds, 5))
        mine = sizes.runs * sizes.steps / took["here"] / 1e6
        numba = 2 * 10 * sizes.steps / took["numba"] / 1e6
        print(f"| {rule['name']} | {mine:.2f} | {numba:.2f} | {verdict(mine / numba, LOOP)} |")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--twin", action="store_true", help="tiny, on the processor")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--runs", type=int, default=4096)
    options = parser.parse_args()
    print("# GPU\n")
    device = _twin if options.twin else _gpu
    try:
        xp = device.xp
    except BackendError as error:
        print(f"Absent: {error}")
        return
    card = "CPU twin: these figures say nothing about a GPU"
    if not options.twin:
        card = xp.cuda.runtime.getDeviceProperties(0)["name"].decode()
    print(f"{dt.datetime.now(dt.UTC).date()}, {card}; {machine()}")
    sizes = Sizes(twin=options.twin, rounds=options.rounds, runs=options.runs)
    updates(device, sizes)
    steps(device, sizes, guests=not options.twin)
    loops(device, sizes)


if __name__ == "__main__":
    main()
