"""Do `update` and `kernel` say the same, to the bit, in every case?"""

from __future__ import annotations

from dataclasses import replace

from freqopt.check.journal import Journal, said
from freqopt.check.rule.conduct import told_options
from freqopt.check.rule.put import off_default
from freqopt.check.rule.runs import StepError, first_difference, run
from freqopt.crosscheck.cases.dialects import Case, made
from freqopt.errors import FreqoptError
from freqopt.kernels._read import read
from freqopt.optimizers import Rule

WORDS = ("update", "kernel")
LATE = (997, 99_989)
"""Batches that are taken to have been before."""


def check_texts(kind: type[Rule], on: list[Case], notes: Journal) -> bool:
    """Compare the two texts; one sentence about all that differs, or about what cannot be read."""
    before = notes.faults
    notes.doing("comparing update with kernel")
    if not _all_read(on, notes):
        return False
    differ: list[tuple[Case, str]] = []
    same: list[Case] = []
    for case in on:
        try:
            where = first_difference(case, run(case), run(case, case.rule.slow_step), WORDS)
        except StepError as error:
            notes.fault(said(error.error, f"kernel, {case.name}, step {error.step}"))
            return False
        if where:
            differ.append((case, where))
        else:
            same.append(case)
    if differ:
        notes.fault(_sentence(kind, differ, same))
    elif sentence := _late(kind, on):
        notes.fault(sentence)
    notes.judged(f"update and kernel, bit for bit, in {len(on)} cases of {_dtypes(on)}")
    return notes.faults == before


def _late(kind: type[Rule], on: list[Case]) -> str:
    """Where they part after many batches: what begins late shows in no short run."""
    some = [c for c in on if c.exercise.name == "main" and len(off_default(c.rule)) < 2]
    for case in some:
        for late in LATE:
            try:
                runs = run(case, late=late), run(case, case.rule.slow_step, late=late)
            except StepError:  # a rule may have an end, and the two texts meet it alike before
                continue
            if where := first_difference(case, *runs, WORDS):
                return (
                    f"update and kernel differ late, begun as after {late} batches and visits of "
                    f"each row: {case.name}, {case.exercise.table.dtype}, {where}; {_lines(kind)}"
                )
    return ""


def _all_read(on: list[Case], notes: Journal) -> bool:
    """Whether the kernel can be read under every option."""
    for case in on:
        try:
            read(case.rule, case.exercise.table.dtype)
        except FreqoptError as error:
            options = ", ".join(told_options(case.rule))
            notes.fault(f"{error}{f' (with {options})' if options else ''}")
            return False
    return True


def _sentence(kind: type[Rule], differ: list[tuple[Case, str]], same: list[Case]) -> str:
    """What differs, in the plainest case of all, with the options that it takes alone."""
    case, where = _reduced(kind, *differ[0])
    options = ", ".join(told_options(case.rule))
    return (
        f"update and kernel differ{f' with {options}' if options else ''}"
        f"{_only(differ, same)}: exercise {case.exercise.name}, {case.exercise.table.dtype}, "
        f"{where} ({len(differ)} of {len(differ) + len(same)} cases differ); {_lines(kind)}"
    )


def _lines(kind: type[Rule]) -> str:
    update, kernel = kind.update.__code__, kind.kernel.__code__
    return (
        f"compare the equations of update (line {update.co_firstlineno}) and kernel (line "
        f"{kernel.co_firstlineno}) of {update.co_filename}"
    )


def _reduced(kind: type[Rule], case: Case, where: str) -> tuple[Case, str]:
    """The case with every option at its default that the difference can do without."""
    for name in off_default(case.rule):
        fewer = {k: v for k, v in off_default(case.rule).items() if k != name}
        rule = made(kind, fewer)
        if rule is None:
            continue
        plainer = replace(case, rule=rule)
        try:
            seen = first_difference(plainer, run(plainer), run(plainer, rule.slow_step), WORDS)
        except StepError:
            continue
        if seen:
            case, where = plainer, seen
    return case, where


def _only(differ: list[tuple[Case, str]], same: list[Case]) -> str:
    """A dtype or an exercise that all cases have that differ, and few of the others."""
    wrong = set.intersection(*(_traits(case) for case, _ in differ))
    rare = {trait: sum(trait in _traits(case) for case in same) for trait in wrong}
    found = [trait for trait in wrong if rare[trait] < len(same) // 3]
    return f", only in {' '.join(sorted(found))}" if found and len(differ) > 1 else ""


def _traits(case: Case) -> set[str]:
    return {str(case.exercise.table.dtype), f"exercise {case.exercise.name}"}


def _dtypes(on: list[Case]) -> str:
    return " and ".join(sorted({str(case.exercise.table.dtype) for case in on}))
