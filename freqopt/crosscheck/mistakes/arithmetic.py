"""A quantity that went through a narrower type on its way: an option, a power, a sum, a count.

The places are those of `equations`; what is found there agrees with what was seen far better than
the narrow type's own rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from freqopt.crosscheck.cases.dialects import number
from freqopt.crosscheck.implementation import Given, Step, reference, shown
from freqopt.crosscheck.mistakes.mistake import Mistake, in_methods
from freqopt.optimizers import Rule
from freqopt.streams.elementary import integer_power
from freqopt.typing import Floats, Integers

SMALL = 1e-3
"""A relative difference beyond it is no rounding of a narrow type that keeps a meaning."""


def bfloat16(x: Any) -> Any:
    """Rounded to the nearest bfloat16, ties to even, in the type that it has."""
    bits = np.asarray(x, np.float32).view(np.uint32)
    kept = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return kept.astype(np.uint32).view(np.float32).astype(np.asarray(x).dtype)


def through(kind: type[np.floating]) -> Callable[[Any], Any]:
    """A value rounded to a narrower type, in the type that it has."""

    def rounded(x: Any) -> Any:
        return np.asarray(x).astype(kind).astype(np.asarray(x).dtype)[()]

    return rounded


NARROW: dict[str, Callable[[Any], Any]] = {
    "float32": through(np.float32),
    "float16": through(np.float16),
    "bfloat16": bfloat16,
}


def arithmetic(rule: Rule) -> Iterator[Mistake]:
    """Every option, power, gradient and weight that may have gone through a narrower type."""
    fields = type(rule).model_fields
    numbers = [n for n, info in fields.items() if number(info) is float and getattr(rule, n)]
    for kind, narrow in NARROW.items():
        yield Mistake(f"all options go through {kind}", partial(_options, numbers, narrow), 0)
        decays = [
            n for n in numbers if any(getattr(m, "lt", None) == 1 for m in fields[n].metadata)
        ]
        if len(decays) > 1:
            both = " and ".join(decays)
            yield Mistake(f"{both} go through {kind}", partial(_options, decays, narrow), 0)
        yield Mistake(f"gradients go through {kind}", partial(_gradients, narrow), 1)
        yield Mistake(f"the rate goes through {kind}", in_methods(rate=_rate(narrow)), 1)
    yield Mistake(
        "everything is computed in float32, whatever the table is",
        _in_float32,
        0,
    )
    if hasattr(rule, "correction"):
        for power in (_power, _power_of_scalars):  # two libraries, two last bits
            formed = in_methods(correction=_corrected(power))
            yield Mistake("1 - beta^t is formed in float32", formed, 0)
        yield Mistake(
            "1 - beta^t is formed in float32, beta^t as a product over the steps",
            in_methods(correction=_corrected(_product)),
            0,
        )
        yield Mistake(
            "1 - beta^t goes through float32",
            in_methods(correction=_corrected(integer_power)),
            1,
        )


def _options(
    names: list[str],
    narrow: Callable[[Any], Any],
    rule: Rule,
    table: Floats,
    given: Given,
) -> Step:
    new = {name: float(narrow(np.float64(getattr(rule, name)))) for name in names}
    return reference(rule.model_copy(update=new), table, given)


def _gradients(narrow: Callable[[Any], Any], rule: Rule, table: Floats, given: Given) -> Step:
    step = reference(rule, table, given)
    return lambda rows, grads: step(rows, np.asarray(narrow(grads), grads.dtype))


def _rate(narrow: Callable[[Any], Any]) -> Callable[..., float]:
    return lambda rule, t: float(narrow(np.float64(type(rule).rate(rule, t))))


def _corrected(power: Callable[[float, Any], Any]) -> Callable[..., Any]:
    def correction(rule: Any, moment: str, beta: float, k: Any) -> Any:
        if rule.bias_correction not in ("both", moment):
            return 1.0
        formed = np.float32(1) - np.float32(power(beta, k))
        return np.float64(formed) if np.ndim(k) == 0 else formed.astype(np.float64)

    return correction


def _power(beta: float, k: Any) -> Any:
    return np.power(np.float32(beta), np.asarray(k, np.float32))


def _power_of_scalars(beta: float, k: Any) -> Any:
    return np.float32(beta) ** np.float32(k)


def _product(beta: float, k: Any) -> Any:
    product = np.float32(1)
    for _ in range(int(np.max(k))):
        product = product * np.float32(beta)
    return product


def _in_float32(rule: Rule, table: Floats, given: Given) -> Step:
    narrow = table.astype(np.float32)
    state = rule.init(narrow, **given)

    def step(rows: Integers, grads: Floats) -> Floats:
        rule.step(narrow, state, rows, grads.astype(np.float32))
        return shown(rule, narrow, state).astype(table.dtype)

    return step
