"""Edits of an expression that goes through a narrower type, or is computed in one."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from freqopt.crosscheck.mistakes.arithmetic import NARROW
from freqopt.crosscheck.mistakes.edits import Found, Names, pretty


def narrowed(node: ast.expr, names: Names) -> Iterator[Found]:
    """One expression rounded to narrower types, and all that it is made of."""
    text, said = ast.unparse(node), pretty(node)
    if isinstance(node, ast.Constant) or text in ("s.t", "t", "k"):
        return
    for kind in NARROW:
        yield _expression(f"_to_{kind}({text})"), f"rounds {said} to {kind}", 1
    inner = _Narrow(names).visit(copy.deepcopy(node))
    if ast.unparse(inner) != text:
        for how, more in ((ast.unparse(inner), ""), (_in_order(inner), ", summed in turn")):
            if more and how == ast.unparse(inner):
                continue
            yield _expression(f"_wide({how})"), f"computes {said} in float32{more}", 0
            yield _expression(how), f"computes {said} in float32{more}, and what follows", 0


class _Narrow(ast.NodeTransformer):
    """Every array that an expression is made of, in float32."""

    def __init__(self, names: Names) -> None:
        self.arrays = {*names.slots, *(n for n in names.local if n not in ("k", "rate"))}
        self.calls = names.calls

    def visit_Name(self, node: ast.Name) -> ast.AST:
        call = self.calls.get(node.id)
        if call is not None and ast.unparse(call.func) == "s.squared":
            return self.visit(copy.deepcopy(call))  # its square is formed in float32 too
        return self._narrow(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return self._narrow(node)

    def _narrow(self, node: ast.expr) -> ast.AST:
        text = ast.unparse(node)
        return _expression(f"_as_float32({text})") if text in self.arrays else node


def _in_order(node: ast.expr) -> str:
    """Sums over a row as NumPy has them, not as the fold."""
    return ast.unparse(node).replace("fold(", "_summed(")


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _as_float32(x: Any) -> Any:
    return np.asarray(x, np.float32) if np.asarray(x).dtype == np.float64 else x


def _wide(x: Any) -> Any:
    return np.asarray(x, np.float64) if np.asarray(x).dtype == np.float32 else x


def _summed(x: Any) -> Any:
    return x.sum(axis=-1)


NARROWING: dict[str, Callable[[Any], Any]] = {
    "_as_float32": _as_float32,
    "_wide": _wide,
    "_summed": _summed,
    **{f"_to_{kind}": narrow for kind, narrow in NARROW.items()},
}
"""What these edits call."""
