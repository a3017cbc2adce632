"""The benchmark command: runs every file, and a failing or endless one is a line on the page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_command_writes_a_page(tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    (folder / "__main__.py").write_bytes((ROOT / "benchmarks" / "__main__.py").read_bytes())
    guard = 'if __name__ == "__main__":\n'
    (folder / "good.py").write_text(f'{guard}    print("# Good\\n\\n| a |")\n')
    (folder / "bad.py").write_text(f'{guard}    raise SystemExit("no such thing")\n')
    (folder / "slow.py").write_text(
        f'{guard}    import time\n    print("# Slow", flush=True)\n    time.sleep(600)\n'
    )
    (folder / "helper.py").write_text("x = 1\n")
    command = [sys.executable, "-m", "benchmarks", "--page", "page.md", "--limit", "3"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page.md").read_text()
    assert "## Good\n\n| a |" in page
    assert "`bad.py` failed: no such thing" in page
    assert "## Slow" in page
    assert "`slow.py` was stopped after 3 s." in page
    assert "helper" not in page


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("draws", ["--draws", "6400", "--rounds", "1"], "Generator.choice takes"),
        pytest.param(
            "start",
            ["--rounds", "1", str(ROOT / "simulations" / "token_speedup.toml")],
            "| token_sp",
            marks=pytest.mark.slow,
        ),
        ("own", ["adagrad", "--rounds", "1", "--steps", "50"], "| adagrad | loop, 50 steps |"),
        ("loop", ["--rounds", "1", "--seconds", "0.001", "--brief"], "| squared, SGD |"),
    ],
)
def test_small(name: str, arguments: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
