"""Reads a kernel: what its options decide is decided, and what is left is written as C.

A partial evaluation over the syntax tree. Tuples are taken apart, helpers inlined, and both ways of
an `if` that is decided at run time are written out. On the way every number gets its kind, so that
what the readers would do differently is refused here, once, with file and line.
"""

from __future__ import annotations

import ast
from types import FunctionType, ModuleType
from typing import Any

from freqopt.errors import RuleError
from freqopt.kernels._form import On, Options, Real
from freqopt.kernels._functions import ALLOWED, KNOWN, WRITTEN
from freqopt.kernels._numbers import Numbers
from freqopt.kernels._source import source_of
from freqopt.kernels._values import (
    NUMERIC,
    Env,
    Hyper,
    Literal,
    Number,
    Record,
    Slots,
    Text,
    Value,
)

DEEPEST = 16
"""Helpers that call each other; more of them call themselves."""
Result = tuple[Value, tuple[Value, ...]]
"""What a function returns, and the last values of its slots."""


class Reader(Numbers):
    """Functions of a kernel, read one after the other.

    Parameters
    ----------
    text : Text
        Filled in.

    Attributes
    ----------
    lines : list of str
        C statements, to which reading adds.
    """

    def __init__(self, text: Text) -> None:
        super().__init__(text)
        self._given: list[Env] = []

    def top(self, role: str, function: Any, given: dict[str, Value], slots: Slots | None) -> Result:
        """The result of one of the kernel's own functions; later mistakes are said to be there."""
        source = source_of(function)
        for name in source.parameters:
            if name not in given:
                source.refuse(
                    source.tree, f"asks for {name}",
                    f"the {role} of a kernel may ask for {', '.join(given)}",
                )  # fmt: skip
        result = self.call(function, *(given[name] for name in source.parameters), slots=slots)
        self.stack.append(source)
        return result

    def call(self, function: Any, *given: Value, slots: Slots | None = None) -> Result:
        """What a function returns for these values."""
        source = source_of(function)
        self.text.files[source.path] = None
        if len(self.stack) >= DEEPEST:
            source.refuse(source.tree, f"{source.tree.name} calls itself")
        if len(source.parameters) != len(given):
            source.refuse(
                source.tree,
                f"{source.tree.name} takes ({', '.join(source.parameters)}), and is called with "
                f"{len(given)} values", "let it take as many",
            )  # fmt: skip
        named = zip(source.parameters, given, strict=True)
        env: Env = {name: self.kept(v, name) if self.stack else v for name, v in named}
        for slot, kind in slots.kinds if slots else ():
            env[slots.place(slot)] = self.kept(Number(slots.place(slot), kind), slot)  # type: ignore[union-attr]
        self.stack.append(source)
        self._given.append(dict(env))
        result = self._block(source.tree.body, env, slots)
        if result is None:
            return source.refuse(source.tree, "ends without return", "end every way with return")
        self._given.pop()
        self.stack.pop()
        return result

    # -- statements ----------------------------------------------------------------------------

    def _block(self, body: list[ast.stmt], env: Env, slots: Slots | None) -> Result | None:
        """The result, or None if the block goes on behind its end."""
        for k, node in enumerate(body):
            match node:
                case ast.Return(value=ast.expr() as returned):
                    result = self.kept(self.of(returned, env), "result")
                    return result, tuple(env[place] for place in slots.places) if slots else ()
                case ast.Return():
                    self.refuse(node, "returns nothing", "return the result")
                case ast.Assign():
                    value = self.kept(self.of(node.value, env), _name(node.targets[0]))
                    for target in node.targets:
                        self._bind(target, value, env)
                case ast.AnnAssign(value=ast.expr() as assigned):
                    value = self.kept(self.of(assigned, env), _name(node.target))
                    self._bind(node.target, value, env)
                case ast.AugAssign():
                    old, new = self._old(node.target, env), self.of(node.value, env)
                    value = self.arithmetic(node, node.op, old, new)
                    self._bind(node.target, self.kept(value, _name(node.target)), env)
                case ast.If():
                    test, rest = self.truth(node.test, self.of(node.test, env)), body[k + 1 :]
                    if isinstance(test, bool):
                        return self._block(
                            [*(node.body if test else node.orelse), *rest], env, slots
                        )
                    test = self.kept(test, "test")
                    if any(isinstance(inner, ast.Return) for inner in ast.walk(node)):
                        return self._returning(node, test, rest, env, slots)
                    self._passing(node, test, env)
                case ast.Expr(value=ast.Constant(value=str())) | ast.Pass():
                    pass
                case ast.For() | ast.While():
                    self.refuse(node, "has a loop")
                case _:
                    self.refuse(node, f"has a statement of the kind {_kind(node)}")
        return None

    def _returning(
        self, node: ast.If, test: Number, rest: list[ast.stmt], env: Env, slots: Slots | None
    ) -> Result:
        """An `if` that ends the function on some way: what follows belongs to both ways."""

        def way(body: list[ast.stmt]) -> Any:
            result = self._block([*body, *rest], dict(env), slots)
            return result or self.refuse(node, "ends without return", "end every way with return")

        names = {"result": None, **dict.fromkeys(slots.places if slots else ())}
        one, other = (
            self.apart(lambda body=body: dict(zip(names, _flat(way(body)), strict=True)))  # type: ignore[misc]
            for body in (node.body, node.orelse)
        )
        joined = self.join(node, test.text, one, other)
        return joined["result"], tuple(joined[name] for name in list(names)[1:])

    def _passing(self, node: ast.If, test: Number, env: Env) -> None:
        """An `if` behind which the function goes on."""

        def way(body: list[ast.stmt]) -> Env:
            changed = dict(env)
            self._block(body, changed, None)
            return changed

        one, other = (
            self.apart(lambda body=body: way(body))  # type: ignore[misc]
            for body in (node.body, node.orelse)
        )
        joined = self.join(node, test.text, one, other)
        env.clear()
        env.update(joined)

    def _old(self, target: ast.expr, env: Env) -> Value:
        """What `target += ...` begins with; a literal keeps the place where it stands."""
        return (
            env[target.id]
            if isinstance(target, ast.Name) and target.id in env
            else self.of(target, env)
        )

    def _bind(self, target: ast.expr, value: Value, env: Env) -> None:
        match target:
            case ast.Name():
                if not isinstance(value, (*NUMERIC, On, tuple, bool, str, type(None))):
                    self.refuse(target, f"gives {target.id} to something that is no number")
                env[target.id] = value
            case ast.Tuple() | ast.List():
                if not isinstance(value, tuple) or len(value) != len(target.elts):
                    count = len(value) if isinstance(value, tuple) else "1"
                    self.refuse(
                        target, f"takes {len(target.elts)} values, and there are {count}",
                        "name as many as there are",
                    )  # fmt: skip
                for part, number in zip(target.elts, value, strict=True):
                    self._bind(part, number, env)
            case ast.Attribute():
                slots = self.of(target.value, env)
                if not isinstance(slots, Slots):
                    self.refuse(target, "assigns to something that is no slot")
                kind = self._slot(target, slots)
                env[slots.place(target.attr)] = self.fitting(target, value, kind)
            case _:
                self.refuse(target, f"assigns to {ast.unparse(target)}")

    # -- expressions ---------------------------------------------------------------------------

    def of(self, node: ast.expr, env: Env) -> Value:
        """What an expression stands for."""
        value = self._of(node, env)
        self.at = self.source.path, node.lineno, node.end_lineno or node.lineno
        self.text.note(node, value)
        return value

    def _of(self, node: ast.expr, env: Env) -> Value:
        match node:
            case ast.Constant():
                return self._outer(node, node.value)
            case ast.Name():
                return self._named(node, env)
            case ast.Tuple():
                return self._tuple(node, env)
            case ast.Attribute():
                return self._attribute(node, env)
            case ast.Subscript():
                return self._part(node, env)
            case ast.UnaryOp():
                return self.unary(node, self.of(node.operand, env))
            case ast.BinOp():
                left, right = self.of(node.left, env), self.of(node.right, env)
                return self.arithmetic(node, node.op, left, right)
            case ast.Compare():
                values = [self.of(part, env) for part in (node.left, *node.comparators)]
                return self.compared(node, values)
            case ast.BoolOp():
                return self._logic(node, env)
            case ast.IfExp():
                test = self.truth(node.test, self.of(node.test, env))
                if isinstance(test, bool):
                    return self.of(node.body if test else node.orelse, env)
                one, other = (
                    self.apart(lambda part=part: {"picked": self.of(part, env)})  # type: ignore[misc]
                    for part in (node.body, node.orelse)
                )
                return self.join(node, test.text, one, other)["picked"]
            case ast.Call():
                return self._call(node, env)
        return self.refuse(node, f"has an expression of the kind {_kind(node)}")

    def _named(self, node: ast.Name, env: Env) -> Value:
        if node.id not in env:
            if node.id in self.source.function.__code__.co_varnames:
                self.refuse(
                    node, f"reads {node.id}, which has no value on every way to here",
                    "assign it before the `if`, or on both its ways",
                )  # fmt: skip
            return self._outer(node, self.source.outer(node.id, node))
        value = env[node.id]
        if isinstance(value, Literal) and self._given[-1].get(node.id) is not value:
            return Literal(value.value, node)
        return value

    def _outer(self, node: ast.expr, value: Any) -> Value:
        """Something that the function did not make: a constant, an option, a function."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            number = int(value) if isinstance(value, int) else float(value)
            self.text.constants.append(repr(number))
            return Literal(number, node)
        if isinstance(value, tuple):
            return tuple(self._outer(node, part) for part in value)
        plain = value is None or isinstance(value, (bool, str, FunctionType, ModuleType, type))
        try:
            plain = (
                plain
                or isinstance(value, (On, Options, Real))
                or value in KNOWN
                or value in WRITTEN
            )
        except TypeError:  # what cannot be hashed
            plain = False
        if not plain and not callable(value):
            self.refuse(node, f"reads {ast.unparse(node)}, an object of {type(value).__name__}")
        return value

    def _tuple(self, node: ast.Tuple, env: Env) -> tuple[Value, ...]:
        found: list[Value] = []
        for part in node.elts:
            if isinstance(part, ast.Starred):
                values = self.of(part.value, env)
                if not isinstance(values, tuple):
                    self.refuse(part, "unpacks something that is no tuple")
                found += values
            else:
                found.append(self.of(part, env))
        return tuple(found)

    def _attribute(self, node: ast.Attribute, env: Env) -> Value:
        base = self.of(node.value, env)
        match base:
            case Hyper():
                if node.attr in base.choices:
                    self.refuse(
                        node, f"{node.attr} is a choice, no number",
                        f"ask the options: rule.{node.attr} == ...",
                    )  # fmt: skip
                if node.attr not in base.fields:
                    numbers = ", ".join(f for f in base.fields if f not in base.choices)
                    self.refuse(
                        node, f"the rule has no field {node.attr}",
                        f"declare it, or take one of {numbers}, or h.rate(t)",
                    )  # fmt: skip
                return Number(f"h[{base.fields.index(node.attr)}]", "double")
            case Slots():
                self._slot(node, base)
                return env[base.place(node.attr)]
            case Record():
                if node.attr not in dict(base.kinds):
                    self.refuse(
                        node, f"{base.name} has no {node.attr}",
                        f"it has {', '.join(dict(base.kinds))}",
                    )  # fmt: skip
                return Number(base.place(node.attr), dict(base.kinds)[node.attr])
            case Options():
                try:
                    return self._outer(node, getattr(base, node.attr))
                except (RuleError, AttributeError) as error:
                    return self.refuse(node, str(error), "declare the field, or mend its name")
            case ModuleType():
                if hasattr(base, node.attr):
                    return self._outer(node, getattr(base, node.attr))
        return self.refuse(node, f"reads {ast.unparse(node)}")

    def _slot(self, node: ast.Attribute, slots: Slots) -> str:
        kinds = dict(slots.kinds)
        if node.attr in dict(slots.others):
            self.refuse(node, f"{node.attr} is no {slots.per} slot", dict(slots.others)[node.attr])
        if node.attr not in kinds:
            names = ", ".join(kinds) or "none"
            return str(
                self.refuse(
                    node, f"the rule has no {slots.per} slot {node.attr}",
                    f"declare it in slots(); with these options its {slots.per} slots are: {names}",
                )
            )  # fmt: skip
        return kinds[node.attr]

    def _part(self, node: ast.Subscript, env: Env) -> Value:
        """A tuple's part, by a number or a slice that is known now."""
        whole = self.of(node.value, env)
        if not isinstance(whole, tuple):
            hint = "slots have names: e.m, s.v" if isinstance(whole, (Slots, Hyper)) else ALLOWED
            self.refuse(node, f"takes a part of {ast.unparse(node.value)}, which is no tuple", hint)

        def known(part: ast.expr | None) -> int | None:
            if part is None:
                return None
            value = self.of(part, env)
            if not isinstance(value, Literal) or not isinstance(value.value, int):
                self.refuse(node, "takes a part whose place is not known beforehand")
            return int(value.value)

        if isinstance(node.slice, ast.Slice):
            ends = node.slice.lower, node.slice.upper, node.slice.step
            return whole[slice(*map(known, ends))]
        place = known(node.slice)
        if place is None or not -len(whole) <= place < len(whole):
            self.refuse(node, f"takes part {place} of {len(whole)}", "count from 0")
        return whole[place]

    def _logic(self, node: ast.BoolOp, env: Env) -> Value:
        stop, left = isinstance(node.op, ast.Or), []
        for part in node.values:
            value = self.truth(part, self.of(part, env))
            if not isinstance(value, bool):
                left.append(value.text)
            elif value == stop:
                return (
                    stop if not left else Number(_joined([*left, str(stop).lower()], stop), "bool")
                )
        return Number(_joined(left, stop), "bool") if left else not stop

    def _call(self, node: ast.Call, env: Env) -> Value:
        if node.keywords or any(isinstance(part, ast.Starred) for part in node.args):
            self.refuse(node, "calls with names or stars", "give the numbers in their order")
        given = [self.of(part, env) for part in node.args]
        if isinstance(node.func, ast.Attribute) and node.func.attr == "rate":
            numbers = self.of(node.func.value, env)
            if isinstance(numbers, Hyper):
                return self.rate(node, given)
        function = self.of(node.func, env)
        if function is len:
            if len(given) != 1 or not isinstance(given[0], tuple):
                self.refuse(node, "takes the length of something that is no tuple")
            return Literal(len(given[0]), node)
        for part, value in zip(node.args, given, strict=True):
            if isinstance(value, (Hyper, Slots)):
                self.refuse(
                    part, f"hands {ast.unparse(part)} on as a whole", "hand its numbers on instead"
                )
        if isinstance(function, Real):
            return self.cast(node, given, "real")
        if _is_in(function, KNOWN):
            return self.known_call(node, KNOWN[function], given)
        if _is_in(function, WRITTEN):
            function = WRITTEN[function]
        if not isinstance(function, FunctionType):
            self.refuse(node, f"calls {ast.unparse(node.func)}")
        if function.__module__.partition(".")[0] == "numpy":
            self.refuse(node, f"calls {ast.unparse(node.func)}")
        return self.call(function, *given)[0]


def _is_in(function: Any, table: dict[Any, Any]) -> bool:
    try:
        return function in table
    except TypeError:
        return False


def _joined(parts: list[str], stop: bool) -> str:
    return f"({(' || ' if stop else ' && ').join(parts)})"


def _flat(result: Result) -> tuple[Value, ...]:
    return (result[0], *result[1])


def _name(target: ast.expr) -> Any:
    """What the C variables are called after."""
    match target:
        case ast.Name():
            return target.id
        case ast.Attribute():
            return target.attr
        case ast.Tuple() | ast.List():
            return tuple(map(_name, target.elts))
    return "value"


def _kind(node: ast.AST) -> str:
    return type(node).__name__
