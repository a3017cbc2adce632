"""The guest and the file of docs/add_a_guest.md are judged as the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from freqopt.crosscheck.judge import judge_implementation
from freqopt.errors import CrosscheckError

PAGE = (Path(__file__).parents[2] / "docs" / "add_a_guest.md").read_text()
LIBRARY, GUEST, FILE = re.findall(r"```python\n(.*?)```", PAGE, re.S)
(ENTRIES,) = re.findall(r"```toml\n\[project.*?\n(.*?)```", PAGE, re.S)
METADATA = "Metadata-Version: 2.1\nName: mylib\nVersion: 1.0\n"


def _crosscheck(folder: Path, library: str = LIBRARY) -> tuple[int, str]:
    """The command's answer where the package of the page is installed."""
    told = folder / "mylib-1.0.dist-info"
    told.mkdir()
    for path, text in {
        told / "METADATA": METADATA,
        told / "entry_points.txt": "[freqopt.guests]\n" + ENTRIES.replace('"', ""),
        folder / "mylib.py": library,
        folder / "mylib_guest.py": GUEST,
    }.items():
        path.write_text(text)
    words = [sys.executable, "-m", "freqopt", "crosscheck", "mylib.Momentum"]
    ran = subprocess.run(
        words, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False
    )
    return ran.returncode, ran.stdout + ran.stderr


def test_the_guest_of_a_package_matches_as_the_page_says(tmp_path):
    code, out = _crosscheck(tmp_path)
    assert code == 0, out
    assert "cases match; the worst distance is 0 ULP" in out


def test_the_same_guest_with_a_mistake_in_its_library_is_found_out(tmp_path):
    wrong = LIBRARY.replace("self.lr * gradient", "gradient").replace(
        "-= self.buffer", "-= self.lr * self.buffer"
    )
    code, out = _crosscheck(tmp_path, wrong)
    assert code == 1, out
    assert "rate_place = outside" in out


@pytest.mark.parametrize("mistake", ["", "2 * "])
def test_the_file_with_the_helpers_matches_unless_it_is_wrong(mistake):
    names = {}
    exec(FILE.replace("rule.rate(t)", f"{mistake}rule.rate(t)"), names)
    options = {"lr_decay": 0.5, "epsilon": 1e-6}
    report = judge_implementation(names["make"], names["RULE"], ["float64"], options=options)
    assert report.matches == (not mistake)
    with pytest.raises(CrosscheckError, match=r"it cannot be told initial_accumulator = 1\.0"):
        judge_implementation(names["make"], "adagrad", options={"initial_accumulator": 1.0})
