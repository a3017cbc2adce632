"""The files of runs: what becomes of damage, of others' work, of what nobody needs."""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from freqopt.cli import run as run_command
from freqopt.errors import ResultError
from freqopt.experiment.execute import simulate
from freqopt.experiment.results import load
from freqopt.experiment.store import claims as claims_module
from freqopt.experiment.store import durable, rows
from freqopt.experiment.store.claims import Claims, network_type
from freqopt.experiment.store.collect import collect
from freqopt.experiment.store.database import Database
from freqopt.experiment.store.rows import to_bytes
from freqopt.experiment.store.segments import Segments
from freqopt.experiment.store.verify import verify
from freqopt.experiment.study import Study
from tests.experiment.conftest import SMALL, content

RUNS = 12


@pytest.fixture
def stored(small, tmp_path):
    """A folder with the small study's runs in one file."""
    simulate(Study.read(small), results=tmp_path / "r", jobs=1)
    return tmp_path / "r"


def the_file(folder):
    (path,) = (folder / "runs").iterdir()
    return path


@pytest.mark.parametrize("damage", ["cut", "empty", "first", "middle", "end", "renamed"])
def test_damage_anywhere_is_a_sentence_and_the_rest_is_saved(small, stored, damage, capsys):
    whole, path = content(stored), the_file(stored)
    data = bytearray(path.read_bytes())
    place = {"first": 5, "middle": len(data) // 3, "end": len(data) - 20}.get(damage, 0)
    data[place] ^= 64 if place else 0
    size = {"cut": len(data) // 2, "empty": 0}.get(damage, len(data))
    path.write_bytes(data[:size])
    if damage == "renamed":
        path.rename(path.with_name(hashlib.sha256(b"other").hexdigest() + ".parquet"))
    assert verify(stored).wrong
    with pytest.raises(ResultError, match=r"12 of the 12 runs .* is damaged"):
        load(small, results=stored)
    assert run_command(["simulate", str(small), "--jobs", "1", "--results", str(stored)]) == 0
    said = capsys.readouterr()
    assert said.err.count("is damaged") == 1
    saved = int(said.err.split(" runs in it are whole")[0].split()[-1])
    assert f"{RUNS} runs, {saved} found, {RUNS - saved} computed" in said.out
    assert saved == RUNS or damage != "renamed"
    assert content(stored) == whole
    assert verify(stored).wrong == []
    assert len(list((stored / "damaged").iterdir())) == 1


def test_a_damaged_list_of_a_studys_runs_is_replaced(small, stored, capsys):
    (path,) = (stored / "studies").glob("0*")
    path.write_bytes(path.read_bytes()[:100])
    assert "simulate its study again" in verify(stored).wrong[0]
    assert run_command(["simulate", str(small), "--jobs", "1", "--results", str(stored)]) == 0
    assert f"it is now in {stored / 'damaged'}" in capsys.readouterr().err
    assert verify(stored).wrong == []
    assert load(stored).num_rows == load(small, results=stored).num_rows
    assert (stored / "damaged" / path.name).exists()


def test_of_a_damaged_file_whole_runs_are_saved_and_no_other_is(small, stored, monkeypatch):
    """With every fifth byte of the data flipped in turn: whatever is saved is as it was."""
    whole, path = content(stored), the_file(stored)
    segments = Segments(stored)
    segments.refresh()
    table = segments.read(path)
    monkeypatch.setattr(rows, "GROUP", table.num_rows // 4)
    path.unlink()
    path = durable.write_named(path.parent, to_bytes(table), after=".parquet")
    data, counts = path.read_bytes(), set()
    for place in range(4, len(data), len(data) // 40):
        shutil.rmtree(stored / "damaged", ignore_errors=True)
        for old in (stored / "runs").iterdir():
            old.unlink()
        changed = bytearray(data)
        changed[place] ^= 255
        path.write_bytes(changed)
        Database(stored).prepare()
        saved = content(stored)
        assert saved == {key: whole[key] for key in saved}
        counts.add(len(saved))
    assert {0} < counts
    assert max(counts) >= RUNS * 3 // 4 - 1


def test_a_file_of_another_version_is_left_alone(small, stored, capsys):
    path = the_file(stored)
    segments = Segments(stored)
    segments.refresh()
    other = segments.read(path).replace_schema_metadata({"freqopt": '{"format": 99}'})
    left = durable.write_named(path.parent, to_bytes(other), after=".parquet")
    (path.parent / "notes.txt").write_text("mine")
    os.mkfifo(path.parent / "pipe.parquet")
    assert run_command(["simulate", str(small), "--jobs", "1", "--results", str(stored)]) == 0
    said = capsys.readouterr()
    assert "12 found, 0 computed" in said.out
    assert "is of another version of freqopt" in said.err
    assert left.is_file()
    assert load(small, results=stored).num_rows > 0


def forged(path, table):
    """A file of the right name, which anybody can write."""
    path.unlink()
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    before = path.name[:7] if path.name[6] == "-" else ""
    durable.write_named(path.parent, buffer.getvalue(), before, ".parquet")


RUN_FORGERIES = [
    lambda t: t.drop_columns("value"),
    lambda t: t.append_column("more", t["step"]),
    lambda t: t.set_column(t.column_names.index("value"), "value", t["step"]),
    lambda t: t.rename_columns(["run"] * t.num_columns),
    *(lambda t, text=text: t.replace_schema_metadata({"freqopt": text}) for text in ("", "[" * 99)),
    lambda t: t.replace_schema_metadata(None),
]
STUDY_FORGERIES = [
    lambda t: t.drop_columns("axes"),
    lambda t: t.set_column(1, "key", pa.array([7] * len(t))),
    *(
        lambda t, text=text: t.set_column(3, "axes", pa.array([text] * len(t)))
        for text in ("", "[]", "null", "[" * 100_000, '{"batch": 1180591620717411303424}')
    ),
    *(
        lambda t, text=text: t.replace_schema_metadata({"freqopt": text})
        for text in ("", "[]", "null", '{"study": 3, "title": "", "backend": "", "code": ""}')
    ),
]


@pytest.mark.parametrize(
    ("name", "changes"), [("runs", RUN_FORGERIES), ("studies", STUDY_FORGERIES)]
)
def test_a_forged_file_is_one_message(small, stored, name, changes):
    """A hash finds damage; whoever forges a file makes it anew."""
    (first,) = (stored / name).glob("[!.]*")
    whole, table = first.read_bytes(), pq.read_table(first)
    for change in changes:
        forged(first, change(table))
        with pytest.raises(ResultError, match="holds no results"):
            load(stored)
        simulate(Study.read(small), results=stored, jobs=1)
        assert load(small, results=stored).num_rows > 0
        for other in (stored / name).iterdir():
            other.unlink()
        first.write_bytes(whole)


def test_a_file_that_is_taken_for_a_leftover_is_written_again(tmp_path, monkeypatch):
    replace, taken = Path.replace, []

    def late(path, target):
        if not taken:
            taken.append(path.unlink())
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", late)
    durable.write(tmp_path / "file", b"content")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"content")]
    assert taken


def test_two_writers_of_one_store_lose_nothing(small, tmp_path):
    """Both write the same runs, and merge, and each sees the other's."""
    first, second = Database(tmp_path / "r"), Database(tmp_path / "r")
    simulate(Study.read(small), results=tmp_path / "s", jobs=1)
    segments = Segments(tmp_path / "s")
    segments.refresh()
    for database in (first, second):
        database.prepare()
    for key, table in segments.tables(segments.places):
        (about,) = segments.about([key])
        for database in (first, second):
            database.put([about], table.select(list(rows.READINGS)))
            database.flush()
        second.merge()
        first.refresh()
    first.merge()
    second.refresh()
    assert content(tmp_path / "r") == content(tmp_path / "s")
    assert set(second.segments.places) == set(segments.places)
    collect(tmp_path / "r")
    assert content(tmp_path / "r") == content(tmp_path / "s")
    assert verify(tmp_path / "r").runs == RUNS


def test_claims_are_one_sweeps_until_it_lets_go_or_dies(tmp_path):
    with Claims(tmp_path) as mine, Claims(tmp_path) as other:
        assert mine.take(["a", "b"]) == ["a", "b"]
        assert other.take(["b", "c"]) == ["c"]
        assert (mine.others(), other.others()) == (1, 1)
        mine.let_go(["b"])
        assert other.take(["b"]) == ["b"]
    script = (
        "import os, sys; from pathlib import Path\n"
        "from freqopt.experiment.store.claims import Claims\n"
        "with Claims(Path(sys.argv[1])) as claims:\n"
        "    print(claims.take(['d']), flush=True); sys.stdin.read(); os._exit(9)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=-1, stdout=-1, text=True
    )
    assert process.stdout.readline() == "['d']\n"
    with Claims(tmp_path) as mine:
        assert mine.take(["d"]) == []
        process.communicate("")
        assert mine.take(["d"]) == ["d"]
        assert mine.others() == 0


def test_claims_that_cannot_be_kept_are_a_sentence_and_cost_no_run(small, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "claims.sqlite").write_bytes(b"no database" * 100)
    (tmp_path / "r" / "owners").mkdir()
    (tmp_path / "r" / "owners" / "dead").touch()
    report = simulate(Study.read(small), results=tmp_path / "r", jobs=1)
    assert report.computed == RUNS
    assert "claims cannot be kept" in report.notices[0]
    assert not [*(tmp_path / "r" / "owners").iterdir()]


def test_on_a_network_file_system_claims_are_refused_by_name(small, tmp_path, monkeypatch):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"/dev/x / ext4 rw 0 0\nhost:/home {str(tmp_path).replace(' ', chr(92) + '040')} nfs4 rw\n"
    )
    monkeypatch.setattr(claims_module, "MOUNTS", mounts)
    assert network_type(tmp_path / "r") == "nfs4"
    assert network_type(tmp_path.parent) == ""
    report = simulate(Study.read(small), results=tmp_path / "r", jobs=1)
    (notice,) = report.notices
    assert "a network file system (nfs4), where claims do not hold" in notice
    assert len(content(tmp_path / "r")) == RUNS


def test_rubbish_is_collected_and_nothing_else(small, stored):
    whole = content(stored)
    for name in ("runs/.x.parquet.1.0.partial", "states/.t.partial", "studies/.y.partial"):
        (stored / name).write_bytes(b"half")
    (stored / "damaged").mkdir()
    (stored / "damaged" / "z.parquet").write_bytes(b"")
    small.write_text(SMALL.replace("counted", "renamed"))
    simulate(Study.read(small), results=stored, jobs=1)
    planned = collect(stored, dry_run=True)
    assert (planned.leftovers, planned.damaged, planned.studies) == (3, 1, 1)
    assert (stored / "runs" / ".x.parquet.1.0.partial").exists()
    assert collect(stored) == planned
    assert collect(stored) == type(planned)()
    assert content(stored) == whole
    assert load(small, results=stored).num_rows == load(stored).num_rows
    with Claims(stored), pytest.raises(ResultError, match="1 sweeps are at work on"):
        collect(stored)


def test_other_programs_read_the_files(stored):
    """What they need to know of a run stands beside its numbers."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(stored / "runs")
    made_by = [json.loads(text) for text in frame["made_by"].unique()]
    assert {one["configuration"]["rule"]["name"] for one in made_by} == {"sgd", "cf_sgd"}
    assert frame["value"].dtype == np.float64
    studies = pandas.read_parquet(stored / "studies")
    assert set(studies["key"]) == set(frame["key"])
    assert hashlib.sha256(the_file(stored).read_bytes()).hexdigest() == the_file(stored).stem


def test_commands_about_results(small, stored, tmp_path, capsys):
    def say(*words):
        code = run_command(["results", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    assert json.loads(say("list", stored, "--json")[1])[0]["stored"] == RUNS
    shown = json.loads(say("show", "small", stored)[1])
    assert shown["made_by"]["configuration"]["seed"] == 7
    assert shown["studies"] == ["small"]
    assert json.loads(say("show", shown["key"][:9], stored)[1]) == shown
    assert say("show", "nothing", stored)[0] == 2
    assert say("verify", stored)[0] == 0
    for suffix in (".csv", ".parquet", ".arrow"):
        assert say("export", tmp_path / f"all{suffix}", stored)[0] == 0
        assert (tmp_path / f"all{suffix}").stat().st_size > 1000
    code, _, err = say("export", tmp_path / "all.xlsx", stored)
    assert (code, "ends in .parquet, .csv, .arrow" in err) == (2, True)
    code, _, err = say("list", tmp_path / "nowhere")
    assert (code, "is no folder of results" in err) == (2, True)
    path = the_file(stored)
    path.write_bytes(path.read_bytes()[:-1])
    code, out, err = say("verify", stored)
    assert (code, "1 wrong" in out, "is damaged" in err) == (1, True, True)


def test_a_run_that_is_stored_twice_with_other_readings_is_found(stored):
    segments = Segments(stored)
    segments.refresh()
    key, table = next(segments.tables(segments.places))
    (about,) = segments.about([key])
    columns = rows.to_columns(table)
    columns["value"] = np.nextafter(columns["value"], 9)
    other = about._replace(digest=rows.digest(columns))
    segments.add(rows.with_about([other], rows.readings([columns])))
    (sentence,) = verify(stored).wrong
    assert f"run {key} is stored twice with different readings" in sentence


def test_runs_that_a_study_lists_and_are_gone_are_missed(stored, capsys):
    path = the_file(stored)
    path.unlink()
    os.mkfifo(path)
    assert run_command(["results", "verify", str(stored)]) == 1
    said = capsys.readouterr()
    assert f"{RUNS} runs of small were stored and are gone" in said.err
    assert "1 wrong" in said.out


def test_a_study_that_was_interrupted_is_whole_as_far_as_it_came(small, stored, capsys):
    small.write_text(SMALL.replace("runs = 2", "runs = 3"))

    def interrupt(done, total):
        if done > RUNS:
            raise KeyboardInterrupt

    simulate(Study.read(small), results=stored, jobs=1, progress=interrupt)
    assert run_command(["results", "verify", str(stored)]) == 0
    said = capsys.readouterr()
    assert re.search(r"small is not finished: \d of its 18 runs are to do", said.err)
    assert "all whole" in said.out
    simulate(Study.read(small), results=stored, jobs=1)
    assert run_command(["results", "verify", str(stored)]) == 0
    assert "not finished" not in capsys.readouterr().err
    collect(stored)
    for path in (stored / "runs").iterdir():
        path.unlink()
    assert "18 runs of small were stored and are gone" in verify(stored).wrong[0]


def test_no_link_leads_out_of_a_folder_of_results(small, stored, tmp_path):
    """Nothing is read or removed through it; the folder itself may be a link."""
    outside, path = tmp_path / "outside.parquet", the_file(stored)
    (tmp_path / "link").symlink_to(stored)
    assert load(small, results=tmp_path / "link").num_rows == load(stored).num_rows
    path.rename(outside)
    path.symlink_to(outside)
    with pytest.raises(ResultError, match=r"12 of the 12 runs .* are not in"):
        load(small, results=stored)
    (stored / "runs").rename(tmp_path / "runs")
    (stored / "runs").symlink_to(tmp_path / "runs")
    (tmp_path / "runs" / ".mine.partial").write_text("")
    for call in (collect, verify, load):
        with pytest.raises(ResultError, match="runs is a link; only files inside"):
            call(stored)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(ResultError, match="runs is a link; only files inside"):
        simulate(Study.read(small), results=stored, jobs=1)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_an_export_that_cannot_be_is_refused_by_its_name(stored, tmp_path, capsys):
    (tmp_path / "all.csv").mkdir()
    long = "x" * 5000
    for to, why in (
        *(("all.csv", "all.csv is a folder"), ("no/all.csv", "no is no folder; make it")),
        (f"{long}/all.csv", "xxx"),  # a line is not that long, and ends with what to do
    ):
        assert run_command(["results", "export", str(tmp_path / to), str(stored)]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"freqopt: {tmp_path}/{why}")
        assert said.count("\n") == 1
        assert "; " in said[-60:]
