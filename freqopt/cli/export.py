"""`freqopt export`: a rule as a row function in C, CUDA or Python, with its test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from freqopt.report.terminal import say


def export_(
    rule: str,
    *,
    as_: Annotated[Literal["c", "cuda", "python"], Parameter(name="--as")] = "c",
    out: Path | None = None,
    dialect: str | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set")] = None,
) -> int:
    """Write a rule as a function of one row that others can compile, with its test.

    Choices, and which numbers are on, decide the text; numbers stay parameters. docs/export.md.

    Parameters
    ----------
    rule
        A name that `freqopt list` shows, or the path of a file of yours with a kernel.
    as_
        The language.
    out
        A new folder; by default RULE_LANGUAGE.
    dialect
        A known implementation whose options to take: `freqopt explain RULE` lists them.
    set_
        An option of the rule, as lr=0.05; once for each.
    """
    from freqopt.crosscheck.cases.options import read_options
    from freqopt.export import export

    folder = out or Path(f"{Path(rule).stem}_{as_}")
    chosen = read_options(set_ or [])
    for path in export(rule, as_, folder, dialect=dialect, options=chosen):
        say(str(path))
    return 0
