"""`freqopt list`: everything that can be named."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from freqopt._files import read
from freqopt.backends import backends
from freqopt.cli.folders import everything
from freqopt.errors import FreqoptError, StudyError
from freqopt.experiment.metrics import metrics
from freqopt.experiment.study import Study
from freqopt.optimizers import rules
from freqopt.problems import problems
from freqopt.report.terminal import say_json, table


def list_(*, json: Annotated[bool, Parameter(name="--json")] = False) -> int:
    """Show rules, problems, metrics, backends, studies and figures.

    Parameters
    ----------
    json
        Print JSON only.
    """
    sections = {
        "rules": _classes(rules),
        "problems": _classes(problems),
        "metrics": _classes(metrics),
        "backends": _classes(backends),
        "studies": {path.stem: _study(path) for path in everything("simulations")},
        "figures": {path.stem: _figure(path) for path in everything("figures")},
    }
    if json:
        say_json(sections)
        return 0
    for noun, entries in sections.items():
        table(noun, ("name", "what it is"), sorted(entries.items()))
    return 0


def _classes(registry: Mapping[str, type[Any]]) -> dict[str, str]:
    """First line of each file's docstring."""
    return {name: _class(registry, name) for name in registry}


def _class(registry: Mapping[str, type[Any]], name: str) -> str:
    try:
        return _first(sys.modules[registry[name].__module__].__doc__)
    except FreqoptError as error:
        return f"cannot be loaded: {error}"


def _study(path: Path) -> str:
    try:
        return Study.read(path).title
    except StudyError as error:
        return f"cannot be read: {error}"


def _figure(path: Path) -> str:
    try:
        return _first(ast.get_docstring(ast.parse(read(path))))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"cannot be read: {error}"


def _first(doc: str | None) -> str:
    return (doc or "").strip().partition("\n")[0]
