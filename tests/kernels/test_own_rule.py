"""A rule of one's own has the reference's bits on every backend, and a reader's mistake shows."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from freqopt.backends.cupy import Stepper, _twin
from freqopt.backends.numba import Workspace
from freqopt.backends.numba import step as numba_step
from freqopt.kernels import _numbers, _python, _read, _reading, _rewrite
from freqopt.kernels._values import Number, c_name
from freqopt.optimizers import Rule, rules

from ..backends.cupy.twins import needs_compiler

PROBE = Path(__file__).parent / "probe.py"


def _by_slow(rule: Rule, *arrays: Any) -> None:
    rule.slow_step(*arrays)


def _by_numba(rule: Rule, *arrays: Any) -> None:
    numba_step(rule, *arrays, Workspace(parts=1))


def _by_twin(rule: Rule, table: Any, *arrays: Any) -> None:
    Stepper(rule, table.dtype, table.shape[1], _twin)(table, *arrays)


READERS = {
    "python": _by_slow,
    "numba": _by_numba,
    "cuda": pytest.param(_by_twin, marks=needs_compiler),
}


def _rng() -> np.random.Generator:
    return np.random.default_rng(5)


def differs(step: Any, dtype: Any, **options: Any) -> bool:
    """Whether some batches leave other bits than the reference."""
    rule, rng = (
        rules[str(PROBE)](lr=0.1, duplicates="sequential", **options),
        np.random.default_rng(5),
    )
    right = rng.normal(size=(5, 5)).astype(dtype)
    found = right.copy()
    states = rule.init(right), rule.init(found)
    for _ in range(5):
        rows, grads = rng.integers(0, 4, 6), rng.normal(size=(6, 5)).astype(dtype)
        grads[rng.random(6) < 0.2] = 0
        rule.step(right, states[0], rows, grads)
        step(rule, found, states[1], rows, grads)
    same = [right.tobytes() == found.tobytes()]
    same += [states[0][name].tobytes() == states[1][name].tobytes() for name in states[0]]
    return not all(same)


@pytest.mark.parametrize("step", READERS.values(), ids=READERS)
def test_every_reader_gives_the_references_bits(step: Any) -> None:
    assert not differs(step, np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("step", READERS.values(), ids=READERS)
def test_every_reader_gives_the_references_bits_in_float64_too(step: Any) -> None:
    assert not differs(step, np.float64)
    assert not differs(step, np.float32, short=False)


# -- mistakes of the readers ---------------------------------------------------------------------


def _regrouped(node: Any) -> Any:
    """(a + b) + c as a + (b + c)."""
    match node:
        case ast.BinOp(ast.BinOp(a, ast.Add(), b), ast.Add(), c):
            return ast.BinOp(a, ast.Add(), ast.BinOp(b, ast.Add(), c))
    return node


def _swapped(node: Any) -> Any:
    match node:
        case ast.If(body=body, orelse=orelse) if orelse:
            return ast.If(node.test, orelse, body)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return ast.IfExp(test, orelse, body)
    return node


REWRITTEN = {
    "a rounding dropped": lambda m: m.setattr(
        _rewrite._Function, "_own", _own_without_rounding(_rewrite._Function._own)
    ),
    "ways of an if swapped": lambda m: _on_parts(m, _swapped),
    "a sum regrouped": lambda m: _on_parts(m, _regrouped),
    "a slot read as it was": lambda m: m.setattr(
        _rewrite._Function, "_by_place", _old_slot(_rewrite._Function._by_place)
    ),
    "a literal of float64": lambda m: m.setattr(
        _rewrite._Function, "_constant", _of_float64(_rewrite._Function._constant)
    ),
    "slots stored in reverse": lambda m: m.setattr(
        _rewrite._Function, "_returned", _reversed(_rewrite._Function._returned)
    ),
}  # fmt: skip


def _own_without_rounding(own: Any) -> Any:
    return lambda self, f: np.float64 if isinstance(f, _rewrite.Real) else own(self, f)


def _of_float64(constant: Any) -> Any:
    return lambda self, x: constant(self, np.float64(x) if isinstance(x, np.float32) else x)


def _on_parts(monkeypatch: Any, change: Any) -> None:
    parts = _rewrite._Function._parts
    monkeypatch.setattr(_rewrite._Function, "_parts", lambda self, n: parts(self, change(n)))
    block = _rewrite._Function._block
    monkeypatch.setattr(
        _rewrite._Function, "_block", lambda self, body: block(self, [change(n) for n in body])
    )


def _old_slot(by_place: Any) -> Any:
    def changed(self: Any, node: ast.Attribute) -> Any:
        found = by_place(self, node)
        if isinstance(found, ast.Name) and isinstance(node.ctx, ast.Load):
            names = [name for name, _ in self.slots.kinds]
            whole, place = ast.Name(self.slots.name, ast.Load()), names.index(node.attr)
            return ast.Subscript(whole, ast.Constant(place), ast.Load())
        return found

    return changed


def _reversed(returned: Any) -> Any:
    def changed(self: Any, value: Any) -> Any:
        result = returned(self, value)
        if self.slots:
            result.elts[1].elts.reverse()
        return result

    return changed


def _c_regrouped(arithmetic: Any) -> Any:
    def changed(self: Any, node: Any, op: Any, a: Any, b: Any) -> Any:
        left = getattr(a, "text", "")
        if isinstance(op, ast.Add) and " + " in left:
            first, _, second = left[1:-1].partition(" + ")
            return Number(f"({first} + ({second} + {b.text}))", a.kind)
        return arithmetic(self, node, op, a, b)

    return changed


WRITTEN = {
    "a rounding dropped": lambda m: m.setattr(
        _numbers.Numbers, "cast", lambda self, node, given, kind: Number(given[0].text, kind)
    ),
    "ways of an if swapped": lambda m: m.setattr(
        _numbers.Numbers, "join", _exchanged(_numbers.Numbers.join)
    ),
    "a sum regrouped": lambda m: m.setattr(
        _reading.Reader, "arithmetic", _c_regrouped(_numbers.Numbers.arithmetic)
    ),
    "a slot read as it was": lambda m: m.setattr(
        _reading.Reader, "_attribute", _c_old_slot(_reading.Reader._attribute)
    ),
    "a literal of float64": lambda m: m.setattr(
        _numbers,
        "c_literal",
        lambda value, kind: str(value) if kind == "int" else repr(float(value)),
    ),
}


def _exchanged(join: Any) -> Any:
    return lambda self, node, test, one, other: join(self, node, f"!({test})", one, other)


def _c_old_slot(attribute: Any) -> Any:
    def changed(self: Any, node: Any, env: Any) -> Any:
        base, _, name = ast.unparse(node).partition(".")
        old = self._given[-1].get(f"{base}.{c_name(name)}")
        found = attribute(self, node, env)
        return old if old is not None else found

    return changed


def _forget() -> None:
    _read._read.cache_clear()
    _python._kernel.cache_clear()


@pytest.fixture
def forgetful() -> Any:
    """No reading is kept from before, nor afterwards."""
    _forget()
    yield
    _forget()


@pytest.mark.parametrize("mistake", REWRITTEN)
def test_a_mistake_in_the_rewriting_shows(mistake: str, forgetful: Any, monkeypatch: Any) -> None:
    REWRITTEN[mistake](monkeypatch)
    assert differs(_by_slow, np.float32)


@needs_compiler
@pytest.mark.parametrize("mistake", WRITTEN)
def test_a_mistake_in_the_c_shows(mistake: str, forgetful: Any, monkeypatch: Any) -> None:
    WRITTEN[mistake](monkeypatch)
    assert differs(_by_twin, np.float32)
