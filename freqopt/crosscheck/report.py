"""What came of judging an implementation: every case, what is wrong, and what was not judged."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from freqopt.crosscheck.cases.dialects import Case
from freqopt.crosscheck.cases.large import LARGE
from freqopt.crosscheck.cases.selection import DTYPES
from freqopt.crosscheck.compare import Comparison
from freqopt.crosscheck.coverage import Coverage
from freqopt.crosscheck.diagnosis.evidence import Judged
from freqopt.crosscheck.diagnosis.fingerprint import Fingerprint, identify
from freqopt.crosscheck.diagnosis.meanings import changes
from freqopt.typing import Floats

Verdict = Literal["PASS", "FAIL", "ERROR", "NONE"]
NARROW_TYPE = re.compile("float32|float16|tf32|significant bits|int8")
"""What a cause speaks of where a number went through a narrower type."""

SHOWN = 8
"""Cases and reasons that a report lists before it counts the rest."""


@dataclass(frozen=True)
class Judgement:
    """One case.

    Attributes
    ----------
    case : Case
    verdict : {"PASS", "FAIL", "ERROR", "NONE"}
        Within the tolerance; beyond it; no trajectory to compare; an option is not supported.
    comparison : Comparison or None
        Of a trajectory that there is.
    message : str
        The first divergence as a block; or the error; or why the case is not supported.
    got : (S + 1, N, d) or None
        The trajectory.
    cause : str
        What is wrong with a life; of cases the report says it.
    """

    case: Case
    verdict: Verdict
    comparison: Comparison | None = None
    message: str = ""
    got: Floats | None = field(default=None, repr=False)
    cause: str = ""

    def __str__(self) -> str:
        found = self.comparison
        worst = f"{'-':>12}" if found is None else f"{found.ulps:8.3g} ULP"
        return f"{self.verdict:5} {worst}  {self.dtype}  {self.case.name}"

    @property
    def dtype(self) -> str:
        """Of the table."""
        return str(self.case.exercise.table.dtype)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        found = self.comparison
        return {
            "rule": self.case.rule.name(),
            "case": self.case.name,
            "dtype": self.dtype,
            "verdict": self.verdict,
            "worst_ulps": None if found is None else found.ulps,
            "first_divergence": asdict(found.first) if found is not None and found.first else None,
            "message": self.message,
        }


@dataclass(frozen=True)
class Report:
    """Every case of what was judged.

    Attributes
    ----------
    judgements : tuple of Judgement
    coverage : Coverage or None
        What was and what was not judged, where the implementation was asked what it accepts.
    lives : tuple of Judgement
        What happens to an optimizer beside its steps, as far as it offers that.
    repeatable : bool
        Whether a case that fails is the same when it is run again.
    """

    judgements: tuple[Judgement, ...]
    coverage: Coverage | None = None
    lives: tuple[Judgement, ...] = ()
    repeatable: bool = True

    def having(self, *verdicts: Verdict) -> list[Judgement]:
        """The judgements with one of these verdicts."""
        return [j for j in self.judgements if j.verdict in verdicts]

    @property
    def matches(self) -> bool:
        """Whether something was compared and nothing was wrong."""
        lived = all(life.verdict == "PASS" for life in self.lives)
        return bool(self.having("PASS")) and not self.having("FAIL", "ERROR") and lived

    @property
    def cause(self) -> str:
        """What is wrong in one sentence; empty if nothing is, or it is not known.

        Where nothing but an error came, that is what is wrong.
        """
        found = "" if self.fingerprint is None else self.fingerprint.cause
        found = found or next((life.cause for life in self.lives if life.cause), "")
        failed = [] if self.having("FAIL") else self.having("ERROR")
        return found or next((j.message for j in failed), "")

    def __str__(self) -> str:
        """The cases that do not match, the first divergence, and a line that sums up."""
        lost = [life for life in self.lives if life.verdict != "PASS"]
        wrong = [str(j) for j in (*self.having("FAIL", "ERROR"), *lost)]
        parts = ["\n".join(_few(wrong, "more"))] if wrong else []
        table = [] if self.coverage is None else [str(self.coverage)]
        return "\n\n".join([*parts, *self.details(), *table, self.summary()])

    def details(self) -> list[str]:
        """The first divergence as a block, what it means instead, and every distinct error."""
        blocks = [] if self.clearest is None else [self.clearest.message]
        if self.fingerprint is not None:
            blocks.append(str(self.fingerprint) + self._just_tolerance())
        for life in self.lives:
            if life.verdict != "PASS":
                cause = f"\ncause: {life.cause}" if life.cause else ""
                blocks.append(life.message + cause)
        errors: dict[str, list[str]] = {}
        for j in self.having("ERROR"):
            errors.setdefault(j.message, []).append(j.case.name)
        for message, names in errors.items():
            others = f" and {len(names) - 1} more cases" if names[1:] else ""
            blocks.append(f"error in {names[0]}{others}\n  {message}")
        return _few(blocks, "more errors")

    @cached_property
    def fingerprint(self) -> Fingerprint | None:
        """What the implementation means instead; None if no case is beyond the tolerance.

        It is taken from all cases with the options of the first that fails, in float64 if there
        are such. If nothing is known there, what went through a narrower type is looked for in
        float32, where it is rounded once.
        """
        first = self.clearest
        if first is None or not self.repeatable:
            return None  # what is not the same twice has no meaning
        found = self._identified(first)
        narrow = [j for j in self.having("FAIL") if j.dtype != first.dtype]
        if found.cause or found or not narrow or first.case.exercise.name in LARGE:
            return found
        other = self._identified(min(narrow, key=_unclear), quick=True)
        # Options found there would be chance: much is right to float32's precision.
        return other if NARROW_TYPE.search(other.cause) else found

    def _identified(self, first: Judgement, *, quick: bool = False) -> Fingerprint:
        """What the implementation means in the cases with the options of one."""
        alike = [
            j for j in self.judgements
            if j.got is not None and (j.dtype, j.case.rule) == (first.dtype, first.case.rule)
        ]  # fmt: skip
        small = first.case.exercise.name not in LARGE
        alike.sort(key=lambda j: j is not first)
        seen = {  # by exercise: a dialect may have the options of the defaults
            j.case.exercise.name: (j.case, j.got)
            for j in alike
            if j.got is not None and (j.case.exercise.name not in LARGE) == small
        }
        evidence = [
            Judged(j.case, j.got, passed=j.verdict == "PASS")
            for j in self.judgements
            if j.got is not None and type(j.case.rule) is type(first.case.rule)
        ]
        with np.errstate(all="ignore"):  # mistakes divide by zero
            return identify(list(seen.values()), evidence=evidence, quick=quick)

    def _just_tolerance(self) -> str:
        """The tolerance at which what is left would pass, where only rounding is wrong."""
        found = self.fingerprint
        first = found.meanings[0] if found is not None and found.meanings else None
        if found is None or first is None or changes(found.asked, first.rule):
            return ""
        if first.mutant and "float32" not in first.mutant:
            return ""
        lines = ""
        for dtype in DTYPES:
            worst = [j.comparison for j in self.having("FAIL") if j.dtype == dtype]
            far = max((c.ulps for c in worst if c is not None), default=0.0)
            if 0 < far < np.inf:
                how = f"--dtype {dtype} --ulps {1.1 * far:.1e} passes it"
                lines += f"\n  in {dtype} it is {far:.3g} ULP off: {how}"
        return lines

    @property
    def clearest(self) -> Judgement | None:
        """The failing case that shows most: in few steps, in float64, with few options."""
        return min(self.having("FAIL"), key=_unclear, default=None)

    def summary(self) -> str:
        """How many cases match, and why others were not judged."""
        judged, passed = self.having("PASS", "FAIL", "ERROR"), self.having("PASS")
        worst = max((j.comparison.ulps for j in judged if j.comparison is not None), default=None)
        lines = [f"{len(passed)} of {len(judged)} cases match"]
        lines[0] += "" if worst is None else f"; the worst distance is {worst:.3g} ULP"
        reasons = list(dict.fromkeys(j.message for j in self.having("NONE")))
        if self.coverage is not None and self.coverage.not_judged:
            lines[0] += "; what was not judged stands above"
        if reasons:
            lines.append(f"{len(self.having('NONE'))} cases not supported, so not judged:")
            lines += [f"  {reason}" for reason in _few(reasons, "more reasons")]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "matches": self.matches,
            "fingerprint": None if self.fingerprint is None else str(self.fingerprint),
            "cause": self.cause,
            "lives": [life.to_dict() for life in self.lives],
            "judged": {} if self.coverage is None else self.coverage.judged,
            "not_judged": {} if self.coverage is None else self.coverage.not_judged,
            "cases": [j.to_dict() for j in self.judgements],
        }


def _unclear(judgement: Judgement) -> tuple[Any, ...]:
    exercise, rule = judgement.case.exercise.name, judgement.case.rule
    fields = type(rule).model_fields
    moved = sum(getattr(rule, name) != info.default for name, info in fields.items())
    narrow, first = judgement.dtype != "float64", judgement.comparison
    step = first.first.step if first is not None and first.first is not None else 0
    if exercise in LARGE:
        return True, exercise == "long", moved, narrow, step
    return False, narrow, exercise != "main", moved, step


def _few(lines: list[str], what: str) -> list[str]:
    """The first of them, and how many there are beyond."""
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], f"... and {more} {what}"] if more > 0 else lines
