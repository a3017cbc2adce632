"""`verify`: theorem files in, one report out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from joblib import Parallel, delayed

from freqopt.errors import TheoryError
from freqopt.theory.examine import FAULTS, Examination, Problem, absent, examine
from freqopt.theory.loading import find, load
from freqopt.theory.report import Report
from freqopt.theory.theorem import Context


def verify(
    paths: Iterable[str | Path],
    *,
    quick: bool = True,
    mutants: bool = False,
    seed: int = 0,
    budget: float = 1e-3,
    jobs: int | None = None,
    progress: Callable[[Examination, int, int], None] | None = None,
) -> Report:
    """Check theorem files.

    Parameters
    ----------
    paths : files or folders
        Of theorem files, the project's or a user's own.
    quick : bool
        Fewer instances, shorter searches, and no slow checks; those are listed as not run.
    mutants : bool
        Also run every mutant and report the matrix engine x mutant. In a quick run each mutant
        is run until one engine notices; in a full run through all of them.
    seed : int
        Of all samples.
    budget : float
        Probability that the whole run says anything wrong, split evenly over its statistical
        checks.
    jobs : int, optional
        Worker processes; by default one for each core, at most one for each file.
    progress : callable, optional
        Called with each finished examination, how many are done, and how many there are.

    Returns
    -------
    Report
        `report.exit_code` is 0 if nothing failed.

    Raises
    ------
    TheoryError
        If a path does not exist or an option is out of range. What a theorem file does wrong is a
        line in the report, and the others still run.
    """
    if not 0 < budget < 1:
        raise TheoryError(f"budget = {budget}: give the whole run's error probability, in (0, 1)")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise TheoryError(f"seed = {seed!r}: give a whole number in [0, 2^63)")
    if jobs is not None and jobs < 1:
        raise TheoryError(f"jobs = {jobs}: give 1 or more worker processes")
    start = time.perf_counter()
    files = find(paths)
    sampled = sum(_statistical_checks(path, Context(quick=quick)) for path in files)
    delta = budget / max(1, sampled)
    context = Context(quick=quick, seed=seed, delta=delta)
    workers = min(jobs or os.cpu_count() or 1, len(files))
    finished = Parallel(n_jobs=workers, return_as="generator_unordered")(
        delayed(examine)(path, context, mutants=mutants) for path in files
    )
    examinations = {}
    for done, examination in enumerate(finished, start=1):
        examinations[examination.path] = examination
        if progress is not None:
            progress(examination, done, len(files))
    return Report(
        examinations=tuple(_unique([examinations[path] for path in files])),
        quick=quick,
        seed=seed,
        budget=budget,
        delta=delta,
        seconds=time.perf_counter() - start,
        with_mutants=mutants,
    )


def _unique(examinations: list[Examination]) -> Iterator[Examination]:
    """The same; a file whose id an earlier one has gets a problem, since reports go by ids."""
    owners: dict[str, Path] = {}
    for examination in examinations:
        first = owners.setdefault(examination.id, examination.path)
        if first != examination.path:
            text = f"its id {examination.id!r} is that of {first}; give every theorem its own"
            problem = Problem(str(examination.path), text)
            examination = replace(examination, problems=(*examination.problems, problem))
        yield examination


def _statistical_checks(path: Path, context: Context) -> int:
    """How many parts of the error budget a file asks for; 0 where it cannot be read."""
    try:
        checks = load(path).theorem().checks
        return sum(check.statistical and not absent(check, context) for check in checks)
    except FAULTS:  # examine() reports it
        return 0
