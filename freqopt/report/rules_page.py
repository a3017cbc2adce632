"""The page of all rules and their axes: `python -m freqopt.report.rules_page > docs/rules.md`.

Made from the rules' own fields, so it cannot tell another story than the code; a test compares it.
"""

from __future__ import annotations

import inspect
import sys

from freqopt.crosscheck.cases.effects import effects
from freqopt.optimizers import Rule, rules
from freqopt.report.fields import default, fields_table

CHIEF = ("rows", "duplicates")
"""Axes of all rules whose effect is shown rule by rule."""

HEAD = """# The rules and their axes

One name hides many algorithms. Every place where implementations of a rule differ is a field, with
a default that is stated here; a *dialect* is the set of options with which a rule means what a
known implementation means. `freqopt explain RULE` prints the same.

A step goes through these stages in this order, each an axis: occurrences of `padding_row` dropped;
`nonfinite`; `maximize`; occurrences clipped; `duplicates` combined; with `rows = "nonzero"`, rows
whose combined gradient is zero dropped; combined rows clipped, or all of them by their common norm
(`clip_scope = "batch"`); decoupled decay, or l2 added to the gradient; the rule's equations;
`max_norm`. In the equations g is the combined gradient of a row, w the row, t the number of batches
seen, this one included; what a line assigns, the lines below it use; an entry whose denominator is
0 does not move.

The difference that a value makes is measured in float64 over the 16 steps of the main exercise of
`freqopt crosscheck`: the largest difference of any weight from the rule at its default value,
relative to the largest move of any weight there, and the first step after which they differ. Where
a value acts only beside other options, both sides have those; "other numbers" are those of
`freqopt.crosscheck.cases.other_values`. These exercises hold every case that is hard, so the
differences are larger than in a usual run.

<!-- Made by `python -m freqopt.report.rules_page > docs/rules.md`; do not edit. -->
"""


def page() -> str:
    """The page as Markdown."""
    parts = [HEAD, "## Axes that all rules share\n", fields_table(Rule)]
    for name in sorted(rules):
        rule = rules[name]
        told = inspect.cleandoc(sys.modules[rule.__module__].__doc__ or "")
        about, _, body = told.partition("\n")
        common = {k for k in Rule.model_fields if _same(rule, k)}
        memory = rule().bytes_per_row(64)
        parts += [
            f"## {name}\n",
            f"{about}\n",
            f"```text\n{body.strip()}\n```\n",
            f"Memory at its defaults, width 64, float32: {memory} bytes a row.\n",
            fields_table(rule, common),
        ]
        if rule.dialects:
            parts.append(_dialects(rule))
        parts.append(_effects(rule))
    return "\n".join(part for part in parts if part)


def _same(rule: type[Rule], field: str) -> bool:
    return default(rule.model_fields[field]) == default(Rule.model_fields[field])


def _dialects(rule: type[Rule]) -> str:
    rows = [
        f"| {name} | {', '.join(f'`{k} = {v!r}`' for k, v in options.items()) or 'the defaults'} |"
        for name, options in rule.dialects.items()
    ]
    return "\n".join(["| dialect | options |", "|---|---|", *rows, ""])


def _effects(rule: type[Rule]) -> str:
    """The options that this rule adds, the rows and the duplicates."""
    shown = (e for e in effects(rule) if e.axis not in Rule.model_fields or e.axis in CHIEF)
    rows = [f"| `{effect.axis}` | {' | '.join(effect.words)} |" for effect in shown]
    head = ["| axis | value | used by | difference | from step |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows, ""])


if __name__ == "__main__":
    print(page(), end="")
