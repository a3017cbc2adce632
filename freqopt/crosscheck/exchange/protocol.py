"""The text that a judged program reads and writes, version 1; docs/crosscheck.md has the grammar.

Words are separated by one space, lines end in a line feed, everything is ASCII. A float is what C's
printf("%a") writes and strtod reads; a program that cannot may write 17 significant digits.

    judge      freqopt-crosscheck 1
               rule NAME
               dtype float32 | float64
               default NAME VALUE          one line an option that is at its default
               option NAME VALUE           one line an option that is not
               given NAME COUNT FLOAT ...  one line a state slot that is handed in
               table N D                   rows and columns
               FLOAT ...                   N lines of D: the table before the first step
    program    ready NAME ... | unsupported REASON    names of `METHODS` that it has, if any
    judge      step T B                    T = 1, 2, ...; B = 0 is an empty batch
               ROW FLOAT ...               B lines of D: an occurrence's row, from 0, and gradient
    program    step T K                    the same T
               ROW FLOAT ...               K lines of D: every row that has changed, each once
A program that has named a method may be sent, at any time between two steps:

    judge      save
    program    saved K                     K lines of anything follow
    judge      restore K                   the same lines, in another run: go on from there
    program    ok
    judge      rate FLOAT                  the base rate from now on
    program    ok
    judge      idle                        a step without a gradient
    program    idle K                      as after a step
    judge      accumulate B                as a step; the next step takes these occurrences too
    program    ok
    judge      cast float32 | float64      the dtype of the table from now on
    program    ok

    judge      end                         no answer; the next header follows, or the input ends
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.exchange.encoding import to_text
from freqopt.errors import CrosscheckError, UnsupportedError
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

VERSION = 1
END = "end\n"

METHODS = ("save", "restore", "rate", "idle", "accumulate", "cast")
"""What a program may have beside its step; `rate` is `set_rate` in Python."""

STATES = 16
"""Lines that a saved state may have for each row of the table."""


def longest_line(columns: int) -> int:
    """Bytes that no line of an answer exceeds: a float in text has at most 32, a reason 1024."""
    return 1024 + 32 * columns


def header(rule: Rule, table: Floats, given: Mapping[str, NDArray[Any]]) -> str:
    """All that a program has to know before the first step."""
    lines = [f"freqopt-crosscheck {VERSION}", f"rule {rule.name()}", f"dtype {table.dtype}"]
    for name, field in type(rule).model_fields.items():
        value = getattr(rule, name)
        word = "default" if value == field.default else "option"
        lines.append(f"{word} {name} {_word(value)}")
    for name, values in given.items():
        lines.append(f"given {name} {values.size} {_floats(values)}")
    return "\n".join([*lines, "table {} {}".format(*table.shape), *map(_floats, table)]) + "\n"


def batch(word: str, rows: Integers, grads: Floats) -> str:
    """A batch and its occurrences, after `step T` or `accumulate`."""
    lines = [f"{row} {_floats(grad)}" for row, grad in zip(rows.tolist(), grads, strict=True)]
    return "\n".join([f"{word} {rows.size}", *lines]) + "\n"


def rate(lr: float) -> str:
    """Another base rate."""
    return f"rate {float(lr).hex()}\n"


def restore(lines: list[str]) -> str:
    """A state that was saved."""
    return "\n".join([f"restore {len(lines)}", *lines]) + "\n"


def read_ready(line: str) -> list[str]:
    """The answer to the header: the methods that the program has.

    Raises
    ------
    UnsupportedError
        With the program's reason.
    CrosscheckError
        It is neither of the two answers.
    """
    word, _, reason = line.partition(" ")
    if word == "unsupported":
        raise UnsupportedError(reason.strip() or "no reason given")
    first, *methods = line.split(" ")
    if first != "ready":
        raise CrosscheckError(f"expected 'ready' or 'unsupported REASON', got {shown(line)}")
    for name in methods:
        if name not in METHODS:
            known = ", ".join(METHODS)
            raise CrosscheckError(f"is ready for {shown(name)}; what can be asked is {known}")
    return methods


def read_ok(line: str) -> None:
    """The answer to what changes no row."""
    if line != "ok":
        raise CrosscheckError(f"expected 'ok', got {shown(line)}")


def read_head(line: str, word: str, rows: int) -> int:
    """K, the number of rows that follow `step T` or `idle`."""
    said, _, count = line.rpartition(" ")
    if said != word or not count.isdecimal() or len(count) > 9:
        raise CrosscheckError(f"expected '{word} K', got {shown(line)}")
    if int(count) > rows:
        raise CrosscheckError(
            f"announced {count} rows for a table of {rows}; each changed row comes once, "
            "after its occurrences are combined"
        )
    return int(count)


def read_saved(line: str, rows: int) -> int:
    """K, the number of lines of a saved state that follow."""
    word, _, count = line.partition(" ")
    if word != "saved" or not count.isdecimal() or len(count) > 9:
        raise CrosscheckError(f"expected 'saved K', got {shown(line)}")
    if int(count) > (most := STATES * (rows + 1)):
        raise CrosscheckError(f"announced {count} lines of state, expected at most {most}")
    return int(count)


def read_row(line: str, table: Floats) -> int:
    """Write a line's numbers into its row of the table; the row."""
    size, width = table.shape
    first, *words = line.split() or [""]
    if not first.lstrip("-").isdecimal() or len(first) > 10:
        raise CrosscheckError(f"expected 'ROW' and {width} floats, got {shown(line)}")
    row = int(first)
    if not 0 <= row < size:
        raise CrosscheckError(f"row {row} is out of range; the table has rows 0 to {size - 1}")
    if len(words) != width:
        raise CrosscheckError(f"row {row} has {len(words)} numbers, expected {width}")
    with np.errstate(over="ignore"):  # beyond float32 is infinite, and will be seen as such
        table[row] = np.array([_number(word) for word in words]).astype(table.dtype)
    return row


def shown(line: str) -> str:
    """A line in quotes, at most 60 characters of it."""
    return repr(line if len(line) <= 60 else line[:60] + "...")


def _number(word: str) -> float:
    try:
        return float.fromhex(word) if "x" in word.lower() else float(word)
    except (ValueError, OverflowError):
        raise CrosscheckError(f'{shown(word)} is not a float; printf("%a") writes one') from None


def _floats(values: NDArray[Any]) -> str:
    return " ".join(value.hex() for value in values.astype(np.float64).ravel().tolist())


def _word(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(to_text(value))
