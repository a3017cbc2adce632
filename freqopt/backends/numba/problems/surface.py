"""The test surfaces of `freqopt.problems.surface`: nothing is random, one number per table.

The reference's own formulas are run, once, on LLVM's values instead of numbers: every operation
writes down an instruction of the tables' dtype. So each surface there is compiled, with its bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from freqopt.backends.numba.jit._compile import inlined
from freqopt.backends.numba.problems._kernel import Field, ProblemKernel
from freqopt.problems.surface import LANDSCAPES, Surface


class _Value:
    """A number that a kernel will have: + - * / with others and with constants."""

    def __init__(self, builder: Any, value: Any) -> None:
        self._builder, self._value = builder, value

    def _meet(self, instruction: str, other: Any, *, swapped: bool = False) -> _Value:
        kind = self._value.type
        second = other._value if isinstance(other, _Value) else ir.Constant(kind, float(other))
        pair = (second, self._value) if swapped else (self._value, second)
        return _Value(self._builder, getattr(self._builder, instruction)(*pair))

    def __add__(self, other: Any) -> _Value:
        return self._meet("fadd", other)

    def __sub__(self, other: Any) -> _Value:
        return self._meet("fsub", other)

    def __mul__(self, other: Any) -> _Value:
        return self._meet("fmul", other)

    def __truediv__(self, other: Any) -> _Value:
        return self._meet("fdiv", other)

    def __radd__(self, other: Any) -> _Value:
        return self._meet("fadd", other, swapped=True)

    def __rsub__(self, other: Any) -> _Value:
        return self._meet("fsub", other, swapped=True)

    def __rmul__(self, other: Any) -> _Value:
        return self._meet("fmul", other, swapped=True)


def _slopes(real: Any) -> Callable[..., Any]:
    """A compiled function (which, x, y): df/dx and df/dy of surface number `which`.

    All are computed and one is chosen: so one loop is compiled for all surfaces.
    """
    both = types.UniTuple(real, 2)

    @intrinsic  # type: ignore[untyped-decorator]
    def slopes(typing: Any, which: Any, x: Any, y: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            asked, *point = arguments
            chosen: list[Any] = [context.get_constant(real, 0.0)] * 2
            for number, landscape in enumerate(LANDSCAPES.values()):
                found = landscape.slopes(*(_Value(builder, value) for value in point))
                same = builder.icmp_signed("==", asked, asked.type(number))
                chosen = [
                    builder.select(same, new._value, old)
                    for new, old in zip(found, chosen, strict=True)
                ]
            return context.make_tuple(builder, both, chosen)

        return both(types.intp, real, real), generate

    return slopes


def kernel(problem: Surface, real: Any) -> ProblemKernel:
    """Row 0 of x and of y, B times."""
    slopes = _slopes(real)

    @inlined
    def draw(
        data: Any, seed: Any, run: Any, first: int, count: int, batch: int, samples: Any
    ) -> None:
        for s in range(count):
            for b in range(batch):
                samples[0][s, b] = samples[1][s, b] = 0

    @inlined
    def gradient(
        data: Any, tables: Any, places: Any, samples: Any, s: int, batch: int, grads: Any, work: Any
    ) -> None:
        along_x, along_y = slopes(
            data[0], tables[0][places[0][s, 0], 0], tables[1][places[1][s, 0], 0]
        )
        for b in range(batch):
            grads[0][b, 0], grads[1][b, 0] = along_x / real(batch), along_y / real(batch)

    return ProblemKernel(
        key="surface",
        data=(list(LANDSCAPES).index(problem.surface),),
        fields=(Field("x", np.int64), Field("y", np.int64)),
        tables={"x": "x", "y": "y"},
        draw=draw,
        gradient=gradient,
    )
