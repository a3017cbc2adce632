"""`freqopt advise`."""

import json

import numpy as np
import pytest

from freqopt.cli import run


@pytest.fixture
def counts(tmp_path):
    file = tmp_path / "counts.tsv"
    numbers = np.floor(3e4 / np.arange(1, 401.0) ** 1.1).astype(int)
    file.write_text("".join(f"word{k}\t{n}\n" for k, n in enumerate(numbers)))
    return str(file)


def test_the_answer_comes_first(counts, capsys):
    assert run(["advise", counts, "--horizon", "20000"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Use a frequency-aware rate: tuned SGD leaves ")
    for word in ("Law: L1", "nu = 1.1", "Rate to start from", "R/gamma", "beta2", "would change"):
        assert word in out.replace("\n", " "), word


def test_json_has_what_the_page_has(counts, tmp_path, capsys):
    out = tmp_path / "out"
    assert (
        run(["advise", counts, "--epochs", "5", "--noise", "4", "--json", "--out", str(out)]) == 0
    )
    answer = json.loads(capsys.readouterr().out)
    assert answer["tokens"] == 400
    assert answer["setting"] == {"samples": answer["occurrences"], "passes": 5, "noise": 4}
    page = (out / "advice.md").read_text()
    for rule in answer["rules"]:
        assert f"| {rule['rule']} | {rule['gap']:.4g} |" in page
    assert {file.name for file in out.iterdir()} == {
        f"advice.{s}" for s in ("md", "csv", "svg", "pdf")
    }
    assert sorted(answer["written"]) == sorted(str(file) for file in out.iterdir())


def test_the_horizon_is_shared_by_the_passes(counts, capsys):
    run(["advise", counts, "--horizon", "1000", "--epochs", "4", "--json"])
    assert json.loads(capsys.readouterr().out)["setting"]["samples"] == 250


@pytest.mark.parametrize(
    "options",
    [
        ["--epochs", "0"], ["--epochs", "nan"], ["--horizon", "9", "--epochs", "0"],
        ["--noise", "nan"], ["--noise", "-1"], ["--horizon", "0"], ["--horizon", "inf"],
        ["--format", "nonsense"], ["--column", "9"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_mistake_is_one_sentence(counts, capsys, options):
    assert run(["advise", counts, *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("freqopt: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err


def test_a_place_that_cannot_be_written(counts, tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    assert run(["advise", counts, "--out", str(tmp_path / "taken")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
