"""What a theorem file states, as Markdown: its docstring, conditions and formulas."""

from __future__ import annotations

import re
from textwrap import indent

from freqopt.theory.bound import Bound
from freqopt.theory.loading import TheoremFile

SIGNS = {"upper": "<=", "lower": ">=", "equal": "="}


def entry(file: TheoremFile) -> str:
    """What one file states: its docstring, apart from `Beware`, and its bounds."""
    source = escaped(" ".join(file.sections["Source"].split()))
    parts = [f"### {file.id}: {escaped(file.title)}", f"*{source}*"]
    shown = ("Problem", "Algorithm", "Assumptions", "Statement", "Checks")
    lines = (f"{name.lower()}:\n{indent(file.sections[name], '    ')}" for name in shown)
    parts.append("```text\n" + "\n".join(lines) + "\n```")
    conditions = [
        f"- {escaped(a.name)}: {'computed on every instance' if a.how == 'exact' else 'assumed'}"
        for a in file.theorem().assumptions
    ]
    if conditions:
        parts.append("Conditions:\n\n" + "\n".join(conditions))
    formulas = [
        f"- {escaped(claim.name)}: `{SIGNS[claim.kind]} {claim.bound.text}`"
        for claim in file.theorem().claims
        if isinstance(claim.bound, Bound)
    ]
    if formulas:
        parts.append("Bounds as they are evaluated:\n\n" + "\n".join(formulas))
    return "\n\n".join(parts)


def escaped(text: str) -> str:
    """Markdown that shows the text as it is, powers as ^: asterisks are products, not emphasis."""
    shown = re.sub(r"([*_`])", r"\\\1", text.replace("**", "^"))
    return re.sub("<(?=[A-Za-z/!?])", "&lt;", shown)
