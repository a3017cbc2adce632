"""What a file is: what it defines says so, and where it cannot be imported, what it speaks of."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from types import ModuleType

from freqopt._discovery import load_file
from freqopt._files import read
from freqopt.errors import CheckError
from freqopt.experiment.metrics import Metric
from freqopt.optimizers import Rule
from freqopt.problems import Problem

BASES = {"rule": Rule, "problem": Problem, "metric": Metric}
_WORDS = {
    "rule": r"\bRule\b|freqopt\.optimizers",
    "problem": r"\bProblem\b|freqopt\.problems",
    "metric": r"\bMetric\b|experiment\.metrics",
    "figure": r"^STUDIES\b",
    "theorem": r"^MUTANTS\b|freqopt\.theory|^def theorem\b",
}
_STUDY = {"problem", "rules", "steps", "record", "grid", "checkpoints"}


def kinds_of(path: Path) -> tuple[str, ...]:
    """What a file is, most often one thing; empty if it is none of ours.

    Raises
    ------
    FreqoptError
        It cannot be read or imported.
    """
    if path.suffix == ".toml":
        return ("study",) if looks_like_ours(path) else ()
    module = load_file(path, "user's", CheckError)
    found = [kind for kind, base in BASES.items() if _defines(module, base)]
    named = set(vars(module))
    if {"data", "draw"} <= named or "STUDIES" in named:
        found.append("figure")
    if "theorem" in named or "MUTANTS" in named:
        found.append("theorem")
    return tuple(found)


def _defines(module: ModuleType, base: type) -> bool:
    return any(
        isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__
        for value in vars(module).values()
    )


def looks_like_ours(path: Path) -> list[str]:
    """What a file speaks of, without running it; one that cannot be parsed still speaks."""
    try:
        text = read(path).decode(errors="replace")
    except OSError:
        return []
    if path.suffix == ".toml":
        try:
            keys = set(tomllib.loads(text))
        except (ValueError, RecursionError):
            keys = set(re.findall(r"^\s*\[*\s*(\w+)", text, re.MULTILINE))
        return ["study"] if len(keys & _STUDY) > 1 else []
    found = [kind for kind, words in _WORDS.items() if re.search(words, text, re.MULTILINE)]
    return found or (["file"] if re.search(r"\bfreqopt\b", text) else [])
