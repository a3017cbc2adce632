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
from freqopt.optimizers import Rule, lion, rules

RULES = list(rules)
LAWS = Rule.model_fields["lr_decay_law"].annotation.__args__  # type: ignore[union-attr]
FLAGS = ("-Wall", "-Wextra", "-Werror", "-ffp-contract=off")
COMPILERS = [
    pytest.param(name, marks=pytest.mark.skipif(not shutil.which(name), reason=f"needs {name}"))
    for name in ("gcc", "clang")
]


def compiled(folder: Path, compiler: str, real: str = "float", level: str = "-O0") -> Path:
    """The driver of an exported rule; a warning is an error. -O0 takes a fifth of the time."""
    source = next(folder.glob("driver.*"))
    language = ("-x", "c++") if source.suffix == ".cu" else ("-std=c99",)
    command = [
        compiler,
        *language,
        *FLAGS,
        level,
        f"-DREAL={real}",
        "-o",
        "driver",
        source.name,
        "-lm",
    ]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "driver"


def gives_the_golden_answers(folder: Path, driver: Path) -> bool:
    asked = (folder / "golden.in").read_bytes()
    return (
        subprocess.run([driver], input=asked, capture_output=True, check=True).stdout
        == (folder / "golden.out").read_bytes()
    )


@pytest.mark.parametrize("rule", RULES)
def test_c_gives_the_golden_answers(rule: str, tmp_path: Path) -> None:
    export(rule, "c", tmp_path)
    assert gives_the_golden_answers(tmp_path, compiled(tmp_path, "cc"))


DIALECTS = [(name, dialect) for name in RULES for dialect in rules[name].dialects]


@pytest.mark.slow
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(("rule", "dialect"), DIALECTS)
def test_every_dialect_in_c(rule: str, dialect: str, compiler: str, tmp_path: Path) -> None:
    export(rule, "c", tmp_path, dialect=dialect)
    assert gives_the_golden_answers(tmp_path, compiled(tmp_path, compiler, level="-O2"))


@pytest.mark.parametrize("law", LAWS)
def test_every_law_of_the_rate(law: str, tmp_path: Path) -> None:
    options = {"lr_decay": 0.125, "lr_decay_law": law}
    export("sgd", "c", tmp_path / "c", options=options)
    assert gives_the_golden_answers(tmp_path / "c", compiled(tmp_path / "c", "cc"))
    assert python_matches("sgd", tmp_path / "python", options)


MEMORIES = [  # every aggregation, policy, insertion and switch of the fixed-memory rules
    ("sgd_c", {"aggregation": "mid", "policy": "bottom", "max_age": 4, "weight_decay": 0.25}),
    ("sgd_c", {"aggregation": "mean", "insertion": "buffer_only", "acceptance_test": False}),
    ("sgd_c", {"aggregation": "sum", "insertion": "buffer_only", "policy": "random"}),
    ("sgdm_c", {"aggregation": "min", "kappa": 0.5, "threshold": "minimum", "insertion": "before"}),
    ("sgdm_c", {"aggregation": "median", "kappa": 0.5, "kappa_in_place": False, "max_age": 4}),
    ("rmsprop_c", {"aggregation": "max", "policy": "fifo", "kappa": 0.5, "kappa_role": "factor"}),
    ("rmsprop_c", {"aggregation": "min-mean", "priority_decay": 1.0}),
    ("adam_c", {"aggregation": "max-mean", "policy": "random", "acceptance_test": False}),
    ("adam_c", {"aggregation": "median-mean", "kappa": 2.0, "kappa_role": "factor"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "options"), MEMORIES)
def test_every_memory(rule: str, options: dict[str, object], tmp_path: Path) -> None:
    options = {"capacity": 3, **options}
    for real, dtype in (("float", "float32"), ("double", "float64")):
        folder = tmp_path / real
        export(rule, "c", folder, options=options)
        with Program([str(compiled(folder, "cc", real))]) as program:
            assert judge(answers(program), chosen_cases(rule, [dtype], options), 0.0).matches
    assert python_matches(rule, tmp_path / "python", options)


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("sgd_c", {"capacity": 3, "aggregation": "median", "policy": "random", "max_age": 4}),
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
    with Program([str(compiled(tmp_path, "cc", real, "-O2"))]) as program:
        report = judge(answers(program), chosen_cases(rule, [dtype], options), 0.0)
    assert report.matches
    assert len(report.having("PASS")) == 5


@pytest.mark.slow
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(("dtype", "real"), [("float32", "float"), ("float64", "double")])
@pytest.mark.parametrize("rule", RULES)
def test_all_that_a_driver_accepts_has_the_bits(
    rule: str, dtype: str, real: str, compiler: str, tmp_path: Path
) -> None:
    """The command itself, asked for no options: whatever is accepted is judged."""
    export(rule, "c", tmp_path)
    driver = compiled(tmp_path, compiler, real, "-O2")
    judged = ["crosscheck", "--exec", str(driver), "--rule", rule, "--dtype", dtype]
    assert run([*judged, "--ulps", "0"]) == 0


def test_occurrences_that_are_not_finite_are_skipped(tmp_path: Path) -> None:
    export("sgd", "c", tmp_path)
    with Program([str(compiled(tmp_path, "cc"))]) as program:
        skip = rules["sgd"](lr=0.0625, nonfinite="skip")
        case = Case("skip", skip, nonfinite("float32"))
        assert judge(answers(program), [case], 0.0).matches


@pytest.mark.parametrize("rule", ["adam", "cf_sgd", "ftrl", "sgdm_c"])
def test_the_text_for_cuda_gives_the_golden_answers_on_the_processor(
    rule: str, tmp_path: Path
) -> None:
    export(rule, "cuda", tmp_path)
    assert gives_the_golden_answers(tmp_path, compiled(tmp_path, "c++"))
    assert f"__global__ void {rule}_rows(" in (tmp_path / "rule.cuh").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_nvrtc_compiles_the_text_for_cuda(rule: str, tmp_path: Path) -> None:
    """As a stranger's CuPy does, without a folder of headers; this needs no GPU."""
    nvrtc = pytest.importorskip("cupy", reason="NVRTC comes with the extra 'cuda13'").cuda.nvrtc
    export(rule, "cuda", tmp_path)
    headers = {path.name.encode(): path.read_bytes() for path in tmp_path.glob("*.*h")}
    text = "".join(f'#include "{n}"\n' for n in ("rule.cuh", "memory.h") if n.encode() in headers)
    program = nvrtc.createProgram(text, "rows.cu", tuple(headers.values()), tuple(headers))
    nvrtc.compileProgram(program, ("--fmad=false", "--gpu-architecture=sm_80", "-DREAL=float"))
    assembly = nvrtc.getPTX(program)
    nvrtc.destroyProgram(program)
    assert f".entry {rule}_rows".encode() in assembly
    assert b"fma.rn" not in assembly


def python_matches(rule: str, folder: Path, options: dict[str, object]) -> bool:
    """Whether the Python text has the reference's bits."""
    export(rule, "python", folder, options=options)
    own = own_implementation(folder / f"{rule}_row.py")
    cases = chosen_cases(rule, ["float32"], options)
    on = [case for case in cases if case.exercise.name in ("main", "level")]
    return judge(answers(own.implementation), on, 0.0).matches


@pytest.mark.parametrize("rule", RULES)
def test_python_has_the_bits(rule: str, tmp_path: Path) -> None:
    assert python_matches(rule, tmp_path, {"lr": 0.0625})


@pytest.mark.parametrize(
    ("rule", "file", "there", "wrong"),
    [
        ("adam", "rule.h", "* x[j]", "* g[j]"),
        ("sgd_c", "memory.h", "items[(at - 1) / 2].priority; at", "items[0].priority; at"),
        ("sgd", "rule.h", "(t - 1)", "t"),
    ],
)
def test_a_wrong_text_shows(rule: str, file: str, there: str, wrong: str, tmp_path: Path) -> None:
    export(rule, "c", tmp_path, options={"lr_decay": 0.125})
    text = (tmp_path / file).read_text()
    assert there in text
    (tmp_path / file).write_text(text.replace(there, wrong, 1))
    assert not gives_the_golden_answers(tmp_path, compiled(tmp_path, "cc"))


def test_the_text_has_the_rules_names_and_equation_numbers(tmp_path: Path) -> None:
    export("adam", "c", tmp_path)
    text = (tmp_path / "rule.h").read_text()
    for part in ("h->beta1", "/* (1) */", "/* (2) */", "/* (6) */", "m[j] =", "v[j] ="):
        assert part in text


def test_what_a_file_of_ones_own_is_exported_to_finds_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines of README.txt, in its folder, wherever the command was run."""
    (tmp_path / "mine.py").write_bytes(Path(lion.__file__).read_bytes())
    monkeypatch.chdir(tmp_path)
    for language in ("c", "python"):
        export("mine.py", language, tmp_path / language)
        monkeypatch.chdir(tmp_path / language)
        text = (tmp_path / language / "README.txt").read_text()
        (judged,) = (line for line in text.splitlines() if line.startswith("freqopt crosscheck"))
        if language == "c":
            compiled(tmp_path / "c", "cc")
        assert run(judged.split()[1:]) == 0
        monkeypatch.chdir(tmp_path)


def test_what_cannot_be_exported_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="no dialect 'nope'"):
        export("adam", "c", tmp_path / "a", dialect="nope")
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckError, match="not empty"):
        export("adam", "c", tmp_path)
    assert run(["export", "adam", "--as", "c", "--out", str(tmp_path / "b")]) == 0
