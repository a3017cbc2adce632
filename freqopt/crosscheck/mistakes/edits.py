"""Every edit of one expression or statement of an equation, with the sentence that says what it is.

An expression is a term: a sum's summand, a product's factor, what is under a root. It may be
multiplied where it should divide, added where it should be subtracted, left out, rooted, squared,
inverted, scaled by another quantity of the rule, or be another quantity: the other moment, the
value before this step, another step's index.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

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
    state : bool
        Whether the function is given the state of its rows.
    all_decays : tuple of str
        Decay rates of the rule, whether the function reads them or not.
    calls : dict, local variable -> call
        Functions of one argument that variables stand for.
    added : dict, slot -> expression
        What is added to a slot of which nothing is lost.
    starts : dict, slot -> number
        What a slot begins with.
    """

    numbers: tuple[str, ...]
    decays: tuple[str, ...]
    slots: tuple[str, ...]
    local: tuple[str, ...]
    state: bool = False
    all_decays: tuple[str, ...] = ()
    calls: dict[str, ast.Call] = field(default_factory=dict)
    added: dict[str, str] = field(default_factory=dict)
    starts: dict[str, str] = field(default_factory=dict)

    @property
    def factors(self) -> tuple[str, ...]:
        """What a term may be scaled by."""
        ones = tuple(f"(1 - {name})" for name in self.decays)
        powers = tuple(f"(1 - {name} ** s.t)" for name in self.all_decays)
        own = (*self.numbers, *ones, *self.local, *self.slots)
        width = ("g.shape[1]", "np.sqrt(g.shape[1])")
        told = ("np.maximum(s.occurrences, 1)", *width, "self.rate(s.t)", "s.t", *powers)
        if not self.state and self.local:  # what the step knows, told by `informed`
            told = tuple(one.replace("s.", "self._now.") for one in told if "shape" not in one)
        return (*own, *told) if self.local else own


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
            yield from _inwards(node, names)
        case ast.Call():
            yield from _call(node, names)
        case ast.Constant(value=value) if isinstance(value, (int, float)):
            yield from _constant(value)
            return
        case ast.Name() | ast.Attribute():
            yield from _another(ast.unparse(node), names)
            yield from _begun_here(node, names)
            call = names.calls.get(ast.unparse(node))
            if call is not None and ast.unparse(call.func) == "s.squared":
                yield from _call(call, names)  # here other state is new
    if ast.unparse(node) in ("s.t", "t", "k"):
        return
    if "shape[" in text and isinstance(node, ast.Subscript):
        yield from _width(node, text)
    yield _made("np.sqrt({})", node), f"takes the root of {text}", 2
    yield _made("({0}) * ({0})", node), f"squares {text}", 2
    yield _made("1 / ({})", node), _inverse(text), 1
    yield _made("-({})", node), f"turns the sign of {text}", 1
    yield _made("np.abs({})", node), f"takes {text} without its sign", 2
    yield _made("np.sign({})", node), f"takes the sign of {text} alone", 2
    if term and names.state and "w" in names.local and not isinstance(node, ast.Name):
        decays = _made("({}) + _decay_term(self, w)", node)
        yield decays, f"adds the decay, which acts here alone, to {text}", 2
        again = _made("({}) + self.weight_decay * w", node)
        yield again, f"adds the decay once more, to {text}", 2
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
            yield node.left, f"leaves {right} out of {whole}", 0
            yield _swapped(node, ast.Sub()), f"has {right} - {left}, the wrong way round", 1
            if "integer_power(" in ast.unparse(node.right) and isinstance(node.right, ast.Call):
                base, index = map(ast.unparse, node.right.args)
                late = f"1 - integer_power({base}, np.maximum({index} - 1, 1))"
                late = f"np.where(np.asarray({index}) > 1, {late}, 1.0)[()]"
                said = f"takes {whole} of the step before, and 1 at the first"
                yield _expression(late), said, 0
            if left == "1":
                yield node.right, f"has {right} where the rule has {whole}", 0
                yield _made("1 / (1 + ({}))", node.right), f"has 1 / (1 + {right}) for {whole}", 1
                yield _made("np.exp(-({}))", node.right), f"has exp(-{right}) for {whole}", 2


def _begun_here(node: ast.expr, names: Names) -> Iterator[Found]:
    """A slot, or a function of it, with the number it should begin with added here alone."""
    call = names.calls.get(ast.unparse(node))
    slot = ast.unparse(node if call is None else call.args[0])
    if slot in names.starts:
        number = names.starts[slot]
        whole = f"{slot} + _begun({number})"
        new = f"({whole})" if call is None else f"{ast.unparse(call.func)}({whole})"
        said = f"{pretty_name(slot)} begins at 0, and {pretty_name(number)} is added to it"
        yield _expression(new), f"{said} here alone", 0


def _inwards(node: ast.BinOp, names: Names) -> Iterator[Found]:
    """f(x) + y taken for f(x + y), and f(x) - f(y) for f(x - y); f of one argument."""
    sides = [names.calls.get(ast.unparse(s), s) for s in (node.left, node.right)]
    if not isinstance(node.op, (ast.Add, ast.Sub)):
        return
    calls = [s if isinstance(s, ast.Call) and _of_one(s) else None for s in sides]
    sign = "+" if isinstance(node.op, ast.Add) else "-"
    one, other = calls
    if one is not None and other is not None and ast.unparse(one.func) == ast.unparse(other.func):
        first, second = (ast.unparse(call.args[0]) for call in (one, other))
        if first == second:  # a slot before and after it was stored
            second = second.replace("s.", "_old.")
        inner = names.added.get(first, f"({first}) {sign} ({second})")
        within = _expression(f"{ast.unparse(one.func)}({inner})")
        what = pretty(one.func)
        yield within, f"takes {what} of the difference, not the difference of two", 1
    for call, rest, order in ((one, node.right, "{0} {2} {1}"), (other, node.left, "{1} {2} {0}")):
        if call is not None and (one is None or other is None):
            inner = order.format(f"({ast.unparse(call.args[0])})", f"({ast.unparse(rest)})", sign)
            what = pretty(call)
            others = "".join(f", {ast.unparse(one)}" for one in call.args[1:])
            within = _expression(f"{ast.unparse(call.func)}({inner}{others})")
            yield within, f"has {pretty(rest)} inside of {what}, not beside it", 0


def _of_one(call: ast.Call) -> bool:
    """Whether a function has one argument beside a constant power."""
    return len(call.args) == 1 or ast.unparse(call.func) in ("power", "integer_power")


def _call(node: ast.Call, names: Names) -> Iterator[Found]:
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
        other_way = f"takes the {'smallest' if how == 'largest' else 'largest'}, not the {how}"
        yield _made(f"{turned}({{}}, {{}})", *arguments), other_way, 0
    elif name == "np.where" and len(arguments) == 3:
        test = pretty(arguments[0])
        yield arguments[1], f"goes on as if {test} held everywhere", 1
        yield arguments[2], f"does not ask whether {test}", 0
        if ast.unparse(arguments[1]) == "0" and "w" in names.local:
            kept = _made("np.where({}, w, {})", arguments[0], arguments[2])
            yield kept, f"keeps the weight, and does not set it to 0, where {test}", 0
    elif name == "s.squared" and arguments:
        yield arguments[0], "does not square the gradient", 0
        yield _made("np.abs({})", arguments[0]), "takes |g| for the square of the gradient", 0
        for square, said in _SQUARES.items():
            yield _made(square, arguments[0]), f"takes {said} where the rule has g ** 2", 0
        for slot in names.slots:
            here = pretty_name(slot)
            for one, when in ((slot, ""), (slot.replace("s.", "_old."), " before this step")):
                apart = _made(f"np.square({{}} - {one})", arguments[0])
                yield apart, f"takes (g - {here}) ** 2 where the rule has g ** 2{when}", 0
                times = _made(f"({{}}) * {one}", arguments[0])
                yield times, f"takes g times {here} where the rule has g ** 2{when}", 0
    elif name == "np.sign" and arguments:
        inner = pretty(arguments[0])
        yield arguments[0], f"does not take the sign of {inner}", 0
        for smooth, said in _SIGNS_OF.items():
            yield _made(smooth, arguments[0]), said.format(inner), 0
    elif name == "fold" and arguments:
        yield from _fold(arguments[0])
    elif name == "integer_power" and len(arguments) == 2:
        base, index = arguments
        said = pretty(base)
        product = _made("({}) * ({})", base, index)
        yield product, f"has {said} times the step where the rule has its power", 1
        yield base, f"has {said} at every step where the rule has its power", 0
        for off, where in ((-1, "before"), (1, "after")):
            power = _made(f"integer_power({{}}, ({{}}) + {off})", base, index)
            yield power, f"takes the power of {said} at the step {where}", 1


_SQUARES = {
    "s._last * s._last": "the square of the last occurrence",
    "s._first * s._first": "the square of the first occurrence",
    "s._largest * s._largest": "the square of the largest occurrence",
    "s._squares": "the sum of the occurrences' squares",
    "(s._squares / np.maximum(s.occurrences, 1))": "the mean of the occurrences' squares",
    "np.square({0} / np.maximum(s.occurrences, 1))": "the square of the occurrences' mean",
    "(np.square({0}) / np.maximum(s.occurrences, 1))": "the square over the occurrences",
    "(np.square({0}) * np.maximum(s.occurrences, 1))": "the square once for each occurrence",
    "s._raw * s._raw": "the square of the gradient without weight decay",
    "np.square({0} + _decay_term(self, w))": "the square with weight decay, which acts here alone,",
    "np.square({0} * self.rate(s.t))": "the square of the rate times the gradient",
    "np.maximum.accumulate(np.square({0}), axis=1)": "the largest square of columns so far",
    "(np.square({0}) * s._gap)": "the square once for each batch since the last visit",
}
_SIGNS_OF = {
    "np.where(({}) >= 0, 1.0, -1.0)": "takes +1 for the sign of 0, in that of {}",
    "np.where(({}) > 0, 1.0, -1.0)": "takes -1 for the sign of 0, in that of {}",
    "np.tanh({})": "takes tanh for the sign of {}",
    "np.clip({}, -1, 1)": "bounds {} by -1 and 1, and does not take its sign",
    "({0}) / (np.abs({0}) + 1e-8)": "takes a soft sign of {}: x / (|x| + 1e-8)",
    "({0}) / (np.abs({0}) + 1e-6)": "takes a soft sign of {}: x / (|x| + 1e-6)",
    "({0}) / (np.abs({0}) + 1)": "takes a soft sign of {}: x / (|x| + 1)",
    "({0}) / np.maximum(np.abs({0}).max(axis=1, keepdims=True), 1e-300)": (
        "divides {} by its largest entry, and does not take its sign"
    ),
}


def _fold(node: ast.expr) -> Iterator[Found]:
    """A sum over a row that leaves columns out, or is another statistic."""
    text = pretty(node)
    for width in (1, 2, 4, 8, 16, 32, 64, 128):
        first = f"sums the first {width} columns of {text} alone"
        yield _made(f"fold(({{}})[:, :{width}])", node), first, 0
        whole = _made(f"fold(({{0}})[:, : ({{0}}).shape[1] // {width} * {width}])", node)
        yield whole, f"sums whole blocks of {width} columns of {text} alone", 0
    yield _made("fold(({})[:, :-1])", node), f"leaves the last column out of the sum of {text}", 0
    yield _made("fold(({})[:, 1:])", node), f"leaves the first column out of the sum of {text}", 0
    yield _made("fold(({})[:, ::2])", node), f"sums every second column of {text} alone", 0
    centred = "fold(np.square(g - g.mean(axis=1, keepdims=True)))"
    yield _made(centred), "takes the row's variance: the mean is subtracted first", 0
    yield _made("({}).max(axis=1)", node), f"takes the largest {text} for the sum", 0
    yield _made("({}).min(axis=1)", node), f"takes the smallest {text} for the sum", 1
    yield _made("np.median({}, axis=1)", node), f"takes the median of {text} for the sum", 1
    yield _made("np.square(fold(np.abs(g)))"), "takes the square of the sum of |g|", 1
    yield _made("np.square(fold(g))"), "takes the square of the sum, not the sum of squares", 0
    for inner, said in (("g", "the mean"), ("np.abs(g)", "the mean of |g|")):
        squared = _made(f"(np.square(fold({inner})) / g.shape[1])")
        yield squared, f"takes the square of {said}, not the mean of the squares", 0
    yield _made("fold(np.abs(g))"), "takes the sum of |g|, not of its square", 0
    yield _made("np.square(np.abs(g).max(axis=1))"), "takes the largest square for the sum", 0


def _width(node: ast.expr, text: str) -> Iterator[Found]:
    """A width that is padded or one off."""
    for block in (2, 4, 8, 16, 32, 64, 128):
        padded = _made(f"(-(-({{}}) // {block}) * {block})", node)
        yield padded, f"rounds {text} up to a multiple of {block}", 0
    yield _made("np.maximum(({}) - 1, 1)", node), f"has {text} - 1 for {text}", 0
    yield _made("(({}) + 1)", node), f"has {text} + 1 for {text}", 0
    yield _made("2 ** np.ceil(np.log2({}))", node), f"rounds {text} up to a power of 2", 0


def _constant(value: float) -> Iterator[Found]:
    for other in dict.fromkeys((0, 1, 2, 0.5, value + 1, value - 1, 2 * value, value / 2)):
        if other != value:
            yield _expression(repr(other)), f"has {other:g} where the rule has {value:g}", 2


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
            for value in (0.5, 0.9, 0.95, 0.99, 0.999):
                yield _expression(repr(value)), f"has {value:g} for {said}, whatever is asked", 1
            if names.state:
                for power, said_so in _POWERS.items():
                    new = _expression(f"({name} ** {power})")
                    yield new, f"has {said} to the power of {said_so}", 0
    if name in names.slots:
        slot = name.partition(".")[2]
        old = f"takes {slot} from before this step"
        yield _expression(f"_old.{slot}"), old, 0
        yield _expression(f"(0 * {name})"), f"takes 0 for {slot}", 1
        for other in (*names.slots, *(n for n in names.local if n in ("g", "w", "x"))):
            if other != name:
                yield _expression(other), f"takes {pretty_name(other)} for {slot}", 1
        first = _expression(f"np.where({name.replace('s.', '_old.')} == 0, {name}, _old.{slot})")
        yield first, f"{old}, but at a row's first visit", 0
    if name in names.local:
        for other in names.local:
            if other != name:
                yield _expression(other), f"takes {other} for {name}", 2
        for other in names.numbers:
            if pretty_name(other) != name:
                yield _expression(other), f"takes {pretty_name(other)} for {name}", 2
    if name in ("g", "step", "damped") and names.state:
        for other, said in _GRADIENTS.items():
            yield _expression(other), f"takes {said} for the gradient", 1
    if name in ("s.t", "t", "k"):
        for text, said, rank in (
            (f"({name} - 1)", "takes the index of the step before", 0),
            (f"({name} + 1)", "takes the index of the step after", 0),
            ("1", "takes 1 for the index of the step", 0),
            (f"(2 * {name})", "counts every step twice", 1),
            ("np.maximum(s.occurrences, 1)", "takes the row's occurrences for the step", 1),
        ):
            yield _expression(text), said, rank


_POWERS = {
    "np.maximum(s._gap, 1)": "the batches since the row's last visit",
    "np.maximum(s._gap - 1, 0)": "the batches that the row has missed",
    "np.where(s._visits > 0, s._gap, 1)": "the batches since the row's last visit, if it had one",
    "np.maximum(s.occurrences, 1)": "the row's occurrences in the batch",
    "(s._visits + 1)": "the row's visits",
    "0.5": "1/2",
    "2": "2",
}
_GRADIENTS = {
    "s._raw": "the gradient without weight decay",
    "s._handed": "the gradient as it is handed in, without sign and weight decay",
    "s._first": "the first occurrence",
    "s._last": "the last occurrence",
    "s._largest": "the largest occurrence",
    "(g / np.maximum(s.occurrences, 1))": "the occurrences' mean",
    "(g * np.maximum(s.occurrences, 1))": "the sum once for each occurrence",
    "(g + _decay_term(self, w))": "the gradient with weight decay, which acts here alone,",
}

_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "^"}


def _inverse(text: str) -> str:
    return f"multiplies by {text} where it should divide, or divides where it should multiply"


def _binary(node: ast.BinOp, operator: ast.operator) -> ast.expr:
    return ast.copy_location(ast.BinOp(node.left, operator, node.right), node)


def _swapped(node: ast.BinOp, operator: ast.operator) -> ast.expr:
    return ast.copy_location(ast.BinOp(node.right, operator, node.left), node)


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


_IN_WORDS = {
    "g.shape[1]": "width",
    "w.shape[1]": "width",
    "np.maximum(s.occurrences, 1)": "occurrences",
    "np.maximum(self._now.occurrences, 1)": "occurrences",
}


class _Plain(ast.NodeTransformer):
    """Without self, s, np, and what only rounds."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        words = _IN_WORDS.get(ast.unparse(node))
        return ast.Name(words) if words else self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if ast.unparse(node.value) == "self._now":
            return ast.Name(node.attr)
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "s", "np", "math"):
            return ast.Name(node.attr)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = ast.unparse(node.func)
        if name == "rounded":
            return self.visit(node.args[0])
        if name == "s.squared":
            return _expression("g ** 2")
        if ast.unparse(node) in _IN_WORDS:
            return ast.Name(_IN_WORDS[ast.unparse(node)])
        if name == "self.rate":
            return ast.Name("rate")
        if name == "integer_power":
            return ast.BinOp(self.visit(node.args[0]), ast.Pow(), self.visit(node.args[1]))
        return self.generic_visit(node)
