"""What is stored of a rule, made: goldens, its entries in the ledger, the page of rules.

    python -m freqopt.report.enter_rule RULE ... [--into FOLDER]

The folder is a checkout of the project; by default the present one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from freqopt.crosscheck.goldens import ledger
from freqopt.crosscheck.goldens.trajectories import write_goldens
from freqopt.errors import CrosscheckError
from freqopt.optimizers import rules
from freqopt.report.rules_page import page


def enter(*names: str, into: Annotated[Path, Parameter(name="--into")] = Path()) -> None:
    """Make what is stored of some rules.

    Parameters
    ----------
    names
        Rules of the library.
    into
        The checkout.
    """
    stored = into / "tests" / "ledger.json"
    if not stored.is_file():
        raise CrosscheckError(f"{stored} does not exist; go to a checkout, or give --into FOLDER")
    for name in names:
        rules[name]  # says so if there is none
        write_goldens(into / "tests" / "goldens", [name])
    entries = json.loads(stored.read_text())
    for implementation in ledger.JUDGED:
        found = ledger.ledger(implementation, names)
        entries[implementation] = dict(sorted({**entries[implementation], **found}.items()))
    stored.write_text(ledger.text(entries))
    (into / "docs" / "rules.md").write_text(page())


if __name__ == "__main__":
    cyclopts.run(enter)
