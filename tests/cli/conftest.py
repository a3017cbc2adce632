"""A working directory with one study, one figure and one theorem file."""

from pathlib import Path

import pytest

from tests.experiment.conftest import SMALL

FIGURE = '''"""A curve, for the tests."""

import matplotlib.pyplot as plt

STUDIES = ("small",)


def data(results):
    rows = results["small"].to_pylist()
    rows = [r for r in rows if r["metric"] == "objective" and r["run"] == 0 and r["batch"] == 1]
    return {name: [r[name] for r in rows] for name in ("rule", "rule.lr", "step", "value")}


def draw(data):
    figure, axes = plt.subplots()
    for rule in sorted(set(data["rule"])):
        chosen = data["rule"] == rule
        axes.plot(data["step"][chosen], data["value"][chosen], "o", label=rule)
    axes.legend()
    return figure
'''

THEOREM = '''"""HALF-1: a half is less than one

Source
    derived here.
Problem
    x > 0
Algorithm
    none
Assumptions
    none
Statement
    x/2 <= x
Checks
    exact
Literature
    none
"""

import sympy as sp

from freqopt.theory import Bound, Case, Claim, Mutant, Theorem

x = sp.Symbol("x", positive=True)


def theorem(constant=1):
    cases = [Case("one", x=1.0), Case("two", x=2.0)]
    return Theorem(
        claims=(Claim("half", lambda c: c.x / 2, Bound(constant * x), instances=lambda q: cases),)
    )


MUTANTS = {"a third": Mutant("statement", constant=sp.Rational(1, 3))}
'''


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "simulations").mkdir()
    (tmp_path / "figures").mkdir()
    (tmp_path / "simulations" / "small.toml").write_text(SMALL)
    (tmp_path / "proofs_check").mkdir()
    (tmp_path / "figures" / "curve.py").write_text(FIGURE)
    (tmp_path / "proofs_check" / "half.py").write_text(THEOREM)
    monkeypatch.chdir(tmp_path)
    return tmp_path
