"""The edits of `edits` at every place of the methods that a step of a rule runs.

The text is the rule's own NumPy form, read from its file; a rule of a user's own is edited in the
same way. Only lines that the case in hand runs are edited.
"""

from __future__ import annotations

import ast
import copy
import math
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import numpy as np

from freqopt.crosscheck.cases.dialects import Case, number
from freqopt.crosscheck.implementation import reference, trace
from freqopt.crosscheck.mistakes.edits import Names, pretty, pretty_name, variants
from freqopt.crosscheck.mistakes.mistake import Mistake, in_methods
from freqopt.optimizers import Rule

AROUND = ("_decayed", "_regularised", "rate")
"""Methods of every rule that are edited."""

Lines = frozenset[tuple[str, int]]


def equations(case: Case) -> list[Mistake]:
    """Every mistake in the equations that a case runs."""
    rule, lines = case.rule, _lines_run(case)
    slots = tuple(slot.name for slot in rule.all_slots() if slot.name != "t" and not slot.copies)
    floats = (n for n, info in type(rule).model_fields.items() if number(info) is float)
    numbers = tuple(n for n in floats if getattr(rule, n))
    return list(_all(type(rule), lines, slots, numbers))


def _lines_run(case: Case) -> Lines:
    """The lines of optimizers' files that a case runs."""
    seen: set[tuple[str, int]] = set()

    def trace_calls(frame: FrameType, _event: str, _argument: Any) -> Any:
        file = frame.f_code.co_filename
        if "optimizers" not in file and not file.endswith(f"{case.rule.name()}.py"):
            return None
        seen.add((file, frame.f_lineno))
        return trace_calls

    before = sys.gettrace()
    sys.settrace(trace_calls)
    try:
        trace(reference, case)
    finally:
        sys.settrace(before)
    return frozenset(seen)


@cache
def _all(
    kind: type[Rule], lines: Lines, slots: tuple[str, ...], numbers: tuple[str, ...]
) -> tuple[Mistake, ...]:
    found: list[Mistake] = []
    for owner, name in _methods(kind):
        function = _function_of(owner, name)
        file = sys.modules[owner.__module__].__file__ or ""
        ran = {line for f, line in lines if f == file}
        if function is not None and any(s.lineno in ran for s in function.body):
            for cause, code, rank in _edited(
                owner, function, ran, _names(kind, function, slots, numbers)
            ):
                found.append(Mistake(cause, in_methods(**{name: code}), rank))
    return tuple(found)


def _methods(kind: type[Rule]) -> Iterator[tuple[type, str]]:
    """The class and the name of every method that may be edited, nearest class first."""
    seen: set[str] = set()
    for owner in kind.__mro__:
        if not issubclass(owner, Rule):
            continue
        for name, value in vars(owner).items():
            plain = isinstance(value, FunctionType) and "slow" not in name and name not in seen
            wanted = name in AROUND if owner is Rule else not name.startswith("__")
            if plain and wanted and name not in ("slots", "init", "catch_up"):
                seen.add(name)
                yield owner, name


def _function_of(owner: type, name: str) -> ast.FunctionDef | None:
    for node in _tree(sys.modules[owner.__module__].__file__ or "").body:
        if isinstance(node, ast.ClassDef) and node.name == owner.__name__:
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and inner.name == name:
                    return inner
    return None


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse(Path(file).read_text(encoding="utf-8"))


# -- one function --------------------------------------------------------------------------------

Edit = tuple[str, Callable[..., Any], int]
"""What is wrong, the function that does it, and its rank."""


def _edited(owner: type, function: ast.FunctionDef, ran: set[int], names: Names) -> Iterator[Edit]:
    """Every edit of a function, one at a time."""
    module = sys.modules[owner.__module__]
    lines = Path(module.__file__ or "").read_text(encoding="utf-8").splitlines()
    function = _bare(function)
    space = {**vars(module), "np": np, "math": math, "_store": _store}
    for block, place in _statements(function.body):
        statement = block[place]
        if statement.lineno not in ran:
            continue
        where = f"in {pretty(statement)}{_equation(lines[statement.end_lineno - 1])}"  # type: ignore[operator]
        for what, rank in _rearranged(block, place, names):
            yield f"{what}, {where}", _compiled(function, owner, space), rank
        for holder, field, index, term in _places(statement):
            held = getattr(holder, field)
            old = held if index is None else held[index]
            for new, what, rank in (*variants(old, names, term=term), *_stored(old, names)):
                _put(holder, field, index, new)
                yield f"{what}, {where}", _compiled(function, owner, space), rank
            _put(holder, field, index, old)
    for what, rank in _throughout(function, names):
        yield what, _compiled(function, owner, space), rank


def _bare(function: ast.FunctionDef) -> ast.FunctionDef:
    """A copy without annotations and decorators, which keeps the state before it began."""
    function = copy.deepcopy(function)
    function.decorator_list, function.returns = [], None
    for argument in (*function.args.args, *function.args.kwonlyargs):
        argument.annotation = None
    if isinstance(function.body[0], ast.Expr) and isinstance(function.body[0].value, ast.Constant):
        del function.body[0]
    if any(argument.arg == "s" for argument in function.args.args):
        function.body.insert(0, _parsed("_old = type(s)(**vars(s))"))
    return function


def _names(
    kind: type[Rule], function: ast.FunctionDef, slots: tuple[str, ...], numbers: tuple[str, ...]
) -> Names:
    limits = {n: kind.model_fields[n].metadata for n in numbers}
    decays = [n for n, some in limits.items() if any(getattr(m, "lt", None) == 1 for m in some)]
    assigned = [
        node.id
        for statement in ast.walk(function)
        if isinstance(statement, ast.Assign) and not _is_a_choice(statement.value)
        for node in ast.walk(ast.Tuple(statement.targets))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    local = [
        a.arg for a in function.args.args if a.arg in ("w", "g", "rate", "u", "v", "k")
    ] + assigned
    has_state = any(argument.arg == "s" for argument in function.args.args)
    return Names(
        numbers=tuple(f"self.{name}" for name in numbers),
        decays=tuple(f"self.{name}" for name in decays),
        slots=tuple(f"s.{name}" for name in slots) if has_state else (),
        local=tuple(dict.fromkeys(n for n in local if n not in ("s", "where", "slot", "still"))),
    )


def _is_a_choice(value: ast.expr) -> bool:
    """Whether a value is no quantity: true or false, a shape, a copy of the state."""
    text = ast.unparse(value)
    return isinstance(value, (ast.Compare, ast.BoolOp)) or any(
        part in text for part in ("shape", "type(s)", " == ", ".startswith", ".size", "vars(")
    )


def _equation(line: str) -> str:
    found = re.findall(r"\((\d+[a-z']*)\)", line.partition("#")[2])
    return f" (equation {', '.join(found)})" if found else ""


def _statements(body: list[ast.stmt]) -> Iterator[tuple[list[ast.stmt], int]]:
    """Every statement that does something, by its block and place."""
    for place, statement in enumerate(body):
        if isinstance(statement, (ast.If, ast.For)):
            if isinstance(statement, ast.If):
                yield body, place
            yield from _statements(statement.body)
            yield from _statements(statement.orelse)
        elif isinstance(statement, (ast.Assign, ast.AugAssign, ast.Return, ast.Expr)):
            yield body, place


_QUANTITY = re.compile(r"(self|s)\.\w+")

Place = tuple[ast.AST, str, int | None, bool]
"""Where an expression hangs: holder, field, index, and whether it is a term."""


def _places(statement: ast.stmt) -> Iterator[Place]:
    """Every value in a statement."""
    if isinstance(statement, ast.If):
        return
    value = getattr(statement, "value", None)
    if value is not None and not ast.unparse(value).startswith("type(s)"):
        yield from _within(statement, "value", None, term=True)


def _within(holder: Any, field: str, index: int | None, *, term: bool) -> Iterator[Place]:
    node = getattr(holder, field) if index is None else getattr(holder, field)[index]
    match node:
        case ast.Tuple():
            for k in range(len(node.elts)):
                yield from _within(node, "elts", k, term=True)
            return
        case ast.IfExp():
            yield from _within(node, "body", None, term=True)
            yield from _within(node, "orelse", None, term=True)
            return
        case ast.Constant(value=bool() | str() | None) | ast.Compare() | ast.BoolOp():
            return
        case ast.Attribute() if _QUANTITY.fullmatch(ast.unparse(node)) is None:
            return
    yield holder, field, index, term
    match node:
        case ast.BinOp(op=op):
            product = isinstance(op, (ast.Mult, ast.Div))
            yield from _within(node, "left", None, term=not product)
            yield from _within(node, "right", None, term=not product)
        case ast.UnaryOp():
            yield from _within(node, "operand", None, term=False)
        case ast.Call():
            first = 1 if ast.unparse(node.func) in ("np.where", "self.correction") else 0
            for k in range(first, len(node.args)):
                yield from _within(node, "args", k, term=True)
        case ast.Subscript():
            yield from _within(node, "value", None, term=True)


def _put(holder: Any, field: str, index: int | None, new: ast.expr) -> None:
    if index is None:
        setattr(holder, field, new)
    else:
        getattr(holder, field)[index] = new


def _stored(node: ast.expr, names: Names) -> Iterator[tuple[ast.expr, str, int]]:
    """What the rule only computes is stored."""
    text = ast.unparse(node)
    if isinstance(node, (ast.BinOp, ast.Call)):
        for slot in names.slots:
            if re.search(rf"\b{re.escape(slot)}\b", text):
                new = ast.parse(f"_store(s, {slot[2:]!r}, {text})", mode="eval").body
                yield new, f"stores {pretty(node)} as {slot[2:]}, which the rule only uses", 1


def _store(s: Any, name: str, value: Any) -> Any:
    setattr(s, name, value)
    return value


def _rearranged(block: list[ast.stmt], place: int, names: Names) -> Iterator[tuple[str, int]]:
    """A statement left out, done twice, exchanged with the next; its condition ignored."""
    statement = block[place]
    if isinstance(statement, ast.If):
        test = statement.test
        for value in (True, False):
            statement.test = ast.Constant(value)
            yield f"goes on as if {pretty(test)} were {value}", 1
        statement.test = test
        return
    if isinstance(statement, ast.Return) or "_old" in ast.unparse(statement):
        return
    target = ast.unparse(statement).partition(" = ")[0]
    if target in names.slots or target in names.local:
        block[place] = ast.Pass()
        yield f"leaves {pretty_name(target)} as it was", 1
        block[place] = statement
        block.insert(place, statement)
        yield f"does {pretty(statement)} twice", 1
        del block[place]
        yield from _begun(block, place, names)
    if place + 1 < len(block) and not isinstance(block[place + 1], ast.Return):
        block[place], block[place + 1] = block[place + 1], statement
        yield f"does {pretty(block[place])} first", 1
        block[place], block[place + 1] = statement, block[place]


def _begun(block: list[ast.stmt], place: int, names: Names) -> Iterator[tuple[str, int]]:
    """A mean that begins with its first value instead of its share of it."""
    statement: Any = block[place]
    target = ast.unparse(statement).partition(" = ")[0]
    value = getattr(statement, "value", None)
    if target not in names.slots or not isinstance(value, ast.BinOp):
        return
    whole, rest = ast.unparse(value), value.right
    alone = rest.right if isinstance(rest, ast.BinOp) and isinstance(rest.op, ast.Mult) else rest
    old = f"_old.{target[2:]}"
    for text, when in (
        (f"({ast.unparse(alone)}) if s.t == 1 else ({whole})", "at the first step"),
        (f"np.where({old} == 0, {ast.unparse(alone)}, {whole})", "at a row's first visit"),
        (f"({ast.unparse(rest)}) if s.t == 1 else ({whole})", "at the first step, start dropped"),
    ):
        statement.value = ast.parse(text, mode="eval").body
        yield f"sets {pretty_name(target)} to {pretty(alone)} {when}", 1
    statement.value = ast.parse(f"({whole}) if s.t == 1 else {old}", mode="eval").body
    yield f"updates {pretty_name(target)} at the first step only", 1
    statement.value = value


def _throughout(function: ast.FunctionDef, names: Names) -> Iterator[tuple[str, int]]:
    """A number that is another throughout a function or one of its statements."""
    for name in names.numbers:
        said = pretty_name(name)
        others = [(o, f"has {pretty_name(o)} for {said}") for o in names.numbers if o != name]
        for new, how in (
            *others,
            (f"(1 - {name})", f"has 1 - {said} for {said}"),
            (f"({name} ** s.t)", f"has {said}^t for {said}"),
            (f"({name} * (1 - 1e-8) ** (s.t - 1))", f"lets {said} decay by 1 - 1e-8 a step"),
            (f"({name} * {name} ** (s.t - 1))", f"lets {said} decay by itself a step"),
            (f"np.minimum({name}, 1 - 1 / s.t)", f"has the smaller of {said} and 1 - 1/t"),
            (f"np.minimum({name}, s.t / (s.t + 1))", f"has the smaller of {said} and t/(t + 1)"),
            (f"np.minimum({name}, (1 + s.t) / (10 + s.t))", f"warms {said} up as (1 + t)/(10 + t)"),
        ):
            for scope, where in _scopes(function, name):
                kept = copy.deepcopy(scope.__dict__)
                _Replaced(name, new).visit(scope)
                yield f"{how} in {where}", 1
                scope.__dict__.update(kept)
    yield from _all_begun(function, names)


def _scopes(function: ast.FunctionDef, name: str) -> Iterator[tuple[Any, str]]:
    places = [block[k] for block, k in _statements(function.body)]
    holding = [s for s in places if not isinstance(s, ast.If) and name in ast.unparse(s)]
    yield from ((one, pretty(one)) for one in holding)
    if len(holding) > 1:
        yield function, "all equations"


class _Replaced(ast.NodeTransformer):
    def __init__(self, name: str, new: str) -> None:
        self.name, self.new = name, ast.parse(new, mode="eval").body

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return self.new if ast.unparse(node) == self.name else node


def _all_begun(function: ast.FunctionDef, names: Names) -> Iterator[tuple[str, int]]:
    """Every mean of the function begins with its first value."""
    places = list(_statements(function.body))
    means: list[Any] = [b[k] for b, k in places if list(_begun(b, k, names))]
    kept = [statement.value for statement in means]
    for turn, when in enumerate(("at the first step", "at a row's first visit")):
        for statement in means:
            statement.value = [statement.value for _ in _begun([statement], 0, names)][turn]
        yield f"begins every mean with its first value {when}, not with its share of it", 0
        for statement, value in zip(means, kept, strict=True):
            statement.value = value


def _compiled(function: ast.FunctionDef, owner: type, space: dict[str, Any]) -> Callable[..., Any]:
    """The function as it is now, compiled; `super` works as in its class."""
    within = _parsed("def within(__class__): pass")
    within.body = [function, _parsed(f"return {function.name}", inside=True)]  # type: ignore[attr-defined]
    tree = ast.fix_missing_locations(ast.Module([within], []))
    made: dict[str, Any] = {}
    exec(compile(tree, f"<{owner.__name__}.{function.name} with a mistake>", "exec"), space, made)
    return made["within"](owner)


def _parsed(text: str, *, inside: bool = False) -> ast.stmt:
    if inside:
        return ast.parse(f"def f():\n {text}").body[0].body[0]  # type: ignore[attr-defined]
    return ast.parse(text).body[0]
