"""Stored results: what names them, what is redone, what is refused."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import freqopt
from freqopt.cli import run as run_command
from freqopt.errors import BackendError, ResultError, StudyError
from freqopt.experiment import executors, queue
from freqopt.experiment.execute import simulate
from freqopt.experiment.executors.task import Run, Task, work
from freqopt.experiment.grid import expand
from freqopt.experiment.queue import Queue
from freqopt.experiment.results import load
from freqopt.experiment.store import durable
from freqopt.experiment.store.claims import Claims
from freqopt.experiment.store.database import Database
from freqopt.experiment.store.keys import Keys
from freqopt.experiment.store.rows import to_columns
from freqopt.experiment.store.segments import Segments
from freqopt.experiment.study import Study
from tests.experiment.conftest import SMALL, content

RUNS = 12


def test_jobs_and_order_do_not_change_a_bit(small, tmp_path):
    study = Study.read(small)
    for jobs in (1, 2):
        report = simulate(study, results=tmp_path / str(jobs), jobs=jobs)
        assert (report.runs, report.computed, report.failed) == (RUNS, RUNS, [])
    one, two = content(tmp_path / "1"), content(tmp_path / "2")
    assert len(one) == RUNS
    assert one == two


def test_a_stored_run_is_the_run_itself(small, tmp_path):
    simulate(Study.read(small), results=tmp_path, jobs=1)
    point = expand(Study.read(small))[3]
    name = Keys().name(point)
    segments = Segments(tmp_path)
    segments.refresh()
    ((_, table),) = segments.tables([name.key])
    stored = to_columns(table)
    for column, values in freqopt.run(**point.configuration).columns.items():
        np.testing.assert_array_equal(stored[column], values)
    (about,) = segments.about([name.key])
    assert (about.key, about.trajectory, about.made_by, about.recorded) == name
    made_by, recorded = json.loads(about.made_by), json.loads(about.recorded)
    shared = dict(point.shared)
    assert {name: shared.pop(name) for name in recorded} == recorded
    assert made_by["configuration"] == shared
    provenance = json.loads(about.provenance)
    assert provenance["packages"]["numpy"] == np.__version__
    assert provenance["machine"]["cores"] == os.cpu_count()
    assert about.seconds > 0


def test_what_is_stored_is_not_run_again(small, tmp_path):
    study = Study.read(small)
    part = study.model_copy(update={"runs": 1})
    simulate(part, results=tmp_path, jobs=1)
    before = set((tmp_path / "runs").iterdir())
    seen = []
    report = simulate(study, results=tmp_path, jobs=1, progress=lambda *x: seen.append(x))
    half = RUNS // 2
    assert (report.stored, report.computed) == (half, half)
    assert seen[: half + 1] == [(half + k, RUNS) for k in range(half + 1)]
    assert before < set((tmp_path / "runs").iterdir())
    assert simulate(study, results=tmp_path, jobs=1).stored == RUNS


def test_a_run_of_two_studies_belongs_to_both(small, tmp_path):
    """Whichever was first; and a study that has changed counts as it is now."""
    other = tmp_path / "other.toml"
    other.write_text(SMALL.replace("runs = 2\n", "runs = 3\n").replace("counted", "renamed"))
    for path in (small, other):
        simulate(Study.read(path), results=tmp_path / "r", jobs=1)
    sizes = {path.stem: load(path, results=tmp_path / "r").num_rows for path in (small, other)}
    assert sizes["other"] == sizes["small"] * 3 // 2

    def rows(study):
        table = load(tmp_path / "r").to_pylist()
        return [row for row in table if row["study"] == study]

    assert {name: len(rows(name)) for name in sizes} == sizes
    assert {row["rule"] for row in rows("other")} == {"sgd", "renamed"}
    small.write_text(SMALL.replace("counted", "called anew"))
    assert simulate(Study.read(small), results=tmp_path / "r", jobs=1).computed == 0
    assert len(rows("small")) == sizes["small"]
    assert {row["rule"] for row in rows("small")} == {"sgd", "called anew"}


def test_a_name_of_ones_own_file_is_never_looked_up_from_the_working_directory(
    small, tmp_path, monkeypatch
):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.py").write_text("")
    monkeypatch.chdir(tmp_path / "elsewhere")
    small.write_text(SMALL.replace('"sgd"', '"mine.py"').replace("rules.sgd", "rules.mine"))
    with pytest.raises(StudyError, match=re.escape(f"{tmp_path / 'mine.py'} does not exist")):
        expand(Study.read(small))


def test_load_gives_labels_and_axes_as_columns(small, tmp_path):
    simulate(Study.read(small), results=tmp_path, jobs=1)
    table = load(small, results=tmp_path)
    assert table.column_names == [
        "rule", "batch", "rule.lr", "diverged_at",
        "run", "step", "metric", "table", "group", "token", "value",
    ]  # fmt: skip
    rows = table.to_pylist()
    assert {(r["rule"], r["rule.lr"], r["batch"], r["run"]) for r in rows} == {
        (rule, lr, batch, run)
        for rule, lr in (("sgd", 0.05), ("sgd", 0.2), ("counted", 0.5))
        for batch in (1, 3) for run in (0, 1)
    }  # fmt: skip
    assert {r["diverged_at"] for r in rows} == {None}
    one = [r["value"] for r in rows if (r["rule"], r["rule.lr"], r["batch"], r["run"], r["metric"])
           == ("sgd", 0.2, 3, 1, "objective")]  # fmt: skip
    wanted = {"batch": 3, "rule.lr": 0.2}
    points = [point for point in expand(Study.read(small)) if point.axes == wanted]
    point = points[1]
    assert one == freqopt.run(**point.configuration).curve("objective")[1].tolist()
    folder = load(tmp_path)
    assert folder.num_rows == table.num_rows
    assert set(folder.column_names) == {*table.column_names, "study", "code"}


def test_load_names_what_is_missing(small, tmp_path):
    with pytest.raises(
        ResultError, match=r"12 of the 12 runs .* simulate it first: freqopt simulate"
    ):
        load(small, results=tmp_path / "none")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ResultError, match="holds no results"):
        load(tmp_path / "nothing")


def test_two_rules_that_are_the_same_run_once_and_load_twice(small, tmp_path):
    small.write_text(SMALL.replace("[grid]", '[[rules]]\nname = "cf_sgd"\nlr = 0.5\n\n[grid]'))
    report = simulate(Study.read(small), results=tmp_path, jobs=1)
    assert report.runs == RUNS
    labels = load(small, results=tmp_path)["rule"].to_pylist()
    assert labels.count("cf_sgd") == labels.count("counted") > 0


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(small, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setattr(executors, "work", None)  # no run may begin
    with pytest.raises(ResultError, match=r"cannot be written to .*taken.* with --results"):
        simulate(Study.read(small), results=tmp_path / "taken", jobs=1)


def test_a_failing_run_is_reported_and_the_others_go_on(small, tmp_path):
    """A rule of one's own that breaks at one learning rate."""
    (tmp_path / "brittle.py").write_text(
        "from freqopt.optimizers.sgd import SGD\n\n\nclass Brittle(SGD):\n"
        "    def update(self, w, g, s):\n        assert self.lr < 0.1, 'too fast'\n"
        "        return super().update(w, g, s)\n"
    )
    text = SMALL.replace('name = "sgd"', 'name = "brittle.py"').replace(
        "rules.sgd", "rules.brittle"
    )
    small.write_text(text)
    report = simulate(Study.read(small), results=tmp_path / "r", jobs=2)
    assert (report.computed, len(report.failed)) == (RUNS - 4, 4)
    where, message = report.failed[0]
    assert "rule.lr = 0.2" in where
    assert "too fast" in message
    assert len(content(tmp_path / "r")) == RUNS - 4


def test_a_diverging_run_is_stored_as_a_result(small, tmp_path):
    small.write_text(SMALL.replace("lr = [0.05, 0.2]", "lr = [0.05, 1e200]"))
    report = simulate(Study.read(small), results=tmp_path, jobs=1)
    assert report.failed == []
    rows = load(small, results=tmp_path).to_pylist()
    assert {r["rule.lr"] for r in rows if r["diverged_at"] is not None} == {1e200}
    last = [r["value"] for r in rows if r["rule.lr"] == 1e200 and r["step"] == 40]
    assert set(last) == {float("inf")}


def test_an_interrupt_as_a_file_is_written_loses_nothing(small, tmp_path, monkeypatch):
    """What was done is written after all; no file is there that is not whole."""
    replace, torn = Path.replace, []

    def tears(self, target):
        if target.parent.name == "runs" and target.suffix and not torn:
            torn.append(target)
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", tears)
    monkeypatch.setattr("freqopt.experiment.store.database.OFTEN", 0.0)
    report = simulate(Study.read(small), results=tmp_path / "r", jobs=1)
    assert torn
    assert report.interrupted
    kept = content(tmp_path / "r")
    assert 0 < len(kept) < RUNS
    report = simulate(Study.read(small), results=tmp_path / "r", jobs=1)
    assert (report.stored, report.computed) == (len(kept), RUNS - len(kept))
    assert not list((tmp_path / "r").rglob(".*partial"))


def test_a_full_disk_loses_nothing(small, tmp_path, monkeypatch, capsys):
    """It fills up as the third file of runs is written; each run is a file here."""
    written, write = [], durable.write

    def fills_up(path, content):
        written.extend([path] if path.parent.name == "runs" and path.suffix else [])
        if len(written) >= 3:
            path.with_name(".half").write_bytes(content[:100])
            raise ResultError("it cannot be written (No space left); make room and run again")
        return write(path, content)

    monkeypatch.setattr(durable, "write", fills_up)
    monkeypatch.setattr("freqopt.experiment.store.database.OFTEN", 0.0)
    monkeypatch.setattr(queue, "MOST", 1)
    command = ["simulate", str(small), "--jobs", "1", "--results", str(tmp_path / "r")]
    assert run_command(command) == 2
    said = capsys.readouterr().err
    assert "cannot be written (No space left); make room and run again" in said
    assert "Traceback" not in said
    monkeypatch.setattr(durable, "write", write)
    assert len(content(tmp_path / "r")) == 2
    report = simulate(Study.read(small), results=tmp_path / "r", jobs=1)
    assert (report.stored, report.computed) == (2, RUNS - 2)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), MemoryError()])
def test_what_cannot_be_written_leaves_nothing(tmp_path, monkeypatch, error):
    def torn(place):
        raise error

    monkeypatch.setattr(os, "fsync", torn)
    with pytest.raises(ResultError, match=r"\((No space left|not enough memory)\); make room"):
        durable.write(tmp_path / "file", b"content")
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_is_one_message(small, tmp_path, capsys):
    text = SMALL.replace("dimension = 2", "dimension = 1000000000000000")
    small.write_text(text)
    command = ["simulate", str(small), "--jobs", "1", "--results", str(tmp_path / "r")]
    assert run_command(command) == 2
    said = capsys.readouterr().err
    assert said.count("not enough memory") == 1
    assert "ask for a smaller problem" in said
    assert "Traceback" not in said


# The longer runs are in the compiled loop when the signal comes: NumPy would need minutes for one.
@pytest.mark.parametrize("steps", [2000, 2_000_000])
@pytest.mark.parametrize("jobs", [1, 2])
def test_interrupted_runs_are_kept_and_taken_up_again(tmp_path, jobs, steps):
    """The real command, a real SIGINT to its process group, in the middle."""
    path = tmp_path / "long.toml"
    path.write_text(
        SMALL.replace("steps = 40", f"steps = {steps}").replace("runs = 2\n", "runs = 40\n")
    )
    command = [sys.executable, "-m", "freqopt", "simulate", str(path), "--jobs", str(jobs)]
    process = subprocess.Popen(
        [*command, "--results", str(tmp_path / "r")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # A shell starts background jobs with SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list((tmp_path / "r").glob("runs/*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    kept = content(tmp_path / "r")
    assert f"interrupted; {len(kept)} of 240 runs are stored, simulate again to go on" in err
    assert "Traceback" not in err
    assert 0 < len(kept) < 240
    assert not list((tmp_path / "r").rglob(".*partial"))


def test_a_backend_of_ones_own(small, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from freqopt.backends.numpy import NumpyBackend\n\n\nclass Mine(NumpyBackend):\n    pass\n"
    )
    study = Study.read(small, quick=True)
    simulate(study, results=tmp_path / "r", jobs=2, backend=str(mine))
    simulate(study, results=tmp_path / "r", jobs=1)
    assert len(content(tmp_path / "r")) == 8  # neither finds the other's
    tables = [load(study, results=tmp_path / "r", backend=b) for b in (str(mine), "numba")]
    assert tables[0].equals(tables[1])


def test_a_backend_that_leaves_runs_to_another_says_so_once(small, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "import warnings\nfrom freqopt.backends import FallbackWarning\n"
        "from freqopt.backends.numpy import NumpyBackend\n\n\nclass Mine(NumpyBackend):\n"
        "    def advance(self, simulation, until):\n"
        "        warnings.warn('not mine to do', FallbackWarning, stacklevel=2)\n"
        "        super().advance(simulation, until)\n"
    )
    for jobs in (1, 2):
        results = tmp_path / f"{jobs}"
        report = simulate(Study.read(small), results=results, jobs=jobs, backend=str(mine))
        assert (report.computed, report.notices) == (RUNS, ["not mine to do"])


def test_dask_without_its_package_or_scheduler(small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BackendError, match=r'pip install ".\[dask\]"'):
        simulate(Study.read(small), results=tmp_path, executor="dask", scheduler="tcp://x:1")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"jobs": -2}, "jobs = -2: give the number of processes, 1 or more"),
        ({"jobs": "2"}, "jobs = '2'"),
        ({"jobs": True}, "jobs = True"),
        ({"executor": "slurm"}, "executor = 'slurm'; give one of local, dask"),
    ],
)
def test_options_are_checked_before_any_work(small, tmp_path, option, message):
    with pytest.raises(StudyError, match=message):
        simulate(Study.read(small), results=tmp_path / "r", **option)
    assert not (tmp_path / "r").exists()


def test_what_is_no_path_is_refused():
    for function in (load, Study.read):
        with pytest.raises(StudyError, match="None names no study file; give its path"):
            function(None)


def test_workers_with_other_code_or_versions_are_refused(small):
    point = expand(Study.read(small))[0]
    runs = (Run(point, Keys("numpy").name(point)),)
    task = Task(runs, "numpy", ("code of another day", {}), {"command": "", "commit": ""})
    ((run, message),) = work(task).failed
    assert run == runs[0]
    assert "other source code" in message


def test_pandas_is_not_imported_to_store_a_run():
    """Where it is installed, it takes longer to import than many a run."""
    code = (
        "import sys, freqopt\n"
        "run = freqopt.run('token_quadratic', 'sgd', steps=3, backend='numpy')\n"
        "assert run.to_arrow().num_rows == len(run.columns['value'])\n"
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_rule_begins_before_one_goes_on(small, tmp_path, monkeypatch):
    monkeypatch.setattr(queue, "MOST", 1)
    runs = [(Keys().name(point), point) for point in expand(Study.read(small))]
    database = Database(tmp_path)
    database.prepare()
    with Claims(tmp_path) as claims:
        tasks = list(Queue(runs, database, claims, "numba", 1, 30.0).tasks())
    labels = [task.runs[0].point.label for task in tasks]
    kinds = len(set(labels))
    assert kinds > 1
    assert len(labels) == RUNS
    assert len(set(labels[:kinds])) == kinds


def test_what_is_no_regular_file_is_not_waited_for(small, tmp_path):
    simulate(Study.read(small, quick=True), results=tmp_path / "r", jobs=1)
    for name in ("runs", "studies", "states", "owners"):
        os.mkfifo(tmp_path / "r" / name / "x.parquet")
    assert load(tmp_path / "r").num_rows > 0
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(StudyError, match="it is no regular file"):
        Study.read(tmp_path / "pipe.toml")
