"""What was judged of an implementation, and what was not: a table, so that nobody reads more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from freqopt.crosscheck.cases.acceptance import Acceptance
from freqopt.crosscheck.cases.dialects import Case

SHOWN = 12
"""Lines of what was not judged that are printed; a machine gets all."""


@dataclass(frozen=True)
class Coverage:
    """What was and what was not judged.

    Attributes
    ----------
    judged : dict, what -> in which cases
    not_judged : dict, what -> why
    """

    judged: dict[str, str] = field(default_factory=dict)
    not_judged: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        width = min(44, max(map(len, (*self.judged, *self.not_judged)), default=0))
        lines = ["judged"] + [f"  {what:{width}}  {how}" for what, how in self.judged.items()]
        if self.not_judged:
            lines.append("not judged")
            rest = [f"  {what:{width}}  {why}" for what, why in self.not_judged.items()]
            lines += rest[:SHOWN]
            if rest[SHOWN:]:
                lines.append(f"  and {len(rest) - SHOWN} more, which --json lists")
        return "\n".join(lines)


def coverage(
    judged: Sequence[Case], acceptance: Acceptance | None, also: Iterable[tuple[str, str]] = ()
) -> Coverage:
    """The table of what these cases judged.

    Parameters
    ----------
    judged : list of Case
        Those that the implementation did not refuse.
    acceptance : Acceptance or None
        What it accepts; None if it was judged under the user's options alone.
    also : (what, why) of what else was not judged
    """
    done: dict[str, str] = {}
    missing: dict[str, str] = {}
    rules = [case.rule for case in judged]
    if acceptance is None:
        changed = sorted({name for rule in rules for name in rule.model_fields_set})
        done[f"{', '.join(changed) or 'the defaults'}"] = f"{len(judged)} cases"
        missing["every other option, number and pair"] = "off its default in no case"
    else:
        for base in acceptance.bases:
            names = [name for name in base.alone if name not in base.options]
            done[base.name] = f"with {', '.join(names) or 'no option'}"
        if acceptance.refused():
            missing[", ".join(acceptance.refused())] = "refused"
        for what in acceptance.unjudged(rules):
            missing[what] = "accepted, and off its default in no case"
    names = list(dict.fromkeys(case.exercise.name for case in judged))
    done["tables and batches"] = ", ".join(names)
    dtypes = {str(case.exercise.table.dtype) for case in judged}
    for dtype in ("float32", "float64"):
        if dtype not in dtypes:
            missing[dtype] = "no case in it was accepted"
    return Coverage(done, {**missing, **dict(also)})
