"""A study file before it is a study: a TOML document, read, with its quick values in place."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from freqopt._files import read, resolved
from freqopt.errors import StudyError

LARGEST = 1 << 24
"""Bytes of a study file."""
DEEPEST = 32
"""Parts of a dotted key; the time to read one grows with their square."""
MOST = 1 << 1024
"""Whole numbers from here on are no floats either, and those of thousands of digits no text."""
VAST = "it has a whole number of more than 308 digits"

_PART = r"""(?:[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_DEEP = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*\.[ \t]*{_PART}){{{DEEPEST}}}")


def read_document(path: Path) -> dict[str, Any]:
    """The tables of a study file; StudyError names the file and what is wrong with it."""
    try:
        path.stem.encode()  # results are stored under it
    except UnicodeEncodeError:
        shown = str(path).encode(errors="backslashreplace").decode()
        raise StudyError(
            f"the name of the study file {shown} is no text in UTF-8; rename it, or set LC_ALL to "
            "a locale in which it is"
        ) from None
    try:
        content = read(path)
        document = _parsed(content)
    except OSError as error:
        raise StudyError(
            f"the study file {path} cannot be read ({error.strerror}); check the path"
        ) from None
    except UnicodeDecodeError as error:
        raise StudyError(
            f"the study file {path} is not text in UTF-8 (byte {error.start + 1} is "
            f"0x{content[error.start]:02x}); save it as UTF-8"
        ) from None
    except (ValueError, RecursionError) as error:
        raise StudyError(f"the study file {path} is not TOML: {error}; mend it") from None
    if not document:
        raise StudyError(
            f"the study file {path} is empty; it needs title, steps, problem and rules "
            "(docs/studies.md shows one)"
        )
    return document


def with_quick(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the values of its table [quick] in their places."""
    return merge(document, _table("quick", document.get("quick", {})))


def _parsed(content: bytes) -> dict[str, Any]:
    """A TOML document; ValueError if it is none, or would take for ever to read."""
    if len(content) > LARGEST:
        raise ValueError(f"it has {len(content)} bytes, and a study at most {LARGEST}")
    text = content.decode("utf-8-sig")
    if deep := _DEEP.search(text):
        line = text.count("\n", 0, deep.start()) + 1
        raise ValueError(f"line {line} has a key of more than {DEEPEST} parts")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:  # Python's own limit of digits
        raise ValueError(VAST) from None
    if not _moderate(document):
        raise ValueError(VAST)
    return document


def _moderate(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_moderate, value.values()))
    if isinstance(value, list):
        return all(map(_moderate, value))
    return not isinstance(value, int) or abs(value) < MOST


def merge(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The document with values replaced; tables are merged key by key, lists are replaced.

    Rules are a list in the document and a table in the changes: label (or name) -> changes.
    """
    merged = dict(document)
    for key, change in changes.items():
        old = document.get(key)
        if key == "rules" and isinstance(old, list) and isinstance(change, dict):
            merged[key] = _merge_rules(old, change)
        elif isinstance(old, dict) and isinstance(change, dict):
            merged[key] = merge(old, change)
        else:
            merged[key] = change
    return merged


def _merge_rules(rules: list[Any], changes: dict[str, Any]) -> list[Any]:
    titles = [_title(rule) for rule in rules]
    unknown = sorted(set(changes) - set(titles))
    if unknown:
        raise StudyError(
            f"quick.rules.{unknown[0]} changes a rule that is not there; "
            f"rules: {', '.join(map(str, titles))}"
        )
    return [
        merge(rule, _table(f"quick.rules.{title}", changes[title])) if title in changes else rule
        for rule, title in zip(rules, titles, strict=True)
    ]


def _title(rule: Any) -> str:
    """What a rule of a document is called; empty if that is no text, which is refused later."""
    title = (rule.get("label") or rule.get("name")) if isinstance(rule, dict) else ""
    return title if isinstance(title, str) else ""


def _table(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise StudyError(f"{key} = {value!r}: expected a table of keys and values")
    return value


def located(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The document with relative names of files made into paths from the study file's folder.

    Such names are those of rules, problems and metrics that end in .py, and the problem's fields
    called `path`, wherever they stand: in its own table, in the grid or in a case.
    """

    def own(name: Any) -> Any:
        return at(name) if isinstance(name, str) and name.endswith(".py") else name

    def at(name: Any) -> Any:
        if isinstance(name, list):
            return [at(one) for one in name]
        return str(resolved(folder / name)) if isinstance(name, str) else name

    def paths(tree: Any) -> Any:
        if isinstance(tree, list):
            return [paths(branch) for branch in tree]
        if not isinstance(tree, dict):
            return tree
        return {
            key: at(value) if key.rpartition(".")[2] == "path" else paths(value)
            for key, value in tree.items()
        }

    def entry(given: Any) -> Any:
        named = isinstance(given, dict) and "name" in given
        return {**given, "name": own(given["name"])} if named else given

    placed = {
        key: paths(value) if key in ("problem", "grid", "cases") else value
        for key, value in document.items()
    }
    if "problem" in placed:
        placed["problem"] = entry(placed["problem"])
    for key, locate in (("rules", entry), ("record", own)):
        if isinstance(placed.get(key), list):
            placed[key] = [locate(one) for one in placed[key]]
    return placed
