"""Cases as files: every bit comes back, and a damaged file is one clear error."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile

import numpy as np
import pytest

from freqopt.cli import run
from freqopt.crosscheck import Exercise, cases, reference, trace
from freqopt.crosscheck.diagnosis.meanings import changes
from freqopt.crosscheck.exchange import encoding
from freqopt.crosscheck.exchange.files import read_answer, read_folder, write_answer, write_folder
from freqopt.crosscheck.exchange.manifest import seal
from freqopt.errors import CrosscheckError, FreqoptError
from freqopt.optimizers import rules

CASES = [case for rule in ("sgd", "fa_sgd") for case in cases(rule, np.float32)[:3]] + [
    cases("adam")[1]
]


def equal(ours, theirs):
    return ours.tobytes() == theirs.tobytes() and ours.dtype == theirs.dtype


@pytest.mark.parametrize("form", ["json", "npz"])
def test_every_bit_comes_back(form, tmp_path):
    traces = [trace(reference, case) for case in CASES]
    assert write_folder(tmp_path / "v", CASES, form) == len(CASES)
    entries = read_folder(tmp_path / "v")
    assert len(entries) == len(CASES)
    for case, tables, entry in zip(CASES, traces, entries, strict=True):
        read = entry.case
        assert (read.name, read.exercise.name) == (case.name, case.exercise.name)
        assert read.rule.model_dump() == case.rule.model_dump()
        assert equal(read.exercise.table, case.exercise.table)
        for (rows, grads), (r, g) in zip(read.exercise.batches, case.exercise.batches, strict=True):
            assert equal(rows, r)
            assert equal(grads, g)
        write_answer(entry.output, tables, form)
        assert equal(read_answer(entry), tables)


def test_two_writings_have_the_same_bytes(tmp_path):
    for form in ("json", "npz"):
        a, b = tmp_path / form / "a", tmp_path / form / "b"
        for folder in (a, b):
            write_folder(folder, CASES, form)
        for path in a.rglob("*.*"):
            assert path.read_bytes() == (b / path.relative_to(a)).read_bytes()


def test_the_manifest_says_what_a_stranger_needs(tmp_path):
    write_folder(tmp_path / "v", [CASES[4]])
    manifest = json.loads((tmp_path / "v" / "manifest.json").read_text())
    (about,) = manifest["cases"]
    assert (manifest["format"], manifest["version"]) == ("freqopt vectors", 1)
    assert (about["rule"], about["dtype"], about["given"]) == ("fa_sgd", "float32", ["frequency"])
    whole = json.loads((tmp_path / "v" / about["input"]).read_text())
    assert whole["options"] == about["options"]
    assert "tables" not in whole
    assert len(whole["offsets"]) == about["steps"] + 1
    assert set(about["changed"]) == {
        key
        for key, field in type(CASES[4].rule).model_fields.items()
        if getattr(CASES[4].rule, key) != field.default
    }
    assert float.fromhex(whole["table"][1][0]) == CASES[4].exercise.table[1, 0]


def test_special_floats_and_decimals_are_read(tmp_path):
    write_folder(tmp_path / "v", [CASES[0]])
    (entry,) = read_folder(tmp_path / "v")
    tables = trace(reference, CASES[0])
    tables[3, 0, :3] = np.nan, -np.inf, -0.0
    for form in ("json", "npz"):
        write_answer(entry.output, tables, form)
        assert equal(read_answer(entry), tables)
        entry.output.with_name(f"{entry.output.name}.{form}").unlink()
    decimals = {"tables": tables[1:].tolist()}  # NaN and -Infinity, as many writers have them
    entry.output.with_name(entry.output.name + ".json").write_text(json.dumps(decimals))
    assert equal(read_answer(entry), tables)


def damaged_manifest(folder):
    (folder / "manifest.json").write_text("{")


def newer_manifest(folder):
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))


def changed_manifest(folder):
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"rule": "sgd"', '"rule": "adam"'))


def another_format(folder):
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace("freqopt vectors", "freqopt goldens"))


def no_input(folder):
    next((folder / "inputs").iterdir()).unlink()


def changed_input(folder):
    path = next((folder / "inputs").iterdir())
    path.write_bytes(path.read_bytes().replace(b"0x1.", b"0x1.0", 1))


def extra_input(folder):
    (folder / "inputs" / "more.json").write_text("{}")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damaged_manifest, "manifest.json is damaged"),
        (newer_manifest, "version 2, expected 'freqopt vectors' version 1"),
        (another_format, "is 'freqopt goldens' version 1, expected 'freqopt vectors'"),
        (changed_manifest, "manifest.json is not as it was written"),
        (no_input, "000.json is missing"),
        (changed_input, "000.json is not as it was written"),
        (extra_input, "more.json is not in the manifest"),
    ],
)
def test_a_damaged_folder_gets_one_clear_error(damage, message, tmp_path):
    write_folder(tmp_path / "v", [CASES[0]])
    damage(tmp_path / "v")
    with pytest.raises(ValueError, match=message):
        read_folder(tmp_path / "v")


def test_a_manifest_with_any_byte_changed_or_cut_off_is_refused(tmp_path):
    write_folder(tmp_path / "v", [CASES[3]])
    path = tmp_path / "v" / "manifest.json"
    whole = path.read_bytes()
    for place in range(0, len(whole) - 1, 3):  # the last byte is an empty line
        flipped = whole[:place] + bytes([whole[place] ^ 0x11]) + whole[place + 1 :]
        for content in (whole[:place], flipped):
            path.write_bytes(content)
            with pytest.raises(CrosscheckError):
                read_folder(tmp_path / "v")
    path.write_bytes(whole)
    assert len(read_folder(tmp_path / "v")) == 1


def forged(folder, **changes):
    """Change what a manifest says of its case, and seal it again, as anybody can."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["cases"][0] |= changes
    manifest["cases"] = changes.get("cases", manifest["cases"])
    del manifest["sha256"]
    path.write_text(json.dumps({**manifest, "sha256": seal(manifest)}))


def test_a_folder_of_data_runs_no_code(tmp_path):
    folder, ran = tmp_path / "v", tmp_path / "ran"
    write_folder(folder, [CASES[0]])
    for place in (folder / "evil.py", tmp_path / "evil.py", folder / "inputs" / "evil.py"):
        place.write_text(f"open({str(ran)!r}, 'w')")
        for name in (str(place), "evil.py", "v/evil.py", "inputs/evil.py", "../evil.py"):
            forged(folder, rule=name)
            with pytest.raises(CrosscheckError):
                read_folder(folder)
            with pytest.raises(CrosscheckError):
                read_folder(folder, "sgd.py")
    assert not ran.exists()


FORGED = {
    "input": [
        *("../v/inputs/x.json", "/etc/passwd", "inputs/../x.json", "inputs/a/b.json", None, 3),
        *("inputs\\..\\x.json", "inputs/x\0.json", ["inputs"], f"inputs/{'x' * 5000}.json"),
    ],
    "output": [
        *("../outside", "/tmp/outside", "outputs/..", "outputs/a/../../b", "outputs/", 1, "x"),
    ],
    "sha256": [None, "0" * 64],
    "name": [5, None],
    "rule": [["sgd"], {}, "", "os.system", None],
    "dtype": ["O", "float16", ["f4"], None],
    "rows": [-1, 0, 8, 2**63, True, "7"],
    "columns": [0, 5, 2**31],
    "steps": [0, 15, 1e9, None, 2**63],
    "options": [
        *([], None, {"lr": []}, {"nonsense": 1}, {"lr": -1}, {"lr": "0xzz"}, {"lr": "0x1p99999"}),
    ],
    "changed": [1],
    "given": ["frequency", [1], ["nothing"]],
    "cases": [None, {}, [[]], [{}], "x", [7]],
}


@pytest.mark.parametrize(
    "changes", [{key: value} for key, values in FORGED.items() for value in values], ids=repr
)
def test_a_forged_manifest_is_one_clear_error(changes, tmp_path):
    write_folder(tmp_path / "v", [CASES[0]])
    forged(tmp_path / "v", **changes)
    with pytest.raises(FreqoptError):
        read_folder(tmp_path / "v")


@pytest.mark.parametrize(
    "arrays",
    [
        {"rows": [99]}, {"rows": [-1]}, {"rows": [1.5]}, {"rows": ["0"]}, {"rows": []},
        {"rows": [2**63]}, {"table": []}, {"table": {}}, {"table": [["0x0p0"]]}, {"grads": [[]]},
        {"offsets": [0, 1]}, {"offsets": [5, 0] * 8 + [0]}, {"offsets": None},
        {"offsets": [[0] * 17]}, {"rows": [True]}, {"table": [[True]]},
    ],
)  # fmt: skip
def test_a_case_of_other_shapes_than_its_manifest_says_is_refused(arrays, tmp_path):
    write_folder(tmp_path / "v", [CASES[0]])
    (path,) = (tmp_path / "v" / "inputs").iterdir()
    content = json.dumps({**json.loads(path.read_text()), **arrays}).encode()
    path.write_bytes(content)
    forged(tmp_path / "v", sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(CrosscheckError):
        read_folder(tmp_path / "v")


@pytest.mark.parametrize("what", ["input", "inputs", "answer", "outputs", "pipe"])
def test_links_out_of_the_folder_are_not_followed(what, tmp_path):
    folder = tmp_path / "v"
    write_folder(folder, [CASES[0]])
    (tmp_path / "secret.txt").write_text("a secret")
    (entry,) = read_folder(folder)
    answer = entry.output.with_name(entry.output.name + ".txt")
    if what in ("inputs", "outputs"):
        answer.write_text("not supported")
        (folder / what).rename(tmp_path / what)
        (folder / what).symlink_to(tmp_path / what)
    elif what == "input":
        (path,) = (folder / "inputs").iterdir()
        path.rename(tmp_path / "input.json")
        path.symlink_to(tmp_path / "input.json")
    elif what == "answer":
        answer.symlink_to(tmp_path / "secret.txt")
    else:
        os.mkfifo(answer)
    with pytest.raises(CrosscheckError, match="is a link or no regular file; only files inside"):
        read_answer(*read_folder(folder))


def test_state_handed_in_by_another_freqopt_is_noticed(tmp_path, monkeypatch):
    write_folder(tmp_path / "v", [CASES[3]])
    monkeypatch.setattr(Exercise, "given", lambda self, names: dict.fromkeys(names, np.ones(7)))
    with pytest.raises(CrosscheckError, match="hands in other values than this freqopt"):
        read_folder(tmp_path / "v")


def test_no_manifest_and_a_full_folder_are_refused(tmp_path):
    with pytest.raises(CrosscheckError, match="has no manifest"):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(CrosscheckError, match="not an empty folder"):
        write_folder(tmp_path, [])
    with pytest.raises(CrosscheckError, match="cannot be made: Not a directory; give another"):
        write_folder(tmp_path / "thesis.txt" / "vectors", [])


@pytest.mark.parametrize(
    ("suffix", "content", "message"),
    [
        ("json", b"{", "is damaged: JSONDecodeError"),
        ("json", b"\xff\xfe\x00", "is damaged"),
        ("json", b"[" * 50_000, "is damaged: RecursionError"),
        ("json", b"[]", "is damaged: TypeError: not a JSON object"),
        ("json", b'{"table": []}', "has no 'tables'"),
        ("json", b'{"tables": [["0x1p0"]]}', r"shape \(1, 1\), expected .* \(16, 7, 4\)"),
        ("json", b'{"tables": [[1, 2], [3]]}', "is damaged: ValueError"),
        ("json", b'{"tables": [["zero"]]}', "is damaged: ValueError: could not convert"),
        ("json", b'{"tables": [["0xzz"]]}', "is damaged: ValueError"),
        ("json", b'{"tables": [["0x1p99999"]]}', "is damaged: OverflowError"),
        ("json", b'{"tables": [[null]]}', "is damaged: TypeError"),
        ("json", b" " * 10_000_000, "10000000 bytes, expected at most"),
        ("npz", b"PK", "is damaged: BadZipFile"),
        ("npz", {"table": np.zeros(3)}, "has no 'tables'"),
        ("npz", {"tables": np.zeros((16, 7, 4))}, "an array of float64, expected float32"),
        ("npz", {"tables": np.zeros((16, 4, 7), np.float32)}, r"shape \(16, 4, 7\)"),
        ("npz", {"tables": np.array([None])}, "is damaged: ValueError: Object arrays"),
        ("npz", {"tables": np.zeros(3_000_000, np.float32)}, "expected at most"),
    ],
)  # fmt: skip
def test_a_damaged_answer_gets_one_clear_error(suffix, content, message, tmp_path):
    write_folder(tmp_path / "v", [CASES[0]])
    (entry,) = read_folder(tmp_path / "v")
    path = entry.output.with_name(f"{entry.output.name}.{suffix}")
    if isinstance(content, dict):
        np.savez_compressed(path, **content)
    else:
        path.write_bytes(content)
    with pytest.raises(CrosscheckError, match=message):
        read_answer(entry)


@pytest.mark.parametrize("form", ["json", "npz", "packed npz"])
def test_an_answer_with_any_byte_changed_or_cut_off_is_read_or_refused(form, tmp_path):
    case = next(case for case in cases("sgd", np.float32) if case.exercise.name == "one_row")
    write_folder(tmp_path / "v", [case])
    (entry,) = read_folder(tmp_path / "v")
    write_answer(entry.output, trace(reference, case), "json" if form == "json" else "npz")
    (path,) = (tmp_path / "v" / "outputs").iterdir()
    if form == "packed npz":
        np.savez_compressed(path, tables=trace(reference, case)[1:])
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), 3):
        flipped = whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        for content in (whole[:place], flipped):
            path.write_bytes(content)
            try:
                read_answer(entry)
            except CrosscheckError:
                refused += 1
    assert refused > len(whole) / 3  # every cut, and more


def test_an_answer_that_claims_to_be_vast_is_refused(tmp_path):
    write_folder(tmp_path / "v", [CASES[0]])
    (entry,) = read_folder(tmp_path / "v")
    array = io.BytesIO()
    np.save(array, np.zeros((16, 7, 4), np.float32))
    claim = array.getvalue().replace(b"(16, 7, 4), }" + b" " * 12, b"(10000000000000, 7, 4), }")
    assert len(claim) == len(array.getvalue())
    with zipfile.ZipFile(entry.output.with_name(entry.output.name + ".npz"), "w") as archive:
        archive.writestr("tables.npy", claim)
    with pytest.raises(CrosscheckError, match="is damaged"):
        read_answer(entry)


def test_no_answer_two_answers_and_a_refusal(tmp_path):
    write_folder(tmp_path / "v", [CASES[0]])
    (entry,) = read_folder(tmp_path / "v")
    with pytest.raises(CrosscheckError, match="holds 0 answers for the case 'defaults, default"):
        read_answer(entry)
    refusal = entry.output.with_name(entry.output.name + ".txt")
    refusal.write_text("no clipping\n")
    assert read_answer(entry) == "no clipping"
    write_answer(entry.output, trace(reference, CASES[0]))
    with pytest.raises(CrosscheckError, match="holds 2 answers"):
        read_answer(entry)


@pytest.mark.parametrize("kind", ["float64", "int64"])
def test_true_is_no_number(kind):
    with pytest.raises(TypeError, match="true where a number is expected"):
        encoding._array([[1, True]], np.dtype(kind))


def test_cases_chosen_from_what_is_accepted(tmp_path, capsys):
    """Each alone, both together, many steps; nothing else leaves its default."""
    write = ["vectors", "write", str(tmp_path / "v"), "--rule", "sgd", "--dtype", "float32"]
    assert run([*write, "--accepts", "momentum", "--accepts", "rows=all"]) == 0
    cases = [entry.case for entry in read_folder(tmp_path / "v")]
    kinds = {(case.rule.momentum > 0, case.rule.rows) for case in cases}
    assert kinds == {(on, rows) for on in (False, True) for rows in ("touched", "all")}
    assert {key for case in cases for key in changes(case.rule, rules["sgd"]())} == {
        "momentum", "rows",
    }  # fmt: skip
    assert max(len(case.exercise.batches) for case in cases) >= 1500
    capsys.readouterr()
    for wrong, said in (("momentm", "no option momentm"), ("rows=al", "'touched', 'nonzero'")):
        assert run([*write[:2], str(tmp_path / "w"), *write[3:], "--accepts", wrong]) == 2
        assert said in capsys.readouterr().err
    assert not list((tmp_path / "w").rglob("*"))
