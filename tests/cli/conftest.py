"""A working directory with one study and one figure."""

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


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "simulations").mkdir()
    (tmp_path / "figures").mkdir()
    (tmp_path / "simulations" / "small.toml").write_text(SMALL)
    (tmp_path / "figures" / "curve.py").write_text(FIGURE)
    monkeypatch.chdir(tmp_path)
    return tmp_path
