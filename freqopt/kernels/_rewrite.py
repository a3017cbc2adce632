"""A kernel's functions as plain Python functions of tuples: names become places.

What the options decided is gone, literals that meet numbers of the table's dtype are of it, and
every function that is called is the one that the reader at hand has for it. What follows is run as
it stands (`_python`) or compiled (`freqopt.backends.numba`).
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from freqopt.kernels._form import GIVEN, Kernel, On, Real
from freqopt.kernels._functions import KNOWN, WRITTEN
from freqopt.kernels._read import Reading
from freqopt.kernels._source import FunctionSource, source_of
from freqopt.kernels._values import VARIES, Hyper, Record, Slots, Text

MISSING = object()


@dataclass
class Rewriter:
    """Functions of one kernel, rewritten.

    Parameters
    ----------
    text : what was found out about it
    real : the type of the table's dtype
    functions : name of `KNOWN` -> function, and "rate": a function (h, t)
    finish : function
        What becomes of each function that was rewritten: itself, or compiled.
    """

    text: Text
    real: Any
    functions: Mapping[str, Callable[..., Any]]
    finish: Callable[[Callable[..., Any]], Callable[..., Any]]
    _helpers: dict[Any, Callable[..., Any]] = field(default_factory=dict)

    def kernel(self, reading: Reading) -> Kernel:
        """A rule's kernel, its functions with all that is given as their parameters.

        They take and give slots as tuples: element gives (w, e), row (r, s).
        """
        kernel = reading.kernel
        named: dict[str, Mapping[str, Hyper | Record]] = {
            "scalars": {"h": reading.h},
            "element": {"e": reading.e},
            "row": {"s": reading.s},
            "term": {},
        }
        made = {
            role: self.one(getattr(kernel, role), here, GIVEN[role])
            for role, here in named.items()
            if getattr(kernel, role) is not None
        }
        return kernel._replace(**made)

    def helper(self, function: Any) -> Callable[..., Any]:
        """A function that a kernel calls."""
        if function not in self._helpers:
            self._helpers[function] = self.one(function, {}, None)
        return self._helpers[function]

    def one(
        self, function: Any, named: Mapping[str, Hyper | Record], given: tuple[str, ...] | None
    ) -> Any:
        """A function; its parameters in `named` are taken by place, and `given` are all."""
        return self.finish(_Function(self, source_of(function), named).made(given))


class _Function:
    """One function while it is rewritten."""

    def __init__(
        self, whole: Rewriter, source: FunctionSource, named: Mapping[str, Hyper | Record]
    ) -> None:
        self.whole, self.source, self.named = whole, source, named
        self.slots = next((v for v in named.values() if isinstance(v, Slots)), None)
        self.text = whole.text
        self.local = set(source.function.__code__.co_varnames)
        self.space: dict[str, Any] = {"__name__": source.function.__module__}

    def made(self, given: tuple[str, ...] | None) -> Callable[..., Any]:
        """The new function, with all that is given as its parameters."""
        tree = self.source.tree
        new = copy.copy(tree)
        new.args = copy.copy(tree.args)
        new.args.args = [ast.arg(name) for name in given or self.source.parameters]
        new.body = [*self._taken_apart(), *self._block(tree.body)]
        new.decorator_list, new.returns = [], None
        module = ast.fix_missing_locations(ast.Module([new], []))
        exec(compile(module, self.source.path, "exec", dont_inherit=True), self.space)
        function: Callable[..., Any] = self.space.pop(tree.name)
        return function

    # -- slots ---------------------------------------------------------------------------------

    def _taken_apart(self) -> list[ast.stmt]:
        """_slot_m, _slot_v = e"""
        if not self.slots or not self.slots.kinds:
            return []
        names = ast.Tuple([_slot(name, ast.Store()) for name, _ in self.slots.kinds], ast.Store())
        together = ast.Name(self.slots.name, ast.Load())
        return [ast.copy_location(ast.Assign([names], together), self.source.tree)]

    def _returned(self, value: ast.expr) -> ast.expr:
        if not self.slots:
            return value
        last: list[ast.expr] = [_slot(name, ast.Load()) for name, _ in self.slots.kinds]
        return ast.Tuple([value, ast.Tuple(last, ast.Load())], ast.Load())

    def _by_place(self, node: ast.Attribute) -> ast.expr | None:
        """h.beta and e.m."""
        if not isinstance(node.value, ast.Name) or node.value.id not in self.named:
            return None
        numbers = self.named[node.value.id]
        if isinstance(numbers, Slots):
            return _slot(node.attr, node.ctx)
        whole = ast.Name(node.value.id, ast.Load())
        return ast.Subscript(whole, ast.Constant(numbers.fields.index(node.attr)), node.ctx)

    # -- statements and expressions ------------------------------------------------------------

    def _block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        new: list[ast.stmt] = []
        for node in body:
            match node:
                case ast.If():
                    test = self.text.known.get(node.test)
                    if isinstance(test, bool):
                        new += self._block(node.body if test else node.orelse)
                        continue
                    one, other = self._block(node.body), self._block(node.orelse)
                    made: ast.stmt = ast.If(self.of(node.test), one or [ast.Pass()], other)
                case ast.Return(value=ast.expr()):
                    made = ast.Return(self._returned(self.of(node.value)))
                case ast.AnnAssign(value=ast.expr()):
                    made = ast.Assign([self.of(node.target)], self.of(node.value))
                case ast.Expr() | ast.Pass():
                    continue
                case _:
                    made = self._parts(node)
            new.append(ast.copy_location(made, node))
        return new

    def of(self, node: Any) -> Any:
        """An expression, rewritten."""
        return ast.copy_location(self._of(node), node)

    def _of(self, node: Any) -> Any:
        known = self.text.known.get(node)
        if isinstance(known, (bool, str)):
            return ast.Constant(known)
        rounded = self.text.rounded.get(node, VARIES)
        if rounded is not VARIES:
            return self._constant(self.whole.real(rounded))
        match node:
            case ast.Attribute() if (place := self._by_place(node)) is not None:
                return place
            case ast.Call():
                return self._call(node)
            case ast.IfExp() if isinstance(test := self.text.known.get(node.test), bool):
                return self.of(node.body if test else node.orelse)
        value = self._outer(node)
        if value is MISSING:
            return self._parts(node)
        if isinstance(value, On):
            return ast.Constant(bool(value))
        plain = value is None or type(value) in (bool, int, float, str)
        return ast.Constant(value) if plain else self._constant(value)

    def _parts(self, node: Any) -> Any:
        """The same with its parts rewritten."""
        new = copy.copy(node)
        for name, part in ast.iter_fields(node):
            if isinstance(part, ast.expr):
                setattr(new, name, self.of(part))
            elif isinstance(part, list):
                setattr(new, name, [self.of(x) if isinstance(x, ast.expr) else x for x in part])
        return new

    def _outer(self, node: ast.AST) -> Any:
        """What a part of the text means that names nothing of the function's own, or MISSING."""
        match node:
            case ast.Name(id=name) if name not in self.local:
                return self.source.outer(name, node)
            case ast.Attribute():
                base = self._outer(node.value)
                return MISSING if base is MISSING else getattr(base, node.attr)
        return MISSING

    def _call(self, node: ast.Call) -> ast.expr:
        given = [self.of(part) for part in node.args]
        match node.func:
            case ast.Attribute(value=ast.Name(id=name)) if isinstance(self.named.get(name), Hyper):
                rate = self._constant(self.whole.functions["rate"])
                return ast.Call(rate, [ast.Name(name, ast.Load()), *given], [])
        function = self._own(self._outer(node.func))
        return ast.Call(self._constant(function), given, [])

    def _own(self, function: Any) -> Any:
        """What the reader at hand has for a function."""
        if isinstance(function, Real):
            return self.whole.real
        if function is len:
            return len
        if function in KNOWN:
            return self.whole.functions[KNOWN[function]]
        return self.whole.helper(WRITTEN.get(function, function))

    def _constant(self, value: Any) -> ast.Name:
        """A name for something that the function did not make."""
        name = f"_of_{len(self.space)}"
        self.space[name] = value
        return ast.Name(name, ast.Load())


def _slot(name: str, context: ast.expr_context) -> ast.Name:
    """The variable that holds a slot's value."""
    return ast.Name(f"_slot_{name}", context)
