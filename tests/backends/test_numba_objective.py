"""The compiled exact objective has every bit of the problem's own."""

from __future__ import annotations

import numpy as np
import pytest

from freqopt.backends.numba import NumbaBackend
from freqopt.backends.numba.arithmetic._elementary import softplus_below
from freqopt.backends.numba.jit._compile import entry
from freqopt.backends.numba.problems._kernel import find_objective
from freqopt.experiment.metrics import Checkpoint
from freqopt.problems import problems
from freqopt.streams.elementary import softplus

from .loop.test_loop import COUNTS, PRODUCT, TOPICS


@entry("a test of softplus_below")
def _all(x, out):
    for j in range(len(x)):
        out[j] = softplus_below(x[j])


def test_softplus_below_zero_has_every_bit():
    rng = np.random.default_rng(3)
    edges = [0.0, 5e-324, 1e-17, 708.4, 744.5, 745.13321910194, 746.0, 747.0, 1e300, np.inf, np.nan]
    near = 0.881373587019543 + np.arange(-50, 50) * 1e-16  # log1p's argument crosses sqrt 2
    sizes = np.concatenate(
        [edges, near, rng.uniform(0, 750, 20_000), 10 ** rng.uniform(-20, 3, 20_000)]
    )
    found = np.empty_like(sizes)
    _all(sizes, found)
    np.testing.assert_array_equal(found, softplus(-sizes))


WIDE = {"kind": "product", "u": {"kind": "zipf", "size": 70}, "v": {"kind": "zipf", "size": 3000}}
LAWS = {"product": PRODUCT, "topics": TOPICS, "counts": COUNTS, "many blocks, many tiles": WIDE}


@pytest.mark.parametrize("pairs", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_objective_has_every_bit(pairs, dtype):
    # 11 columns: four, four whose order shows, and three that are left.
    problem = problems["sgns"](pairs=pairs, dimension=11, negatives=3)
    compiled = find_objective(problem, compiling=True)
    rng = np.random.default_rng(7)
    # In a sum of a few terms the last bit of a score shows, in one of a million it is rounded away.
    for scale in (0.0, 0.3, 3.0, 1e3, 1e20, *(30 if pairs is COUNTS else 0) * [1.0, 30.0]):
        tables = {
            name: (scale * rng.normal(size=shape)).astype(dtype)
            for name, shape in problem.shapes.items()
        }
        with np.errstate(all="ignore"):
            assert compiled(problem, tables) == problem.objective(tables)
    tables["centres"][0, 0] = np.nan
    with np.errstate(all="ignore"):
        assert np.isnan(compiled(problem, tables))


def test_what_has_taken_long_is_compiled(monkeypatch):
    problem = problems["sgns"](pairs=PRODUCT, dimension=5, negatives=3)
    tables = problem.start(1, 0)
    expected, taken = problem.objective(tables), []
    monkeypatch.setattr(type(problem), "objective", lambda *_: taken.append(1) or expected)
    for patience, times in ((0.0, 0), (np.inf, 1)):
        taken.clear()
        monkeypatch.setattr(
            "freqopt.backends.numba.problems._kernel.at_hand", lambda kernel, kinds: False
        )
        at = Checkpoint(problem, tables, 0, None, {}, backend=NumbaBackend(patience=patience))
        assert at.objective == expected
        assert len(taken) == times
