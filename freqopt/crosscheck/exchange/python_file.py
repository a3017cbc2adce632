"""A user's own Python file with an implementation in it."""

from __future__ import annotations

import inspect
from pathlib import Path

from freqopt._discovery import load_file
from freqopt.crosscheck.implementation import Implementation
from freqopt.errors import CrosscheckError


def own_implementation(path: Path, rule: str | None = None) -> tuple[str, Implementation]:
    """The rule and the implementation of a file.

    The implementation is the file's function ``make(rule, table, given) -> step``, or its only
    public function if it has no ``make``. The rule is the one that is given, else the file's
    ``RULE``.

    Raises
    ------
    CrosscheckError
        The file cannot be imported, or has no such function, or several, or names no rule.
    """
    module = load_file(path, "implementation", CrosscheckError)
    public = {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    }
    if "make" not in public and len(public) != 1:
        has = f"{len(public)} ({', '.join(public)})" if public else "none"
        raise CrosscheckError(
            f"{path} has no function make(rule, table, given) -> step, and of other public "
            f"functions it has {has}, expected one; call the one that is meant make"
        )
    named = rule or getattr(module, "RULE", None)
    if not isinstance(named, str):
        raise CrosscheckError(
            f'{path} does not say which rule it implements; write RULE = "adam" in it, or give '
            "--rule adam; `freqopt list` shows the rules"
        )
    return named, public.get("make") or next(iter(public.values()))
