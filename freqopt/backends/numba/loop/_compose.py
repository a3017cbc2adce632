"""One compiled loop from a problem's kernel and a rule's.

A step takes one of two ways, `_single` or `_batched`, and of the second a shortcut, `_star`, where
there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from freqopt.backends.numba.jit._compile import entry, inlined
from freqopt.backends.numba.loop._arrays import Read, in_turn, matrices_of
from freqopt.backends.numba.loop._borrow import borrowed, of_width
from freqopt.backends.numba.loop._layers import collapse, split
from freqopt.backends.numba.loop._movement import add, note
from freqopt.backends.numba.loop._star import DONE, REFUSED
from freqopt.backends.numba.problems._kernel import ProblemKernel

_made: dict[str, Callable[..., None]] = {}


class Form(NamedTuple):
    """What of a table decides the code."""

    width: int
    """Numbers in a row."""
    trained: str
    """Layers that the rule moves: "both", "first" or "second"; "" for a plain table."""
    tracked: bool
    """Movement is kept up."""


class Shortcut(NamedTuple):
    """A way around gradient and step that some steps take.

    Attributes
    ----------
    key : str
        Name of the code.
    make : () -> compiled function (parts, s, count, h), which gives DONE, REFUSED or OTHER
    """

    key: str
    make: Callable[[], Callable[..., int]]


def make_loop(
    problem: ProblemKernel,
    forms: tuple[Form, ...],
    step_key: str,
    make_steps: Callable[[], tuple[Callable[..., bool] | None, Callable[..., bool]]],
    *,
    lone: bool,
    shortcut: Shortcut | None = None,
) -> Callable[..., None]:
    """The compiled loop of a problem and a rule; one for all that share code.

    Parameters
    ----------
    problem : ProblemKernel
    forms : of each of its tables
    step_key : str
        Name of the code of the two functions that follow.
    make_steps : function
        Gives what is done with the parts before rows are read, or None, and the step; see
        `_single` and `_batched`.
    lone : bool
        A step has one sample, with one number of each field: the compiler may know.
    shortcut : Shortcut, optional

    Returns
    -------
    compiled function, see `loop` below
    """
    key = f"loop {problem.key} | {[tuple(form) for form in forms]} | {step_key}"
    if shortcut is not None:
        key += f" | {shortcut.key}"
    if key in _made:
        return _made[key]
    prepare, step = make_steps()
    draw, gradient, matrices = problem.draw, problem.gradient, matrices_of(_widths(forms))
    before, between, after = _around(forms)
    prepares, catch_up = prepare is not None, prepare or step
    busy = any(form.trained or form.tracked for form in forms)
    short = shortcut is not None
    at_once = shortcut.make() if shortcut is not None else step
    narrow, thin = of_width(1), all(field.width == 1 for field in problem.fields)

    @entry(key)
    def loop(
        seed: Any, run: Any, first: int, until: int, batch: int, data: Any, samples: Any,
        work: Any, tables: Any, parts: Any, options: Any, reached: Any,
    ) -> None:  # fmt: skip
        """Take the steps first .. until - 1, and say in reached[0] how far it got.

        samples: arrays (S, .), S being the steps drawn at once; tables: a Read for each table;
        parts: a Part for each array that the rule moves; options: what the rule's step needs. A
        step that is refused is the end.
        """
        data, samples, tables = borrowed(data), borrowed(samples), borrowed(tables)
        work, parts, options = borrowed(work), borrowed(parts), borrowed(options)
        read, grads, places = matrices(tables)
        ahead, t = samples[0].shape[0], first
        if lone:
            batch, places = 1, narrow(places)
        if lone and thin:
            samples = narrow(samples)
        while t < until:
            count = min(ahead, until - t)
            draw(data, seed, run, t, count, batch, samples)
            for s in range(count):
                n = t + s - first
                if short:
                    way = at_once(parts, s, count, options.h)
                    if way == DONE:
                        continue
                    if way == REFUSED:
                        reached[0] = t + s
                        return
                if prepares:
                    catch_up(parts, n, s, count, options)
                if busy:
                    before(tables, n, s, count, options)
                gradient(data, read, places, samples, s, batch, grads, work)
                if busy:
                    between(tables, n, s, count, options)
                if not step(parts, n, s, count, options):
                    reached[0] = t + s
                    return
                if busy:
                    after(tables, n, s, count, options)
            t += count
        reached[0] = until

    _made[key] = loop
    return loop


def _widths(forms: tuple[Form, ...]) -> tuple[int, ...]:
    return tuple(form.width for form in forms)


@cache
def _around(forms: tuple[Form, ...]) -> tuple[Callable[..., bool], ...]:
    """What the tables ask for before the gradient, between it and the step, and afterwards."""
    return tuple(in_turn(tuple(map(make, forms))) for make in (_before, _between, _after))


def _before(form: Form) -> Callable[..., bool]:
    """Before the gradient is taken."""
    layered = bool(form.trained)

    @inlined
    def before(table: Read, n: int, s: int, count: int, options: Any) -> bool:
        if layered:
            collapse(table, s)
        return True

    return before


def _between(form: Form) -> Callable[..., bool]:
    """Between gradient and step."""
    tracked, layered = form.tracked, bool(form.trained)
    to_first, to_second = form.trained != "second", form.trained != "first"

    @inlined
    def between(table: Read, n: int, s: int, count: int, options: Any) -> bool:
        if tracked:
            note(table, s)
        if layered:
            split(table, s, to_first, to_second)
        return True

    return between


def _after(form: Form) -> Callable[..., bool]:
    """After the step."""
    tracked, layered = form.tracked, bool(form.trained)

    @inlined
    def after(table: Read, n: int, s: int, count: int, options: Any) -> bool:
        if tracked and layered:
            collapse(table, s)
        if tracked:
            add(table)
        return True

    return after
