"""What a rule is put through: the exercises of the cross-check, and rougher ones.

The cross-check's exercises have few digits, so that sums are exact in any order. A rule's own two
texts have one order, and here they meet numbers of all digits and sizes, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from freqopt.crosscheck.cases.acceptance import choices
from freqopt.crosscheck.cases.dialects import (
    Case,
    beside,
    cases_of,
    made,
    number,
    other_values,
)
from freqopt.crosscheck.cases.exercises import SEED, Exercise, exercises
from freqopt.crosscheck.cases.large import long, sizes
from freqopt.crosscheck.cases.selection import single_cases
from freqopt.optimizers import Rule
from freqopt.streams import Stream
from freqopt.streams.transforms import index

DTYPES = ("float64", "float32")
WITHIN = (0.0, 1e-12, 0.03, 0.3, 0.5, 0.97, 0.9995, 1.0, 3.0, 40.0)
"""Where a field of a rule's own is tried: near the ends of what such fields may have, too."""
WHOLE = (0, 1, 2, 3, 7, 30)


def every_case(kind: type[Rule]) -> list[Case]:
    """All cases of a rule, those with the fewest options off their defaults first."""
    found = []
    for dtype in DTYPES:
        found += [*cases_of(kind, dtype), *_beyond(kind, dtype)]
        if dtype == "float64":
            found += single_cases(kind, dtype)
    once: dict[Any, Case] = {}
    for case in found:
        key = repr(case.rule), case.exercise.name, str(case.exercise.table.dtype)
        once.setdefault(key, case)
    return sorted(once.values(), key=lambda case: len(off_default(case.rule)))


def off_default(rule: Rule) -> dict[str, Any]:
    """The options that a rule has off their defaults."""
    fields = type(rule).model_fields
    return {n: getattr(rule, n) for n in fields if getattr(rule, n) != fields[n].default}


def _beyond(kind: type[Rule], dtype: str) -> Iterator[Case]:
    """The rough exercise under every choice, its own fields at many values, sizes, many steps."""
    rough, main = rough_exercise(dtype), exercises(dtype)["main"]
    others = dict(other_values(kind))
    yield from _case("defaults", made(kind, {}), rough)
    yield from _case("other numbers", made(kind, beside(kind, {}, others)), rough)
    for name, value in choices(kind):
        yield from _case(f"{name} = {value}", made(kind, {name: value}), rough)
    yield from _case("nonfinite = propagate", made(kind, {"nonfinite": "propagate"}), _holed(rough))
    for name, options in kind.dialects.items():
        yield from _case(name, made(kind, dict(options)), rough)
    for k, (name, value) in enumerate(_own_values(kind)):
        put = rough if k % 2 else main
        yield from _case(f"{name} = {value}", made(kind, {name: value}), put)
    large = sizes(dtype)
    for exercise in (large["rows_300"], large["wide_34"], large["crowd"], long(dtype, 130)):
        yield from _case("defaults", made(kind, {}), exercise)


def _case(label: str, rule: Rule | None, exercise: Exercise) -> Iterator[Case]:
    if rule is not None:
        yield Case(f"{label}, {exercise.name}", rule, exercise)


def _own_values(kind: type[Rule]) -> Iterator[tuple[str, Any]]:
    """Fields that the rule has beside those of every rule, at values over their range."""
    for name, field in kind.model_fields.items():
        if name in Rule.model_fields and name != "lr":
            continue
        what = number(field)
        if what is bool:
            yield name, not field.default
        elif what is int:
            yield from ((name, value) for value in WHOLE)
        elif what is float:
            scale = (field.default or 1.0) if name == "lr" else 1.0
            yield from ((name, value * scale) for value in WITHIN)


def rough_exercise(dtype: str) -> Exercise:
    """14 batches with gradients of all digits and of sizes from 1e-30 to 1e12.

    Row 6 always gets zeros, entry 0 of row 1 always, some zeros are -0.
    """
    size, width, steps = 8, 5, 14
    normal, power = Stream(SEED, 0, "rough numbers"), Stream(SEED, 0, "rough powers")
    drawn = Stream(SEED, 0, "rough rows")
    batches = []
    for t in range(1, steps + 1):
        count = (6, 1, 0, 9, 4, 7, 2)[t % 7]
        rows = index(drawn.words(t, 9), size)[:count].astype(np.int64)
        grads = normal.normal(t, 9 * width).reshape(9, width)[:count]
        wide = t % 3 == 0
        scale = 10.0 ** (
            power.uniform(t, 9)[:count] * (42.0 if wide else 3.0) - (30 if wide else 2)
        )
        grads = grads * scale[:, None]
        grads[rows == 6] = -0.0 if t % 2 else 0.0
        grads[rows == 1, 0] = 0.0
        batches.append((rows, grads.astype(dtype)))
    table = normal.normal(0, size * width).reshape(size, width).astype(dtype)
    return Exercise("rough", table, tuple(batches))


def _holed(exercise: Exercise) -> Exercise:
    """The exercise with NaN and infinities in some of its gradients."""
    batches = []
    for t, (rows, grads) in enumerate(exercise.batches):
        holed = grads.copy()
        if t in (4, 9) and len(holed):
            holed[-1, 1] = np.nan if t == 4 else np.inf
        batches.append((rows, holed))
    return replace(exercise, name="rough with NaN", batches=tuple(batches))
