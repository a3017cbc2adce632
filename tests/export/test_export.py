"""Exported rules compile, and give the reference's bits."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from freqopt.cli import run
from freqopt.crosscheck.cases.dialects import Case
from freqopt.crosscheck.cases.exercises import nonfinite
from freqopt.crosscheck.cases.selection import chosen_cases
from freqopt.crosscheck.exchange.process import Program
from freqopt.crosscheck.exchange.python_file import own_implementation
from freqopt.crosscheck.judge import answers, judge
from freqopt.errors import CheckError
from freqopt.export import export
from freqopt.optimizers import rules
from freqopt.optimizers._critical import FixedMemory

ROWS = [name for name in rules if not issubclass(rules[name], FixedMemory)]
FLAGS = ("-Wall", "-Wextra", "-Werror", "-O2", "-ffp-contract=off")
COMPILERS = [
    pytest.param(name, marks=pytest.mark.skipif(not shutil.which(name), reason=f"needs {name}"))
    for name in ("gcc", "clang")
]


def compiled(folder: Path, compiler: str, real: str = "float") -> Path:
    """The driver of an exported rule; a warning is an error."""
    source = next(folder.glob("driver.*"))
    language = ("-x", "c++") if source.suffix == ".cu" else ("-std=c99",)
    command = [compiler, *language, *FLAGS, f"-DREAL={real}", "-o", "driver", source.name, "-lm"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "driver"


def gives_the_golden_answers(folder: Path, driver: Path) -> bool:
    asked = (folder / "golden.in").read_bytes()
    return (
        subprocess.run([driver], input=asked, capture_output=True, check=True).stdout
        == (folder / "golden.out").read_bytes()
    )


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("rule", ROWS)
def test_c_gives_the_golden_answers(rule: str, compiler: str, tmp_path: Path) -> None:
    export(rule, "c", tmp_path)
    assert gives_the_golden_answers(tmp_path, compiled(tmp_path, compiler))


DIALECTS = [(name, dialect) for name in ROWS for dialect in rules[name].dialects]


@pytest.mark.slow
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(("rule", "dialect"), DIALECTS)
def test_every_dialect_in_c(rule: str, dialect: str, compiler: str, tmp_path: Path) -> None:
    export(rule, "c", tmp_path, dialect=dialect)
    assert gives_the_golden_answers(tmp_path, compiled(tmp_path, compiler))


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("adam", {"epsilon_place": "inside", "weight_decay": 0.125, "decay": "decoupled"}),
        ("rowwise_adagrad", {"duplicates": "sequential", "max_norm": 3.0}),
        ("ftrl", {"rows": "nonzero", "count_empty": False}),
    ],
)
@pytest.mark.parametrize(("dtype", "real"), [("float32", "float"), ("float64", "double")])
def test_the_cross_check_passes_without_tolerance(
    rule: str, options: dict[str, object], dtype: str, real: str, tmp_path: Path
) -> None:
    export(rule, "c", tmp_path, options=options)
    with Program([str(compiled(tmp_path, "cc", real))]) as program:
        report = judge(answers(program), chosen_cases(rule, [dtype], options), 0.0)
    assert report.matches
    assert len(report.having("PASS")) == 5


@pytest.mark.slow
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(("dtype", "real"), [("float32", "float"), ("float64", "double")])
@pytest.mark.parametrize("rule", ROWS)
def test_all_that_a_driver_accepts_has_the_bits(
    rule: str, dtype: str, real: str, compiler: str, tmp_path: Path
) -> None:
    """The command itself, asked for no options: whatever is accepted is judged."""
    export(rule, "c", tmp_path)
    driver = compiled(tmp_path, compiler, real)
    judged = ["crosscheck", "--exec", str(driver), "--rule", rule, "--dtype", dtype]
    assert run([*judged, "--ulps", "0"]) == 0


def test_occurrences_that_are_not_finite_are_skipped(tmp_path: Path) -> None:
    export("sgd", "c", tmp_path)
    with Program([str(compiled(tmp_path, "cc"))]) as program:
        skip = rules["sgd"](lr=0.0625, nonfinite="skip")
        case = Case("skip", skip, nonfinite("float32"))
        assert judge(answers(program), [case], 0.0).matches


@pytest.mark.parametrize("rule", ["adam", "cf_sgd", "ftrl"])
def test_the_text_for_cuda_gives_the_golden_answers_on_the_processor(
    rule: str, tmp_path: Path
) -> None:
    export(rule, "cuda", tmp_path)
    assert gives_the_golden_answers(tmp_path, compiled(tmp_path, "c++"))
    assert f"__global__ void {rule}_rows(" in (tmp_path / "rule.cuh").read_text()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("nvcc"), reason="needs nvcc")
@pytest.mark.parametrize("rule", ROWS)
def test_cuda_compiles(rule: str, tmp_path: Path) -> None:
    export(rule, "cuda", tmp_path)
    (tmp_path / "rows.cu").write_text('#include "rule.cuh"\n')
    subprocess.run(
        ["nvcc", "--fmad=false", "-ptx", "rows.cu"], cwd=tmp_path, check=True, capture_output=True
    )


@pytest.mark.parametrize("rule", ROWS)
def test_python_has_the_bits(rule: str, tmp_path: Path) -> None:
    if rule == "catchup_adam":
        pytest.skip("its driver replays missed batches, which the Python driver does not")
    export(rule, "python", tmp_path)
    own = own_implementation(tmp_path / f"{rule}_row.py")
    rate = {"lr": 0.0625}
    on = [c for c in chosen_cases(rule, ["float32"], rate) if c.exercise.name in ("main", "level")]
    assert judge(answers(own.implementation), on, 0.0).matches


def test_a_wrong_text_shows(tmp_path: Path) -> None:
    export("adam", "c", tmp_path)
    header = tmp_path / "rule.h"
    text = header.read_text()
    assert "* x[j]" in text
    header.write_text(text.replace("* x[j]", "* g[j]", 1))
    assert not gives_the_golden_answers(tmp_path, compiled(tmp_path, "cc"))


def test_the_text_has_the_rules_names_and_equation_numbers(tmp_path: Path) -> None:
    export("adam", "c", tmp_path)
    text = (tmp_path / "rule.h").read_text()
    for part in ("h->beta1", "/* (1) */", "/* (2) */", "/* (6) */", "m[j] =", "v[j] ="):
        assert part in text


def test_what_cannot_be_exported_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="gradients of the whole table"):
        export("sgd_c", "c", tmp_path / "a")
    with pytest.raises(CheckError, match="no dialect 'nope'"):
        export("adam", "c", tmp_path / "a", dialect="nope")
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckError, match="not empty"):
        export("adam", "c", tmp_path)
    assert run(["export", "adam", "--as", "c", "--out", str(tmp_path / "b")]) == 0
