"""Moment identities of one step: does the implementation meet the premises of the proofs?

At any state reached, with eta_k the step that the theory specifies and B samples per step,

    E[theta_k' - theta_k]     = -eta_k grad_k f,                                           (1)
    E |theta_k' - theta_k|^2  = eta_k^2 ((1 - 1/B) |grad_k f|^2
                                         + (|grad_k f|^2 / p_k + p_k s_k^2) / B),          (2)

expectations over all samples of the step, f, p and s from the problem. These are equalities: no
seeds, no bound to hide under. They notice what a curve below its bound never does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from freqopt.problems import Problem
from freqopt.streams import Stream, fold
from freqopt.theory.exact.ensemble import Ensemble
from freqopt.theory.exact.outcomes import Outcomes
from freqopt.theory.exact.specified import Specification
from freqopt.theory.verdict import Verdict, Word
from freqopt.typing import Doubles

TOLERANCE = 1e-12
"""Largest error that rounding may cause, relative to the largest term; correct code: 1e-15."""


def check_moments(
    ensemble: Callable[[], Ensemble],
    law: Outcomes,
    specification: Specification,
    *,
    steps: int,
    paths: int,
    seed: int,
    seen: int = 0,
) -> Verdict:
    """(1) and (2) at `paths` x `steps` states on random paths of the implementation.

    Parameters
    ----------
    ensemble : makes a fresh ensemble of one copy: the implementation under test
    law : outcomes of one step of its problem
    specification : the step the theory asks for
    seen : int
        Visits of every row before the first step, in the rule's counts and the specification's:
        a count that stops somewhere is noticed beyond that place only.
    """
    worst, place = 0.0, ""
    for path in range(paths):
        run = ensemble()
        problem = run.problem
        visits = {name: np.full(size, float(seen)) for name, (size, _) in problem.shapes.items()}
        for state in run.states.values():
            if seen and "c" in state:
                state["c"][...] = seen
        stream = Stream(seed, path, "moment identities")
        for t in range(1, steps + 1):
            for name, error in _errors(run, law, specification, visits, t).items():
                if error > worst:
                    worst, place = error, f"table {name}, path {path}, step {t}"
            samples = law.draw(stream, t, 1)
            for name, count in visits.items():  # a sample names its rows by their table
                np.add.at(count, samples[name], 1.0)
            run.step(samples, law.batch)
    word = Word.REFUTED if worst > TOLERANCE else Word.EXACT
    note, known = f"{paths * steps} states", math.isfinite(worst)
    return Verdict(
        "", "", "", word,
        kind="implementation", measured=worst if known else None, bound=TOLERANCE,
        ratio=worst / TOLERANCE if known else None, witness=place,
        note=note if known else f"{note}; at this one the step is not finite",
    )  # fmt: skip


def _errors(
    run: Ensemble,
    law: Outcomes,
    specification: Specification,
    visits: Mapping[str, Doubles],
    t: int,
) -> dict[str, float]:
    """Relative errors of (1) and (2) at the present state, per table."""
    problem, batch = run.problem, law.batch
    old = {name: run.values(name)[0].copy() for name in problem.shapes}
    gradient, deviation = problem.gradient(old), conditional_deviation(problem, old)
    tried = run.repeated(len(law))
    tried.step(law.samples, batch)
    errors = {}
    for name, p in problem.constants.frequency.items():
        moved = tried.values(name) - old[name]  # (O, N, d)
        first = np.tensordot(law.probability, moved, axes=1)
        second = np.tensordot(law.probability, fold(moved**2), axes=1)
        eta = specification(p, visits[name], t)
        square = fold(gradient[name] ** 2)
        signal = (1 - 1 / batch) * square + square / p / batch
        wanted = eta**2 * (signal + p * deviation[name] ** 2 / batch)
        expected = -eta[:, None] * gradient[name]
        scale = float(np.max(np.sqrt(wanted)))
        found = (
            float(np.max(np.abs(first - expected))) / scale,
            float(np.max(np.abs(second - wanted))) / scale**2,
        )
        errors[name] = math.inf if any(map(math.isnan, found)) else max(found)
    return errors


def conditional_deviation(problem: Problem, tables: Mapping[str, Doubles]) -> dict[str, Doubles]:
    """s_k at these tables: the problem's own where it depends on them, else its constant."""
    if hasattr(problem, "conditional_deviation"):
        found: dict[str, Doubles] = problem.conditional_deviation(tables)
        return found
    assert problem.constants.deviation is not None
    return problem.constants.deviation
