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
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import numpy as np

from freqopt.crosscheck.cases.dialects import Case, number
from freqopt.crosscheck.implementation import Implementation, reference, trace
from freqopt.crosscheck.mistakes.edits import Names, pretty, variants
from freqopt.crosscheck.mistakes.informed import ASKED, informed
from freqopt.crosscheck.mistakes.mistake import Mistake, in_methods
from freqopt.crosscheck.mistakes.narrowed import NARROWING, narrowed
from freqopt.crosscheck.mistakes.rearranged import rearranged, statements, stored, throughout
from freqopt.optimizers import Rule

AROUND = ("_decayed", "_regularised", "rate")
"""Methods of every rule that are edited."""

UNEDITED = ("slots", "init", "catch_up", "_apply", "_replay", "_at_rest")
"""Methods around the equations: a wild edit of what is replayed would go on for ever, and `replays`
has the mistakes that are made there."""

Lines = frozenset[tuple[str, int]]


@dataclass(frozen=True)
class _Of:
    """What the equations of a rule are read with.

    Attributes
    ----------
    kind : type of Rule
    slots, numbers : tuple of str
        Slots but the count of steps; floats that are not 0.
    starts : tuple of (slot, number)
        Slots that begin with one of the numbers.
    narrow : bool
        Whether quantities go through a narrower type, and nothing else is wrong.
    """

    kind: type[Rule]
    slots: tuple[str, ...]
    numbers: tuple[str, ...]
    starts: tuple[tuple[str, str], ...]
    narrow: bool


def equations(case: Case, *, narrow: bool = False) -> list[Mistake]:
    """Every mistake in the equations that a case runs; `narrow`: of their precision alone."""
    rule, kind = case.rule, type(case.rule)
    slots = [slot for slot in rule.all_slots() if slot.name != "t" and not slot.copies]
    floats = (n for n, info in kind.model_fields.items() if number(info) is float)
    numbers = tuple(n for n in floats if getattr(rule, n))
    starts = (
        (s.name, n) for s in slots for n in numbers if s.start and getattr(rule, n) == s.start
    )
    names = tuple(slot.name for slot in slots)
    return list(_all(_Of(kind, names, numbers, tuple(starts), narrow), _lines_run(case)))


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
def _all(of: _Of, lines: Lines) -> tuple[Mistake, ...]:
    found: list[Mistake] = []
    edited = _narrowed if of.narrow else _edited
    for owner, name in _methods(of.kind):
        function = _function_of(owner, name)
        file = sys.modules[owner.__module__].__file__ or ""
        ran = {line for f, line in lines if f == file}
        if function is not None and any(s.lineno in ran for s in function.body):
            for cause, code, rank in edited(owner, function, ran, _names(of, function)):
                found.append(_mistake(cause, name, code, rank))
            for cause, code, rank in () if of.narrow else _of_helpers(owner, function):
                found.append(_mistake(cause, name, code, rank))
    return tuple(found)


_UNDECAYED = {"_decayed": lambda rule, w, s: w, "_regularised": lambda rule, g, w: g}
"""A rule's own weight decay, left out."""


def _decaying_here(apply: Implementation) -> Implementation:
    return lambda rule, table, given: apply(
        rule.model_copy(update={"decay_rows": "updated"}), table, given
    )


def _decay_term(rule: Rule, w: Any) -> Any:
    return rule.weight_decay * w


def _begun(number: float) -> float:
    """What a slot should have begun with: where this is used, it began at 0."""
    return number


def _from_0(apply: Implementation) -> Implementation:
    def init(self: Rule, table: Any, **given: Any) -> Any:
        state = type(self).init(self, table, **given)
        for slot in self.all_slots():
            if slot.start:
                state[slot.name][...] = 0
        return state

    return lambda rule, table, given: apply(rule.with_methods(init=init), table, given)


def _of_helpers(owner: type, function: ast.FunctionDef) -> Iterator[Edit]:
    """The method, with an edit in a function of its module that it calls."""
    module = sys.modules[owner.__module__]
    functions = {
        node.name: node
        for node in _tree(module.__file__ or "").body
        if isinstance(node, ast.FunctionDef)
    }
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    bare = _bare(function)
    for name in {call.id for call in calls if isinstance(call, ast.Name)} & set(functions):
        helper = functions[name]
        ran = {node.lineno for node in ast.walk(helper) if isinstance(node, ast.stmt)}
        arguments = [a.arg for a in helper.args.args if a.arg != "place"]
        names = Names((), (), (), tuple(arguments))
        for cause, (code, *_), rank in _edited(owner, helper, ran, names):
            space = {**_space(module), name: code}
            yield cause, _compiled(bare, owner, space), rank


def _mistake(cause: str, name: str, code: Edited, rank: int) -> Mistake:
    function, told, decays = code
    if "_begun" in function.__code__.co_names:
        return Mistake(cause, _from_0(in_methods(**{name: function})), rank)
    if decays:
        return Mistake(cause, _decaying_here(informed(**{name: function, **_UNDECAYED})), rank)
    if told:
        return Mistake(cause, informed(**{name: function}), rank)
    changed = {name: function}
    return Mistake(cause, in_methods(**changed), rank, lambda rule: rule.with_methods(**changed))


def _methods(kind: type[Rule]) -> Iterator[tuple[type, str]]:
    """The class and the name of every method that may be edited, nearest class first."""
    seen: set[str] = set()
    for owner in kind.__mro__:
        if not issubclass(owner, Rule):
            continue
        for name, value in vars(owner).items():
            plain = isinstance(value, FunctionType) and "slow" not in name and name not in seen
            wanted = name in AROUND if owner is Rule else not name.startswith("__")
            if plain and wanted and name not in UNEDITED:
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

Edited = tuple[Callable[..., Any], bool, bool]
"""A function with a mistake; whether it is told of more (`informed`); whether weights decay in it,
and nowhere else."""

Edit = tuple[str, Edited, int]
"""What is wrong, the function that does it, and its rank."""


def _edited(owner: type, function: ast.FunctionDef, ran: set[int], names: Names) -> Iterator[Edit]:
    """Every edit of a function, one at a time."""
    module = sys.modules[owner.__module__]
    lines = Path(module.__file__ or "").read_text(encoding="utf-8").splitlines()
    function = _bare(function)
    space = _space(module)
    for block, place in statements(function.body):
        statement = block[place]
        if statement.lineno not in ran or _STAMP.search(ast.unparse(statement)):
            continue
        where = f"in {pretty(statement)}{_equation(lines[statement.end_lineno - 1])}"  # type: ignore[operator]
        for what, rank in rearranged(block, place, names):
            yield f"{what}, {where}", _compiled(function, owner, space), rank
        for holder, field, index, term in _places(statement):
            held = getattr(holder, field)
            old = held if index is None else held[index]
            for new, what, rank in (*variants(old, names, term=term), *stored(old, names)):
                _put(holder, field, index, new)
                yield f"{what}, {where}", _compiled(function, owner, space), rank
            _put(holder, field, index, old)
    for what, rank in throughout(function, names):
        yield what, _compiled(function, owner, space), rank


def _narrowed(
    owner: type, function: ast.FunctionDef, ran: set[int], names: Names
) -> Iterator[Edit]:
    """Every quantity of a function rounded, or computed, in a narrower type."""
    function, space = _bare(function), _space(sys.modules[owner.__module__])
    for block, place in statements(function.body):
        statement = block[place]
        if statement.lineno not in ran or _STAMP.search(ast.unparse(statement)):
            continue
        for holder, field, index, _ in _places(statement):
            held = getattr(holder, field)
            old = held if index is None else held[index]
            where = f"in {pretty(statement)}"
            for new, what, rank in narrowed(old, names):
                _put(holder, field, index, new)
                yield f"{what}, {where}", _compiled(function, owner, space), rank
            _put(holder, field, index, old)


def _space(module: Any) -> dict[str, Any]:
    own = {"np": np, "math": math, "_store": _store, "_decay_term": _decay_term, "_begun": _begun}
    return {**vars(module), **NARROWING, **own}


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


def _names(of: _Of, function: ast.FunctionDef) -> Names:
    limits = {n: of.kind.model_fields[n].metadata for n in of.numbers}
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
        numbers=tuple(f"self.{name}" for name in of.numbers),
        decays=tuple(f"self.{name}" for name in decays),
        slots=tuple(f"s.{name}" for name in of.slots) if has_state else (),
        state=has_state,
        all_decays=tuple(f"self.{n}" for n in decays),
        calls=_calls(function),
        added=_added(function),
        starts={f"s.{slot}": f"self.{number}" for slot, number in of.starts},
        local=tuple(dict.fromkeys(n for n in local if n not in ("s", "where", "slot", "still"))),
    )


def _calls(function: ast.FunctionDef) -> dict[str, ast.Call]:
    """Variables that stand for a function of one argument."""
    return {
        statement.targets[0].id: statement.value
        for statement in ast.walk(function)
        if isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and isinstance(statement.value, ast.Call)
        and len(statement.value.args) == 1
    }


def _added(function: ast.FunctionDef) -> dict[str, str]:
    """What is added to each slot of which nothing is lost."""
    return {
        ast.unparse(statement.targets[0]): ast.unparse(statement.value.right)
        for statement in ast.walk(function)
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.BinOp)
        and isinstance(statement.value.op, ast.Add)
        and ast.unparse(statement.targets[0]) == ast.unparse(statement.value.left)
    }


def _is_a_choice(value: ast.expr) -> bool:
    """Whether a value is no quantity: true or false, a shape, a copy of the state."""
    text = ast.unparse(value)
    return isinstance(value, (ast.Compare, ast.BoolOp)) or any(
        part in text for part in ("shape", "type(s)", " == ", ".startswith", ".size", "vars(")
    )


def _equation(line: str) -> str:
    found = re.findall(r"\((\d+[a-z']*)\)", line.partition("#")[2])
    return f" (equation {', '.join(found)})" if found else ""


_STAMP = re.compile(r"\bs\.\w+_at\b")
"""When a row last caught up: `replays` has its mistakes; a wild one would replay for ever."""

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


def _store(s: Any, name: str, value: Any) -> Any:
    setattr(s, name, value)
    return value


def _compiled(function: ast.FunctionDef, owner: type, space: dict[str, Any]) -> Edited:
    """The function as it is now, compiled; `super` works as in its class."""
    within = _parsed("def within(__class__): pass")
    within.body = [function, _parsed(f"return {function.name}", inside=True)]  # type: ignore[attr-defined]
    tree = ast.Module([within], [])
    made: dict[str, Any] = {}
    exec(compile(tree, f"<{owner.__name__}.{function.name} with a mistake>", "exec"), space, made)
    made_of = made["within"](owner)
    used = set(made_of.__code__.co_names)
    return made_of, bool(ASKED & used), "_decay_term" in used


def _parsed(text: str, *, inside: bool = False) -> ast.stmt:
    if inside:
        return ast.parse(f"def f():\n {text}").body[0].body[0]  # type: ignore[attr-defined]
    return ast.parse(text).body[0]
