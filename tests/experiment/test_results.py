"""Stored results: what names them, what is redone, what is refused."""

import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from freqopt.cli import run as run_command
from freqopt.errors import BackendError, ResultError, StudyError
from freqopt.experiment import executors, results
from freqopt.experiment.execute import run_configuration, simulate
from freqopt.experiment.executors.local import in_turn
from freqopt.experiment.executors.task import Task, work
from freqopt.experiment.grid import expand
from freqopt.experiment.results import Store, load, metadata
from freqopt.experiment.seal import is_intact, sealed
from freqopt.experiment.study import Study
from tests.experiment.conftest import SMALL

RUNS = 12


def content(folder):
    """File name -> rows, in order, of every stored run."""
    return {path.name: pq.read_table(path).to_pydict() for path in sorted(folder.glob("*.parquet"))}


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
    store = Store(tmp_path)
    table = store.read(store.keys.key(point))
    again = run_configuration(point.configuration)
    for name, values in again.columns.items():
        np.testing.assert_array_equal(table[name].to_numpy(), values)
    about = metadata(table)
    assert about["configuration"] == point.configuration
    assert about["study"]["name"] == "small"
    assert about["study"]["problem"]["dimension"] == 2
    assert set(about["versions"]) == {"freqopt", "python", "numpy", "platform"}
    assert about["schema_version"] == results.SCHEMA_VERSION


def test_what_is_stored_is_not_run_again(small, tmp_path, monkeypatch):
    study = Study.read(small)
    simulate(study, results=tmp_path, jobs=1)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.parquet")}
    gone = sorted(before)[:3]
    for name in gone:
        (tmp_path / name).unlink()
    seen = []
    report = simulate(study, results=tmp_path, jobs=1, progress=lambda *x: seen.append(x))
    assert (report.stored, report.computed) == (RUNS - 3, 3)
    assert seen == [(RUNS - 3, RUNS), (RUNS - 2, RUNS), (RUNS - 1, RUNS), (RUNS, RUNS)]
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.parquet")}
    assert {name for name in after if after[name] != before[name]} == set(gone)


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped", "renamed"])
def test_a_damaged_file_is_found_and_redone(small, tmp_path, damage):
    study = Study.read(small)
    simulate(study, results=tmp_path / "r", jobs=1)
    whole = content(tmp_path / "r")
    first, second, *_ = sorted((tmp_path / "r").glob("*.parquet"))
    data = bytearray(first.read_bytes())
    if damage == "truncated":
        first.write_bytes(data[: len(data) // 2])
    elif damage == "empty":
        first.write_bytes(b"")
    elif damage == "flipped":
        data[40] ^= 1  # inside the first page of values
        first.write_bytes(data)
    else:
        first.write_bytes(second.read_bytes())
    with pytest.raises(ResultError, match=r"damaged|holds another run"):
        load(study, results=tmp_path / "r")
    report = simulate(study, results=tmp_path / "r", jobs=1)
    assert report.replaced == [first.name]
    assert report.computed == 1
    assert content(tmp_path / "r") == whole


def test_a_change_of_any_byte_is_noticed(small, tmp_path):
    """Each of 7,800 bytes by each of its bits: page checksums alone let some of them pass."""
    simulate(Study.read(small, quick=True), results=tmp_path, jobs=1)
    path = next(tmp_path.glob("*.parquet"))
    whole = path.read_bytes()
    assert is_intact(whole)
    data = bytearray(whole)
    for place in range(len(whole)):
        for bit in range(8):
            data[place] ^= 1 << bit
            assert not is_intact(data), (place, bit)
            data[place] ^= 1 << bit
    assert data == whole
    for place in range(0, len(whole), 97):  # and it is looked at whenever a result is read
        data[place] ^= 0xFF
        path.write_bytes(data)
        with pytest.raises(ResultError, match="is damaged"):
            load(tmp_path)
        data[place] ^= 0xFF
    for cut in (0, 1, 7, 8, 40, len(whole) - 1):
        assert not is_intact(whole[:cut])
    assert not is_intact(whole + b"\0")
    path.write_bytes(whole)
    assert load(tmp_path).num_rows > 0


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
    assert one == run_configuration(point.configuration).curve("objective")[1].tolist()
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
    assert len(list((tmp_path / "r").iterdir())) == RUNS - 4


def test_a_diverging_run_is_stored_as_a_result(small, tmp_path):
    small.write_text(SMALL.replace("lr = [0.05, 0.2]", "lr = [0.05, 1e200]"))
    report = simulate(Study.read(small), results=tmp_path, jobs=1)
    assert report.failed == []
    rows = load(small, results=tmp_path).to_pylist()
    assert {r["rule.lr"] for r in rows if r["diverged_at"] is not None} == {1e200}
    last = [r["value"] for r in rows if r["rule.lr"] == 1e200 and r["step"] == 40]
    assert set(last) == {float("inf")}


def test_nothing_looks_whole_before_it_is(small, tmp_path, monkeypatch):
    """A run that dies while its file is written leaves no file that a later run would take."""

    def torn(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", torn)
    report = simulate(Study.read(small), results=tmp_path, jobs=1)
    assert report.interrupted
    assert list(tmp_path.glob("*.parquet")) == []
    monkeypatch.undo()
    assert simulate(Study.read(small), results=tmp_path, jobs=1).computed == RUNS


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left"), "No space left"),
        (MemoryError(), "memory"),
    ],
)
def test_a_full_disk_loses_nothing(small, tmp_path, monkeypatch, capsys, error, reason):
    """It fills up in the middle of the sixth file."""
    written, write = [], Path.write_bytes

    def fills_up(path, content):
        written.append(path)
        if len(written) == 1 + 6:  # the first is the trial
            write(path, content[:100])
            raise error
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", fills_up)
    command = ["simulate", str(small), "--jobs", "1", "--results", str(tmp_path / "r")]
    assert run_command(command) == 2
    said = capsys.readouterr().err
    assert re.search(rf"cannot be written to .* \(.*{reason}.*\); make room and run again", said)
    assert "Traceback" not in said
    assert len(list((tmp_path / "r").iterdir())) == 5
    monkeypatch.undo()
    report = simulate(Study.read(small), results=tmp_path / "r", jobs=1)
    assert (report.stored, report.computed) == (5, RUNS - 5)


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
    command = [sys.executable, "-m", "freqopt.cli", "simulate", str(path), "--jobs", str(jobs)]
    process = subprocess.Popen(
        [*command, "--results", str(tmp_path / "r")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # A shell starts background jobs with SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "r").glob("*.parquet"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    kept = len(list((tmp_path / "r").glob("*.parquet")))
    assert process.returncode == 130, out + err
    assert "simulate again to go on" in err
    assert "Traceback" not in err
    assert 3 <= kept < 240
    for path in (tmp_path / "r").glob("*.parquet"):
        pq.read_table(path)
    assert not list((tmp_path / "r").glob(".*partial"))


def test_a_backend_of_ones_own(small, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from freqopt.backends.numpy import NumpyBackend\n\n\nclass Mine(NumpyBackend):\n    pass\n"
    )
    study = Study.read(small, quick=True)
    simulate(study, results=tmp_path / "r", jobs=2, backend=str(mine))
    simulate(study, results=tmp_path / "r", jobs=1)
    assert len(list((tmp_path / "r").iterdir())) == 8  # neither finds the other's
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
    with pytest.raises(BackendError, match=r"pip install 'freqopt\[dask\]'"):
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


def test_workers_with_other_code_are_refused(small, tmp_path, monkeypatch):
    point = expand(Study.read(small))[0]
    task = Task("key", point, Study.read(small), "numpy", "code of another day")
    assert "other source code" in work(task).error


def test_pandas_is_not_imported_to_store_a_run():
    """Where it is installed, it takes longer to import than many a run."""
    code = (
        "import sys, freqopt\n"
        "run = freqopt.run('token_quadratic', 'sgd', steps=3, backend='numpy')\n"
        "assert run.to_arrow().num_rows == len(run.columns['value'])\n"
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_rule_begins_before_one_goes_on(small):
    study, asked = Study.read(small), []
    for k, point in enumerate(expand(study)):
        asked.append(Task(str(k), point, study, "numpy", ""))
    labels = [task.point.label for task in in_turn(asked)]
    kinds = len(set(labels))
    assert kinds > 1
    assert sorted(labels) == sorted(task.point.label for task in asked)
    assert len(set(labels[:kinds])) == kinds


def test_metadata_is_json_and_holds_the_seed(small, tmp_path):
    simulate(Study.read(small), results=tmp_path, jobs=1)
    path = next(tmp_path.glob("*.parquet"))
    about = json.loads(pq.read_schema(path).metadata[b"freqopt"])
    assert (about["configuration"]["seed"], about["configuration"]["run"] in (0, 1)) == (7, True)


def forged(path, change):
    """Change a result's table and what it says of itself, and seal it again, as anybody can."""
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[b"freqopt"])
    table, about = change(table, about)
    text = about if isinstance(about, str) else json.dumps(about)
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"freqopt": text} if text else None), buffer)
    path.write_bytes(sealed(buffer.getvalue()))


FORGED = [
    *(lambda t, a, key=key: (t, {k: v for k, v in a.items() if k != key})
      for key in ("key", "study", "label", "axes", "code", "diverged_at")),
    *(lambda t, a, key=key, value=value: (t, {**a, key: value})
      for key in ("key", "study", "label", "axes", "code", "diverged_at")
      for value in (7.5, [], 2**70, -1, True)),
    *(lambda t, a, text=text: (t, text) for text in ("", "[]", "{", "null", "[" * 100_000, "7")),
    lambda t, a: (t, {**a, "study": {}}),
    lambda t, a: (t, {**a, "study": {"name": 3}}),
    lambda t, a: (t, {**a, "axes": {"batch": 2**70}}),
    *(lambda t, a, name=name: (t.drop_columns(name), a) for name in ("run", "value", "group")),
    lambda t, a: (t.append_column("more", t["step"]), a),
    lambda t, a: (t.set_column(6, "value", t["step"]), a),
    lambda t, a: (t.rename_columns(["run"] * 7), a),
]  # fmt: skip


def test_a_forged_result_is_one_message(small, tmp_path):
    """A seal finds damage; whoever forges a file makes it anew."""
    simulate(Study.read(small, quick=True), results=tmp_path, jobs=1)
    first = min(tmp_path.glob("*.parquet"))
    whole = first.read_bytes()
    forged(first, lambda t, a: (t, a))
    assert load(tmp_path).num_rows
    for k, change in enumerate(FORGED):
        first.write_bytes(whole)
        forged(first, change)
        with pytest.raises(ResultError, match="was not written by freqopt, though sealed"):
            pytest.fail(f"{k}: {load(tmp_path).num_rows}")


def test_what_is_no_regular_file_is_not_waited_for(small, tmp_path):
    simulate(Study.read(small, quick=True), results=tmp_path, jobs=1)
    pipe = tmp_path / "x.parquet"
    os.mkfifo(pipe)
    with pytest.raises(ResultError, match=r"x.parquet cannot be read \(it is no regular file\)"):
        load(tmp_path)
    with pytest.raises(StudyError, match="it is no regular file"):
        Study.read(pipe)
