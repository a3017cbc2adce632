"""Faults of the machine: each is one sentence, nothing finished is lost, and the rest is usable."""

import hashlib
import io
import json
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from freqopt import run
from freqopt.cli import run as run_command
from freqopt.errors import ResultError
from freqopt.experiment.execute import simulate
from freqopt.experiment.results import load
from freqopt.experiment.store import rows
from freqopt.experiment.store.rescue import rescued
from freqopt.experiment.store.rows import to_bytes
from freqopt.experiment.store.segments import Segments
from freqopt.experiment.store.verify import verify
from freqopt.experiment.study import Study
from tests.experiment.conftest import SMALL, content

RUNS = 12


def everything(folder):
    """Every file with its bytes and its time."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture
def read_only():
    """A folder, and what makes it read-only, for the superuser too."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    me = os.geteuid()

    def lock(folder):
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        if me == 0:
            os.seteuid(65534)  # nobody

    yield place, lock
    if me == 0:
        os.seteuid(0)
    for path in place.rglob("*"):
        path.chmod(0o755)
    shutil.rmtree(place)


def test_a_read_only_folder_is_read_and_what_would_write_says_so(read_only, capsys):
    place, lock = read_only
    study, folder = place / "small.toml", place / "r"
    study.write_text(SMALL)
    reading = [["list"], ["show", "small"], ["verify"], ["gc", "--dry-run"]]
    writing = [["results", "gc", str(folder)],
               ["simulate", str(study), "--jobs", "1", "--results", str(folder)]]  # fmt: skip
    simulate(Study.read(study, quick=True), results=folder, jobs=1)
    simulate(Study.read(study), results=folder, jobs=1)
    for command in reading:
        assert run_command(["results", *command, str(folder)]) == 0
    whole, expected = everything(folder), load(study, results=folder)
    lock(folder)
    for command in reading:
        assert run_command(["results", *command, str(folder)]) == 0
    assert load(study, results=folder).equals(expected)
    capsys.readouterr()
    for command in writing:
        assert run_command(command) == 2
        said = capsys.readouterr().err
        assert "cannot be written to" in said
        assert "(Permission denied)" in said
        assert len(said.splitlines()) == 1
    assert everything(folder) == whole


def test_a_disk_that_is_full_loses_nothing(small, tmp_path, monkeypatch):
    """The system refuses to make a file of more than a few thousand bytes."""
    study, folder = Study.read(small), tmp_path / "r"
    simulate(Study.read(small, quick=True), results=folder, jobs=1)
    before = content(folder)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, limits[1]))
    try:
        with pytest.raises(ResultError, match=r"written to .*runs \(File too large\); make room"):
            simulate(study, results=folder, jobs=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert content(folder) == before
    assert not list(folder.rglob(".*partial"))
    assert verify(folder).wrong == []
    assert simulate(study, results=folder, jobs=1).computed == RUNS - 2


def test_no_clock_is_believed(small, tmp_path, monkeypatch):
    """Set back to 1970 between two sweeps, with files from the future and the past."""
    folder = tmp_path / "r"
    simulate(Study.read(small), results=folder, jobs=1)
    small.write_text(SMALL.replace("counted", "renamed").replace("runs = 2", "runs = 3"))
    for k, path in enumerate(sorted(folder.rglob("*"))):
        os.utime(path, (k % 2 * 2**32, k % 2 * 2**32))
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    report = simulate(Study.read(small), results=folder, jobs=1)
    assert (report.stored, report.computed, report.notices) == (RUNS, RUNS // 2, [])
    for path, then in zip(sorted((folder / "studies").glob("0*")), (2**32, 0), strict=True):
        os.utime(path, (then, then))
    labels = set(load(folder)["rule"].to_pylist())
    assert labels == {"sgd", "renamed"}  # the study as it was simulated last
    assert verify(folder).wrong == []


def old_file(folder, trajectory, *, version=2, **more):
    """A run as it was stored before: a sealed Parquet file of its own."""
    settings = {"problem": {"name": "token_quadratic"}, "rule": {"name": "sgd", "lr": 0.1},
                "steps": 20, "batch": 1, "seed": 3, "run": 1, "dtype": "float64",
                "checkpoints": 4, "record": ["objective", "gradient_norm"],
                "groups": {"by": "mass"}}  # fmt: skip
    about = {"schema_version": version, "key": "of then", "backend": "numba", "code": "0" * 64,
             "versions": {"numpy": "2.2.0"}, "label": "old sgd", "axes": {"rule.lr": 0.1},
             "configuration": settings, "study": {"name": "past", "title": "long ago"},
             "diverged_at": None, **more}  # fmt: skip
    table = trajectory.to_arrow().replace_schema_metadata({"freqopt": json.dumps(about)})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    data = buffer.getvalue()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    seal = hashlib.sha256(data).digest()
    path = folder / f"{hashlib.sha256(repr(more).encode()).hexdigest()}.parquet"
    path.write_bytes(data[:footer] + seal + data[footer:])
    return path


def test_results_of_an_earlier_version_are_taken_over(small, tmp_path, capsys):
    folder = tmp_path / "r"
    folder.mkdir()
    problem = {"name": "token_quadratic", "dimension": 2}
    trajectory = run(problem, {"name": "sgd", "lr": 0.1}, steps=20, seed=3, run=1,
                     checkpoints=4, record=["objective", "gradient_norm"])  # fmt: skip
    taken = [old_file(folder, trajectory, key="a"), old_file(folder, trajectory, key="b")]
    other = old_file(folder, trajectory, version=1, key="c")
    damaged = old_file(folder, trajectory, key="d")
    changed = bytearray(damaged.read_bytes())
    changed[100] ^= 1
    damaged.write_bytes(changed)
    with pytest.raises(ResultError, match=r"`freqopt results migrate .*` takes over 4 of an earl"):
        load(folder)
    report = simulate(Study.read(small), results=folder, jobs=1)
    assert "holds 4 results of an earlier version" in report.notices[0]
    assert run_command(["results", "migrate", str(folder)]) == 1
    said = capsys.readouterr()
    assert "2 runs taken over" in said.out
    assert f"{damaged} is damaged" in said.err
    assert f"{other} is of the form 1, and not of 2" in said.err
    assert [path.exists() for path in (*taken, other, damaged)] == [False, False, True, True]
    frame = load(folder)
    past = frame.filter(pa.compute.equal(frame["study"], "past"))
    assert past.num_rows == 2 * trajectory.to_arrow().num_rows
    half = past.slice(0, past.num_rows // 2)
    assert half["value"].to_pylist() == trajectory.columns["value"].tolist()
    assert half["metric"].to_pylist() == trajectory.columns["metric"].tolist()
    assert set(half["rule"].to_pylist()) == {"old sgd"}
    assert verify(folder).wrong == []
    damaged.unlink()
    other.unlink()
    assert run_command(["results", "migrate", str(folder)]) == 0


STRIDE = [pytest.param(101, id="here and there"),
          pytest.param(1, id="everywhere", marks=pytest.mark.slow)]  # fmt: skip


@pytest.mark.parametrize("stride", STRIDE)
def test_a_file_flipped_or_cut_at_any_byte_gives_whole_runs_or_none(tmp_path, monkeypatch, stride):
    problem = {"name": "token_quadratic", "dimension": 1,
               "tokens": {"kind": "zipf", "exponent": 1.0, "size": 4}}  # fmt: skip
    study = Study(title="t", steps=10, runs=2, checkpoints=3, problem=problem,
                  rules=[{"name": "sgd"}])  # fmt: skip
    simulate(study, results=tmp_path / "r", jobs=1)
    segments = Segments(tmp_path / "r")
    segments.refresh()
    (table,) = (segments.read(path) for path in segments.keys_of)
    monkeypatch.setattr(rows, "GROUP", 3)  # a group a run
    data = to_bytes(table)
    signed = [*rows.ABOUT, *rows.READINGS]
    signed.remove("provenance")  # of which there is no hash but the file's
    whole = {key: run.to_pylist() for key, run in segments.tables(segments.places, signed)}

    def look(changed):
        path = tmp_path / f"{hashlib.sha256(data).hexdigest()}.parquet"
        path.write_bytes(changed)
        with pytest.raises(ResultError, match="is damaged"):
            segments.read(path)
        found = rescued(path)
        assert found is None or rows.has_columns(found.schema)  # it can be stored
        kept = {}
        for row in [] if found is None else found.select(signed).to_pylist():
            kept.setdefault(row["key"], []).append(row)
        assert kept == {key: whole[key] for key in kept}
        return len(kept)

    flipped = set()
    for place in range(0, len(data), stride):
        changed = bytearray(data)
        changed[place] ^= 255
        flipped.add(look(bytes(changed)))
        assert look(data[:place]) == 0  # the list of parts stands at the end
    assert flipped >= {0, 1}  # the footer, or a group of rows
