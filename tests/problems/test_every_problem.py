"""What holds for every problem that lies in the folder, with its default fields."""

import hashlib
import pickle

import numpy as np
import pytest

from freqopt.backends import Simulation
from freqopt.errors import ProblemError
from freqopt.optimizers import rules
from freqopt.problems import problems

REAL = {"ratings": pytest.mark.movielens}
NAMES = [pytest.param(name, marks=REAL.get(name, ())) for name in problems]


def test_problems_are_found_by_their_file():
    assert set(problems) >= {"pair", "token_quadratic"}
    with pytest.raises(ProblemError, match="did you mean 'pair'"):
        _ = problems["pairs"]


@pytest.mark.parametrize("name", NAMES)
def test_fields_survive_json_and_pickle(name):
    problem = problems[name]()
    assert problem.name() == name
    assert problems[name](**problem.model_dump(mode="json")) == problem
    assert pickle.loads(pickle.dumps(problem)) == problem
    assert all(field.description for field in problems[name].model_fields.values())


@pytest.mark.parametrize("name", NAMES)
def test_tables_and_constants_have_the_declared_shapes(name):
    problem = problems[name]()
    tables, again = problem.start(1, 2), problem.start(1, 2)
    assert {k: v.shape for k, v in tables.items()} == problem.shapes
    assert all((tables[k] == again[k]).all() for k in tables)
    constants = problem.constants
    for kind in (constants.frequency, constants.deviation or {}):
        for table, values in kind.items():
            assert values.shape == problem.shapes[table][:1]
            assert values.dtype == np.float64
            assert (values >= 0).all()
    for table, values in (constants.optimum or {}).items():
        assert values.shape == problem.shapes[table]
    assert constants.optimum_value is None or constants.optimum_value <= problem.objective(tables)
    # Whatever is missing has its reason.
    for what in ("smoothness", "strong_convexity", "deviation", "optimum_value", "optimum"):
        assert getattr(constants, what) is not None or constants.notes[what]
    gradient = problem.gradient(tables)
    assert {k: v.shape for k, v in gradient.items()} == problem.shapes
    assert all(v.dtype == np.float64 for v in gradient.values())


# full_batch draws nothing.
@pytest.mark.parametrize("name", [one for one in NAMES if one.values != ("full_batch",)])
def test_runs_and_seeds_have_their_own_samples(name):
    problem = problems[name]()
    drawn = [problem.draw(*address, np.arange(4), 16) for address in ((1, 2), (1, 3), (2, 2))]
    for field, values in drawn[0].items():
        assert values.shape[:2] == (4, 16)
        constant = all((values == other[field]).all() for other in drawn[1:])
        assert constant == (name == "surface" or field == "bias")
        assert constant or (values[0] != values[1]).any()


# SHA-256 of three steps' samples and of the gradients at the start in float64 and float32. They are
# the same on every machine: all of it is Philox bits, + - * / and sqrt in a stated order.
BITS = {
    "factorisation_machine": "24e533260b6a90b1",
    "linear_bigram": "198e58e2c6e0643b",
    "pair": "c0644d9426ed2319",
    "ratings": "b4fce87b8403ba15",
    "sgns": "7b3bb63bbee18292",
    "softmax_regression": "9229ab78a5004c6b",
    "surface": "59b9bc33ca45dc73",
    "token_quadratic": "6c74368fdb17524e",
}


@pytest.mark.parametrize("name", BITS)
def test_samples_and_gradients_keep_their_bits(name):
    problem = problems[name]()
    drawn = problem.draw(1, 2, np.arange(3), 8)
    digest = hashlib.sha256()
    for field in sorted(drawn):
        digest.update(np.ascontiguousarray(drawn[field]).tobytes())
    for dtype in (np.float64, np.float32):
        tables = problem.start(1, 2, dtype)
        for step in range(3):
            sparse = problem.gradients(tables, {k: v[step] for k, v in drawn.items()})
            for table in sorted(sparse):
                rows, grads = sparse[table]
                digest.update(rows.tobytes() + np.ascontiguousarray(grads).tobytes())
    assert digest.hexdigest()[:16] == BITS[name]


def test_a_large_pair_problem_begins_without_its_sum_over_all_pairs(monkeypatch):
    asked = []
    objective = problems["pair"].objective
    monkeypatch.setattr(
        problems["pair"],
        "objective",
        lambda self, tables: asked.append(1) or objective(self, tables),
    )
    problem = problems["pair"](dimension=2)
    Simulation.begin(problem, rules["cf_sgd"](smoothness=1.0), steps=5)
    assert asked == []
    value = problem.constants.optimum_value
    assert problem.constants.optimum_value == value
    assert asked == [1]
    assert pickle.loads(pickle.dumps(problem)).constants.optimum_value == value
