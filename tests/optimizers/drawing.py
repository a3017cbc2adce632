"""Draws rules from the whole product of their axes, and batches that make the axes differ.

Options are read off the fields of a rule, so a new rule or option is drawn without an edit here.
"""

from __future__ import annotations

import types
import typing

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from freqopt.errors import RuleError
from freqopt.optimizers import Rule

WIDTHS = (1, 2, 3, 5, 8)
KNOWN = {"horizon": 50, "smoothness": 2.0, "batch": 3}


def _values(annotation: object, default: object) -> list[object]:
    """A few valid values of one field."""
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return list(typing.get_args(annotation))
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(annotation) if a is not type(None)]
        return [None, *(v for a in inner for v in _values(a, default))]
    if origin is typing.Annotated:
        return _values(typing.get_args(annotation)[0], default)
    if annotation is bool:
        return [False, True]
    if annotation is int:
        return [default, 1, 2, 3] if isinstance(default, int) else [1, 2, 3]
    if annotation is float:
        return [default, 0.0, 0.03, 0.4, 0.9] if isinstance(default, float) else [0.03, 0.4, 3.0]
    return [default]


@st.composite
def drawn_rules(draw: st.DrawFn, rule: type[Rule]) -> Rule:
    """A rule with about half of its own options and up to four common ones off their defaults."""
    common = [n for n in Rule.model_fields if n != "nonfinite"]
    own = [n for n in rule.model_fields if n not in Rule.model_fields]
    chosen = draw(st.lists(st.sampled_from(common), max_size=4, unique=True))
    chosen += [n for n in own if draw(st.booleans())]
    options = {}
    for name in chosen:
        field = rule.model_fields[name]
        options[name] = draw(st.sampled_from(_values(field.annotation, field.default)))
    try:
        return rule(**options).completed(**KNOWN)
    except RuleError:
        assume(False)
        raise


@st.composite
def streams(draw: st.DrawFn, table_rows: int, width: int, dtype: object) -> list[tuple]:
    """Batches with duplicates, gaps, a never-touched last row, gradients from 1e-9 to 1e2.

    One batch in five is empty, one row in eight has gradient zero, one in eight cancels exactly.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    batches = []
    for _ in range(draw(st.integers(3, 8))):
        size = int(rng.choice([0, 1, 2, 5, 9]))
        rows = rng.integers(0, max(table_rows - 1, 1), size)
        grads = rng.normal(size=(size, width)) * 10.0 ** rng.integers(-9, 3, size=(size, 1))
        for b in range(size):
            kind = rng.integers(8)
            if kind == 0:
                grads[b] = 0
            elif kind == 1 and b > 0:
                rows[b], grads[b] = rows[b - 1], -grads[b - 1]
        batches.append((rows, grads.astype(dtype)))
    return batches


def ulps(a: np.ndarray, b: np.ndarray) -> int:
    """Largest distance in units in the last place; NaN equals NaN."""
    kind = np.int64 if a.dtype == np.float64 else np.int32
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    lowest = np.iinfo(kind).min

    def ordered(x: np.ndarray) -> np.ndarray:
        bits = np.ascontiguousarray(x).view(kind).astype(object)
        return np.where(bits < 0, lowest - bits, bits)

    return int(np.where(same, 0, np.abs(ordered(a) - ordered(b))).max(initial=0))
