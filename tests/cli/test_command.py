"""The command: what it prints, where it looks, what it exits with."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import freqopt
from freqopt.cli import run
from freqopt.optimizers import rules
from freqopt.problems import problems
from freqopt.report.nested import nested_types
from tests.experiment.conftest import SMALL


def command(*arguments, cwd, **environment):
    """The real thing, as a stranger starts it."""
    script = Path(sys.executable).with_name("freqopt")
    return subprocess.run(
        [script, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


def test_help_lists_the_commands(tmp_path):
    done = command("--help", cwd=tmp_path)
    assert done.returncode == 0
    for name in ("simulate", "figures", "reproduce", "verify", "list", "explain", "schema"):
        assert name in done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["simulate", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    """What makes it quick; its time itself depends on the machine and on who else is there."""
    code = (
        "import sys; from freqopt.cli import run; "
        f"assert run({arguments!r}) == 0; print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = {name.partition(".")[0] for name in done.stderr.split()}
    assert "numpy" in modules
    heavy = {"matplotlib", "pyarrow", "joblib", "pandas", "numba", "scipy", "sympy"}
    assert not modules & heavy


def test_simulate_by_name_quick_then_full(here, capsys):
    assert run(["simulate", "small", "--quick", "--jobs", "1"]) == 0
    assert "small: 4 runs, 0 found, 4 computed" in capsys.readouterr().out
    assert run(["simulate", "simulations/small.toml", "--jobs", "1"]) == 0
    # The rule "counted" is the same in both: its runs 0 are found.
    assert "small: 12 runs, 2 found, 10 computed" in capsys.readouterr().out
    assert run(["simulate", "small", "--jobs", "1"]) == 0
    assert "12 found, 0 computed" in capsys.readouterr().out
    assert run(["results", "verify"]) == 0
    said = capsys.readouterr().out  # a run that took a second, on a busy machine, keeps its state
    assert re.fullmatch(r"14 runs in 2 files and \d+ states: all whole\n", said)


def test_a_numba_that_does_not_load_is_one_message(here):
    (here / "broken").mkdir()
    (here / "broken" / "numba.py").write_text("raise ImportError('this NumPy is too new')")
    path = os.pathsep.join([str(here / "broken"), os.environ.get("PYTHONPATH", "")])
    done = command("simulate", "small", "--quick", cwd=here, PYTHONPATH=path)
    printed = done.stdout + done.stderr
    assert done.returncode == 1
    assert printed.count("Numba does not load: this NumPy is too new. Install") == 1
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ({"NUMBA_NUM_THREADS": "0"}, "Number of threads specified must be > 0"),
        ({"NUMBA_DISABLE_JIT": "1"}, "NUMBA_DISABLE_JIT is set"),
    ],
)
def test_an_environment_in_which_numba_is_of_no_use_is_one_message(here, variable, message):
    done = command("simulate", "small", "--quick", "--jobs", "1", cwd=here, **variable)
    assert done.returncode == 1
    assert done.stderr.count(message) == 1
    assert "Traceback" not in done.stderr


def test_json_is_all_that_is_printed(here, capsys):
    assert run(["simulate", "small", "--quick", "--jobs", "1", "--json"]) == 0
    printed = capsys.readouterr()
    (report,) = json.loads(printed.out)
    assert (report["study"], report["runs"], report["computed"]) == ("small", 4, 4)
    assert printed.err == ""
    assert run(["list", "--json"]) == 0
    sections = json.loads(capsys.readouterr().out)
    assert set(sections["rules"]) == set(rules)
    assert sections["studies"] == {"small": "small"}
    assert sections["figures"] == {"curve": "A curve, for the tests."}
    assert run(["explain", "adagrad", "--json"]) == 0
    assert "optax.adagrad" in json.loads(capsys.readouterr().out)["dialects"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["simulate"], "name a study"),
        (["simulate", "smal"], "did you mean 'small'"),
        (["simulate", "absent.toml"], "neither a file nor the name of a study"),
        (["simulate", "small", "--results", "taken"], "results cannot be written to taken"),
        (["simulate", "small", "--backend", "numpi"], "did you mean 'numpy'"),
        (["simulate", "small", "--jobs", "0"], "jobs = 0"),
        (["simulate", "small", "--jobs", "two"], "two"),
        (["simulate", "small", "--executor", "slurm"], "slurm"),
        (["simulate", "small", "--scheduler", "tcp://x:1"], "add --executor dask, or leave --sch"),
        (["simulat", "small"], "simulate"),
        (["simulate", "small", "--quik"], "--quick"),
        (["figures", "curve"], "simulate it first"),
        (["figures", "nothing.py"], "neither a file nor the name of a figure"),
        (["figures", "curve", "--reuse-data"], "draw it once without --reuse-data"),
        (["explain", "adagard"], "did you mean 'adagrad'"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_2(here, capsys, arguments, message):
    (here / "taken").write_text("a file, not a folder")
    assert run(arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""


def test_mistakes_through_the_real_command(here):
    (here / "bad.toml").write_text(SMALL.replace("lr = [0.05, 0.2]", "lr = [-1.0]"))
    done = command("simulate", "bad.toml", cwd=here)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "bad.toml: rule sgd, batch = 1, rule.lr = -1.0: lr = -1.0: input" in done.stderr
    assert "lr = -1.0" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (here / "results").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def (", r"mine\.py cannot be imported: line 1: SyntaxError: .*; mend the file"),
        (
            "import no_such",
            r"mine\.py cannot be imported: line 1, `import no_such`: ModuleNot",
        ),
        ("\n1 / 0", r"mine\.py cannot be imported: line 2, `1 / 0`: ZeroDivisionError: division"),
        ("raise SystemExit(3)", r"mine\.py cannot be imported: line 1, .*SystemExit: 3"),
        ("x = 1", "mine.py defines 0 subclasses of"),
        (None, "mine.py does not exist; check the path"),
    ],
)
@pytest.mark.parametrize(
    ("old", "noun"),
    [('name = "sgd"\n', "rule"), ('name = "token_quadratic"\n', "problem"), ('["obj', "metric")],
)
def test_a_mistake_in_a_file_of_ones_own(here, capsys, old, noun, text, message):
    named = '["mine.py", "obj' if noun == "metric" else 'name = "mine.py"\n'
    study = here / "simulations" / "small.toml"
    study.write_text(SMALL.replace(old, named).replace("[quick.rules.sgd", "[quick.rules.mine"))
    if text is not None:
        (here / "simulations" / "mine.py").write_text(text)
    assert run(["simulate", "small", "--jobs", "1"]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert noun in error
    assert "Traceback" not in error
    assert not (here / "results").exists()


def test_a_mistake_in_a_problem_of_ones_own_is_found_before_the_start(here, capsys):
    (here / "simulations" / "mine.py").write_text(
        "from freqopt.problems.token_quadratic import TokenQuadratic\n\n\n"
        "class Mine(TokenQuadratic):\n    @property\n    def constants(self):\n"
        "        return 1 / 0\n"
    )
    study = here / "simulations" / "small.toml"
    study.write_text(SMALL.replace("token_quadratic", "mine.py"))
    assert run(["simulate", "small"]) == 2
    error = capsys.readouterr().err
    assert re.search(r"small.toml: rule sgd.*/mine.py, line 7, `return 1 / 0`: ZeroDiv", error)
    assert "Traceback" not in error
    assert not (here / "results").exists()


def test_a_failed_run_is_exit_code_1_and_said_once(here, capsys):
    (here / "simulations" / "broken.py").write_text(
        "from freqopt.optimizers.sgd import SGD\n\n\nclass Broken(SGD):\n"
        "    def update(self, w, g, s):\n        raise RuntimeError('broken rule')\n"
    )
    text = SMALL.replace('name = "sgd"', 'name = "broken.py"').replace("rules.sgd", "rules.broken")
    (here / "simulations" / "small.toml").write_text(text)
    assert run(["simulate", "small", "--jobs", "1"]) == 1
    error = capsys.readouterr().err
    assert re.search(r"/broken.py, line 6, `raise Run.*`: RuntimeError: broken rule; mend", error)
    assert "Traceback" not in error
    assert "and 7 more runs" in error


def test_explain_shows_every_field_and_dialect(capsys):
    assert run(["explain", "cf_sgd"]) == 0
    shown = capsys.readouterr().out
    for name in rules["cf_sgd"].model_fields:
        assert f" {name} " in shown
    assert "fbgemm.COUNTER_SGD" in shown
    assert "horizon | anytime" in shown
    assert "theta_k <- theta_k - eta_k g_k" in shown


@pytest.mark.parametrize("name", sorted([*rules, *problems]))
def test_everything_can_be_explained(name, capsys):
    assert run(["explain", name]) == 0
    assert name in capsys.readouterr().out


def test_schema_knows_every_rule_problem_and_key(capsys):
    assert run(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert set(schema["properties"]) == set(freqopt.Study.model_fields)
    assert {f"rule {name}" for name in rules} | {f"problem {name}" for name in problems} <= set(
        schema["$defs"]
    )
    assert "lr" in schema["$defs"]["rule adam"]["properties"]


def test_the_working_directory_comes_before_the_librarys_copy(here, capsys):
    (here / "simulations" / "surfaces.toml").write_text(SMALL)
    command = ["simulate", "surfaces", "--quick", "--dry-run", "--jobs", "1"]
    assert run(command) == 0
    assert "surfaces: 4 runs" in capsys.readouterr().out
    (here / "simulations" / "surfaces.toml").unlink()
    assert run(command) == 0
    assert "surfaces: 48 runs" in capsys.readouterr().out  # the one of the checkout


def test_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == freqopt.__version__


@pytest.mark.parametrize("name", sorted(nested_types()))
def test_every_type_inside_another_can_be_explained(name, capsys):
    kind, users = nested_types()[name]
    assert run(["explain", name]) == 0
    shown = capsys.readouterr().out
    assert users[0] in shown
    assert all(f" {field} " in shown for field in kind.model_fields)


def test_every_field_says_what_it_means():
    kinds = [*rules.values(), *problems.values(), *(kind for kind, _ in nested_types().values())]
    bare = [
        f"{k.__name__}.{n}" for k in kinds for n, f in k.model_fields.items() if not f.description
    ]
    assert not bare


def test_a_dry_run_counts_and_stores_nothing(here, capsys):
    path = here / "small.toml"
    path.write_text(SMALL)
    assert run(["simulate", "small.toml", "--dry-run", "--jobs", "1", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["runs"], told["stored"], told["steps"]) == (12, 0, 12 * 40)
    assert not (here / "results").exists()
    assert run(["simulate", "small.toml", "--jobs", "1", "--quick"]) == 0
    capsys.readouterr()
    assert run(["simulate", "small.toml", "--dry-run", "--jobs", "1", "--quick"]) == 0
    assert "4 runs, 4 stored, 0 to compute\n" in capsys.readouterr().out


def test_quick_without_a_table_of_quick_values_is_said(here, capsys):
    (here / "small.toml").write_text(SMALL.partition("[quick]")[0])
    for more in ([], ["--dry-run"]):
        assert run(["simulate", "small.toml", "--jobs", "1", "--quick", *more]) == 0
        assert "small: it has no [quick] table" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "sgd"', 'name = "sgd"\nlr = 1.0', "sgd has lr in its options and in its grid"),
        ("batch = [1, 3]", "rule.lr = [1.0]", "lr in its grid and in the study's grid or cases"),
    ],
)
def test_an_option_given_in_two_places_is_refused(old, new, said, here, capsys):
    (here / "small.toml").write_text(SMALL.replace(old, new, 1))
    assert run(["simulate", "small.toml"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_commands(shell, capsys):
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "simulate" in script
    assert "dry-run" in script
