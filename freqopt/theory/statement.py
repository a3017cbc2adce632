"""What a theorem file states, as Markdown: its docstring, conditions and formulas."""

from __future__ import annotations

from textwrap import indent

from freqopt.theory.bound import Bound
from freqopt.theory.loading import TheoremFile

SIGNS = {"upper": r"\le", "lower": r"\ge", "equal": "="}


def entry(file: TheoremFile) -> str:
    """What one file states: its docstring, apart from `Beware`, and its bounds, typeset."""
    parts = [f"### {file.id}: {file.title}", f"*{' '.join(file.sections['Source'].split())}*"]
    shown = ("Problem", "Algorithm", "Assumptions", "Statement", "Checks")
    lines = (f"{name.lower()}:\n{indent(file.sections[name], '    ')}" for name in shown)
    parts.append("```text\n" + "\n".join(lines) + "\n```")
    conditions = [
        f"- {a.name}: {'computed on every instance' if a.how == 'exact' else 'assumed'}"
        for a in file.theorem().assumptions
    ]
    if conditions:
        parts.append("Conditions:\n\n" + "\n".join(conditions))
    formulas = [
        f"- {claim.name}: ${SIGNS[claim.kind]} {claim.bound.latex}$"
        for claim in file.theorem().claims
        if isinstance(claim.bound, Bound)
    ]
    if formulas:
        parts.append("Bounds as they are evaluated:\n\n" + "\n".join(formulas))
    return "\n\n".join(parts)
