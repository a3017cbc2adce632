"""`freqopt crosscheck cupy` judges the kernels like anybody's optimizer, and names a mistake."""

from __future__ import annotations

import pytest

from freqopt.cli import run
from freqopt.crosscheck.judge import answers, judge
from freqopt.crosscheck.targets import Wish, find_targets

from .twins import needs_compiler

pytestmark = needs_compiler

# Rule, its options, where the mistake is in the CUDA source, and what it means.
MISTAKES = {
    "epsilon inside the root": (
        "adagrad", {"lr": 0.05, "epsilon": 0.1},
        ("kernel", r"\(sqrt\((\w+)\) \+ (\w+)\)", r"sqrt(\1 + \2)"),
        "epsilon_place = inside,",
    ),
    "the last occurrence only": (
        "sgd", {"lr": 0.05, "momentum": 0.9},
        ("source/step.cuh", "total.x[v] + p.x[v] : p.x[v]", "p.x[v] : p.x[v]"),
        "duplicates = last,",
    ),
    "a sum, not a mean": (
        "rowwise_adagrad", {"lr": 0.05},
        ("kernel", r"\(total / real\(visit\.width\)\)", "total"),
        "statistic = sum_square, asked was mean_square",
    ),
    "decay of touched rows only": (
        "adamw", {"lr": 0.05, "weight_decay": 0.1},
        ("source/update.cuh", "p.x[v] *= shrink;", "p.x[v] *= 1;"),
        "weight_decay = 0",
    ),
    "the rate of the first batch": (
        "sgd", {"lr": 0.05, "lr_decay": 0.5},
        ("source/rule.cuh", "x = (t - 1) * d", "x = 0"),
        "lr_decay",
    ),
    "the last row never written": (
        "sgd", {"lr": 0.05},
        ("source/step.cuh", "u = IS(rows, all) ? entry_of[k] : k;",
         "u = IS(rows, all) ? entry_of[k] : k; if (i == size - 1) continue;"),
        "last row never written",
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def on_the_twin(monkeypatch):
    """The twin in the place of the GPU."""
    monkeypatch.setenv("FREQOPT_CUDA_TWIN", "1")


def report(rule, options):
    """The judgement on one rule with some options."""
    (target,) = find_targets("cupy", Wish(rule, ["float64"], options))
    return judge(answers(target.implementation), target.on, target.ulps)


def test_the_command_judges_the_twin(capsys):
    assert run(["crosscheck", "cupy", "--rule", "adagrad", "--set", "lr=0.05"]) == 0
    said = capsys.readouterr().out
    assert "cupy against rule adagrad" in said
    assert "10 of 10 cases match; the worst distance is 0 ULP" in said


def test_the_command_judges_the_gpu(cupy, capsys):  # the fixture undoes what names the twin
    wanted = ["--rule", "catchup_adam", "--set", "lr=0.05", "--dtype", "float32"]
    assert run(["crosscheck", "cupy", *wanted]) == 0
    assert "5 of 5 cases match; the worst distance is 0 ULP" in capsys.readouterr().out
    assert cupy.launches


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(mistake, planted):
    rule, options, place, named = MISTAKES[mistake]
    planted(*place)
    found = report(rule, options)
    assert not found.matches
    assert named in str(found.fingerprint), str(found.fingerprint)


def test_a_kernel_that_cannot_be_compiled_is_an_error_of_its_cases(planted, capsys):
    planted("kernel", r"sqrt\(v", "no_such_function(v")
    wanted = ["--rule", "adagrad", "--set", "lr=0.05", "--dtype", "float64"]
    assert run(["crosscheck", "cupy", *wanted]) == 1
    said = capsys.readouterr().out
    assert "refuses the kernel source" in said
    assert "no_such_function" in said
