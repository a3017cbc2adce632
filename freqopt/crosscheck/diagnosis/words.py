"""A fingerprint in words. They are the names of fields and values, and the fields' descriptions."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from freqopt.crosscheck.diagnosis.meanings import Meaning, changes, numbers
from freqopt.crosscheck.diagnosis.option_sets import axes
from freqopt.optimizers import Rule

if TYPE_CHECKING:
    from freqopt.crosscheck.diagnosis.fingerprint import Fingerprint

ALWAYS = ("rows", "duplicates")
"""Options of every rule that are always said; the others where they are off their default."""

LIKE = 0.5
"""A meaning is said to be like what was seen if it has that part of the entries that moved."""

SHOWN = 6
"""Meanings beside the first that are listed one by one."""


def report(found: Fingerprint) -> str:
    """The fingerprint as a block of text."""
    lines = []
    if not found.meanings:
        lines.append(f"no meaning of {found.asked.name()} that is known here does what was seen")
    elif found.cause:
        lines.append(f"cause: {found.cause}")
    if not found.meanings:
        pass
    elif found.nearest is None and not found.meanings[0].mutant:
        asked = "it means what was asked; what is left is rounding:"
        lines.append(asked if found else "it means something else:")
    else:
        lines.append("no combination of options does what was seen; this does:")
    if found.meanings:
        first, *others = found.meanings
        lines += [f"  {line}" for line in _meaning(found.asked, first)]
        lines += [f"  or {_other(first, other)}" for other in others[:SHOWN]]
        if len(others) > SHOWN:
            lines.append(f"  or {len(others) - SHOWN} more that this input does not tell apart")
    if found.known:
        lines.append(f"known implementations that do the same: {', '.join(found.known)}")
    if found.nearest is not None and not found.meanings and found.nearest.share >= LIKE:
        near = found.nearest
        lines.append(f"most like it: {sentence(near.rule)}")
        lines += ["  " + line for line in _changed(found.asked, near.rule)]
        share = f"{100 * near.share:.1f} % of the entries that have moved are the same"
        lines.append(f"  {share}; it parts at")
        lines.append(f"  {near.comparison.first}")
    return "\n".join(lines)


def cause(asked: Rule, meaning: Meaning) -> str:
    """What is wrong, in one sentence."""
    parts = [meaning.mutant] if meaning.mutant else []
    if type(asked) is not type(meaning.rule):
        parts.append(f"it is {meaning.rule.name()}, asked was {asked.name()}")
    else:
        for name, (old, new) in changes(asked, meaning.rule).items():
            parts.append(f"{name} = {_number(new)}, asked was {_number(old)}")
    said = " and ".join(parts)
    return f"{said}, {meaning.where}" if meaning.where else said


def sentence(rule: Rule) -> str:
    """A rule and its options in one line."""
    about = inspect.cleandoc(sys.modules[type(rule).__module__].__doc__ or rule.name())
    title = re.split(r"[:,.]", about, maxsplit=1)[0]
    return ", ".join([title, *_phrases(rule)])


def _phrases(rule: Rule) -> Iterator[str]:
    """Own options, then those of every rule; a number beside the option that says its place."""
    shared, given = Rule.model_fields, numbers(rule)
    for name, _ in axes(type(rule)):
        value, place = getattr(rule, name), name.removesuffix("_place")
        default = type(rule).model_fields[name].default
        if name in shared and name not in ALWAYS and value == default:
            continue
        if place != name and place in given:
            yield f"{place} {_number(given[place])} {_word(value)}"
        elif isinstance(value, bool):
            if value or default:
                yield _word(name) if value else f"no {_word(name)}"
        else:
            yield f"{_word(name)} {_word(value)}"


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _word(value: Any) -> str:
    return str(value).replace("_", " ")


def _meaning(asked: Rule, meaning: Meaning) -> Iterator[str]:
    """A meaning in full."""
    fault = f", with the fault {meaning.mutant!r}" if meaning.mutant else ""
    yield f"{sentence(meaning.rule)}{fault}"
    for line in _changed(asked, meaning.rule):
        yield f"  {line}"
    if meaning.where:
        yield f"  {meaning.where}; the other cases are right"
    if meaning.explains:
        yield f"  it explains {meaning.explains}: more is wrong"
    yield f"  at most {meaning.ulps:.3g} ULP from what was seen"
    if meaning.alike:
        every = (f"{k} = {' or '.join(map(str, v))}" for k, v in meaning.alike.items())
        yield f"  the same in these batches: {'; '.join(every)}"


def _other(first: Meaning, other: Meaning) -> str:
    """What another meaning has that the first has not."""
    alike = type(other.rule) is type(first.rule)
    new = changes(first.rule, other.rule) if alike else {}
    words = [f"{name} = {_number(value)}" for name, (_, value) in new.items()]
    words += [] if alike else [sentence(other.rule)]
    words += [f"with the fault {other.mutant!r}"] if other.mutant != first.mutant else []
    return ", ".join(words)


def _changed(asked: Rule, rule: Rule) -> Iterator[str]:
    """What differs from the rule that was asked for."""
    if type(asked) is not type(rule):
        yield f"it is {rule.name()}, asked was {asked.name()}"
        return
    for name, (old, new) in changes(asked, rule).items():
        about = type(rule).model_fields[name].description or ""
        yield f"{name} = {_number(new)}, asked was {_number(old)} ({about.rstrip('.')})"
