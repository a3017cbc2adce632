"""A rule's kernel, read as a whole: its four functions in turn, each with what it is given."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from inspect import signature
from pathlib import Path
from traceback import extract_tb
from types import FunctionType
from typing import Any, TypeVar

import numpy as np

from freqopt.errors import BackendError, FreqoptError, KernelError, in_words
from freqopt.kernels._form import GIVEN, Kernel, Options, choices, option
from freqopt.kernels._own import check_own
from freqopt.kernels._reading import Reader
from freqopt.kernels._source import mistake
from freqopt.kernels._values import NUMERIC, Hyper, Number, Record, Slots, Text, Value

T = TypeVar("T", bound=tuple[Any, ...])
VISIT = Record(
    "visit", (("t", "int"), ("occurrences", "int"), ("first_round", "bool"), ("width", "int"))
)
LIBRARY = Path(__file__).parents[1]
KINDS = {"table": "real", "float64": "double", "int64": "int"}
"""Dtype of a slot -> its kind."""


@dataclass(frozen=True)
class Piece:
    """One function of a kernel as C.

    Attributes
    ----------
    lines : statements
    result : what it returns
    last : value of each slot at its end
    places : variable -> file and lines of what it holds; "" for the result
    """

    lines: list[str]
    result: Any
    last: tuple[Number, ...]
    places: dict[str, tuple[str, int, int]]


@dataclass(frozen=True, eq=False)
class Reading:
    """What all readers know of a kernel.

    Attributes
    ----------
    kernel, dtype, text : as written, the table's dtype, and what was found out about it
    h, e, s : what the functions are given by name
    asked : the options that decided, and their values
    own : what tells the texts of a user's files from others; "" for the library's own
    scalars, row, term, element : each function as C
    """

    kernel: Kernel
    dtype: Any
    text: Text
    h: Hyper
    e: Slots
    s: Slots
    asked: list[tuple[str, Any]]
    own: str
    scalars: Piece
    row: Piece
    term: Piece | None
    element: Piece


def read(rule: Any, dtype: Any) -> Reading:
    """The kernel of a rule for tables of a dtype.

    Rules of one class that differ in numbers only share their reading.

    Raises
    ------
    BackendError
        The rule has no kernel of its own.
    KernelError
        Something in it cannot be read for every backend; file and line are said.
    """
    check_own(type(rule))
    options = tuple(option(rule, name) for name in type(rule).model_fields)
    slots = tuple((s.name, s.per, s.dtype) for s in own_slots(rule))
    return _read(_Asked(rule, (type(rule), np.dtype(dtype).name, options, slots)))


class _Asked:
    """A rule, compared by what decides its reading."""

    def __init__(self, rule: Any, key: tuple[Any, ...]) -> None:
        self.rule, self.key = rule, key

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self.key == other.key


def own_slots(rule: Any) -> list[Any]:
    """The slots that kernels see: of elements and rows, without those of the axes around."""
    common = ("t", "decayed_at")
    return [
        s for s in rule.all_slots() if s.per != "table" and not s.copies and s.name not in common
    ]


@cache
def _read(this: _Asked) -> Reading:
    rule, (kind, dtype, _, _) = this.rule, this.key
    options = Options(rule, dtype)
    kernel = _made(kind, options)
    fields = tuple(kind.model_fields)
    h = Hyper(fields, frozenset(name for name in fields if _is_choice(kind, name)))
    slots = own_slots(rule)
    for slot in slots:
        if slot.per == "element" and slot.dtype != "table":
            raise at(kernel.element, f"the element slot {slot.name} is of dtype {slot.dtype}",
                      "element slots of a kernel have the table's dtype")  # fmt: skip
    e, s = (
        Slots(
            name,
            tuple((x.name, KINDS[x.dtype]) for x in slots if x.per == per),
            per,
            tuple((x.name, _unread(x)) for x in rule.all_slots() if x not in slots or x.per != per),
        )
        for name, per in (("e", "element"), ("s", "row"))
    )
    text = Text()
    t, w, g, x = Number("t", "int"), *(Number(name, "real") for name in "wgx")

    scalars, wide = piece(text, kernel, "scalars", (h, t), None, ("c.c", None))
    narrow = tuple(Number(f"real({number.text})", "real") for number in wide)
    given = wide, s, VISIT, Number("total", "real")
    row, r = piece(text, kernel, "row", given, s, ("r.r", "real"))
    element, _ = piece(text, kernel, "element", (narrow, r, w, g, x, e), e)
    term = None if kernel.term is None else piece(text, kernel, "term", (g, x))[0]
    own, real = fingerprint(text), options.real.dtype
    asked = options.asked
    return Reading(kernel, real, text, h, e, s, asked, own, scalars, row, term, element)


def fingerprint(text: Text) -> str:
    """A hash of what a kernel is made of, as far as it stands outside of the library."""
    files = [Path(path) for path in text.files if not Path(path).is_relative_to(LIBRARY)]
    if not files:
        return ""
    digest = hashlib.sha256(repr(text.constants).encode())
    for path in files:
        digest.update(str(path).encode() + b"\0" + path.read_bytes() + b"\0")
    return f" {digest.hexdigest()[:32]}"


def _unread(slot: Any) -> str:
    """Why a slot is not to be had in this function."""
    if slot.per == "table":
        return "a kernel takes no slot of the whole table: keep a count per row, or use visit.t"
    if slot.copies:
        return "a kernel takes no slot with copies"
    place = {"element": "e", "row": "s"}[slot.per]
    return f"it is a slot per {slot.per}; {slot.per} has it as {place}.{slot.name}"


def _is_choice(kind: Any, name: str) -> bool:
    return any(isinstance(value, str) for value in choices(kind, name))


def _made(kind: Any, options: Options) -> Kernel:
    """What the rule's `kernel` gives for these options."""
    return made(kind.kernel, options, Kernel)


def made(function: Any, given: Any, kind: type[T]) -> T:
    """What a `kernel` gives, if it is a Kernel or ProblemKernel of functions."""
    form = f"{kind.__name__}({', '.join(f for f in kind._fields if f not in kind._field_defaults)})"  # type: ignore[attr-defined]
    try:
        signature(function).bind(given)
    except TypeError:
        names = ", ".join(signature(function).parameters)
        raise at(function, f"kernel takes ({names})", "let it take one thing more than self, or "
                 "without self one: kernel(rule)") from None  # fmt: skip
    try:
        kernel = function(given)
    except (BackendError, KernelError):  # it says itself that it has none, or what is wrong
        raise
    except Exception as error:
        raise _raised(function, error, f"kernel gives {form}") from error
    if not isinstance(kernel, kind):
        raise at(function, f"kernel gives an object of {type(kernel).__name__}",
                 f"end it with return {form}, of freqopt.kernels")  # fmt: skip
    for role, value in kernel._asdict().items():  # type: ignore[attr-defined]
        if role not in {*GIVEN, "sample"}:
            continue
        if not isinstance(value, FunctionType) and not (value is None and role == "term"):
            raise at(function, f"{kind.__name__} has {role} = {value!r}", "give it a function")
    return kernel


def _raised(function: Any, error: Exception, hint: str) -> KernelError:
    """The message for an error in the body of `kernel` itself."""
    path = function.__code__.co_filename
    lines = [f.lineno for f in extract_tb(error.__traceback__) if f.filename == path]
    known = isinstance(error, FreqoptError)
    said = str(error) if known else in_words(error)
    line = (lines and lines[-1]) or function.__code__.co_firstlineno
    return mistake(path, line, said, hint)


def at(function: Any, what: str, hint: str) -> KernelError:
    code = function.__code__
    return mistake(code.co_filename, code.co_firstlineno, what, hint)


def piece(
    text: Text, kernel: Any, role: str, given: tuple[Value, ...], slots: Slots | None = None,
    fields: tuple[str, str | None] | None = None, roles: Mapping[str, tuple[str, ...]] = GIVEN,
) -> tuple[Piece, tuple[Number, ...]]:  # fmt: skip
    """One function as C, and what stands for its results in the next.

    fields: the place of a tuple's parts, and their kind if it is always the same; a function
    without `fields` gives one number of the table's dtype.
    """
    reader = Reader(text)
    named = dict(zip(roles[role], given, strict=True))
    result, last = reader.top(role, getattr(kernel, role), named, slots)
    node = reader.source.tree
    if fields is None:
        if not isinstance(result, NUMERIC):
            hint = (
                "return the new number alone; slots are assigned: e.m = ..."
                if slots
                else "return it"
            )
            reader.refuse(node, "returns no single number", hint)
        number = reader.kept(reader.fitting(node, result, "real"), "new")
        return Piece(reader.lines, number, last, reader.places), ()
    if not isinstance(result, tuple) or not all(
        isinstance(part, (*NUMERIC, bool)) for part in result
    ):
        reader.refuse(node, "returns no tuple of numbers", "return them in a tuple: (lr, beta)")
    place, kind = fields
    parts = [reader.fitting(node, part, kind or reader.common(node, part)) for part in result]
    names = tuple(Number(f"{place}{k}", p.kind) for k, p in enumerate(parts))
    return Piece(reader.lines, tuple(parts), last, reader.places), names
