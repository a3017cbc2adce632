"""From the command to the prompt: `freqopt simulate STUDY --quick` of every study.

    python benchmarks/start.py [STUDY ...] [--rounds 3]

*Cold*: with no kernel on disk. *Warm*: all that the cold run left, and no stored result; the median
of some rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import machine, spread

ROOT = Path(__file__).parents[1]
STUDIES = sorted((ROOT / "simulations").glob("*.toml"))
COLD, WARM = 20, 3


def seconds(study: Path, cache: Path, results: Path) -> float:
    """How long the command takes; kernels are kept in `cache`."""
    command = [sys.executable, "-c", "from freqopt.cli import main; main()", "simulate"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, str(study), "--quick", "--results", str(results)],
        env={**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.splitlines() or ["?"])[-1])
    return time.perf_counter() - began


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("studies", nargs="*", type=Path, default=STUDIES)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    print("# From the command to the prompt", "", machine(), "", sep="\n")
    print((__doc__ or "").split("\n\n", 2)[2])
    print("| study | cold, s | warm, s | rounds of warm, % |\n|---|---|---|---|")
    failures = []
    for study in asked.studies:
        with tempfile.TemporaryDirectory() as folder:
            cache, results = Path(folder) / "cache", Path(folder) / "results"
            try:
                cold = seconds(study, cache, results)
                warm = [seconds(study, cache, results / str(k)) for k in range(asked.rounds)]
            except RuntimeError as error:
                failures.append(f"{study.stem}: {error}")
            else:
                row = f"{cold:.1f} | {statistics.median(warm):.1f} | {spread(np.array(warm))}"
                print(f"| {study.stem} | {row} |", flush=True)
    print(f"\nTargets: {COLD} cold, {WARM} warm, on two cores.")
    if failures:
        print("\nAbsent:", *failures, sep="\n")


if __name__ == "__main__":
    main()
