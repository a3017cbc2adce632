"""The examples of docs/studies.md work."""

import re
from pathlib import Path

import pytest

from freqopt.experiment.execute import simulate
from freqopt.experiment.grid import expand
from freqopt.experiment.metrics import metrics
from freqopt.experiment.results import load
from freqopt.experiment.study import Study
from freqopt.report.figure import FigureFile, make

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "studies.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)


def test_the_study_says_what_it_runs(tmp_path):
    path = tmp_path / "example.toml"
    path.write_text(blocks("toml")[0])
    assert len(expand(Study.read(path))) == 24
    assert len(expand(Study.read(path, quick=True))) == 4
    path.write_text(blocks("toml")[1])
    assert [tuple(p.axes.values()) for p in expand(Study.read(path))] == [
        ("squared", 0.05), ("logistic", 0.2),
    ]  # fmt: skip


def test_the_groups_shown_are_the_default(tmp_path):
    path = tmp_path / "example.toml"
    path.write_text(blocks("toml")[0])
    assert Study.read(path).groups == Study.model_fields["groups"].default


def test_every_key_and_every_metric_is_shown():
    examples = "".join(blocks("toml"))
    for key in Study.model_fields:
        assert re.search(rf"^\[*{key}\b", examples, re.M), key
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, re.M)) >= set(metrics)


def test_the_run_in_python():
    scope = {}
    exec(blocks("python")[1], scope)
    assert scope["values"][-1] < scope["values"][0]


def test_the_figure(tmp_path):
    (tmp_path / "mine.toml").write_text(blocks("toml")[0])
    study = Study.read(tmp_path / "mine.toml").model_copy(update={"steps": 60})
    simulate(study, results=tmp_path / "results", jobs=1)
    (tmp_path / "example.py").write_text(blocks("python")[2])
    figure = FigureFile.read(tmp_path / "example.py")
    assert figure.studies == ("mine",)
    tables = {"mine": load(study, results=tmp_path / "results")}
    written = make(figure, tables, tmp_path / "out")
    assert [path.suffix for path in written] == [".csv", ".svg", ".pdf"]
    assert len(written[0].read_text().splitlines()) == 1 + 3  # two rates of SGD, one of AdaGrad


def studies():
    for path in sorted((ROOT / "simulations").glob("*.toml")):
        real = [pytest.mark.movielens] if 'data = "movielens"' in path.read_text() else []
        yield pytest.param(path, id=path.stem, marks=real)


@pytest.mark.parametrize("path", list(studies()))
@pytest.mark.parametrize("quick", [False, True])
def test_every_study_of_the_project_can_be_run(path, quick):
    assert expand(Study.read(path, quick=quick))
