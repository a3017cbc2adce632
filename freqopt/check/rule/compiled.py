"""Has what is compiled from the kernel the bits of `update`, on every backend that is here?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from freqopt.check.journal import Journal
from freqopt.check.rule.put import off_default
from freqopt.crosscheck.backends import cuda_twin, cupy, numba
from freqopt.crosscheck.cases.dialects import Case
from freqopt.crosscheck.compare import compare
from freqopt.crosscheck.implementation import Implementation, reference, trace
from freqopt.errors import BackendError, FreqoptError
from freqopt.optimizers import Rule

FORMS = 2
"""Sets of choices that are compiled beside the defaults, each some seconds the first time."""


def check_compiled(kind: type[Rule], on: list[Case], notes: Journal, *, full: bool) -> None:
    """Compare every backend that is here with `update`."""
    for name, (implementation, lacking) in _backends().items():
        notes.doing(f"compiling for {name}")
        if lacking:
            notes.left(f"{name}: {lacking}")
            continue
        chosen = list(_chosen(on, all_of_them=full, forms=FORMS if name == "numba" else 0))
        wrong = 0
        for case in chosen:
            try:
                with np.errstate(all="ignore"):
                    found = compare(case, trace(reference, case), trace(implementation, case))
            except FreqoptError as error:
                notes.fault(f"{name} cannot run the rule ({case.name}): {error}")
                wrong += 1
                break
            if not found:
                notes.fault(
                    f"{name} differs from update though the kernel's text agrees: {case.name}, "
                    f"{case.exercise.table.dtype}, {found.first}; please report this"
                )
                wrong += 1
                break
        if not wrong:
            notes.judged(f"{name}, bit for bit, in {len(chosen)} cases")
    del kind


def _backends() -> dict[str, tuple[Implementation, str]]:
    """Name -> what runs it, and why it cannot be run here."""
    return {
        "numba": (numba, ""),
        "cuda, compiled for the CPU": (cuda_twin, _why_not(_compiler)),
        "cupy": (cupy, _why_not(_gpu)),
    }


def _compiler() -> None:
    from freqopt.backends.cupy._twin import compiler

    compiler()


def _gpu() -> None:
    from freqopt.backends import backends

    backends["cupy"]()


def _why_not(demand: Callable[[], None]) -> str:
    try:
        demand()
    except (BackendError, ImportError) as error:  # a CuPy that lacks something of its own
        return str(error)
    return ""


def _chosen(on: list[Case], *, all_of_them: bool, forms: int) -> Iterator[Case]:
    """All exercises at the defaults in both dtypes, and the rule's own choices, some of them."""
    seen: set[str] = set()
    for case in on:
        options = off_default(case.rule)
        own = {n: v for n, v in options.items() if n not in Rule.model_fields}
        if all_of_them or not options:
            yield case
            continue
        chosen = own and all(isinstance(v, str | bool) for v in own.values())
        if chosen and case.exercise.name == "main" and str(own) not in seen and len(seen) < forms:
            seen.add(str(own))
            yield case
