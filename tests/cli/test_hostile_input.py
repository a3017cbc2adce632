"""Commands x hostile input: one sentence and exit code 2 (1 if a run fails), never a traceback."""

import importlib
import itertools
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import freqopt
from freqopt.backends import Simulation
from freqopt.cli import run
from freqopt.cli.signals import heard
from freqopt.errors import FreqoptError
from freqopt.experiment.build import problem, rule
from freqopt.experiment.checkpoints import as_checkpoints
from freqopt.experiment.execute import simulate
from freqopt.experiment.study import Study
from freqopt.optimizers import rules
from freqopt.problems import problems
from freqopt.report.terminal import say, table, warn
from tests.experiment.conftest import SMALL

VAST = 2**63 - 1
VASTER = ("9" * 5000, "0x" + "f" * 5000, "'" + "9" * 5000 + "'")  # and text of that length
ANYTHING = ('[1, "a"]', "{}", "{a = 1}", "3", "true", "1979-05-27", "nan", "[]", '"a\\u0000b"')
NUMBERS = (VAST, 2**63, 10**15, -1, "inf", "nan", "true", "[]")


def answered(arguments, capsys):
    """The one sentence that a command answers with."""
    code = run(arguments)
    said = capsys.readouterr()
    assert code in (1, 2), (arguments, said.out[:200])
    assert "Traceback" not in said.err
    assert said.err.strip()
    return said.err


def study(change, by):
    assert change in SMALL
    return SMALL.replace(change, by, 1)


def studies():
    """Study texts, each wrong in one place."""
    for value in ANYTHING:
        if value != "{}":
            yield study('label = "counted"', f"label = {value}")
        yield study('name = "cf_sgd"', f"name = {value}")
        yield study('name = "token_quadratic"', f"name = {value}")
        yield f"quick = {value}\n" + SMALL[: SMALL.index("[quick]")] if value != "{}" else "a"
        yield study("[quick]\nruns = 1\n", f"[quick]\nrules.counted = {value}\n[z]")
        yield study('record = ["objective", "gradient_norm"]', f"record = {value}")
        if value != "{}":
            yield study("[grid]\nbatch = [1, 3]", f"[grid]\nbatch = {value}")
    for name in ('"\\u0000.py"', '"ring.py"'):  # no file has the one, nothing leads to the other
        yield study('"sgd"', name)
        yield study('"token_quadratic"', name)
        yield study('"objective"', name)
    for value in NUMBERS:
        yield study("steps = 40", f"steps = {value}")
        if value not in (VAST, 10**15):
            yield study("seed = 7", f"seed = {value}")
        yield study("runs = 2\n", f"runs = {value}\n")
        yield study("checkpoints = 6", f"checkpoints = {value}")
        yield study("dimension = 2", f"dimension = {value}")
        yield study("size = 12", f"size = {value}")
        yield study("batch = [1, 3]", f"batch = [{value}]")
        if value not in (-1, 10**15):
            yield study('name = "cf_sgd"', f'name = "sgdm_c"\ncapacity = {value}')


TEXTS = (
    *(SMALL.replace("size = 12", f"size = {vast}").encode() for vast in VASTER),
    *(b"", b"\0", b"\xff\xfe", SMALL.encode("utf-16"), b"[" * 100_000, b"a = " + b"[" * 100_000),
    *(b"title = 1\ntitle = 2\n", b"[rules]\n[rules]\n", "titlé = 1".encode("latin-1")),
    *("ｔitle = 1".encode(), b"a.b" * 1000 + b" = 1", b"title = 'x'\n" + b"k = 1\n" * 2),
    b"".join(b"k%d = 1\n" % k for k in range(20_000)),
    *(b"a" + b" . 'a'" * 50_000 + b" = 1", b"[a" + b".a" * 50_000 + b"]", b'"' * 100_000),
)


def test_study_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = ["simulate", "f.toml", "--quick", "--jobs", "1", "--backend", "numpy"]
    Path("ring.py").symlink_to("ring.py")
    texts = [text.encode() for text in studies()] + list(TEXTS)
    assert len(texts) > 120
    for text in texts:
        Path("f.toml").write_bytes(text)
        code = run(command)
        said = capsys.readouterr().err
        assert "Traceback" not in said, (text[-400:], said)
        assert (code == 0) != bool(said), (text[-400:], said)
        assert len(said) < 2000
        if text[:2] == b"\xff\xfe" or b"\xe9" in text:
            assert "save it as UTF-8" in said
    for runs, seeds in ((VAST, 1), (4000, 4000)):
        text = study("runs = 2\n", f"runs = {runs}\n")
        Path("f.toml").write_text(text.replace("[grid]", f"[grid]\nseed = {[*range(seeds)]}"))
        assert run([word for word in command if word != "--quick"]) == 2
        assert "runs; one study has at most 10000000" in capsys.readouterr().err
    Path("f.toml").write_bytes(SMALL.replace("\n", "\r\n").encode("utf-8-sig"))
    assert run(command) == 0  # as Windows writes it
    capsys.readouterr()
    raw = os.fsdecode(b"\xff.toml")
    Path("f.toml").rename(raw)
    assert run(["simulate", raw]) == 2
    assert "is no text in UTF-8; rename it" in capsys.readouterr().err
    Path(raw).rename("f.toml")
    os.truncate("f.toml", 1 << 40)
    assert run(command) == 2
    assert "more than 1073741824" in capsys.readouterr().err


LONG = "x" * 5000
PATHS = (
    *(LONG, f"{LONG}.py", f"{LONG}.toml", f"a/{LONG}/b", "", "/dev/null", "nowhere", "pipe.toml"),
    "ring.py",
)
COMMANDS = (
    *(("simulate", "PATH"), ("simulate", "small", "--results", "PATH/x")),
    *(("simulate", "small", "--backend", "PATH"), ("figures", "PATH"), ("verify", "PATH")),
    *(("vectors", "check", "PATH"), ("goldens", "sgd", "--check", "PATH"), ("goldens", "PATH")),
    *(("crosscheck", "PATH"), ("crosscheck", "--exec", "PATH", "--rule", "sgd")),
    *(("crosscheck", "numba", "--rule", "PATH"), ("explain", "PATH")),
    ("figures", "curve", "--results", "PATH", "--quick"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_paths(command, here, capsys):
    os.mkfifo("pipe.toml")
    Path("ring.py").symlink_to("ring.py")
    Path("nowhere").write_text("a file")
    for path in PATHS:
        arguments = [word.replace("PATH/x", f"{path}/x" if path else "").replace("PATH", path)
                     for word in command]  # fmt: skip
        if "verify" not in command or path != "nowhere":
            answered([*arguments, "--out", path] if command[0] == "figures" else arguments, capsys)


@pytest.mark.parametrize("command", ["simulate", "reproduce"])
def test_an_empty_argument_is_no_path(command, here, capsys):
    for arguments in ([command, ""], [command, "--results", ""], [command, "--out="]):
        assert "an empty argument" in answered(arguments, capsys)
    assert sorted(p.name for p in here.iterdir()) == ["figures", "proofs_check", "simulations"]


def test_a_file_where_a_folder_is_written(here, capsys):
    Path("taken").touch()
    assert "taken is no folder" in answered(["reproduce", "--out", "taken"], capsys)


def test_a_working_directory_that_is_gone(tmp_path, monkeypatch, capsys):
    theorem = tmp_path / "theorem.py"
    theorem.write_text("")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert "no working directory" in answered(["verify", str(theorem)], capsys)


def test_a_factor_beyond_all_numbers(tmp_path):
    text = SMALL.replace('record = ["objective", "gradient_norm"]', 'record = ["gap"]')
    text = text.replace("[rules.grid]\nlr = [0.05, 0.2]", "lr = 0.1").partition("[quick]")[0]
    path = tmp_path / "tuned.toml"
    path.write_text(f'{text}[tune]\nmetric = "gap"\ntrials = 40\nfactor = 1e308\n')
    with pytest.raises(FreqoptError, match="give a smaller factor"):
        freqopt.simulate(path, results=tmp_path / "results", jobs=1)


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        ("yield 5", "measure yields 5, expected a Reading"),
        ("yield Reading('m', 1j)", "has the value 1j, expected a number"),
        ("yield Reading(7, 1.0)", "has the name 7, expected text"),
        ("yield Reading('a\\udcff', 1.0)", "in which half a character stands"),
        ("yield Reading('a', '1.0')", "value '1.0', expected a number"),
        ("yield Reading('a', 10**400)", "expected a number"),
        ("return 3", "measure gives int, expected readings"),
        ("while True: yield Reading('m', 1.0)", "yields more than 9 readings at step 0"),
    ],
)
def test_what_a_metric_gives_can_be_stored(tmp_path, monkeypatch, gives, said):
    monkeypatch.setattr("freqopt.experiment.metrics._form.MOST", 9)
    path = tmp_path / "mine.py"
    path.write_text(
        "from freqopt.experiment.metrics import Metric, Reading\nclass Mine(Metric):\n"
        f"    def measure(self, at):\n        {gives}\n"
    )
    with pytest.raises(FreqoptError, match=said):
        freqopt.run("token_quadratic", "sgd", steps=2, record=[str(path)], backend="numpy")


def test_a_folder_called_like_an_address_of_sqlite_is_a_folder(here, capsys, monkeypatch):
    name = "file:r?mode=memory"
    assert run(["simulate", "small", "--jobs", "1", "--results", name]) == 0
    assert capsys.readouterr().err == ""
    assert (here / name / "claims.sqlite").is_file()
    monkeypatch.setenv("COLUMNS", "0")
    assert run(["results", "list", name]) == 0
    assert "small" in capsys.readouterr().out


def test_functions_refuse_an_empty_path_too(here):
    small = Study.read("simulations/small.toml")
    for call in (lambda: simulate(small, results=""), lambda: Study.read("")):
        with pytest.raises(ValueError, match="give its path"):
            call()


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")
@pytest.mark.parametrize(
    "command",
    ["--help", "list", "simulate small --quick --jobs 1"],
)
def test_an_output_that_is_closed_early_ends_the_command_quietly(command, here):
    program = f"{sys.executable} -m freqopt {command}"
    done = subprocess.run(
        ["sh", "-c", f"{{ {program}; echo $? >&2; }} | true"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stderr.split("\n") in (["141", ""], ["0", ""])  # 0 where true was the slower one


def test_of_an_output_that_is_closed_nothing_is_kept_for_the_end(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        with pytest.raises(BrokenPipeError):
            say("a line")
        closed.flush()  # Python does at its end, and would complain


@pytest.mark.parametrize("words", [("list", "--json"), ("--help",)])
def test_an_output_that_cannot_be_written_is_one_sentence(here, words):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-m", "freqopt", *words],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert (
        done.stderr
        == "freqopt: standard output cannot be written (No space left on device); make room\n"
    )


def test_a_refusal_of_the_system_is_one_sentence(tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device", "inputs/1.json")

    monkeypatch.setattr(Path, "write_bytes", full)
    command = ["vectors", "write", str(tmp_path / "v"), "--rule", "sgd", "--set", "lr=0.1"]
    assert "refuses at inputs/1.json: No space left on device; make room" in answered(
        command, capsys
    )


INTERRUPTED = """
import sys
import freqopt.cli as cli

def app(*given, **options):
    exec("import os; os.kill(os.getpid(), int(sys.argv[1]))\\nwhile True: pass")

cli.app = app
cli.main([])
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_exit_code_is_the_signals_wherever_it_comes(number, tmp_path):
    """Code in a string, of which Numba has much, made Python exit as if by SIGINT."""
    (tmp_path / "interrupted.py").write_text(INTERRUPTED)
    done = subprocess.run(
        [sys.executable, "-m", "interrupted", str(int(number))], cwd=tmp_path, timeout=60,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (128 + number, f"freqopt: ended by {number.name}\n")


def test_fields_of_all_rules_and_problems():
    """Whatever a field is given, it is taken, or refused in a sentence."""
    values = (VAST, 10**100, math.nan, math.inf, -1, True, [])
    quadratic, sgd, refused = problem("token_quadratic"), rule("sgd"), 0
    for name, kind in [*rules.items(), *problems.items()]:
        for field, value in itertools.product(kind.model_json_schema()["properties"], values):
            try:
                if name in rules:
                    made = rule(name, **{field: value})
                    Simulation.check(quadratic, made, steps=1, batch=1)
                else:
                    Simulation.check(problem(name, **{field: value}), sgd, steps=1, batch=1)
            except (FreqoptError, MemoryError):
                refused += 1
    assert refused > 500


def test_list_goes_on_whatever_lies_there(here, capsys):
    os.mkfifo("simulations/pipe.toml")
    os.mkfifo("figures/pipe.py")
    Path("simulations/folder.toml").mkdir()
    Path("figures/folder.py").mkdir()
    Path("figures/null.py").write_bytes(b"\0")
    Path("figures/deep.py").write_text("(" * 100_000)
    assert run(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert "no regular file" in listed["studies"]["pipe"]
    assert listed["studies"]["small"] == "small"
    assert all("cannot be read" in listed["figures"][k] for k in ("pipe", "folder", "null", "deep"))


def test_a_name_of_thousands_of_characters_does_not_fill_a_terminal(capsys):
    warn("freqopt: " + "x" * 5000 + " is no file\nand another line")
    said = capsys.readouterr().err
    assert len(said) < 2100
    assert said.endswith("x is no file\nand another line\n")
    assert "x ... 3020 characters more ... x" in said


def test_data_give_a_terminal_no_orders(capsys):
    bad = "a\x1b]0;t\x07\x9b2J\r\u202eb"
    say(bad)
    warn(bad)
    table("t", ("h",), [(bad,)])
    said = capsys.readouterr()
    assert said.out.count("a\\x1b]0;t\\x07\\x9b2J\\x0d\\u202eb") == 2
    assert not set("\x1b\x07\x9b\r\u202e") & set(said.out + said.err)


@pytest.mark.parametrize("variable", ["NUMBA_NUM_THREADS", "NUMBA_OPT"])
def test_a_variable_that_numba_cannot_read_is_one_sentence(variable):
    code = "from freqopt.backends.numba import step"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, variable: "junk"}, timeout=60,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "UserWarning" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert f"BackendError: Numba does not load: Environment variable '{variable}'" in last
    assert "unset the NUMBA_ variables" in last


def test_vectors_look_at_their_folder_first(tmp_path, monkeypatch, capsys):
    selection = importlib.import_module("freqopt.crosscheck.cases.selection")
    monkeypatch.setattr(selection, "chosen_cases", None)
    (tmp_path / "file").write_text("")
    for folder, why in (("file", "exists and is not an empty"), ("file/under", "cannot be made")):
        assert why in answered(["vectors", "write", str(tmp_path / folder)], capsys)


def test_too_many_checkpoints_are_not_too_few():
    with pytest.raises(FreqoptError, match=r"give fewer than 2\^31"):
        as_checkpoints(10**12)


@pytest.mark.parametrize("given", ["1.5", "two", "0x10", "1e3"])
def test_whole_numbers_of_the_command_line(given, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("f.toml").write_text(SMALL)
    for command in (
        ["simulate", "f.toml", "--jobs"],
        ["verify", "--seed"],
        ["reproduce", "--jobs"],
    ):
        assert "expected a whole number" in answered([*command, given], capsys)


def test_a_signal_that_a_compiler_wraps_in_its_own_error(monkeypatch, capsys):
    def wrapping(*_, **__):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt as ended:
            raise TypeError("cannot compile") from ended

    monkeypatch.setattr("freqopt.cli.app", wrapping)
    with heard():
        assert run(["list"]) == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "freqopt: ended by SIGTERM\n"
