"""What names a run: everything that its numbers come from, and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import freqopt
from freqopt.errors import StudyError
from freqopt.experiment.build import as_problem
from freqopt.experiment.execute import simulate
from freqopt.experiment.grid import expand
from freqopt.experiment.store import keys
from freqopt.experiment.store.code import source_files
from freqopt.experiment.store.keys import Keys
from freqopt.experiment.study import Study
from tests.experiment.conftest import SMALL

MINE = "from freqopt.optimizers.sgd import SGD\n\n\nclass Mine(SGD):\n    pass\n"


def with_own_rule(text=SMALL):
    return text.replace('name = "sgd"', 'name = "mine.py"').replace("rules.sgd", "rules.mine")


@pytest.mark.parametrize(
    "change",
    [
        ("lr = 0.5", "lr = 0.25"),
        ("seed = 7", "seed = 8"),
        ("dimension = 2", "dimension = 3"),
        ('record = ["objective", "gradient_norm"]', 'record = ["objective"]'),
        ("checkpoints = 6", "checkpoints = 5"),
        ("steps = 40", "steps = 41"),
        ("[problem]", "[groups.shares]\nhead = 0.1\ntail = 0.9\n[problem]"),
    ],
)
def test_the_key_depends_on_everything(small, tmp_path, change):
    def named():
        return {Keys().key(p) for p in expand(Study.read(small))
                if p.label == "counted"}  # fmt: skip

    before = named()
    assert change[0] in SMALL
    small.write_text(SMALL.replace(*change, 1))
    assert not before & named()


def test_the_key_depends_on_the_order_of_groups(small, tmp_path):
    named = set()
    for shares in ("a = 0.5\nb = 0.5", "b = 0.5\na = 0.5"):
        small.write_text(SMALL.replace("[problem]", f"[groups.shares]\n{shares}\n[problem]"))
        named.add(Keys().key(expand(Study.read(small))[0]))
    assert len(named) == 2


def test_the_key_depends_on_backend_code_and_own_files(small, tmp_path, monkeypatch):
    mine = tmp_path / "mine.py"
    mine.write_text("from freqopt.optimizers.sgd import SGD\n\n\nclass Mine(SGD):\n    pass\n")
    small.write_text(
        SMALL.replace('name = "sgd"', 'name = "mine.py"').replace("rules.sgd", "rules.mine")
    )
    (point, *_) = expand(Study.read(small))
    named = [Keys().key(point), Keys("numpy").key(point)]
    mine.write_text(mine.read_text() + "\n")
    named.append(Keys().key(point))
    monkeypatch.setattr(keys, "code_hash", lambda backend: "other code")
    named.append(Keys().key(point))
    monkeypatch.setattr(keys, "versions_that_compute", lambda backend: {"numpy": "1.0"})
    named.append(Keys().key(point))
    assert len(set(named)) == 5


def test_the_key_depends_on_the_data_that_a_problem_names(tmp_path):
    data = tmp_path / "ratings.dat"
    named = set()
    for stars in (3, 4):
        data.write_text("".join(f"{u}::{u % 3 + 1}::{stars}::{u}\n" for u in range(1, 20)))
        study = Study(
            title="t", steps=1, rules=[{"name": "sgd"}],
            problem={"name": "ratings", "data": {"path": str(data), "format": "movielens_1m"}},
        )  # fmt: skip
        named.add(Keys().key(expand(study)[0]))
    assert len(named) == 2


def test_the_key_depends_on_the_official_test_rows(tmp_path):
    (tmp_path / "u1.base").write_text("1\t1\t3\t1\n2\t1\t4\t1\n")
    data = {"path": str(tmp_path / "u1.base"), "format": "movielens_100k"}
    problem = {"name": "ratings", "held_out": {"by": "official"}}
    named, measured = set(), set()
    for stars in (3, 4):
        (tmp_path / "u1.test").write_text(f"2\t1\t{stars}\t1\n")
        study = Study(
            title="t", steps=1, rules=[{"name": "sgd"}],
            problem={**problem, "data": {**data, "options": {"test": "u1.test"}}},
        )  # fmt: skip
        point = expand(study)[0]
        named.add(Keys().key(point))
        measured.add(float(as_problem(point.shared["problem"]).test.y[0]))
    assert (len(named), measured) == (2, {3.0, 4.0})


def test_the_key_does_not_depend_on_folders_or_labels(small, tmp_path):
    named = []
    for folder, label in (("a", "counted"), ("b", "renamed")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(
            "from freqopt.optimizers.sgd import SGD\n\n\nclass Mine(SGD):\n    pass\n"
        )
        path = tmp_path / folder / "study.toml"
        text = SMALL.replace('name = "sgd"', 'name = "mine.py"').replace("rules.sgd", "rules.mine")
        path.write_text(text.replace("counted", label))
        named.append([Keys().key(p) for p in expand(Study.read(path))])
    assert named[0] == named[1]


def test_data_files_lie_beside_the_study_wherever_it_is_run(tmp_path):
    """Relative paths, in the problem, a grid and a case, are the study file's own; keys too."""
    named = []
    for place in ("a", "b"):
        (tmp_path / place / "data").mkdir(parents=True)
        for stars in (3, 4):
            file = tmp_path / place / "data" / f"{stars}.dat"
            file.write_text("".join(f"{u}::{u % 3 + 1}::{stars}::{u}\n" for u in range(1, 20)))
        path = tmp_path / place / "study.toml"
        head = 'title = "t"\nsteps = 1\n[[rules]]\nname = "sgd"\n[problem]\nname = "ratings"\n'
        files = '"data/3.dat", "data/4.dat"'
        for rest in (
            'data = {path = "data/3.dat", format = "movielens_1m"}\n',
            f'data.format = "movielens_1m"\n[grid]\nproblem.data.path = [{files}]',
            'data.format = "movielens_1m"\n[[cases]]\nproblem.data.path = "data/4.dat"',
            f'data = {{path = "{tmp_path / place}/data/4.dat", format = "movielens_1m"}}\n',
        ):
            path.write_text(head + rest)
            points = expand(Study.read(path))
            named.append([Keys().key(point) for point in points])
    assert named[:4] == named[4:]
    three, four = named[1]
    assert named[:4] == [[three], [three, four], [four], [four]]
    path.write_text(head + 'data = {path = "nowhere.dat", format = "movielens_1m"}')
    with pytest.raises(StudyError, match=re.escape(f"{tmp_path / 'b' / 'nowhere.dat'} does not")):
        expand(Study.read(path))


HELPED = """
import importlib
from freqopt.optimizers.sgd import SGD
{how}

class Mine(SGD):
    def update(self, w, g, s):
        {late}
        return w - self.lr * {factor} * g
"""


@pytest.mark.parametrize(
    ("how", "late", "factor", "files"),
    [
        ("import helper", "", "helper.F", {"helper.py": "F = {}"}),
        ("from helper import F", "", "F", {"helper.py": "from deep import F", "deep.py": "F = {}"}),
        ("import kit.parts as p", "", "p.F", {
            "kit/__init__.py": "", "kit/parts.py": "from .deep import F", "kit/deep.py": "F = {}"}),
        ("from kit import parts", "", "parts.F", {
            "kit/__init__.py": "from . import parts", "kit/parts.py": "F = {}"}),
        ("h = importlib.import_module('helper')", "", "h.F", {"helper.py": "F = {}"}),
        ("import yaml", "", "yaml.F", {"yaml.py": "F = {}"}),  # a name that others have too
    ],
)  # fmt: skip
def test_what_an_own_file_imports_from_its_folder_counts(
    small, tmp_path, monkeypatch, how, late, factor, files
):
    """Its change makes a new key and new values, wherever the command is run."""
    (tmp_path / "elsewhere").mkdir()
    for name in ("helper", "deep", "kit"):  # these are not what is imported
        (tmp_path / "elsewhere" / f"{name}.py").write_text("F = 7.0\nparts = deep = None")
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    small.write_text(with_own_rule())
    (tmp_path / "mine.py").write_text(HELPED.format(how=how, late=late or "pass", factor=factor))
    named, ends = [], []
    for content in ("1.0", "3.0", "1.0"):  # of one length, within one second
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text.format(content))
        point = expand(Study.read(small))[0]
        named.append((Keys().trajectory(point), Keys().key(point)))
        ends.append(freqopt.run(**point.configuration, backend="numpy").curve("objective")[1][-1])
    assert named[0] == named[2]
    assert ends[0] == ends[2]
    assert not set(named[0]) & set(named[1])
    assert ends[0] != ends[1]
    (tmp_path / "unrelated.py").write_text("F = 1")
    assert Keys().key(expand(Study.read(small))[0]) == named[2][1]


def test_a_file_that_is_called_like_a_word_of_the_study_changes_nothing(
    small, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    named = []
    for content in (None, "x", "y"):
        for word in ("zipf", "token_quadratic", "objective", "sgd", "float64", "mass"):
            if content:
                (tmp_path / word).write_text(content)
        named.append([Keys().key(point) for point in expand(Study.read(small))])
    assert named[0] == named[1] == named[2]


def test_a_field_of_ones_own_problem_that_is_a_path_counts(tmp_path):
    """Also in a list, and whatever its name; a text field of the same value does not."""
    (tmp_path / "own.py").write_text(
        "from pathlib import Path\n"
        "from freqopt.problems.token_quadratic import TokenQuadratic\n\n\n"
        "class Own(TokenQuadratic):\n    graphs: list[Path] = []\n    word: str = ''\n"
    )
    for name in ("graph", "word"):
        (tmp_path / name).write_text("1")
    study = Study(
        title="t", steps=1, rules=[{"name": "sgd"}],
        problem={"name": str(tmp_path / "own.py"), "graphs": [str(tmp_path / "graph")],
                 "word": str(tmp_path / "word")},
    )  # fmt: skip
    first = Keys().key(expand(study)[0])
    (tmp_path / "word").write_text("2")
    assert Keys().key(expand(study)[0]) == first
    (tmp_path / "graph").write_text("2")
    assert Keys().key(expand(study)[0]) != first


def test_steps_are_part_of_what_happens_only_where_the_rule_asks(small):
    def trajectories(steps):
        small.write_text(SMALL.replace("steps = 40", f"steps = {steps}"))
        points = expand(Study.read(small))
        return {
            p.label: Keys().trajectory(p) for p in points if p.run == 0 and p.axes["batch"] == 1
        }

    short, long = trajectories(40), trajectories(80)
    assert short["sgd"] == long["sgd"]
    assert short["counted"] != long["counted"]  # CF-SGD's horizon is the number of steps


def test_every_module_that_computes_counts(tmp_path):
    """What is loaded after runs of all kinds, against what is hashed."""
    script = """
import sys, freqopt
layers = {"inner": 2}
freqopt.run("pair", "adam", steps=3, record=["objective", "effective_rate"], factorised=layers)
freqopt.run("token_quadratic", "sgd_c", steps=3, backend="numpy")
print(*(m.__file__ for n, m in sorted(sys.modules.items()) if n.startswith("freqopt.")))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    package = Path(freqopt.__file__).parent
    loaded = {Path(name).relative_to(package).as_posix() for name in ran.stdout.split()}
    hashed = {path.relative_to(package).as_posix() for path in source_files("numba")}
    store = {
        "results",
        "seal",
        "grid",
        "protocol",
        "study",
        "store",
        "__init__",
    }  # and the front door's version
    others = {Path(name).parts[1].removesuffix(".py") for name in loaded - hashed - {"_version.py"}}
    assert others <= store
    assert "backends/numba/problems/pair.py" in hashed  # found by name, so not in an import
    assert any(path.suffix == ".cuh" for path in source_files("cupy"))


def test_titles_and_labels_cost_nothing(small, tmp_path):
    simulate(Study.read(small, quick=True), results=tmp_path / "r", jobs=1)
    small.write_text(SMALL.replace('"small"', '"another"').replace("counted", "renamed"))
    report = simulate(Study.read(small, quick=True), results=tmp_path / "r", jobs=1)
    assert (report.stored, report.computed) == (report.runs, 0)
