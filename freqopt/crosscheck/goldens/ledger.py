"""The ledger of accuracy: how far each implementation is from the reference, rule by rule.

The distances may only fall.

    python -m freqopt.crosscheck.goldens.ledger tests/ledger.json [IMPLEMENTATION ...]

measures again and writes, unless a number has grown: then it says which and writes nothing. Numbers
are units in the last place, as `compare` counts them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from freqopt.crosscheck.backends import cuda_twin, numba
from freqopt.crosscheck.cases.dialects import Case, cases
from freqopt.crosscheck.compare import compare
from freqopt.crosscheck.goldens.exact import exact
from freqopt.crosscheck.implementation import reference, slow_reference, trace
from freqopt.optimizers import rules
from freqopt.typing import Floats

Entries = dict[str, dict[str, dict[str, float]]]
"""Implementation -> rule -> dtype -> units in the last place."""


def _slow(case: Case) -> Floats:
    return trace(slow_reference, case)


def _numba(case: Case) -> Floats | None:
    """The fused step, in one case: every other is another kernel to compile, for seconds."""
    return trace(numba, case) if case.name == "defaults, other numbers, main" else None


def _cuda_twin(case: Case) -> Floats | None:
    """The fused step in CUDA, on the CPU twin, in the same case."""
    return trace(cuda_twin, case) if case.name == "defaults, other numbers, main" else None


def _exact(case: Case) -> Floats | None:
    """The equations in 40 digits, rounded once; how far the reference is from them."""
    table = exact(case)
    return None if table is None else table.astype(case.exercise.table.dtype)


JUDGED: dict[str, Callable[[Case], Floats | None]] = {
    "slow_reference": _slow,
    "numba": _numba,
    "cuda_twin": _cuda_twin,
    "forty_digits": _exact,
}
"""What is measured against the reference: a trajectory, or None where there is none."""


def measure(implementation: str, rule: str, dtype: str) -> float | None:
    """The worst distance in units in the last place over all cases; None if there is no case.

    Parameters
    ----------
    implementation : str
        A key of `JUDGED`.
    rule : str
    dtype : "float32" or "float64"
    """
    worst = None
    for case in cases(rule, dtype):
        with np.errstate(over="ignore"):
            got = JUDGED[implementation](case)
        if got is not None:
            worst = max(worst or 0.0, compare(case, trace(reference, case), got).ulps)
    return worst


def grown(old: Entries, new: Entries) -> list[str]:
    """What is worse than it was, one sentence each."""
    return [
        f"{implementation}, {rule}, {dtype}: {ulps:g} ULP, was {before:g}"
        for implementation, by_rule in new.items()
        for rule, by_dtype in by_rule.items()
        for dtype, ulps in by_dtype.items()
        if (before := old.get(implementation, {}).get(rule, {}).get(dtype, np.inf)) < ulps
    ]


def ledger(implementation: str, names: Iterable[str] = rules) -> dict[str, dict[str, float]]:
    """Rule -> dtype -> worst distance, of some rules."""
    found: dict[str, dict[str, float]] = {}
    for rule in names:
        for dtype in ("float32", "float64"):
            worst = measure(implementation, rule, dtype)
            if worst is not None:
                found.setdefault(rule, {})[dtype] = worst
    return found


def text(entries: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """The ledger as JSON, one line a rule."""
    return json.dumps(entries, indent=1).replace("\n   ", " ").replace("\n  }", " }") + "\n"


def main(path: Path, names: list[str]) -> int:
    """Measure the named implementations (by default all) again and write the file."""
    old: Entries = json.loads(path.read_text()) if path.is_file() else {}
    new = {name: ledger(name) for name in names or JUDGED}
    worse = grown(old, new)
    for sentence in worse:
        sys.stderr.write(f"grown: {sentence}\n")
    if not worse:
        path.write_text(text({**old, **new}))
    return int(bool(worse))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
