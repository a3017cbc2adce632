"""Every block of the tutorial runs, in its order, in one empty folder, and its notebook does."""

from __future__ import annotations

import os
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from freqopt.cli import run

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.S | re.M)
SAID = {
    "advise counts.tsv --out report": "FA-SGD",
    "explain Counts": "How often each token occurs",
    "simulate mine.toml --dry-run": "32 runs, 0 stored, 32 to compute",
    "figures gaps.py": "gaps.svg",
    "crosscheck mine_adagrad.py --dtype float64": "duplicates = sequential",
    "verify coins.py": "REFUTED",
}
"""What the page says that a command answers, at its first time."""


@pytest.mark.slow
def test_the_tutorial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said, commands, page = dict(SAID), 0, PAGE.read_text(encoding="utf-8")
    for kind, title, text in BLOCK.findall(page):
        if title:
            (tmp_path / title).write_text(text, encoding="utf-8")
        elif kind == "python":
            exec(compile(text, f"tutorial: {text[:40]!r}", "exec"), {})
        elif kind == "bash":
            for line in text.splitlines():
                command, _, code = line.partition("  # exit code ")
                given = command.removeprefix("freqopt ")
                answered = run(given.split())
                out = capsys.readouterr()
                assert answered == int(code or 0), f"{command}\n{out.out[-3000:]}{out.err}"
                assert said.pop(given, "") in out.out, f"{command}\n{out.out}"
                commands += 1
    (compare,) = (text for _, _, text in BLOCK.findall(page) if "NumbaBackend(" in text)
    rule = (tmp_path / "sign.py").read_text()
    (tmp_path / "sign.py").write_text(rule.replace("return w - lr * np", "return w - 2 * lr * np"))
    with pytest.raises(AssertionError):  # it is a comparison: another kernel gives other numbers
        exec(compare, {})
    assert commands == 14
    assert not said
    for made in ("report", "figures_out/gaps.csv", "all.csv"):
        assert (tmp_path / made).exists(), made


@pytest.mark.slow
def test_the_tutorial_as_a_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = "the notebook needs the docs extra; nox -s docs"
    nbformat = pytest.importorskip("nbformat", reason=needs)
    nbclient = pytest.importorskip("nbclient", reason=needs)
    pytest.importorskip("ipykernel", reason=needs)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    made = runpy.run_path(str(PAGE.with_name("notebook.py")))
    text = made["notebook"](PAGE.read_text(encoding="utf-8"))
    assert text == made["notebook"](PAGE.read_text(encoding="utf-8"))  # a page, a notebook
    book = nbformat.reads(text, as_version=4)
    nbformat.validate(book)
    kernel = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(book, timeout=600, resources=kernel).execute()
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    for command, words in SAID.items():
        asked = [_answer(cell) for cell in cells if f"freqopt {command}" in cell.source]
        assert words in "".join(asked), command


def _answer(cell: Any) -> str:
    return "".join(out.get("text", "") for out in cell.outputs)
