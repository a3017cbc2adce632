"""Every block of the tutorial runs, in its order, in one empty folder."""

from __future__ import annotations

import re
from pathlib import Path

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
    said, commands = dict(SAID), 0
    for kind, title, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
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
    assert commands == 14
    assert not said
    for made in ("report", "figures_out/gaps.csv", "all.csv"):
        assert (tmp_path / made).exists(), made
