"""Pages of the site made from the fields of problems and of the types inside them."""

from __future__ import annotations

import inspect
import sys

from freqopt.problems import problems
from freqopt.report.fields import fields_table
from freqopt.report.nested import nested_types

PROBLEMS = """# Problems

What `[problem]` of a study, or `freqopt.problem(name, ...)`, may be. `freqopt explain PROBLEM`
prints the same. Types inside them, such as laws of tokens, are on [a page of their own](types.md).
"""

TYPES = """# Nested types

Values of a field that have fields themselves. In a study they are tables, such as
`tokens = {kind = "zipf", exponent = 1.2, size = 500}`; in Python a dict of the same. Where several
are possible, `kind` says which. `freqopt explain TYPE` prints the same.
"""


def problems_page() -> str:
    """The page of all problems, as Markdown."""
    parts = [PROBLEMS]
    for name, problem in sorted(problems.items()):
        about = inspect.cleandoc(sys.modules[problem.__module__].__doc__ or "")
        parts += [f"## {name}\n", about, "", fields_table(problem)]
    return "\n".join(parts)


def types_page() -> str:
    """The page of all types inside rules, problems and studies, as Markdown."""
    parts = [TYPES]
    for name, (kind, users) in nested_types().items():
        used = ", ".join(f"`{user}`" for user in users)
        parts += [f"## {name}\n", inspect.getdoc(kind) or "", f"\nUsed by {used}.\n"]
        parts.append(fields_table(kind))
    return "\n".join(parts)
