"""What stands for a number while a kernel is read, and what the text is found to be.

Kinds are "real" (the table's dtype), "double" (float64), "int" (int64) and "bool".
"""

from __future__ import annotations

import ast
import math
import operator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from freqopt.kernels._form import On

TYPES = {"real": "real", "double": "double", "int": "i64", "bool": "bool"}
"""Kind -> C type."""
SAID = {
    "real": "a number of the table's dtype",
    "double": "a float64 number",
    "int": "a whole number",
    "bool": "a truth value",
}
FOLDED: dict[type, Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
"""Operators on what is known now."""

Value: TypeAlias = Any
"""Number, Literal, Either, a tuple of values, or something that is known now."""
Env: TypeAlias = dict[str, Any]
"""Name, or place of a slot -> its present value."""


@dataclass(frozen=True)
class Number:
    """A number that is known at run time: a C expression and its kind."""

    text: str
    kind: str


@dataclass(frozen=True)
class Literal:
    """A number that stands in the text, and where."""

    value: int | float
    node: ast.AST


@dataclass(frozen=True)
class Either:
    """One of two literals, which a test at run time decides."""

    test: str
    one: Any
    other: Any

    @property
    def value(self) -> int | float:
        """A number of the kind of both."""
        return self.one.value if isinstance(self.one.value, float) else self.other.value


NUMERIC = (Number, Literal, Either)


@dataclass(frozen=True)
class Hyper:
    """h: the rule's numbers by name, in the order of its fields; choices are no numbers."""

    fields: tuple[str, ...]
    choices: frozenset[str]


@dataclass(frozen=True)
class Record:
    """A structure that is only read."""

    name: str
    kinds: tuple[tuple[str, str], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its numbers."""
        return tuple(name for name, _ in self.kinds)

    def place(self, field: str) -> str:
        """A number in C."""
        return f"{self.name}.{field}"


@dataclass(frozen=True)
class Named(Record):
    """A structure whose numbers have the names that a user's file gives them."""

    def place(self, field: str) -> str:
        """A number in C."""
        return f"{self.name}.{c_name(field)}"


@dataclass(frozen=True)
class Slots(Named):
    """e or s: slots by name, and their kinds; `place` is where the present value is kept."""

    per: str
    others: tuple[tuple[str, str], ...] = ()
    """Slots of the rule that are not among these, and why."""

    @property
    def places(self) -> tuple[str, ...]:
        """Of all slots."""
        return tuple(self.place(slot) for slot, _ in self.kinds)


VARIES = object()
"""Marks a place of the text that is not the same each time it is read."""


@dataclass(eq=False)
class Text:
    """What is found out about a kernel's text while it is read.

    Attributes
    ----------
    known : node -> value
        Parts that are the same whenever they are reached: options, and what follows from them.
    rounded : node -> number
        Literals that are of the table's dtype; VARIES for those that are not.
    files : the files that were read
    constants : numbers that the functions did not make
    """

    known: dict[ast.AST, Any] = field(default_factory=dict)
    rounded: dict[ast.AST, Any] = field(default_factory=dict)
    files: dict[str, None] = field(default_factory=dict)
    constants: list[str] = field(default_factory=list)

    def note(self, node: ast.AST, value: Value) -> None:
        """Remember what a part of the text is."""
        plain = value if isinstance(value, (bool, str)) else VARIES
        if isinstance(value, On):
            plain = bool(value)
        if not same(self.known.setdefault(node, plain), plain):
            self.known[node] = VARIES


def c_name(name: str) -> str:
    """A name of a user's file in C, where it is no keyword, macro or name of our own: `long`."""
    return f"own_{c_word(name)}"


def c_word(text: str) -> str:
    """The end of a name in C."""
    return "".join(
        c if c.isascii() and (c.isalnum() or c == "_") else f"_{ord(c):x}_"
        for c in text.replace("-", "_")  # min-mean is IS(aggregation, min_mean) in our sources
    )


def c_literal(value: float, kind: str) -> str:
    """A number as C writes it exactly, of a kind."""
    if kind == "int":
        return str(int(value))
    if math.isinf(value):
        text = "infinity()" if value > 0 else "(-infinity())"
    elif math.isnan(value):
        text = "(infinity() - infinity())"
    else:
        text = float(value).hex()
    return f"real({text})" if kind == "real" else text


def same(a: Value, b: Value) -> bool:
    """Whether two values need not be told apart."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, Literal) and isinstance(b, Literal):
        return a.node is b.node
    if isinstance(a, On) and isinstance(b, On):
        return bool(a) == bool(b)
    return a is b or (type(a) is type(b) and bool(a == b))
