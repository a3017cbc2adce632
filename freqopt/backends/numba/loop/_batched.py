"""The general way of a step: several occurrences go through the kernels of the fused step.

Those are called by address. So a loop holds a problem, and not a rule: P problems and R rules cost
P + R compilations, not P R.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from freqopt.backends.numba.arithmetic._rows import scale
from freqopt.backends.numba.batch._norms import clip_whole
from freqopt.backends.numba.batch._preprocess import REFUSED, preprocess
from freqopt.backends.numba.batch._space import Space
from freqopt.backends.numba.fixed_memory._apply import make_whole_step
from freqopt.backends.numba.fixed_memory._buffer import Critical, measure_whole
from freqopt.backends.numba.fused_step._apply import make_apply
from freqopt.backends.numba.jit._call import address_of, caller, types_of
from freqopt.backends.numba.jit._compile import entry, inlined
from freqopt.backends.numba.loop._arrays import Part, in_turn
from freqopt.backends.numba.rule._catch_up import make_catch_up
from freqopt.backends.numba.rule._kernel import find_kernel
from freqopt.backends.numba.rule._scalars import row_axes_of
from freqopt.optimizers import Rule

_made: dict[str, Callable[..., None]] = {}


class StepOptions(NamedTuple):
    """What a batched step needs of a rule."""

    h: Any
    """The rule's hyper vector."""
    choices: Any
    limit: Any
    everyone: bool
    count_empty: bool
    preprocess: int
    """Addresses of kernels from here on; 0 for one that the rule does not need."""
    apply: int
    shrink: int
    catch_up: int
    clip: int
    measure: int
    norm: Any
    """float64 (1,): the norm that the arrays of a fixed-memory rule share; (0,) for none."""


class Kernels:
    """The fused step's kernels of a rule, called as a part of the loop would call them.

    Parameters
    ----------
    rule : Rule
    dtype : of the tables
    plan : the fused step's `Plan`
    part : Part
        One of the loop's; the others' arrays have the same types.

    Attributes
    ----------
    types : of the arguments of preprocess, apply, shrink, catch_up, clip and measure
    remembers : bool
        The rule keeps critical gradients.
    options : StepOptions
        Without addresses.
    """

    def __init__(self, rule: Rule, dtype: Any, plan: Any, part: Part) -> None:
        table, grads, elements = part.matrices
        index, base, space = part.space
        rows, grads = part.rows[0].view(), grads.view()
        rows.flags.writeable = grads.flags.writeable = False  # as the fused step has them
        arrays = table, elements, part.row_slots, part.decayed_at
        preprocessed = 0, rows, len(table), grads, plan.options, plan.limit, index, base, space
        applied: tuple[Any, ...] = 0, *arrays, grads, plan.h, 1, True, index, base, space
        shrunk = table, plan.h, 1
        caught_up = 0, 1, *arrays, rows, 1, plan.h, Space(*space).scratch
        clipped, measured = (plan.limit, space), (grads, space, part.critical)
        clips = rule.clip is not None and rule.clip_scope == "batch"
        self.remembers = plan.remembers
        if self.remembers:
            applied = *applied, part.critical, 0.0
        arguments = preprocessed, applied, shrunk, caught_up, clipped, measured
        self.types = tuple(map(types_of, arguments))
        self._entries = {
            "preprocess": preprocess,
            "apply": (make_whole_step if self.remembers else make_apply)(rule, dtype),
            "shrink": _make_shrink(rule, dtype) if plan.shrinks else None,
            "catch_up": make_catch_up(rule, dtype) if rule.catches_up_before_reading else None,
            "clip": clip_whole if clips else None,
            "measure": measure_whole if self.remembers else None,
        }
        shared = np.zeros(1 if self.remembers and rule.synced else 0)
        self.options = StepOptions(
            plan.h, plan.options, plan.limit, plan.everyone, rule.count_empty, 0, 0, 0, 0, 0, 0,
            shared,
        )  # fmt: skip

    @property
    def each(self) -> list[tuple[Any, tuple[Any, ...]]]:
        """The kernels that the rule needs, and the types of their arguments."""
        pairs = zip(self._entries.values(), self.types, strict=True)
        return [(kernel, kinds) for kernel, kinds in pairs if kernel is not None]

    def with_addresses(self) -> StepOptions:
        """The options once all kernels are compiled."""
        pairs = zip(self._entries.items(), self.types, strict=True)
        return self.options._replace(
            **{name: address_of(kernel, kinds) for (name, kernel), kinds in pairs if kernel}
        )


def batched_step(kernels: Kernels, parts: int) -> tuple[Callable[..., bool], Callable[..., bool]]:
    """Two compiled functions (parts, n, s, count, options).

    The first lets a lazy rule's rows catch up before they are read. The second is the step, False
    if it is refused.
    """
    preprocess, apply, shrink, catch_up, clip, measure = map(caller, kernels.types)
    remembers = kernels.remembers

    @inlined
    def prepare(part: Part, n: int, s: int, count: int, options: StepOptions) -> bool:
        if options.catch_up:
            table, _, elements = part.matrices
            scratch, t = Space(*part.space[2]).scratch, part.steps[0]
            catch_up(
                options.catch_up,
                (
                    0, 1, table, elements, part.row_slots, part.decayed_at, part.rows[s], t,
                    options.h, scratch,
                ),
            )  # fmt: skip
        return True

    @inlined
    def accept(part: Part, n: int, s: int, count: int, options: StepOptions) -> bool:
        index, base, space = part.space
        base = base + n * (part.rows.shape[1] + 1)
        table, grads = part.matrices[0], part.matrices[1]
        preprocess(
            options.preprocess,
            (
                0, part.rows[s], len(table), grads, options.choices, options.limit, index, base,
                space,
            ),
        )  # fmt: skip
        if Space(*space).ends[0] == REFUSED:
            return False
        if options.clip:
            clip(options.clip, (options.limit, space))
        if remembers:
            measure(options.measure, (grads, space, part.critical))
            if options.norm.size:
                options.norm[0] += Critical(*part.critical).norm[0]
        return True

    @inlined
    def update(part: Part, n: int, s: int, count: int, options: StepOptions) -> bool:
        table, grads, elements = part.matrices
        index, base, space = part.space
        arrays = Space(*space)
        if options.count_empty or arrays.ends[0] > arrays.starts[0]:
            part.steps[0] += 1
            t = part.steps[0]
            if options.shrink:
                shrink(options.shrink, (table, options.h, t))
            base = base + n * (part.rows.shape[1] + 1)
            arguments = (
                0, table, elements, part.row_slots, part.decayed_at, grads, options.h, t,
                options.everyone, index, base, space,
            )  # fmt: skip
            if remembers:
                own = Critical(*part.critical).norm[0]
                norm = options.norm[0] if options.norm.size else own
                apply(options.apply, (*arguments, part.critical, norm))
            else:
                apply(options.apply, arguments)
        return True

    accept_all, update_all = in_turn((accept,) * parts), in_turn((update,) * parts)

    @inlined
    def step(parts: Any, n: int, s: int, count: int, options: StepOptions) -> bool:
        for k in range(options.norm.size):
            options.norm[k] = 0.0
        accepted = accept_all(parts, n, s, count, options)
        return accepted and update_all(parts, n, s, count, options)

    return in_turn((prepare,) * parts), step


def _make_shrink(rule: Rule, dtype: Any) -> Callable[..., None]:
    """The compiled decay (table, h, t) of every row in batch t."""
    _, structure = find_kernel(rule, dtype)
    row_axes_at, real, key = (
        row_axes_of(structure.kind),
        structure.real,
        f"shrink all {structure.key}",
    )
    if key not in _made:

        @entry(key)
        def shrink_all(table: Any, h: Any, t: int) -> None:
            factor = real(row_axes_at(h, t).shrink)
            for i in range(len(table)):
                scale(table, i, factor)

        _made[key] = shrink_all
    return _made[key]
