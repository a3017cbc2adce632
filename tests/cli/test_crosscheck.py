"""`freqopt crosscheck` and `freqopt vectors`: what they print and what they exit with."""

import json
import re
import shlex
from pathlib import Path

import pytest

from freqopt.cli import run
from freqopt.crosscheck import Case, exercises, reference, trace
from freqopt.crosscheck.cases.options import read_options as options
from freqopt.crosscheck.exchange.files import read_folder, write_answer
from freqopt.errors import CrosscheckError
from tests.crosscheck.children import child

SHAPES = len(exercises("float64"))

SGD = """
def make(rule, table, given):
    if not PLAIN(rule):
        raise NotImplementedError("only the rate can be set")
    def step(rows, grads):
        for row in set(rows.tolist()):
            table[row] -= rule.lr * grads[rows == row].sum(axis=0) * FACTOR
        return table
    return step

def PLAIN(rule):
    fields = type(rule).model_fields.items()
    return {name for name, f in fields if getattr(rule, name) != f.default} <= {"lr"}
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text=SGD, rule="RULE = 'sgd'", factor="1"):
        Path("mine.py").write_text(f"{rule}\n{text.replace('FACTOR', factor)}")

    write()
    return write


def test_a_file_that_matches(mine, capsys):
    assert run(["crosscheck", "mine.py"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("mine.py against rule sgd\nPASS")
    assert "PASS         0 ULP  float64  the caller's arrays: " in out
    count = out.count("PASS") - 1  # the caller's arrays are no case
    assert count >= 2 * SHAPES  # in two dtypes
    assert f"{count} of {count} cases match; the worst distance is 0 ULP" in out
    assert "not supported, so not judged:\n  only the rate can be set" in out


def test_a_file_that_does_not_match(mine, capsys):
    mine(factor="2")
    arguments = ["crosscheck", "mine.py", "--dtype", "float64", "--set", "lr=0.05"]
    assert run(arguments) == 1
    out = capsys.readouterr().out
    assert out.count("FAIL") == SHAPES
    assert "first divergence in lr = 0.05, main, float64\n  step 1, row 0 (2 times" in out
    assert run([*arguments, "--json"]) == 1
    (told,) = json.loads(capsys.readouterr().out)["results"]
    assert (told["target"], told["rule"], told["matches"]) == ("mine.py", "sgd", False)
    assert told["cases"][0]["first_divergence"]["step"] == 1
    assert "'lr x 2'" in told["fingerprint"]
    assert run([*arguments, "--ulps", "1e300"]) == 0


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"rule": ""}, [], "does not say which rule"),
        ({"rule": "RULE = 'sdg'"}, [], "did you mean 'sgd'"),
        ({"text": "x = 1"}, [], "public functions it has none"),
        ({"text": "def a(): 1\ndef b(): 1"}, [], r"it has 2 \(a, b\), expected one"),
        ({"text": "from textwrap import dedent, indent"}, [], "it has none"),
        ({"text": "1 / 0"}, [], "mine.py cannot be imported.*ZeroDivisionError"),
        ({"text": "def make(:"}, [], "mine.py cannot be imported.*SyntaxError"),
        ({}, ["--set", "lr"], "expected KEY=VALUE"),
        ({}, ["--set", "lr=fast"], "lr = 'fast'"),
        ({}, ["--set", "lrr=1"], "did you mean 'lr'"),
        ({}, ["--set", "momentum=0.5"], "nothing could be judged"),
        ({}, ["--exec", "./k"], "give one of"),
        ({}, ["--dtype", "half"], "half"),
    ],
)
def test_mistakes_are_one_message_and_exit_code_2(change, arguments, message, mine, capsys):
    mine(**change)
    assert run(["crosscheck", "mine.py", *arguments]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.count("Traceback") == 0
    with pytest.raises(CrosscheckError, match=f"(?s){message}"):
        raise CrosscheckError(captured.err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give one of"),
        (["none.py"], "none.py does not exist"),
        (["torch.Adm"], "did you mean 'torch.Adam'"),
        (["--exec", "./none", "--rule", "sgd"], "there is no program './none'"),
        (["--exec", "none", "--rule", "sgd"], "one in this folder is called ./none"),
        (["--exec", "./none"], "--rule adam"),
        (["--exec", "'", "--rule", "sgd"], "cannot be split into words"),
    ],
)
def test_targets_that_are_not_there(arguments, message, mine, capsys):
    assert run(["crosscheck", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_rule_may_be_given_instead(mine, capsys):
    mine(rule="")
    assert run(["crosscheck", "mine.py", "--rule", "sgd", "--set", "lr=0.5"]) == 0
    mine(text=SGD.replace("def make(", "def plain_sgd(").replace("PLAIN", "_plain"))
    assert run(["crosscheck", "mine.py", "--set", "lr=0.5"]) == 0


def test_a_program(tmp_path, capsys):
    command = [
        "crosscheck", "--exec", shlex.join(child(tmp_path)), "--rule", "sgd", "--dtype", "float64",
    ]  # fmt: skip
    assert run(command) == 0
    out = capsys.readouterr().out
    assert "cases match; the worst distance is 0 ULP" in out
    assert "not supported, so not judged:\n  lr_decay\n" in out
    child(tmp_path, STEP="if t == 2: os.abort()")
    assert run([*command, "--set", "lr=0.5"]) == 1
    out = capsys.readouterr().out
    assert f"error in lr = 0.5, main and {SHAPES - 1} more cases" in out
    assert out.count("at step 2: was ended by SIGABRT") == 1
    child(tmp_path, END="sys.exit(3)")
    assert run([*command, "--json"]) == 1
    (told,) = json.loads(capsys.readouterr().out)["results"]
    assert "after the last step: left with exit code 3" in told["trouble"]
    assert told["matches"] is False


def test_a_program_that_hangs_is_waited_for_once(tmp_path, capsys):
    command = shlex.join(child(tmp_path, HERE="time.sleep(1000)"))
    code = run(["crosscheck", "--exec", command, "--rule", "sgd", "--answer-seconds", "0.5"])
    assert code == 1
    out = capsys.readouterr().out
    assert out.count("child.py: it did not answer within 0.5 s at the start of a run") == 1
    assert out.count("not started again") == 1


def test_all_judges_what_is_there_and_lists_what_is_not(monkeypatch, capsys):
    from freqopt.crosscheck.targets import BACKENDS

    def broken(rule, table, given):
        raise KeyError("broken")

    monkeypatch.setattr("freqopt.crosscheck.guests.Library.present", property(lambda self: False))
    for name in set(BACKENDS) - {"slow_reference"}:
        monkeypatch.delitem(BACKENDS, name)
    monkeypatch.setitem(BACKENDS, "broken", broken)
    arguments = ["crosscheck", "--all", "--rule", "adagrad", "--set", "lr=0.5"]
    assert run(arguments) == 1
    captured = capsys.readouterr()
    count = 2 * SHAPES
    assert f"slow_reference against rule adagrad\n{count} of {count} cases match" in captured.out
    assert "broken against rule adagrad\nERROR" in captured.out
    assert "not judged: torch.Adam: torch is not installed" in captured.err
    monkeypatch.delitem(BACKENDS, "broken")
    assert run([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [result["target"] for result in told["results"]] == ["slow_reference"]
    assert any(line.startswith("optax.adam: ") for line in told["not_judged"])


def test_options_are_read_as_what_they_are():
    given = ["lr=1e-3", "clip=none", "padding_row=2", "maximize=TRUE", "decay = decoupled"]
    assert options(given) == {
        "lr": 1e-3, "clip": None, "padding_row": 2, "maximize": True, "decay": "decoupled",
    }  # fmt: skip


def answered(folder, form="json", own_rule=""):
    for entry in read_folder(folder, own_rule):
        write_answer(entry.output, trace(reference, entry.case), form)


@pytest.mark.parametrize("form", ["json", "npz"])
def test_vectors_written_answered_and_checked(form, tmp_path, capsys):
    folder = tmp_path / "v"
    arguments = ["vectors", "write", str(folder), "--rule", "fa_sgd", "--format", form]
    assert run([*arguments, "--set", "lr=0.5"]) == 0
    assert f"{2 * SHAPES} cases in " in capsys.readouterr().out
    answered(folder, form)
    assert run(["vectors", "check", str(folder), "--ulps", "0"]) == 0
    out = capsys.readouterr().out
    assert out.count("PASS") == 2 * SHAPES
    assert f"{2 * SHAPES} of {2 * SHAPES} cases match; the worst distance is 0 ULP" in out


def test_wrong_answers_in_files_are_diagnosed(tmp_path, capsys):
    folder = tmp_path / "v"
    written = ["vectors", "write", str(folder), "--rule", "adagrad", "--set", "lr=0.5"]
    assert run([*written, "--dtype", "float64"]) == 0
    for entry in read_folder(folder):
        wrong = entry.case.rule.model_copy(update={"epsilon_place": "inside"})
        tables = trace(reference, Case(entry.case.name, wrong, entry.case.exercise))
        write_answer(entry.output, tables)
    assert run(["vectors", "check", str(folder)]) == 1
    assert "epsilon_place = inside, asked was outside" in capsys.readouterr().out


def test_vectors_that_are_wrong_missing_refused_or_too_many(tmp_path, capsys):
    folder = tmp_path / "v"
    assert run(["vectors", "write", str(folder), "--rule", "sgd", "--set", "lr=0.5"]) == 0
    assert run(["vectors", "check", str(folder)]) == 2
    assert "outputs is empty; run your implementation" in capsys.readouterr().err
    answered(folder)
    first, second, third, fourth, *_ = sorted((folder / "outputs").iterdir())
    first.unlink()
    second.write_text("{")
    third.rename(third.with_suffix(".txt"))
    told = json.loads(fourth.read_text())
    told["tables"][4][0][0] = "0x1p3"  # the fourth case has a table of one column
    fourth.write_text(json.dumps(told))
    assert run(["vectors", "check", str(folder), "--json"]) == 1
    cases = json.loads(capsys.readouterr().out)["cases"]
    assert [case["verdict"] for case in cases] == ["ERROR", "ERROR", "NONE", "FAIL"] + ["PASS"] * (
        2 * SHAPES - 4
    )
    assert "holds 0 answers" in cases[0]["message"]
    assert "is damaged" in cases[1]["message"]
    found = cases[3]["first_divergence"]
    assert [found[key] for key in ("step", "row", "column", "got")] == [5, 0, 0, 8.0]
    assert run(["vectors", "write", str(folder)]) == 2
    (folder / "outputs" / "sgd-float32-099.json").write_text("{}")
    assert run(["vectors", "check", str(folder)]) == 2
    assert "sgd-float32-099.json answers no case" in capsys.readouterr().err


def test_a_rule_of_ones_own_is_judged_in_every_way(mine, tmp_path, capsys):
    page = Path(__file__).parent.parent.parent / "docs" / "add_a_rule.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
    Path("adam.py").write_text(code)  # the name of a rule that is there hides nothing
    mine("from freqopt.crosscheck import reference as right\ndef make(*a):\n  return right(*a)")
    assert run(["crosscheck", "mine.py", "--rule", "adam.py"]) == 0
    assert "mine.py against rule adam.py" in capsys.readouterr().out
    assert run(["vectors", "write", "v", "--rule", "adam.py", "--dtype", "float64"]) == 0
    answered(tmp_path / "v", own_rule="adam.py")
    assert run(["vectors", "check", "v", "--ulps", "0"]) == 2
    assert "names no code, so give the rule's file yourself: --rule" in capsys.readouterr().err
    assert run(["vectors", "check", "v", "--ulps", "0", "--rule", "adam.py"]) == 0
    mine(factor="2")
    arguments = ["--rule", "adam.py", "--set", "lr=0.5", "--dtype", "float64"]
    capsys.readouterr()
    assert run(["crosscheck", "mine.py", *arguments]) == 1
    assert "first divergence" in capsys.readouterr().out
