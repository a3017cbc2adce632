"""Every edit of one expression or statement of an equation, with the sentence that says what it is.

An expression is a term: a sum's summand, a product's factor, what is under a root. It may be
multiplied where it should divide, added where it should be subtracted, left out, rooted, squared,
inverted, scaled by another quantity of the rule, or be another quantity: the other moment, the
value before this step, another step's index.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

Found = tuple[ast.expr, str, int]
"""What stands in the place of an expression, what is wrong with it, and its rank."""


@dataclass(frozen=True)
class Names:
    """What an equation can confuse a quantity with, as expressions.

    Attributes
    ----------
    numbers : tuple of str
        Floating-point options: ``"self.beta1"``.
    decays : tuple of str
        Those of them that lie in [0, 1).
    slots : tuple of str
        State: ``"s.m"``.
    local : tuple of str
        Variables of the function, its arguments among them.
    """

    numbers: tuple[str, ...]
    decays: tuple[str, ...]
    slots: tuple[str, ...]
    local: tuple[str, ...]

    @property
    def factors(self) -> tuple[str, ...]:
        """What a term may be scaled by."""
        ones = tuple(f"(1 - {name})" for name in self.decays)
        return (*self.numbers, *ones, *self.local, *self.slots, "self.rate(s.t)", "s.t")


def variants(node: ast.expr, names: Names, *, term: bool) -> Iterator[Found]:
    """Every edit of one expression.

    Parameters
    ----------
    node : expression
    names : Names
    term : bool
        Whether it is no factor of a product, so that scaling it is not scaling that.
    """
    text = pretty(node)
    match node:
        case ast.BinOp():
            yield from _operation(node)
        case ast.Call():
            yield from _call(node)
        case ast.Constant(value=value) if isinstance(value, (int, float)):
            yield from _constant(value)
            return
        case ast.Name() | ast.Attribute():
            yield from _another(ast.unparse(node), names)
    if ast.unparse(node) in ("s.t", "t", "k"):
        return
    yield _made("np.sqrt({})", node), f"takes the root of {text}", 2
    yield _made("({0}) * ({0})", node), f"squares {text}", 2
    yield _made("1 / ({})", node), _inverse(text), 1
    yield _made("-({})", node), f"turns the sign of {text}", 1
    yield _made("np.abs({})", node), f"takes {text} without its sign", 2
    yield _made("np.sign({})", node), f"takes the sign of {text} alone", 2
    if term:
        for factor in names.factors:
            if factor != ast.unparse(node):
                said = pretty(ast.parse(factor, mode="eval").body)
                yield _made(f"({{}}) * {factor}", node), f"multiplies {text} by {said} besides", 3
                if factor not in names.slots:
                    yield _made(f"({{}}) / {factor}", node), f"divides {text} by {said} besides", 3


def _operation(node: ast.BinOp) -> Iterator[Found]:
    left, right = pretty(node.left), pretty(node.right)
    whole = f"{left} {_SIGNS.get(type(node.op), '?')} {right}"
    match node.op:
        case ast.Mult():
            yield _binary(node, ast.Div()), f"divides by {right} where the rule multiplies", 0
            yield _swapped(node, ast.Div()), f"divides by {left} where the rule multiplies", 1
            yield node.left, f"leaves {right} out of {whole}", 0
            yield node.right, f"leaves {left} out of {whole}", 0
        case ast.Div():
            yield _binary(node, ast.Mult()), f"multiplies by {right} where the rule divides", 0
            if isinstance(node.left, ast.Call) and ast.unparse(node.left.func) == "np.sqrt":
                squared = _made("({0}) * ({0})", node)
                yield squared, f"does not take the root of {pretty(node.left.args[0])}", 0
            yield node.left, f"does not divide {left} by {right}", 0
            yield _swapped(node, ast.Div()), f"divides {right} by {left}, the wrong way round", 1
        case ast.Add():
            yield _binary(node, ast.Sub()), f"subtracts {right} where the rule adds it", 0
            yield _swapped(node, ast.Sub()), f"subtracts {left} where the rule adds it", 0
            yield node.left, f"leaves {right} out of {whole}", 0
            yield node.right, f"leaves {left} out of {whole}", 0
            yield _binary(node, ast.Mult()), f"multiplies {left} and {right} where they add", 2
            larger = _made("np.maximum({}, {})", node.left, node.right)
            yield larger, f"takes the larger of {left} and {right} where they add", 1
        case ast.Sub():
            yield _binary(node, ast.Add()), f"adds {right} where the rule subtracts it", 0
            yield node.left, f"leaves {right} out of {whole}", 1
            yield _swapped(node, ast.Sub()), f"has {right} - {left}, the wrong way round", 1
            if left == "1":
                yield node.right, f"has {right} where the rule has {whole}", 0
                yield _made("1 / (1 + ({}))", node.right), f"has 1 / (1 + {right}) for {whole}", 1
                yield _made("np.exp(-({}))", node.right), f"has exp(-{right}) for {whole}", 2


def _call(node: ast.Call) -> Iterator[Found]:
    name, arguments = ast.unparse(node.func), node.args
    if name in ("np.sqrt", "math.sqrt") and arguments:
        inner = pretty(arguments[0])
        yield arguments[0], f"does not take the root of {inner}", 0
        yield _made("np.cbrt({})", arguments[0]), f"takes the cube root of {inner}", 1
    elif name in ("np.maximum", "np.minimum") and len(arguments) == 2:
        one, other = map(pretty, arguments)
        how = "largest" if name == "np.maximum" else "smallest"
        yield arguments[0], f"takes {one} and not the {how} of {one} and {other}", 0
        yield arguments[1], f"takes {other} and not the {how} of {one} and {other}", 0
        turned = "np.minimum" if name == "np.maximum" else "np.maximum"
        yield _made(f"{turned}({{}}, {{}})", *arguments), f"does not take the {how}", 1
    elif name == "np.where" and len(arguments) == 3:
        test = pretty(arguments[0])
        yield arguments[1], f"goes on as if {test} held everywhere", 1
        yield arguments[2], f"does not ask whether {test}", 0
    elif name == "s.squared" and arguments:
        yield arguments[0], "does not square the gradient", 0
        yield _made("np.abs({})", arguments[0]), "takes |g| for the square of the gradient", 0
    elif name == "integer_power" and len(arguments) == 2:
        base, index = arguments
        said = pretty(base)
        product = _made("({}) * ({})", base, index)
        yield product, f"has {said} times the step where the rule has its power", 1
        yield base, f"has {said} at every step where the rule has its power", 0
        for off, where in ((-1, "before"), (1, "after")):
            power = _made(f"integer_power({{}}, ({{}}) + {off})", base, index)
            yield power, f"takes the power of {said} at the step {where}", 1


def _constant(value: float) -> Iterator[Found]:
    for other in dict.fromkeys((0, 1, 2, 0.5, value + 1, value - 1, 2 * value, value / 2)):
        if other != value:
            yield ast.Constant(other), f"has {other:g} where the rule has {value:g}", 2


def _another(name: str, names: Names) -> Iterator[Found]:
    """Another quantity of the same kind."""
    if name in names.numbers:
        for other in names.numbers:
            if other != name:
                yield _expression(other), f"has {pretty_name(other)} for {pretty_name(name)}", 1
        if name in names.decays:
            said = pretty_name(name)
            yield _expression(f"(1 - {name})"), f"has 1 - {said} for {said}", 0
            yield _expression(f"({name} ** s.t)"), f"has {said}^t for {said}", 1
    if name in names.slots:
        slot = name.partition(".")[2]
        old = f"takes {slot} from before this step"
        yield _expression(f"_old.{slot}"), old, 0
        for other in (*names.slots, *(n for n in names.local if n in ("g", "w", "x"))):
            if other != name:
                yield _expression(other), f"takes {pretty_name(other)} for {slot}", 1
    if name in names.local:
        for other in names.local:
            if other != name:
                yield _expression(other), f"takes {other} for {name}", 2
    if name in ("s.t", "t", "k"):
        for text, said, rank in (
            (f"({name} - 1)", "takes the index of the step before", 0),
            (f"({name} + 1)", "takes the index of the step after", 0),
            ("1", "takes 1 for the index of the step", 0),
            (f"(2 * {name})", "counts every step twice", 1),
            ("np.maximum(s.occurrences, 1)", "takes the row's occurrences for the step", 1),
        ):
            yield _expression(text), said, rank


_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "^"}


def _inverse(text: str) -> str:
    return f"multiplies by {text} where it should divide, or divides where it should multiply"


def _binary(node: ast.BinOp, operator: ast.operator) -> ast.expr:
    return ast.BinOp(node.left, operator, node.right)


def _swapped(node: ast.BinOp, operator: ast.operator) -> ast.expr:
    return ast.BinOp(node.right, operator, node.left)


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _made(text: str, *parts: ast.expr) -> ast.expr:
    return _expression(text.format(*map(ast.unparse, parts)))


# -- as people read it --------------------------------------------------------------------------


def pretty_name(name: str) -> str:
    """The name of a quantity, without whose it is."""
    return name.rpartition(".")[2] if "(" not in name else pretty(_expression(name))


def pretty(node: ast.AST) -> str:
    """An expression as it would stand in a text."""
    text = ast.unparse(_Plain().visit(ast.parse(ast.unparse(node)).body[0])).partition("\n")[0]
    text = text.removeprefix("return ")
    return text if len(text) <= 70 else f"{text[:67]}..."


class _Plain(ast.NodeTransformer):
    """Without self, s, np, and what only rounds."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "s", "np", "math"):
            return ast.Name(node.attr)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = ast.unparse(node.func)
        if name == "rounded":
            return self.visit(node.args[0])
        if name == "s.squared":
            return _expression("g ** 2")
        if name == "self.rate":
            return ast.Name("rate")
        if name == "integer_power":
            return ast.BinOp(self.visit(node.args[0]), ast.Pow(), self.visit(node.args[1]))
        return self.generic_visit(node)
