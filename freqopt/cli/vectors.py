"""`freqopt vectors`: cases as files for an implementation in any language."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from freqopt.cli.crosscheck import Dtype, Json, tell_report
from freqopt.errors import CrosscheckError
from freqopt.report.terminal import say, say_json

vectors = App(name="vectors", help="Cases as files: write the inputs, check the answers.")


@vectors.command
def write(
    folder: Path,
    *,
    rule: str = "",
    dtype: Dtype = "both",
    set_: Annotated[list[str] | None, Parameter(name="--set")] = None,
    accepts: Annotated[list[str] | None, Parameter(name="--accepts")] = None,
    offers: Annotated[
        list[Literal["save", "rate", "idle", "accumulate"]] | None, Parameter(name="--offers")
    ] = None,
    form: Annotated[Literal["json", "npz"], Parameter(name="--format")] = "json",
) -> int:
    """Write the inputs of cases into a new folder.

    The format, and where the answers go, is in docs/crosscheck.md.

    Parameters
    ----------
    folder
        A new folder.
    rule
        By default all rules.
    dtype
        Of the table.
    set_
        An option of the rule, as lr=0.05; once for each. By default all cases of the rule.
    accepts
        An option that your implementation has, as momentum, or one value of it, as rows=all; once
        for each. The cases are then chosen from these, as for one that can be asked: each alone,
        all together, all but one, drawn combinations, large tables, many steps.
    offers
        What your implementation has beside its step: save (and restore), a new rate, idle (a step
        without a gradient), accumulate; once for each.
    form
        json for any language, npz for NumPy.
    """
    from freqopt.crosscheck.cases.options import read_options
    from freqopt.crosscheck.cases.selection import accepted_cases, chosen_cases, dtypes_of
    from freqopt.crosscheck.exchange.files import check_new, write_folder
    from freqopt.crosscheck.life import lived_cases
    from freqopt.optimizers import rules

    if accepts and set_:
        raise CrosscheckError("give --accepts or --set, not both: --set judges these options alone")
    check_new(folder)
    chosen, dtypes = read_options(set_ or []), dtypes_of(dtype)
    names = [rule] if rule else list(rules)
    cases = []
    for name in names:
        some = (
            accepted_cases(name, dtypes, accepts) if accepts else chosen_cases(name, dtypes, chosen)
        )
        cases += [*some, *lived_cases(some, offers or ())]
    count = write_folder(folder, cases, form)
    say(f"{count} cases in {folder / 'inputs'}; answers go to {folder / 'outputs'}")
    return 0


@vectors.command
def check(folder: Path, *, rule: str = "", ulps: float | None = None, json: Json = False) -> int:
    """Judge the answers in a folder; exit code 0 if they match, 1 if not.

    Parameters
    ----------
    folder
        Where `freqopt vectors write` wrote.
    rule
        The file of a rule of your own, if the cases are of one: a folder of data names no code.
    ulps
        Tolerance in units in the last place; by default 8 in float32 and 1024 in float64.
    json
        Print JSON only.
    """
    from freqopt.crosscheck.exchange.vectors import check_vectors

    report = check_vectors(folder, ulps, rule)
    if json:
        say_json(report.to_dict())
    else:
        tell_report(report)
    return int(not report.matches)
