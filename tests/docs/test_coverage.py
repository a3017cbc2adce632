"""The page of coverage names figures, studies and files that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")


def named(word):
    """Names in backticks behind figure(s) or studies, of the table's last column."""
    found = []
    for line in PAGE.splitlines():
        cells = line.split("|")
        if len(cells) == 6:
            for part in re.findall(rf"{word}\w* ((?:`\w+`(?:, )?)+)", cells[-2]):
                found += re.findall(r"`(\w+)`", part)
    return found


def test_every_figure_and_study_exists():
    figures, studies = named("figure"), named("stud")
    assert len(figures) >= 8
    assert len(studies) >= 8
    for name in figures:
        assert (ROOT / "figures" / f"{name}.py").exists(), name
        assert (ROOT / "docs" / "images" / f"{name}.svg").exists(), name
    for name in studies:
        assert (ROOT / "simulations" / f"{name}.toml").exists(), name
    for path in re.findall(r"`(proofs_check/\w+\.py)`", PAGE):
        assert (ROOT / path).exists(), path


def test_every_line_says_what_became_of_it():
    rows = [line.split("|") for line in PAGE.splitlines()]
    rows = [row for row in rows if len(row) == 6][2:]
    assert len(rows) >= 18
    for row in rows:
        assert re.match(r" (regenerated|on other data|in part|not)\b", row[3]), row[3]


def test_every_study_of_the_papers_states_its_expectation():
    for name in ("mlet", "mlet_rates", "fixed_memory", "memory_kept", "clicks",
                 "effective_rate_rules", "effective_rate_movielens"):  # fmt: skip
        text = (ROOT / "simulations" / f"{name}.toml").read_text(encoding="utf-8")
        assert "Expected before the first run:" in text, name
