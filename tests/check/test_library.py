"""What the library itself has is right by its own check: all that a user could have written."""

from __future__ import annotations

from pathlib import Path

import pytest

import freqopt
from freqopt.check.file import check, examine
from freqopt.check.journal import Journal

HOUSE = Path(freqopt.__file__).parent
CHECKOUT = HOUSE.parent
FOLDERS = (
    HOUSE / "optimizers",
    HOUSE / "problems",
    HOUSE / "experiment" / "metrics",
    CHECKOUT / "simulations",
    CHECKOUT / "figures",
)
FILES = [
    file
    for folder in FOLDERS
    for file in sorted(folder.glob("*"))
    if file.suffix in (".py", ".toml") and not file.name.startswith("_")
]


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_file_of_the_library_is_right(file: Path, tmp_path: Path) -> None:
    kinds = examine(file, tmp_path / "journal", False)
    found = Journal(tmp_path / "journal").read()
    assert len(kinds) == 1
    assert found["fault"] == []
    assert found["judged"] or "refuses all problems" in str(found["left"])  # word_scores does
    if file.parent.name == "problems" and file.stem != "full_batch":  # that has no compiled loop
        assert any("the kernel, compiled" in what for what in found["judged"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["m1_textbook", "limit_periodic_selection", "mem_2_closed_form"])
def test_theorem_files_of_the_library_are_right(name: str) -> None:
    """A few: `freqopt verify --mutants`, which is what is called, has them all."""
    assert check(CHECKOUT / "proofs_check" / f"{name}.py").faults == ()
