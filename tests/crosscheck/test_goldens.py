"""The stored golden trajectories are what the references do, and a damaged file says so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import freqopt.crosscheck.goldens.trajectories as goldens
from freqopt.cli import run
from freqopt.crosscheck import cases
from freqopt.crosscheck.goldens.exact import RULES, exact
from freqopt.crosscheck.goldens.trajectories import (
    check_goldens,
    golden_cases,
    make,
    read_goldens,
    write_goldens,
)
from freqopt.errors import CrosscheckError
from freqopt.optimizers import rules

STORED = Path(__file__).parents[1] / "goldens"


@pytest.mark.parametrize("name", list(rules))
def test_stored_goldens_are_what_the_reference_does(name):
    assert list(map(str, check_goldens(STORED, [name]))) == []


@pytest.mark.parametrize("name", list(rules))
def test_both_references_and_mpmath_agree_on_what_is_kept(name):
    make(name, confirm=True)


def test_every_rule_is_stored_and_nothing_else():
    expected = {f"{name}.{end}" for name in rules for end in ("json", "npz")}
    assert {path.name for path in STORED.iterdir()} == expected
    assert sum(path.stat().st_size for path in STORED.iterdir()) < 300_000 * len(rules)


def test_every_dialect_is_kept_in_both_dtypes():
    for name in rules:
        kept = set(golden_cases(name))
        for dialect in ("defaults", *rules[name].dialects):
            for dtype in ("float32", "float64"):
                at = [x for x in kept if f"{dialect}, other numbers, main" in x and dtype in x]
                assert at, (name, dialect, dtype)


def test_forty_digits_know_nine_rules_on_every_exercise():
    for name in RULES:
        known = [case.name for case in cases(name) if exact(case) is not None]
        assert {f"defaults, default numbers, {e}" for e in ("main", "wide", "level")} <= set(known)
    assert exact(next(case for case in cases("adam") if "other numbers" in case.name)) is None


@pytest.mark.parametrize("name", list(rules))
def test_a_run_resumes_from_a_stored_state(name):
    """Where table and state are stored as they lie: the rest follows bit for bit from step 8."""
    manifest, arrays = read_goldens(STORED, name)
    kept = golden_cases(name)
    resumed = 0
    for k, about in enumerate(manifest["cases"]):
        case = kept[about["name"]]
        slots = case.rule.all_slots()
        if any(slot.copies or slot.name in ("settled_at", "decayed_at") for slot in slots):
            continue
        table = arrays[f"{k}.tables"][7].copy()
        state = {slot: arrays[f"{k}.{slot}"][7].copy() for slot in about["state"]} | case.given
        for t, (rows, grads) in enumerate(case.exercise.batches[8:], start=8):
            case.rule.step(table, state, rows, grads)
            np.testing.assert_array_equal(table, arrays[f"{k}.tables"][t], strict=True)
        resumed += 1
    assert resumed or name in ("catchup_adam", "adam_c", "rmsprop_c", "sgd_c", "sgdm_c")


def test_a_wrong_reference_is_not_written(tmp_path, monkeypatch):
    case = cases("adam")[0]
    monkeypatch.setattr(goldens, "golden_cases", lambda rule: {case.name: case})
    monkeypatch.setattr(goldens, "exact", lambda case: exact(case) * (1 + 1e-14))
    with pytest.raises(CrosscheckError, match=r"units in the last place from 40 digits"):
        write_goldens(tmp_path / "new", ["adam"])
    slow = type(case.rule).slow_step

    def wrong(self, table, state, rows, grads):
        slow(self, table, state, rows, grads)
        state["v"][0, 0] = np.nextafter(state["v"][0, 0], 1)

    monkeypatch.setattr(type(case.rule), "slow_step", wrong)
    with pytest.raises(CrosscheckError, match=r"the two references of adam differ in .*: v; noth"):
        write_goldens(tmp_path / "new", ["adam"])
    assert not (tmp_path / "new").exists()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Goldens of two cases of row-wise AdaGrad."""
    few = dict(list(golden_cases("rowwise_adagrad").items())[:2])
    monkeypatch.setattr(goldens, "golden_cases", lambda rule: few)
    assert write_goldens(tmp_path, ["rowwise_adagrad"]) == 2
    return tmp_path


def test_the_same_rule_gives_the_same_bytes(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write_goldens(folder, ["rowwise_adagrad"])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_json_holds_the_same_bits(folder, tmp_path):
    _, npz = read_goldens(folder, "rowwise_adagrad")
    write_goldens(tmp_path / "json", ["rowwise_adagrad"], "json")
    _, text = read_goldens(tmp_path / "json", "rowwise_adagrad")
    assert npz.keys() == text.keys()
    for name, values in npz.items():
        np.testing.assert_array_equal(values, text[name], strict=True)
    assert "0x1." in (tmp_path / "json" / "rowwise_adagrad.arrays.json").read_text()
    assert list(check_goldens(tmp_path / "json", ["rowwise_adagrad"])) == []


@pytest.mark.parametrize(
    ("key", "place", "said"),
    [
        ("1.tables", (3, 2, 1), "table step 4, row 2, column 1: stored "),
        ("1.s", (5, 6), "s step 6, row 6: stored "),
        ("1.t", (0,), "t step 1: stored 7, now 1"),
        ("main.rows", (0,), "exercise main: rows step 1: stored 7, now 0"),
    ],
)
def test_a_changed_number_is_named(folder, capsys, monkeypatch, key, place, said):
    manifest, arrays = read_goldens(folder, "rowwise_adagrad")
    monkeypatch.setattr(goldens, "read_goldens", lambda folder, name: (manifest, arrays))
    changed = arrays[key].copy()
    changed[place] = 7
    arrays[key] = changed
    assert run(["goldens", "rowwise_adagrad", "--check", str(folder)]) == 1
    shown = capsys.readouterr()
    assert said in re.sub(r"\s+", " ", shown.err)
    assert "1 trajectories differ" in shown.out


def test_a_changed_option_is_named(folder):
    path = folder / "rowwise_adagrad.json"
    manifest = json.loads(path.read_text())
    manifest["cases"][0]["options"]["lr"] = "0x1.0p-1"
    path.write_text(json.dumps(manifest))
    (difference,) = check_goldens(folder, ["rowwise_adagrad"])
    assert difference.what == "manifest options"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda npz, text: (npz[:-100], text), "is not the file that .* describes"),
        (lambda npz, text: (npz[:500] + b"x" + npz[501:], text), r"describes \(SHA-256\)"),
        (lambda npz, text: (None, text), r"rowwise_adagrad.npz is missing"),
        (lambda npz, text: (npz, None), r"rowwise_adagrad.json is missing; freqopt goldens --wri"),
        (lambda npz, text: (npz, text[:-40]), "rowwise_adagrad.json is damaged"),
        (lambda npz, text: (npz, b"[1]"), "rowwise_adagrad.json is damaged"),
        (lambda npz, text: (npz, b"\xff\xfe"), "rowwise_adagrad.json is damaged"),
        (
            lambda npz, text: (npz, text.replace(b'"version": 1', b'"version": 2')),
            "is 'freqopt goldens' version 2, expected 'freqopt goldens' version 1",
        ),
        (lambda npz, text: (npz, text.replace(b'"s": ', b'"S": ')), r"has no '0.S"),
    ],
)
def test_a_damaged_file_is_one_clear_error(folder, capsys, damage, message):
    paths = [folder / f"rowwise_adagrad.{end}" for end in ("npz", "json")]
    for path, content in zip(paths, damage(*(p.read_bytes() for p in paths)), strict=True):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
    with pytest.raises(CrosscheckError, match=message):
        list(check_goldens(folder, ["rowwise_adagrad"]))
    assert run(["goldens", "rowwise_adagrad", "--check", str(folder)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) <= 3


def test_the_command_wants_one_of_the_two(tmp_path, capsys):
    assert run(["goldens"]) == 2
    assert run(["goldens", "--write", str(tmp_path), "--check", str(tmp_path)]) == 2
    assert "give one of --write DIR and --check DIR" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("precious")
    assert run(["goldens", "sgd", "--write", str(tmp_path / "thesis.txt" / "goldens")]) == 2
    assert "cannot be made: Not a directory; give another" in capsys.readouterr().err


def test_the_command_writes_and_prints_json(folder, capsys):
    assert run(["goldens", "rowwise_adagrad", "--write", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == 2
    assert run(["goldens", "rowwise_adagrad", "--check", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["differences"] == []


def test_the_readers_of_the_page_read(folder, tmp_path):
    """The Python of docs/goldens.md, run on both forms."""
    page = (STORED.parents[1] / "docs" / "goldens.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 2
    write_goldens(tmp_path / "json", ["rowwise_adagrad"], "json")
    for block, form in zip(blocks, (folder, tmp_path / "json"), strict=True):
        seen = {"FOLDER": str(form), "RULE": "rowwise_adagrad"}
        exec(block, seen)
        _, arrays = read_goldens(folder, "rowwise_adagrad")
        np.testing.assert_array_equal(np.array(seen["tables"]), arrays["0.tables"])
        assert len(seen["batches"]) == 16


@pytest.mark.parametrize("end", ["npz", "json"])
def test_links_are_not_followed(folder, tmp_path, end):
    path = folder / f"rowwise_adagrad.{end}"
    path.rename(tmp_path / "outside")
    path.symlink_to(tmp_path / "outside")
    with pytest.raises(CrosscheckError, match=f"{end} is a link or no regular file"):
        list(check_goldens(folder, ["rowwise_adagrad"]))
