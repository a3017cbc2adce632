"""Bounded Zipf draws: ours, with Philox bits, beside NumPy's, in one run.

    python benchmarks/draws.py [--draws 4000000] [--rounds 7] [--threads 2]

Contenders take turns in every round; a ratio is the median over rounds of the ratio within the
round. NumPy's `Generator.choice(N, p=p)` adds up p anew in every call, which the number of draws in
a call makes cheap; `searchsorted` is the same without that. The memory is what a law looks up.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from machine import machine, spread

from freqopt.backends.numba.streams._law import find_law
from freqopt.backends.numba.streams._tokens import draw_tokens
from freqopt.streams import BoundedZipf, Stream

EXPONENT = 1.05
PER_STEP = 64
SIZES = (10**3, 10**6, 10**9)
AT, TARGET, FAR, FAR_TARGET = 10**6, 10, 10**9, 0.5


def ours(size: int, draws: int, threads: int) -> Callable[[int], object]:
    """A round's draws of ours."""
    law, stream = BoundedZipf(EXPONENT, size), Stream(1, 0, "tokens")
    steps = draws // PER_STEP
    return lambda k: draw_tokens(law, stream, k * steps, steps, PER_STEP, threads=threads)


def numpys(size: int, draws: int) -> dict[str, Callable[[int], object]]:
    """The same of NumPy's, which needs the whole law in memory."""
    weights = np.arange(1, size + 1) ** -EXPONENT
    p, rng = weights / weights.sum(), np.random.default_rng(1)
    cumulated = np.cumsum(p)
    return {
        f"NumPy Generator.choice, N = {size:,}": lambda _: rng.choice(size, draws, p=p),
        f"NumPy searchsorted, N = {size:,}": lambda _: np.searchsorted(
            cumulated, rng.random(draws)
        ),
    }


def measure(contenders: dict[str, Callable[[int], object]], rounds: int) -> dict[str, np.ndarray]:
    """Seconds of every contender in every round, after one to warm up."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for k in range(rounds + 1):
        for name, draw in contenders.items():
            start = time.perf_counter()
            draw(k)
            times[name].append(time.perf_counter() - start)
    return {name: np.array(seconds[1:]) for name, seconds in times.items()}


def memory(size: int) -> int:
    """Bytes of the tables that a draw looks into."""
    return sum(part.nbytes for part in find_law(BoundedZipf(EXPONENT, size)).data[:1])


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=4_000_000, help="per call")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()

    def name_of(size: int, threads: int) -> str:
        return f"ours, N = {size:,}, {threads} thread{'s' if threads > 1 else ''}"

    contenders = {
        name_of(size, threads): ours(size, asked.draws, threads)
        for size in SIZES
        for threads in sorted({1, asked.threads})
    }
    for size in (10**3, AT):
        contenders |= numpys(size, asked.draws)
    times = measure(contenders, asked.rounds)
    base = times[name_of(AT, asked.threads)]
    print(f"# Bounded Zipf({EXPONENT}) draws\n\n{machine()}\n")
    print((__doc__ or "").split("\n\n", 2)[2])
    print(f"{asked.draws:,} draws a call, {asked.rounds} rounds.\n")
    at = name_of(AT, asked.threads)
    print(f"| contender | M draws/s | time / {at} | rounds, % |\n|---|---|---|---|")
    for name, seconds in times.items():
        speed = asked.draws / float(np.median(seconds)) / 1e6
        row = f"{speed:.1f} | {float(np.median(seconds / base)):.2f} | {spread(seconds)}"
        print(f"| {name} | {row} |")
    choice = float(np.median(times[f"NumPy Generator.choice, N = {AT:,}"] / base))
    far = float(np.median(base / times[name_of(FAR, asked.threads)]))
    print(f"\nGenerator.choice takes {choice:.1f} times as long at N = {AT:,}; target {TARGET}.")
    print(f"N = {FAR:,}: {far:.2f} of that speed in {memory(FAR):,} bytes; target {FAR_TARGET}.")


if __name__ == "__main__":
    main()
