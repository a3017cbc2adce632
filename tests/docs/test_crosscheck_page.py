"""The programs of docs/crosscheck.md do what the page says."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from freqopt.cli import run
from freqopt.crosscheck.mutants import mutants
from freqopt.optimizers import rules

PAGE = (Path(__file__).parents[2] / "docs" / "crosscheck.md").read_text()
(C,) = re.findall(r"```c\n(.*?)```", PAGE, re.S)
MAKE, GROUP, ASSERT, CHILD, FILES = re.findall(r"```python\n(.*?)```", PAGE, re.S)
(COMPILE,) = re.findall(r"^(cc .*)$", PAGE, re.M)


def compiled(folder: Path, text: str = C) -> str:
    """The page's own command on a C text; the program."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    (folder / "kernel.c").write_text(text)
    subprocess.run([*shlex.split(COMPILE), "-Wall", "-Wextra", "-Werror"], cwd=folder, check=True)
    return shlex.quote(str(folder / "kernel"))


def judged(capsys, *arguments: str) -> tuple[int, str]:
    code = run(["crosscheck", *arguments])
    return code, capsys.readouterr().out


def test_the_python_file_matches(tmp_path, capsys):
    path = tmp_path / "my_adagrad.py"
    path.write_text(MAKE + GROUP)
    code, out = judged(capsys, str(path))
    assert code == 0, out
    assert out.count("PASS") >= 16
    for group in ("several tables, options for each (b)", "one shared table"):
        assert re.search(rf"^PASS .*{re.escape(group)}", out, re.M), group


def test_the_test_of_the_page_passes():
    names: dict = {}
    exec(MAKE + ASSERT, names)
    names["test_my_adagrad"]()


def test_the_c_program_matches_bit_for_bit(tmp_path, capsys):
    kernel = compiled(tmp_path)
    code, out = judged(capsys, "--exec", kernel, "--rule", "rowwise_adagrad")
    assert code == 0, out
    assert out.count("PASS         0 ULP  float64") >= 8
    assert "  float32  " in out
    mine = ["--set", "lr=0.05", "--set", "epsilon=1e-6", "--dtype", "float64"]
    code, out = judged(capsys, "--exec", kernel, "--rule", "rowwise_adagrad", *mine)
    assert code == 0, out
    assert "cases match; the worst distance is 0 ULP" in out


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("squares / D", "squares", "statistic = sum_square, asked was mean_square"),
        ("+ j] += g;", "+ j] = g;", "duplicates = last, asked was sum"),
        ("(sqrt(*sum) + epsilon)", "sqrt(*sum + epsilon)", "epsilon_place = inside, asked was out"),
        ("w[j] -= lr", "w[j] += lr", "maximize = True, asked was False"),
        ("*sum += ", "*sum = ", "with the fault 's never stored'"),
        ("strtod(value, NULL)", "0.01", "with the fault 'lr left at 0.01'"),
        ("        update(", "        if (row < N - 1) update(", "'last row never written'"),
    ],
)
def test_a_wrong_c_program_is_diagnosed_by_name(right, wrong, named, tmp_path, capsys):
    assert right in C
    kernel = compiled(tmp_path, C.replace(right, wrong, 1))
    where = ["--rule", "rowwise_adagrad", "--dtype", "float64"]
    code, out = judged(capsys, "--exec", kernel, *where)
    assert code == 1
    assert named in out


def test_the_failure_on_the_page_is_what_is_printed(tmp_path, capsys):
    (shown,) = re.findall(r"```text\n(./wrong against.*?)```", PAGE, re.S)
    kernel = compiled(tmp_path, C.replace("squares / D", "squares"))
    where = ["--rule", "rowwise_adagrad", "--dtype", "float64", "--set", "lr=0.05"]
    code, out = judged(capsys, "--exec", kernel, *where)
    assert code == 1
    printed = iter(out.replace(kernel, "./wrong").splitlines())
    missing = [
        line for line in shown.splitlines() if line not in ("...", "") and line not in printed
    ]
    assert not missing, "the page shows lines that are not printed, or in another order"


def test_the_python_program_matches(tmp_path, capsys):
    path = tmp_path / "sgd.py"
    path.write_text(CHILD)
    command = shlex.join([sys.executable, str(path)])
    code, out = judged(capsys, "--exec", command, "--rule", "sgd", "--dtype", "float64")
    assert code == 0, out
    assert "cases match; the worst distance is 0 ULP" in out


def test_the_program_for_files_matches(tmp_path, capsys):
    path, folder = tmp_path / "sgd.py", tmp_path / "vectors"
    path.write_text(FILES)
    written = ["vectors", "write", str(folder), "--rule", "sgd", "--dtype", "float64"]
    assert run(written) == 0
    subprocess.run([sys.executable, path, folder], check=True)
    assert run(["vectors", "check", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "cases match; the worst distance is 0 ULP" in out
    assert "only lr can be set" in out


def test_the_page_counts_the_planted_mistakes():
    said = re.search(r"smallest of (\d+) to (\d+) planted mistakes a rule", PAGE)
    assert said is not None
    counts = [len(mutants(rule)) for rule in rules]
    assert [min(counts), max(counts)] == [int(number) for number in said.groups()]
