"""`freqopt crosscheck`: does an implementation mean what the reference means?"""

from __future__ import annotations

import shlex
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from freqopt.errors import CrosscheckError
from freqopt.report.terminal import progress, say, say_json, warn

if TYPE_CHECKING:
    from freqopt.crosscheck.report import Report
    from freqopt.crosscheck.targets import Target, Wish

Dtype = Literal["float32", "float64", "both"]
Json = Annotated[bool, Parameter(name="--json")]


def crosscheck_(
    target: str = "",
    *,
    exec_: Annotated[str, Parameter(name="--exec")] = "",
    every: Annotated[bool, Parameter(name="--all")] = False,
    rule: str = "",
    dtype: Dtype = "both",
    set_: Annotated[list[str] | None, Parameter(name="--set")] = None,
    dialect: str = "",
    ulps: float | None = None,
    answer_seconds: float = 30.0,
    total_seconds: float = 600.0,
    thorough: bool = False,
    json: Json = False,
) -> int:
    """Judge an optimizer: does it match, where does it first diverge, what does it do instead?

    The exit code is 0 if it matches, 1 if not, 2 for a mistake in what was given.
    docs/crosscheck.md has complete examples in Python and in C.

    Parameters
    ----------
    target
        A Python file of yours with a function make(rule, table, given), or a guest
        ("torch.SparseAdam"), or a backend ("numba", "cupy").
    exec_
        A program that reads batches and writes rows: --exec './my_kernel --fast'.
    every
        All guests and backends that can run here.
    rule
        The rule that it implements, where the target does not say so; for a backend, all.
    dtype
        Of the table.
    set_
        An option of the rule, as lr=0.05; once for each. By default all cases of the rule.
    dialect
        What it is meant to have where the rule has another default: a known dialect
        ("torch.RMSprop"), or options as rows=all,epsilon_place=inside. It is judged beside these.
    ulps
        Tolerance in units in the last place; by default 8 in float32 and 1024 in float64.
    answer_seconds
        Longest wait for one answer of a program.
    total_seconds
        Longest wait for all its answers.
    thorough
        Judge rows and counts beyond 2^24 too: some seconds more, and 1 GB of memory.
    json
        Print JSON only.
    """
    from freqopt.crosscheck.cases.options import read_options
    from freqopt.crosscheck.cases.selection import dtypes_of
    from freqopt.crosscheck.targets import Wish, absent, all_targets, find_targets

    if [bool(target), bool(exec_), every].count(True) != 1:
        raise CrosscheckError("give one of: a target, --exec PROGRAM, --all")
    wish = Wish(rule or None, dtypes_of(dtype), read_options(set_ or []), dialect, thorough)
    skipped: list[str] = []
    if exec_:
        results = [_judge_program(exec_, wish, ulps, answer_seconds, total_seconds)]
    elif every:
        results, skipped = _judge_all(list(all_targets(wish)), wish, ulps, silent=json)
        skipped += absent()
    else:
        results = [_judge(one, wish, ulps) for one in find_targets(target, wish)]
    if json:
        say_json({"results": [result.to_dict() for result in results], "not_judged": skipped})
    else:
        tell(results, skipped)
    return int(not all(result.matches for result in results))


@dataclass(frozen=True)
class Result:
    """What came of one target; `trouble` is what a program did after its last answer."""

    target: Target
    report: Report
    trouble: str = ""

    @property
    def matches(self) -> bool:
        """Whether nothing was wrong."""
        return self.report.matches and not self.trouble

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        about = {"target": self.target.name, "rule": self.target.rule, "trouble": self.trouble}
        return {**about, **self.report.to_dict(), "matches": self.matches}


def tell(results: list[Result], skipped: list[str]) -> None:
    """Every case of a single target, what is wrong with any, and a line for each."""
    for result in results:
        say(f"{result.target.name} against rule {result.target.rule}")
        if len(results) == 1:
            tell_report(result.report)
        else:
            say(str(result.report))
        if result.trouble:
            say(result.trouble)
    for reason in skipped:
        warn(f"not judged: {reason}")


def tell_report(report: Report) -> None:
    """Every case that was judged, what is wrong, and a line that sums up."""
    for judgement in (*report.having("PASS", "FAIL", "ERROR"), *report.lives):
        say(str(judgement))
    table = [] if report.coverage is None else [str(report.coverage)]
    for part in (*report.details(), *table, report.summary()):
        say(f"\n{part}")


def _judge(target: Target, wish: Wish, ulps: float | None) -> Result:
    from freqopt.crosscheck.judge import answers, judge, judge_implementation

    with redirect_stdout(sys.stderr):  # what an implementation prints is no result
        if target.on is None:
            report = judge_implementation(
                target.implementation,
                target.rule,
                wish.dtypes,
                options=wish.options,
                dialect=target.dialect,
                ulps=ulps,
                group=target.group,
                thoroughly=wish.thorough,
            )
            return Result(target, report)
        tolerance = target.ulps if ulps is None else ulps
        return Result(target, judge(answers(target.implementation), target.on, tolerance))


def _judge_all(
    targets: list[Target], wish: Wish, ulps: float | None, *, silent: bool
) -> tuple[list[Result], list[str]]:
    """The results, and what could not be judged."""
    results, skipped = [], []
    with progress("crosscheck", silent=silent) as bar:
        for done, one in enumerate(targets):
            bar(done, len(targets))
            try:
                results.append(_judge(one, wish, ulps))
            except CrosscheckError as error:
                skipped.append(f"{one.name} against rule {one.rule}: {error}")
    return results, skipped


def _judge_program(
    text: str, wish: Wish, ulps: float | None, answer_seconds: float, total_seconds: float
) -> Result:
    from freqopt.crosscheck.exchange.process import Program
    from freqopt.crosscheck.targets import Target

    if wish.rule is None:
        raise CrosscheckError("say which rule the program implements: --rule adam")
    own = wish.own(wish.rule)
    with Program(
        words(text), answer_seconds=answer_seconds, total_seconds=total_seconds
    ) as program:
        result = _judge(Target(text, wish.rule, program, None, dialect=own), wish, ulps)
        try:
            program.close()
        except CrosscheckError as error:
            return replace(result, trouble=str(error))
    return result


def words(text: str) -> list[str]:
    """A command line as a shell would split it."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise CrosscheckError(f"--exec {text!r} cannot be split into words: {error}") from None
