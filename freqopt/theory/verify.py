"""`verify`: theorem files in, one report out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from freqopt.errors import TheoryError
from freqopt.theory import isolation
from freqopt.theory.examine import Examination, Unexamined, examine, statistical_checks
from freqopt.theory.loading import find
from freqopt.theory.report import Verification
from freqopt.theory.theorem import Context

QUICK, FULL = 300.0, 1800.0
"""Seconds that one file may take, in quick and in full runs; with its mutants four times that."""


def verify(
    paths: Iterable[str | Path],
    *,
    quick: bool = True,
    mutants: bool = False,
    seed: int = 0,
    budget: float = 1e-3,
    jobs: int | None = None,
    limit: float | None = None,
    changes: Mapping[str, str] | None = None,
    progress: Callable[[Examination, int, int], None] | None = None,
) -> Verification:
    """Check theorem files.

    Parameters
    ----------
    paths : files or folders
        Of theorem files, the project's or a user's own.
    quick : bool
        Fewer instances, shorter searches, and no slow checks; those are listed as not run.
    mutants : bool
        Also run every mutant until one engine notices, and report the matrix engine x mutant.
        What a quick run notices a full one does not look at again.
    seed : int
        Of all samples.
    budget : float
        Probability that the whole run says anything wrong, split evenly over its statistical
        checks.
    jobs : int, optional
        Worker processes; by default one for each core, at most one for each file.
    limit : float, optional
        Seconds that one file may take; by default 300, and 1800 in a full run,
        four times that with mutants. Each file runs in a
        process of its own: one that aborts, never ends or fills the memory is a line in the report.
    changes : name -> value, optional
        Parts of the one file's statement, that is arguments of its `theorem`, with other values,
        such as {"constant": "1/4"}: what would the engines say of the changed statement?
    progress : callable, optional
        Called with each finished examination, how many are done, and how many there are.

    Returns
    -------
    Verification
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
    if limit is not None and not limit > 0:
        raise TheoryError(f"limit = {limit}: give the seconds that one file may take, above 0")
    start = time.perf_counter()
    files = find(paths)
    if changes and len(files) != 1:
        raise TheoryError(f"a changed statement is that of one file, and there are {len(files)}")
    workers = min(jobs or os.cpu_count() or 1, len(files))
    seconds = limit or (QUICK if quick else FULL) * (4 if mutants else 1)
    sampled, failed = 0, {}
    asked = [(path, Context(quick=quick)) for path in files]
    for index, answer in isolation.each(
        statistical_checks, asked, workers=workers, seconds=seconds
    ):
        sampled += answer.value or 0
        if answer.failure:
            failed[files[index]] = answer.failure
    delta = budget / max(1, sampled)
    context = Context(quick=quick, seed=seed, delta=delta)
    examinations = {path: _lost(path, text) for path, text in failed.items()}
    left = [path for path in files if path not in failed]
    tasks = [(path, context, mutants, dict(changes or {})) for path in left]
    for index, answer in isolation.each(examine, tasks, workers=workers, seconds=seconds):
        path = left[index]
        examinations[path] = _lost(path, answer.failure) if answer.failure else answer.value
        if progress is not None:
            progress(examinations[path], len(examinations), len(files))
    return Verification(
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
            problem = Unexamined(str(examination.path), text)
            examination = replace(examination, problems=(*examination.problems, problem))
        yield examination


def _lost(path: Path, failure: str) -> Examination:
    """What is known of a file that took its process with it."""
    problem = Unexamined(str(path), failure)
    return Examination(path, path.stem, "", "", "", {}, problems=(problem,))
