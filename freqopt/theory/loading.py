"""Theorem files, found and read by path."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import sympy as sp

from freqopt._discovery import module_of
from freqopt._files import is_file, is_folder
from freqopt.errors import TheoryError
from freqopt.theory.theorem import Mutant, Theorem

HEADINGS = ("Source", "Problem", "Algorithm", "Assumptions", "Statement", "Checks", "Literature")
"""Sections of a theorem file's docstring, in this order; "Beware" may follow "Statement"."""

SOURCES = ("derived here", "stated in the paper")

_TITLE = re.compile(r"([A-Za-z0-9]+(?:-[A-Za-z0-9]+)*): (\S.*)")
_HEADING = re.compile(r"^([A-Z][a-z]+)$")


@dataclass(frozen=True)
class TheoremFile:
    """A theorem file that has the right form.

    Attributes
    ----------
    path : Path
    id, title : str
        From the docstring's first line, "FA-4: FA-SGD, rate of every token".
    sections : heading -> text
    module : the imported file
    mutants : name -> Mutant
    """

    path: Path
    id: str
    title: str
    sections: Mapping[str, str]
    module: ModuleType
    mutants: Mapping[str, Mutant]

    def theorem(self, mutant: Mutant | None = None) -> Theorem:
        """The statement, or a mutant of it."""
        made = self.module.theorem(**(mutant.change if mutant else {}))
        if not isinstance(made, Theorem):
            raise TheoryError(f"theorem() returned a {type(made).__name__}, expected a Theorem")
        if not (made.claims or made.steps or made.checks):
            raise TheoryError("theorem() has no claim, no proof step and no check; give it one")
        return made


def find(paths: Iterable[str | Path]) -> list[Path]:
    """The theorem files under the given files and folders, sorted, each once.

    In a folder every ``*.py`` without a leading underscore is one.

    Raises
    ------
    TheoryError
        If a path does not exist or a folder holds none.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if is_folder(path):
            files = sorted(p for p in path.glob("*.py") if not p.name.startswith("_"))
            if not files:
                raise TheoryError(f"{path} holds no theorem file (*.py); check the path")
            found.update(dict.fromkeys(files))
        elif is_file(path):
            found[path] = None
        else:
            raise TheoryError(f"{path} does not exist; give a theorem file or a folder of them")
    return list(found)


def load(path: Path) -> TheoremFile:
    """Import one theorem file and check its form.

    Raises
    ------
    TheoryError
        Naming what the form lacks. Whatever the file itself raises is passed on.
    """
    if path.suffix != ".py":
        raise TheoryError(f"{path} is not a Python file; a theorem file ends in .py")
    loader, module = module_of(f"theorem_{path.stem}", path)
    loader.exec_module(module)
    first, sections = _sections(module.__doc__ or "")
    title = _TITLE.fullmatch(first)
    if title is None:
        raise TheoryError(
            f"the docstring begins {first!r}, expected 'ID: title', for example "
            "'FA-4: FA-SGD, rate of every token'"
        )
    wanted = [h for h in HEADINGS if h not in sections]
    if wanted:
        raise TheoryError(
            f"the docstring lacks the heading {wanted[0]!r}; see docs/add_a_theorem.md"
        )
    if not sections["Source"].startswith(SOURCES):
        raise TheoryError(
            f"Source begins {sections['Source'][:30]!r}, expected 'derived here' or 'stated in "
            "the paper'; a constant that was derived is never attributed to a paper"
        )
    if not callable(getattr(module, "theorem", None)):
        raise TheoryError("the file defines no function theorem(...) that returns a Theorem")
    mutants = getattr(module, "MUTANTS", {})
    if not mutants or not all(isinstance(m, Mutant) for m in mutants.values()):
        raise TheoryError(
            "the file has no mutants, so nothing shows that its checks could fail; add MUTANTS, "
            "a dictionary of name -> Mutant(kind, argument=wrong value)"
        )
    return TheoremFile(path, title[1], title[2].rstrip("."), sections, module, mutants)


def parts(theorem: Callable[..., Theorem], changes: Mapping[str, str]) -> dict[str, Any]:
    """Parts of a statement with the values that a user gave, of the kind of their defaults.

    Raises
    ------
    TheoryError
        If there is no such part, it is no number, or the text is none.
    """
    known = inspect.signature(theorem).parameters
    found: dict[str, Any] = {}
    for name, text in changes.items():
        if name not in known:
            raise TheoryError(f"the statement has no part {name!r}; its parts: {', '.join(known)}")
        default = known[name].default
        if isinstance(default, bool) or not isinstance(default, int | float | Fraction | sp.Expr):
            raise TheoryError(
                f"the part {name!r} is no number but {type(default).__name__}; only numbers can be "
                "set, others are for the file's MUTANTS"
            )
        try:
            value = Fraction(text)
        except (ValueError, ZeroDivisionError):
            raise TheoryError(
                f"{name} = {text!r} is no number; write it like 1/4 or 0.45"
            ) from None
        found[name] = _like(default, value)
    return found


def _like(default: Any, value: Fraction) -> Any:
    """The value as a number of the default's kind; a fraction for a whole number stays one."""
    if isinstance(default, float):
        return float(value)
    if isinstance(default, sp.Expr):
        return sp.Rational(value.numerator, value.denominator)
    return int(value) if isinstance(default, int) and value.denominator == 1 else value


def _sections(docstring: str) -> tuple[str, dict[str, str]]:
    """The first line, and heading -> text with the common indentation removed."""
    first, *rest = docstring.strip().splitlines() or [""]
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in rest:
        heading = _HEADING.match(line)
        if heading:
            current = sections.setdefault(heading[1], [])
        else:
            current.append(line.removeprefix("    "))
    return first, {heading: "\n".join(lines).strip() for heading, lines in sections.items()}
