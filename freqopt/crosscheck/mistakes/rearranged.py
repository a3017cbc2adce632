"""Edits of whole statements of an equation: left out, done twice, exchanged, of some rows only."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from typing import Any

from freqopt.crosscheck.mistakes.edits import Names, pretty, pretty_name


def statements(body: list[ast.stmt]) -> Iterator[tuple[list[ast.stmt], int]]:
    """Every statement that does something, by its block and place."""
    for place, statement in enumerate(body):
        if isinstance(statement, (ast.If, ast.For)):
            if isinstance(statement, ast.If):
                yield body, place
            yield from statements(statement.body)
            yield from statements(statement.orelse)
        elif isinstance(statement, (ast.Assign, ast.AugAssign, ast.Return, ast.Expr)):
            yield body, place


def stored(node: ast.expr, names: Names) -> Iterator[tuple[ast.expr, str, int]]:
    """What the rule only computes is stored."""
    text = ast.unparse(node)
    if isinstance(node, (ast.BinOp, ast.Call)):
        for slot in names.slots:
            if re.search(rf"\b{re.escape(slot)}\b", text):
                new = ast.parse(f"_store(s, {slot[2:]!r}, {text})", mode="eval").body
                yield new, f"stores {pretty(node)} as {slot[2:]}, which the rule only uses", 1


def rearranged(block: list[ast.stmt], place: int, names: Names) -> Iterator[tuple[str, int]]:
    """A statement left out, done twice, exchanged with the next; its condition ignored."""
    statement = block[place]
    if isinstance(statement, ast.If):
        test = statement.test
        for truth in (True, False):
            statement.test = ast.copy_location(ast.Constant(truth), test)
            yield f"goes on as if {pretty(test)} were {truth}", 1
        statement.test = test
        return
    if isinstance(statement, ast.Return) or "_old" in ast.unparse(statement):
        return
    target = ast.unparse(statement).partition(" = ")[0]
    yield from _of_slot(block, place, names)
    if target in names.local and names.state and isinstance(statement, ast.Assign):
        whole, value = ast.unparse(statement.value), statement.value
        for term, said in (
            ("_decay_term(self, w)", "the decay is added to"),
            ("self.rate(s.t) * _decay_term(self, w)", "the decay, with the rate, is added to"),
        ):
            statement.value = ast.parse(f"({whole}) + {term}", mode="eval").body
            yield f"{said} {target}", 1
        statement.value = value
    if target in names.slots or target in names.local:
        block[place] = ast.copy_location(ast.Pass(), statement)
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


def _of_slot(block: list[ast.stmt], place: int, names: Names) -> Iterator[tuple[str, int]]:
    """What is stored in a slot: of some rows only, one number for many, with something added."""
    statement: Any = block[place]
    targets = [ast.unparse(t) for t in getattr(statement, "targets", [])]
    slot = next((t for t in targets if t in names.slots), "")
    if not slot:
        return
    name, whole, value = slot[2:], ast.unparse(statement.value), statement.value
    for text, what in {
        **{
            f"np.where({test}, {whole}, _old.{name})": f"updates {name} only {said}"
            for test, said in _SOME.items()
        },
        **{
            f"0 * ({whole}) + {one.format(whole)}": f"makes {name} one number {said}"
            for one, said in _ONE.items()
        },
        **{
            f"({whole}) + {number}": f"stores {name} plus {pretty_name(number)}"
            for number in names.numbers
        },
        **{
            f"({whole}) * {number}": f"stores {name} times {pretty_name(number)}"
            for number in names.numbers
        },
        **_first_scaled(statement.value, name),
        **_as_power(statement.value, slot, name),
        f"np.maximum({whole}, _old.{name})": f"never lets {name} fall",
    }.items():
        statement.value = ast.parse(text, mode="eval").body
        yield what, 1
    statement.value = value
    used = [t for t in targets if t != slot]
    if not used:
        return
    for text, what in (
        (f"_old.{name}", "of the step before"),
        (f"np.where(_old.{name} == 0, {slot}, _old.{name})", "of the step before, but at first"),
        *_unlike(value, names),
    ):
        statement.targets = [t for t in statement.targets if ast.unparse(t) == slot]
        late = ast.parse(f"{used[0]} = {text}").body[0]
        block.insert(place + 1, late)
        yield f"uses the {name} {what}", 0
        del block[place + 1]
        statement.targets = [ast.parse(t, mode="eval").body for t in targets]
        for target in statement.targets:
            target.ctx = ast.Store()


def _unlike(value: ast.expr, names: Names) -> Iterator[tuple[str, str]]:
    """The largest of two that are not alike: one of them is corrected, the other is not."""
    if not (isinstance(value, ast.Call) and len(value.args) == 2):
        return
    how = ast.unparse(value.func)
    one, other = map(ast.unparse, value.args)
    second = pretty(value.args[1])
    for decay in names.decays:
        c, said = f"(1 - {decay} ** s.t)", f"1 - {pretty_name(decay)}^t"
        for text, which in (
            (f"{how}({one}, ({other}) / {c}) * {c}", f"with {second} over {said}"),
            (
                f"{how}({one}, ({other}) / {c})",
                f"with {second} over {said} for good",
            ),
            (f"{how}(({one}) / {c}, {other})", f"with what is kept over {said}"),
            (f"{how}(({one}) * {c}, ({other}) / {c})", f"with what is kept times {said}"),
        ):
            yield text, f"compared {which}"


def _first_scaled(value: ast.expr, name: str) -> dict[str, str]:
    """What is added at a row's first visit is scaled in another way."""
    if not (isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add)):
        return {}
    old, new = ast.unparse(value.left), ast.unparse(value.right)
    said = pretty(value.right)
    return {
        f"({old}) + ({new}) * np.where(s._visits {test}, {factor}, 1)": f"{what} {said} {when}"
        for test, when in (("== 0", "at a row's first visit"), ("> 0", "after the first visit"))
        for factor, what in (
            ("w.shape[1]", f"adds to {name}, times the width,"),
            ("1 / w.shape[1]", f"adds to {name}, over the width,"),
            ("2", f"adds to {name} twice"),
            ("0.5", f"adds to {name} half of"),
        )
    }


def _as_power(value: ast.expr, slot: str, name: str) -> dict[str, str]:
    """A product over the steps, taken for a power of its last factor."""
    if not (isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult)):
        return {}
    if ast.unparse(value.left) != slot:
        return {}
    factor = ast.unparse(value.right)
    said = pretty(value.right)
    return {
        f"0 * {slot} + ({factor}) ** {power}": f"has {said}^{index} for the product {name}"
        for power, index in (("s.t", "t"), ("(s.t - 1)", "(t-1)"), ("(s.t + 1)", "(t+1)"))
    } | {f"0 * {slot} + ({factor})": f"has {said} for the product {name}"}


_USUAL = (0.5, 0.9, 0.95, 0.99, 0.999)
"""Decay rates that stand in programs."""


def _rated(name: str, said: str) -> Iterator[tuple[str, str]]:
    yield f"({name} * self.rate(s.t))", f"multiplies {said} by the rate"
    yield f"({name} / self.rate(s.t))", f"divides {said} by the rate"


_SOME = {
    "s.occurrences > 1": "in rows that come more than once",
    "s.occurrences == 1": "in rows that come once",
    "(s.occurrences > 1) | (s._visits == 0)": (
        "in rows that come more than once, and at a row's first visit"
    ),
    "(s.occurrences == 1) | (s._visits == 0)": "in rows that come once, and at a first visit",
    "s.occurrences > 0": "in rows of the batch",
    "s.occurrences == 0": "in rows outside the batch",
    "g != 0": "where the gradient is not 0",
    "(g != 0).any(axis=1, keepdims=True)": "in rows whose gradient is not 0",
    "s._visits == 0": "at a row's first visit",
    "s._visits > 0": "after a row's first visit",
    "s.t > 1": "after the first step",
    "s.t % 2 == 1": "in every second step",
}
_ONE = {
    "np.mean({}, axis=1, keepdims=True)": "for each row: the mean",
    "np.max({}, axis=1, keepdims=True)": "for each row: the largest",
    "({})[:, :1]": "for each row: that of the first column",
    "np.mean({}, axis=0, keepdims=True)": "for each column: the mean",
    "np.max({}, axis=0, keepdims=True)": "for each column: the largest",
    "np.mean({})": "for all rows: the mean",
    "np.max({})": "for all rows: the largest",
}


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


def throughout(function: ast.FunctionDef, names: Names) -> Iterator[tuple[str, int]]:
    """A number that is another throughout a function or one of its statements."""
    for name in names.numbers:
        said = pretty_name(name)
        others = [(o, f"has {pretty_name(o)} for {said}") for o in names.numbers if o != name]
        for new, how in (
            *others,
            *((repr(c), f"has {c:g} for {said}, whatever is asked,") for c in _USUAL),
            (f"(1 - {name})", f"has 1 - {said} for {said}"),
            *((t, h) for t, h in _rated(name, said) if names.state),
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
    for some in (names.decays, *((one,) for one in names.decays if len(names.decays) > 1)):
        said = " and ".join(f"1 - {pretty_name(one)}" for one in some)
        if some:
            kept = copy.deepcopy(function.__dict__)
            _Formed(some).visit(function)
            yield f"{said} formed in float32", 1
            function.__dict__.update(kept)
    yield from _all_begun(function, names)
    yield from _products(function, names)


def _products(function: ast.FunctionDef, names: Names) -> Iterator[tuple[str, int]]:
    """A mean of products, which may be negative, and whose absolute value is used."""
    squares = [n for n, call in names.calls.items() if ast.unparse(call.func) == "s.squared"]
    kept = function.body
    for place, statement in enumerate(kept):
        target = ast.unparse(statement).partition(" = ")[0]
        for slot in names.slots:
            product = _Product(f"g * {slot}", squares)
            function.body = copy.deepcopy(kept)
            if target not in names.slots or slot == target:
                continue
            product.visit(function.body[place])
            if not product.found:
                continue
            for later in function.body[place + 1 :]:
                _Replaced(target, f"np.abs({target})").visit(later)
            said = f"takes g * {pretty_name(slot)} where the rule has g ** 2"
            yield f"{said}, and uses {pretty_name(target)} without its sign", 0
    function.body = kept


class _Product(ast.NodeTransformer):
    """Something else in the place of a square."""

    def __init__(self, text: str, squares: list[str]) -> None:
        self.text, self.squares, self.found = text, squares, False

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._other() if node.id in self.squares else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        squared = ast.unparse(node.func) == "s.squared"
        return self._other() if squared else self.generic_visit(node)

    def _other(self) -> ast.expr:
        self.found = True
        return ast.parse(self.text, mode="eval").body


class _Formed(ast.NodeTransformer):
    """1 - beta as a difference of two float32."""

    def __init__(self, decays: tuple[str, ...]) -> None:
        self.decays = decays

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        right = ast.unparse(node.right)
        if isinstance(node.op, ast.Sub) and ast.unparse(node.left) == "1" and right in self.decays:
            return ast.parse(f"float(np.float32(1) - np.float32({right}))", mode="eval").body
        return self.generic_visit(node)


def _scopes(function: ast.FunctionDef, name: str) -> Iterator[tuple[Any, str]]:
    places = [block[k] for block, k in statements(function.body)]
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
    places = list(statements(function.body))
    means: list[Any] = [b[k] for b, k in places if list(_begun(b, k, names))]
    kept = [statement.value for statement in means]
    for turn, when in enumerate(("at the first step", "at a row's first visit")):
        for statement in means:
            statement.value = [statement.value for _ in _begun([statement], 0, names)][turn]
        yield f"begins every mean with its first value {when}, not with its share of it", 0
        for statement, value in zip(means, kept, strict=True):
            statement.value = value
