"""Numbers while a kernel is read: their kinds, and the C that computes them.

As in NumPy, a number written in the text takes the kind of what it meets. A number of the table's
dtype and a float64 do not meet: the text says with `real` or `float` where it rounds, so that this
is left to no reader.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from typing import Any

from freqopt.kernels._form import On
from freqopt.kernels._functions import ALLOWED, ARITY
from freqopt.kernels._source import FunctionSource
from freqopt.kernels._values import (
    FOLDED,
    NUMERIC,
    SAID,
    TYPES,
    VARIES,
    Either,
    Env,
    Literal,
    Number,
    Text,
    Value,
    c_literal,
    c_word,
    same,
)

ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
COMPARISONS = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
NOW: dict[str, Callable[[float], Any]] = {"sqrt": math.sqrt, "isnan": math.isnan, "abs": abs}
ROUND = "say where it is rounded: real(...) gives the table's dtype, float(...) float64"
CONSTANT = re.compile(r"[A-Za-z_]\w*|[crfw]\.\w+|visit\.\w+")
"""C that names something that stays as it is."""
Way = tuple[Env, list[str]]
"""What one way of an `if` leaves behind, and its C statements."""


class Numbers:
    """Arithmetic on values, written down as C."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.lines: list[str] = []
        self.stack: list[FunctionSource] = []
        self.at = ("", 0, 0)  # file and lines of what was evaluated last
        self.places: dict[str, tuple[str, int, int]] = {}  # of each variable
        self._names = 0

    @property
    def source(self) -> FunctionSource:
        """The function that is being read."""
        return self.stack[-1]

    def refuse(self, node: ast.AST, what: str, hint: str = ALLOWED) -> Any:
        """The one message for a mistake at a place of the function that is being read."""
        return self.source.refuse(node, what, hint)

    # -- kinds ---------------------------------------------------------------------------------

    def common(self, node: ast.AST, *values: Value) -> str:
        """The kind in which numbers meet."""
        for value in values:
            if not isinstance(value, NUMERIC):
                self._no_number(node, value)
        kinds = {v.kind for v in values if isinstance(v, Number)}
        literals = {type(v.value) for v in values if not isinstance(v, Number)}
        if "real" in kinds:
            if kinds != {"real"}:
                (other,) = list(kinds - {"real"})[:1]
                self.refuse(node, f"{SAID['real']} meets {SAID[other]}", ROUND)
            return "real"
        if "double" in kinds or float in literals:
            return "double"
        return "int" if "int" in kinds or literals else "bool"

    def as_kind(self, node: ast.AST, value: Value, kind: str) -> str:
        """The C text of a number as one of a kind that it fits in without being rounded."""
        match value:
            case Literal():
                self._settle(value, kind)
                return c_literal(value.value, kind)
            case Either():
                one, other = (self.as_kind(node, v, kind) for v in (value.one, value.other))
                return f"({value.test} ? {one} : {other})"
        return value.text if value.kind == kind else f"{TYPES[kind]}({value.text})"

    def _settle(self, literal: Literal, kind: str) -> None:
        """A literal is of the table's dtype, or it is not: the same in all its uses."""
        settled = literal.value if kind == "real" else VARIES
        before = self.text.rounded.setdefault(literal.node, settled)
        if (before is VARIES) != (settled is VARIES):
            self.refuse(
                literal.node, f"{literal.value} meets {SAID['real']} here and another one there",
                "write real(...) where it shall be of the table's dtype",
            )  # fmt: skip

    def _no_number(self, node: ast.AST, value: Value) -> Any:
        if isinstance(value, (bool, On)):
            name = f" {value.name}" if isinstance(value, On) else ""
            self.refuse(
                node, f"reckons with the option{name}, which only says whether a field is on",
                "the rule's numbers are those of h, in scalars: h.NAME",
            )  # fmt: skip
        what = "a tuple" if isinstance(value, tuple) else f"{value!r}"
        return self.refuse(node, f"reckons with {what}, which is no number")

    def fitting(self, node: ast.AST, value: Value, kind: str) -> Number:
        """A number for a place of a kind: a slot, a result."""
        if isinstance(value, bool) and kind == "int":
            return Number(str(int(value)), "int")
        if not isinstance(value, NUMERIC):
            self._no_number(node, value)
        own = value.kind if isinstance(value, Number) else type(value.value).__name__
        fits = {
            "real": ("real", "int", "float") if not isinstance(value, Number) else ("real",),
            "double": ("double", "real", "int", "bool", "float"),
            "int": ("int", "bool"),
            "bool": ("bool",),
        }[kind]
        if own not in fits:
            own = {"float": "double"}.get(own, own)
            hint = (
                "count in whole numbers, or declare the slot as float64" if kind == "int" else ROUND
            )
            self.refuse(node, f"gives {SAID[own]} where {SAID[kind]} is kept", hint)
        return Number(self.as_kind(node, value, kind), kind)

    # -- operations ----------------------------------------------------------------------------

    def arithmetic(self, node: ast.AST, op: ast.operator, a: Value, b: Value) -> Value:
        """A sum, difference, product or quotient."""
        if isinstance(a, tuple) and isinstance(b, tuple) and isinstance(op, ast.Add):
            return a + b
        if type(op) not in ARITHMETIC:
            power = "write x * x, or power(x, y) of freqopt.streams.elementary"
            hint = power if isinstance(op, ast.Pow) else ALLOWED
            self.refuse(node, f"has the operator {type(op).__name__}", hint)
        if isinstance(a, Literal) and isinstance(b, Literal):
            try:
                return Literal(FOLDED[type(op)](a.value, b.value), node)
            except (ArithmeticError, ValueError) as error:
                self.refuse(node, str(error))
        kind = self.common(node, a, b)
        if kind == "bool":
            kind = "int"
        if isinstance(op, ast.Div) and kind == "int":
            kind = "double"
        left, right = self.as_kind(node, a, kind), self.as_kind(node, b, kind)
        return Number(f"({left} {ARITHMETIC[type(op)]} {right})", kind)

    def unary(self, node: ast.UnaryOp, value: Value) -> Value:
        """A sign or a `not`."""
        if isinstance(node.op, ast.Not):
            test = self.truth(node.operand, value)
            return not test if isinstance(test, bool) else Number(f"(!{test.text})", "bool")
        if isinstance(node.op, ast.UAdd):
            return value
        if not isinstance(node.op, ast.USub):
            self.refuse(node, f"has the operator {type(node.op).__name__}")
        if isinstance(value, Literal):
            return Literal(-value.value, node)
        kind = self.common(node, value)
        kind = "int" if kind == "bool" else kind
        return Number(f"(-{self.as_kind(node, value, kind)})", kind)

    def compared(self, node: ast.Compare, values: list[Value]) -> Value:
        """One comparison or a chain of them."""
        tests: list[str] = []
        for op, a, b in zip(node.ops, values, values[1:], strict=False):
            test = self._comparison(node, op, a, b)
            if test is False:
                return False
            if test is not True:
                tests.append(test)
        return (
            Number(tests[0] if len(tests) == 1 else f"({' && '.join(tests)})", "bool")
            if tests
            else True
        )

    def _comparison(self, node: ast.Compare, op: ast.cmpop, a: Value, b: Value) -> bool | str:
        for value in (a, b):
            if isinstance(value, On):
                self._no_number(node, value)
        known = [v.value if isinstance(v, Literal) else v for v in (a, b)]
        if not any(isinstance(v, (Number, Either)) for v in known):
            plain = [_plain(v) for v in known]
            try:
                return bool(FOLDED[type(op)](*plain))
            except (TypeError, KeyError):
                self.refuse(node, f"compares {plain[0]!r} with {plain[1]!r}")
        if type(op) not in COMPARISONS:
            self.refuse(node, f"has the comparison {type(op).__name__} of numbers")
        kind = self.common(node, *(_truth_number(v) for v in (a, b)))
        left, right = (self.as_kind(node, _truth_number(v), kind) for v in (a, b))
        return f"({left} {COMPARISONS[type(op)]} {right})"

    def truth(self, node: ast.AST, value: Value) -> Any:
        """A test: True, False, or a number of kind bool."""
        match value:
            case bool() | str() | tuple() | On() | None:
                return bool(value)
            case Literal():
                return bool(value.value)
            case Number(kind="bool"):
                return value
            case Number(kind="int"):
                return Number(f"({value.text} != 0)", "bool")
        return self.refuse(node, "asks whether a number is true", "write the comparison: x != 0")

    def cast(self, node: ast.Call, given: list[Value], kind: str) -> Number:
        """real(x) or float(x)."""
        if len(given) != 1 or not isinstance(given[0], NUMERIC):
            self.refuse(node, f"calls {ast.unparse(node.func)} with other than one number")
        (value,) = given
        if isinstance(value, Number):
            return Number(f"{TYPES[kind]}({value.text})", kind)
        if isinstance(value, Either):
            return Number(
                f"{TYPES[kind]}({self.as_kind(node, value, self.common(node, value))})", kind
            )
        return Number(c_literal(value.value, kind), kind)

    def rate(self, node: ast.Call, given: list[Value]) -> Number:
        """h.rate(t)."""
        if len(given) != 1 or self.common(node, *given) != "int":
            self.refuse(node, "asks for the rate of something else than a batch", "write h.rate(t)")
        return Number(f"rate(h, {self.as_kind(node, given[0], 'int')})", "double")

    def known_call(self, node: ast.Call, name: str, given: list[Value]) -> Value:
        """A function that every reader knows."""
        if len(given) != ARITY.get(name, 1):
            self.refuse(
                node, f"calls {name} with {len(given)} numbers", "give it as many as it takes"
            )
        if name == "float":
            return self.cast(node, given, "double")
        if isinstance(given[0], Literal) and name in NOW:
            return self._now(node, NOW[name], given[0].value)
        kinds = [self.common(node, value) for value in given]
        if name == "integer_power":
            if kinds[1] != "int":
                self.refuse(node, f"raises to the power of {SAID[kinds[1]]}", "use power(x, y)")
            wanted = ["double", "int"]
        elif name in ("sqrt", "isnan", "abs"):
            wanted = ["real" if kinds == ["real"] else "double"]
        else:
            wanted = ["double"] * len(given)
        if "real" in kinds and "real" not in wanted:
            self.refuse(node, f"calls {name} with {SAID['real']}", f"write {name}(float(...))")
        texts = [self.as_kind(node, v, kind) for v, kind in zip(given, wanted, strict=True)]
        c_name = {"abs": "fabs", "sqrt": "sqrt", "isnan": "isnan", "integer_power": name}
        kind = "bool" if name == "isnan" else wanted[0]
        return Number(f"{c_name.get(name, f'elementary::{name}')}({', '.join(texts)})", kind)

    def _now(self, node: ast.AST, function: Callable[[float], Any], number: float) -> Value:
        """A function of a number that stands in the text."""
        try:
            found = function(number)
        except (ArithmeticError, ValueError) as error:
            self.refuse(node, str(error))
        return found if isinstance(found, bool) else Literal(found, node)

    # -- C statements --------------------------------------------------------------------------

    def kept(self, value: Value, name: Any) -> Value:
        """The value, computed once and kept in a variable; a tuple in variables of these names."""
        if isinstance(value, tuple):
            names = (
                name if isinstance(name, tuple) and len(name) == len(value) else [name] * len(value)
            )
            return tuple(map(self.kept, value, names))
        if not isinstance(value, Number) or CONSTANT.fullmatch(value.text):
            return value
        variable = self._variable(name)
        self.places[variable] = self.at
        self.lines.append(f"const {TYPES[value.kind]} {variable} = {value.text};")
        return Number(variable, value.kind)

    def _variable(self, name: Any) -> str:
        self._names += 1
        return f"{c_word(name) if isinstance(name, str) else 'part'}_{self._names}"

    def apart(self, way: Callable[[], Env]) -> Way:
        """What a way of an `if` leaves, and its statements, which are held back."""
        before, self.lines = self.lines, []
        try:
            return way(), self.lines
        finally:
            self.lines = before

    def join(self, node: ast.AST, test: str, one: Way, other: Way) -> Env:
        """The values behind an `if`; names that only one way knows are gone."""
        ways = one[1], other[1]
        declared: list[str] = []
        joined = {
            name: self._pick(node, test, name, value, other[0][name], ways, declared)
            for name, value in one[0].items()
            if name in other[0]
        }
        if one[1] or other[1]:
            self.lines += declared
            self.lines.append(f"if ({test}) {{")
            self.lines += [f"    {line}" for line in one[1]]
            if other[1]:
                self.lines.append("} else {")
                self.lines += [f"    {line}" for line in other[1]]
            self.lines.append("}")
        return joined

    def _pick(
        self, node: ast.AST, test: str, name: str, a: Value, b: Value,
        ways: tuple[list[str], list[str]], declared: list[str],
    ) -> Value:  # fmt: skip
        if same(a, b):
            return a
        if isinstance(a, tuple) and isinstance(b, tuple):
            if len(a) != len(b):
                self.refuse(node, f"leaves {len(a)} or {len(b)} numbers, by a test at run time")
            pairs = zip(a, b, strict=True)
            return tuple(self._pick(node, test, name, x, y, ways, declared) for x, y in pairs)
        a, b = _truth_number(a), _truth_number(b)
        simple, literal = not any(ways), (Literal, Either)
        if simple and isinstance(a, literal) and isinstance(b, literal):
            return Either(test, a, b)
        kind = self.common(node, a, b)
        texts = self.as_kind(node, a, kind), self.as_kind(node, b, kind)
        if simple:
            return Number(f"({test} ? {texts[0]} : {texts[1]})", kind)
        variable = self._variable(name.rpartition(".")[2])
        declared.append(f"{TYPES[kind]} {variable};")
        for lines, text in zip(ways, texts, strict=True):
            lines.append(f"{variable} = {text};")
        return Number(variable, kind)


def _truth_number(value: Value) -> Value:
    """A truth value that is known now as one that is known at run time."""
    return Number(str(bool(value)).lower(), "bool") if isinstance(value, (bool, On)) else value


def _plain(value: Value) -> Any:
    """What is known now without its place."""
    if isinstance(value, tuple):
        return tuple(_plain(part) for part in value)
    return value.value if isinstance(value, Literal) else value
