"""A problem of one's own with a kernel has the reference's bits in every compiled loop."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from freqopt.backends import FallbackWarning, Simulation
from freqopt.backends.cupy import CupyBackend, _twin
from freqopt.backends.numba import NumbaBackend
from freqopt.backends.numpy import NumpyBackend
from freqopt.errors import BatchError, KernelError
from freqopt.kernels._problem import read_problem
from freqopt.optimizers import rules
from freqopt.problems import problems

from ..backends.cupy.twins import needs_compiler

OWN = Path(__file__).parent / "two_tables.py"
BACKENDS = {
    "numba": lambda: NumbaBackend(patience=0),
    "cuda": pytest.param(lambda: CupyBackend(_twin), marks=needs_compiler),
}


def weights(backend: Any, path: Path, dtype: str, batch: int) -> list[bytes]:
    """The tables after some steps; nothing may fall back."""
    rule = rules["adagrad"](lr=0.3)
    simulation = Simulation.begin(problems[str(path)](), rule, steps=30, batch=batch, dtype=dtype)
    before = [table.weights.tobytes() for table in simulation.tables.values()]
    with warnings.catch_warnings():
        warnings.simplefilter("error", FallbackWarning)
        backend.advance(simulation, 30)
    after = [table.weights.tobytes() for table in simulation.tables.values()]
    assert all(a != b for a, b in zip(after, before, strict=True))
    return after


@pytest.mark.parametrize(("dtype", "batch"), [("float32", 3), ("float64", 1)])
@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
def test_a_loop_has_the_references_bits(backend: Any, dtype: str, batch: int) -> None:
    assert weights(backend(), OWN, dtype, batch) == weights(NumpyBackend(), OWN, dtype, batch)


@needs_compiler
@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("return real(each), ", "return real(each * f.long), "),
        ("w.double * w.items + real(f.planted)", "w.double * w.items"),
        ("quotient(each * w.double, w.items)", "quotient(each * w.items, w.double)"),
        ('Uniform("u")', 'Uniform("z")'),
    ],
)
def test_a_kernel_that_says_something_else_shows(text: str, mistake: str, tmp_path: Path) -> None:
    path = tmp_path / "two_tables.py"
    assert text in OWN.read_text()
    path.write_text(OWN.read_text().replace(text, mistake))
    assert weights(CupyBackend(_twin), path, "float32", 2) != weights(
        NumpyBackend(), path, "float32", 2
    )


# What stands in the file, what stands there instead, part of the message.
MISTAKES = {
    "a field that is not there": ("f.y * float", "f.label * float", "f has no label"),
    "a column's number for a sample": ("f.real)", "f.planted)", "f has no planted"),
    "another table": ("w.double * w.items +", "w.double * w.others +", "w has no others"),
    "too few gradients": (
        "of_user / real(batch), quotient", "(of_user / real(batch),) if True else quotient",
        "gives 1 numbers for 2 tables",
    ),
    "a gradient in float64": ("of_user / real(batch)", "f.long / real(batch)", "meets"),
    "a batch beside the dtype": ("of_user / real(batch)", "of_user / batch", "whole number"),
    "a row out of the table": ('Index(RATINGS, "rating")', 'Index(90, "rating")', "has the shape"),
    "rows of another table": ('"double": "user"', '"double": "rating"', "goes from 0 to 39"),
    "rows that are no numbers": ('"double": "user"', '"double": "y"', "no whole number"),
    "a table left out": ('{"double": "user", "items": "item"}', '{"double": "user"}', "tables are"),
    "a look-up by a fraction": ('by="user"', 'by="y"', "is looked up by 'y'"),
    "an array of another width": (
        "Lookup(self.planted, by", "Lookup(self.planted[:, 1:].copy(), by", "has the shape",
    ),
    "an array of another dtype": (
        "Lookup(self.planted, by", "Lookup(self.planted.astype('f4'), by", "no int64 or float64",
    ),
    "no field": ('Normal("z")', '"z"', "fields are Token"),
    "an error": ("weight = self.weight", "weight = self.wait", "AttributeError"),
    "no kernel": ("return ProblemKernel(", "return dict(a=1) or (", "object of dict"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_said_with_its_place(mistake: str, tmp_path: Path) -> None:
    text, wrong, said = MISTAKES[mistake]
    path = tmp_path / "two_tables.py"
    assert text in OWN.read_text()
    path.write_text(OWN.read_text().replace(text, wrong))
    with pytest.raises(KernelError) as error:
        read_problem(problems[str(path)]())
    assert said in str(error.value)
    assert re.search(r"two_tables\.py, line \d+", str(error.value))
    assert "\n" not in str(error.value)


def test_a_problem_without_a_kernel_says_what_to_write(tmp_path: Path) -> None:
    path = tmp_path / "two_tables.py"
    path.write_text(OWN.read_text().replace("def kernel(", "def colonel("))
    simulation = Simulation.begin(problems[str(path)](), rules["sgd"](), steps=9)
    with pytest.warns(FallbackWarning, match="problem two_tables runs in NumPy only") as said:
        NumbaBackend(patience=0).advance(simulation, 9)
    assert str(path) in str(said[0].message)
    assert np.isfinite(simulation.tables["double"].weights).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("of_item[:, :1] / batch", r"grads has shape \(1, 1\), expected \(1, 5\)"),
        ("(of_item / batch).astype('f4')", "grads is float32 and the table float64"),
    ],
)
def test_gradients_of_another_kind_name_their_file(wrong: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "two_tables.py"
    path.write_text(OWN.read_text().replace("of_item / batch", wrong, 1))
    simulation = Simulation.begin(problems[str(path)](), rules["sgd"](), steps=9)
    with pytest.raises(BatchError, match=said) as error:
        NumpyBackend().advance(simulation, 9)
    assert re.search(r"two_tables\.py, line \d+, `def gradients\(", str(error.value))
