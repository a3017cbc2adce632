"""A problem's own kernel, compiled: the loops around what `freqopt.kernels` has read."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from freqopt.backends.numba.arithmetic._rows import fold
from freqopt.backends.numba.jit._compile import compiled, inlined
from freqopt.backends.numba.problems._kernel import Field, ProblemKernel
from freqopt.backends.numba.rule._kernel import FUNCTIONS
from freqopt.backends.numba.streams._law import draws, find_law
from freqopt.backends.numba.streams._philox import Key, each_word
from freqopt.backends.numba.streams._transforms import index, normal, uniform
from freqopt.kernels import Index, Lookup, Normal, Sign, Token, Uniform
from freqopt.kernels._problem import ROLES, ProblemReading, innermost, read_problem
from freqopt.kernels._rewrite import Rewriter
from freqopt.problems import Problem
from freqopt.streams import purpose_id

HIGHEST = np.uint64(63)


@inlined
def _index(s: int, b: int, word: Any, key: Any, step: int, out: Any, data: Any) -> None:
    out[s, b] = index(word, data)


@inlined
def _sign(s: int, b: int, word: Any, key: Any, step: int, out: Any, data: Any) -> None:
    out[s, b] = 1.0 if word >> HIGHEST else -1.0


@inlined
def _uniform(s: int, b: int, word: Any, key: Any, step: int, out: Any, data: Any) -> None:
    out[s, b] = uniform(word)


@inlined
def _normal(s: int, b: int, word: Any, key: Any, step: int, out: Any, data: Any) -> None:
    out[s, b] = normal(word)


WORDS = {Index: _index, Sign: _sign, Uniform: _uniform, Normal: _normal}
_each_word = cache(each_word)


def kernel(problem: Problem, real: Any) -> ProblemKernel:
    """The kernel of a problem that brings its own."""
    reading = read_problem(problem)
    fields = reading.kernel.fields
    drawn = {name: field for name, field in fields.items() if not isinstance(field, Lookup)}
    rows = {name for name in reading.kernel.tables.values() if name not in drawn}
    filled = [*drawn, *sorted(rows)]
    laws = {n: find_law(field.law) for n, field in drawn.items() if isinstance(field, Token)}
    data = tuple(
        laws[name].data if name in laws
        else field.array if isinstance(field, Lookup)
        else field.size if isinstance(field, Index) else ()
        for name, field in fields.items()
    )  # fmt: skip
    kinds = [
        (n, type(f).__name__, getattr(f, "purpose", ""), getattr(f, "by", ""))
        for n, f in fields.items()
    ]
    key = [problem.name(), kinds, [law.key for law in laws.values()], reading.kernel.tables]
    return ProblemKernel(
        key=f"own {key} {reading.width}{reading.own}",
        data=data,
        fields=tuple(
            Field(name, np.int64 if kind == "int" else np.float64)
            for name in filled
            for kind in [dict(reading.columns.kinds)[name]]
        ),
        tables=reading.kernel.tables,
        draw=_draw(reading, filled, laws),
        gradient=_gradient(reading, filled, real),
        scratch=reading.width,
    )


def _draw(reading: ProblemReading, filled: list[str], laws: dict[str, Any]) -> Callable[..., None]:
    """Draws the fields one after the other, then looks up the rows."""
    fields, names = reading.kernel.fields, list(reading.kernel.fields)
    space: dict[str, Any] = {"Key": Key}
    lines = ["def draw(data, seed, run, first, count, batch, samples):"]
    for k, name in enumerate(filled):
        field, place = fields[name], names.index(name)
        if isinstance(field, Lookup):
            lines += [
                "    for s in range(count):",
                "        for b in range(batch):",
                f"            samples[{k}][s, b] = {_value(fields, filled, name)}",
            ]
            continue
        draw = draws(laws[name]) if name in laws else _each_word(WORDS[type(field)])
        space |= {f"draw_{k}": draw, f"purpose_{k}": np.uint64(purpose_id(field.purpose))}
        key = f"Key(seed, run, purpose_{k})"
        lines.append(f"    draw_{k}({key}, first, count, batch, samples[{k}], data[{place}])")
    exec("\n".join(lines), space)
    function: Callable[..., None] = inlined(space["draw"])
    return function


def _gradient(reading: ProblemReading, filled: list[str], real: Any) -> Callable[..., None]:
    """One sample after the other: its fields, its terms, and its entries."""
    rewriter = Rewriter(reading.text, np.dtype(real.name).type, FUNCTIONS, compiled)
    kernel, names = reading.kernel, list(reading.kernel.fields)
    columns, w = {"f": reading.columns, "w": reading.w}, list(kernel.tables)
    space: dict[str, Any] = {
        "width": reading.width, "fold": fold, "zero": np.dtype(real.name).type(0),
        "element": rewriter.one(kernel.element, columns, ROLES["element"]),
        "sample": rewriter.one(kernel.sample, {"f": reading.f}, ROLES["sample"]),
    }  # fmt: skip
    if kernel.term is not None:
        space["term"] = rewriter.one(kernel.term, columns, ROLES["term"])

    value = partial(_value, kernel.fields, filled)
    whole = [name for name, _ in reading.f.kinds]
    once = [f"        f_{name} = {value(name)}" for name in whole]
    once += [f"        i_{k} = places[{k}][s, b]" for k in range(len(w))]
    f = _tuple(f"f_{name}" if name in whole else value(name) for name in names)
    entries = _tuple(f"tables[{k}][i_{k}, j]" for k in range(len(w)))
    results = ", ".join(f"g_{k}" for k in range(len(w)))
    lines = [
        "def gradient(data, tables, places, samples, s, batch, grads, work):",
        "    for b in range(batch):",
        *once,
        "        total = zero",
    ]
    if kernel.term is not None:
        lines += [
            "        for j in range(width):",
            f"            work[j] = term({f}, {entries})",
            "        total = fold(work, width)",
        ]
    lines += [
        f"        r = sample({_tuple(f'f_{name}' for name in whole)}, total, batch)",
        "        for j in range(width):",
        f"            {results} = element({f}, r, {entries}, batch)",
        *(f"            grads[{k}][b, j] = g_{k}" for k in range(len(w))),
    ]
    exec("\n".join(lines), space)
    function: Callable[..., None] = inlined(space["gradient"])
    return function


def _value(fields: dict[str, Any], filled: list[str], name: str) -> str:
    """A field of sample b of step s, in column j: one lookup in another, a drawn number inside."""
    first, lookups = innermost(fields, name)
    text = f"samples[{filled.index(first)}][s, b]"
    for lookup in lookups:
        column = ", j" if fields[lookup].array.ndim == 2 else ""
        text = f"data[{list(fields).index(lookup)}][{text}{column}]"
    return text


def _tuple(parts: Any) -> str:
    return f"({''.join(f'{part}, ' for part in parts)})"
