"""The form of what a problem gives: names, shapes, dtypes; the same twice; nothing else changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from freqopt.check.journal import Journal
from freqopt.check.problem.addresses import addressed
from freqopt.check.problem.instances import Instance, copies, line_of

MANY = 32
"""Samples of a batch in which a row occurs more than once."""


def check_form(at: Instance, notes: Journal) -> bool:
    """Whether everything has the form that a run relies on; the first fault of each part."""
    before = notes.faults
    for what, part in PARTS.items():
        with notes.watched(f"{what}{at.where}"):
            if sentence := part(at):
                notes.fault(f"{sentence}{at.where}; {line_of(at.kind, what)}")
        if notes.faults > before:
            return False
    return True


def _shapes(at: Instance) -> str:
    shapes = at.problem.shapes
    good = isinstance(shapes, Mapping) and all(
        isinstance(n, str)
        and len(s) == 2
        and all(isinstance(x, int | np.integer) and x > 0 for x in s)
        for n, s in shapes.items()
    )
    return "" if good and shapes else f"shapes is {shapes!r}, expected table name -> (N, d)"


def _start(at: Instance) -> str:
    problem = at.problem
    for dtype in (np.float64, np.float32):
        one, two = problem.start(3, 4, dtype), problem.start(3, 4, dtype)
        if set(one) != set(problem.shapes):
            return f"start gives the tables {sorted(one)}, shapes has {sorted(problem.shapes)}"
        for name, table in one.items():
            if wrong := _unlike(table, dtype, problem.shapes[name]):
                return f"start gives {wrong} for table {name}"
            if not np.isfinite(table).all():
                return f"start gives table {name} with NaN or inf"
            if not np.array_equal(table, two[name]):
                return (
                    f"start gives other numbers the second time for table {name}: seed and run are "
                    "to decide"
                )
            if np.shares_memory(table, two[name]):
                return (
                    f"start hands out the same array twice for table {name}: a run changes it; "
                    "give a copy"
                )
    return ""


def _draw(at: Instance) -> str:
    problem, batch = at.problem, 5
    if at.draws_nothing:
        return ""
    np.random.seed(0)  # noqa: NPY002 - what a user's code may depend on
    ten = problem.draw(3, 7, np.arange(10), batch)
    np.random.seed(1)  # noqa: NPY002
    again = problem.draw(3, 7, np.arange(10), batch)
    five = problem.draw(3, 7, np.array([5]), batch)
    if not isinstance(ten, dict) or not ten:
        return f"draw gives {type(ten).__name__}, expected field name -> array (steps, batch, ...)"
    for name, values in ten.items():
        if not isinstance(values, np.ndarray) or values.shape[:2] != (10, batch):
            shape = getattr(values, "shape", "none")
            return (
                f"draw gives field {name} of shape {shape}, expected (10, {batch}, ...): steps, "
                "then samples"
            )
        if not np.array_equal(values, again[name]):
            return (
                f"draw gives other numbers for field {name} the second time: (seed, run, step) are "
                "to decide; draw from Stream(seed, run, purpose)"
            )
        if not np.array_equal(five[name][0], values[5]):
            return (
                f"draw of step 5 alone differs from row 5 of steps 0 to 9 in field {name}: each "
                "step is to have its own numbers, whatever is drawn with it"
            )
    return addressed(problem)


def _losses(at: Instance) -> str:
    tables, samples = _given(at, np.float64)
    many = 1 if at.draws_nothing else 5
    return _kept(at, "losses", tables, samples, lambda found: _unlike(found, np.float64, (many,)))


def _gradients(at: Instance) -> str:
    problem = at.problem
    wide: dict[str, Any] = {}
    for dtype in (np.float64, np.float32):
        tables, samples = _given(at, dtype)

        def form(found: Any, dtype: Any = dtype) -> str:
            if not isinstance(found, Mapping) or set(found) != set(problem.shapes):
                named = sorted(found) if isinstance(found, Mapping) else type(found).__name__
                return f"{named}, expected one entry per table: {sorted(problem.shapes)}"
            for name, pair in found.items():
                if not isinstance(pair, tuple) or len(pair) != 2:
                    return f"{type(pair).__name__} for table {name}, expected (rows, gradients)"
                rows, grads = np.asarray(pair[0]), pair[1]
                if rows.ndim != 1 or rows.dtype.kind not in "iu":
                    return (
                        f"rows of {rows.dtype} and shape {rows.shape} for table {name}, expected "
                        "integers (M,)"
                    )
                size, width = problem.shapes[name]
                if rows.size and (rows.min() < 0 or rows.max() >= size):
                    return f"row {rows.max()} for table {name} of {size} rows"
                if wrong := _unlike(grads, dtype, (rows.size, width)):
                    return f"{wrong} for table {name}"
            return ""

        if sentence := _kept(at, "gradients", tables, samples, form):
            return sentence
        found = problem.gradients(tables, samples)
        if dtype is np.float64:
            narrow, _ = _given(at, np.float32)
            wide = problem.gradients({k: v.astype(np.float64) for k, v in narrow.items()}, samples)
            continue
        for name, (rows, grads) in found.items():
            largest = float(np.abs(wide[name][1]).max(initial=0))
            off = (
                np.abs(grads - wide[name][1]).max(initial=0)
                if np.array_equal(rows, wide[name][0])
                else np.inf
            )
            if off > 1e-3 * largest + 1e-12:
                return (
                    f"gradients of table {name} in float32 are {off:.3g} from those in float64, "
                    f"whose largest is {largest:.3g}"
                )
    return _occurrences(at)


def _occurrences(at: Instance) -> str:
    """Whether a batch names the rows that its samples name alone, each as often."""
    if at.draws_nothing:
        return ""
    tables, _ = _given(at, np.float64)
    batch = at.samples(3, MANY)
    together = at.problem.gradients(tables, batch)
    alone = [
        at.problem.gradients(tables, {name: values[b : b + 1] for name, values in batch.items()})
        for b in range(MANY)
    ]
    for name, (rows, _) in together.items():
        one_by_one = np.concatenate([found[name][0] for found in alone])
        if not np.array_equal(np.sort(rows), np.sort(one_by_one)):
            return (
                f"gradients has {len(rows)} entries for table {name} in a batch of {MANY}, and "
                f"{len(one_by_one)} for its samples one by one: give one entry for each occurrence "
                "of a row; what several of a row come to is for the rule's axis duplicates to say"
            )
    return ""


def _objective(at: Instance) -> str:
    tables, _ = _given(at, np.float64)

    def form(value: Any) -> str:
        number = isinstance(value, int | float | np.floating) and not isinstance(value, bool)
        return "" if number and np.isfinite(value) else f"{value!r}, expected a finite number"

    return _kept(at, "objective", tables, None, form)


def _gradient(at: Instance) -> str:
    problem = at.problem
    tables, _ = _given(at, np.float64)

    def form(found: Any) -> str:
        if not isinstance(found, Mapping) or set(found) != set(problem.shapes):
            return f"{type(found).__name__}, expected one array per table: {sorted(problem.shapes)}"
        wrong = [(n, _unlike(v, np.float64, problem.shapes[n])) for n, v in found.items()]
        return next((f"{text} for table {name}" for name, text in wrong if text), "")

    return _kept(at, "gradient", tables, None, form)


def _metrics(at: Instance) -> str:
    tables, _ = _given(at, np.float64)

    def form(found: Any) -> str:
        if not isinstance(found, Mapping):
            return f"{type(found).__name__}, expected name -> number"
        wrong = [
            f"{n} = {v!r}, expected a number"
            for n, v in found.items()
            if np.ndim(v) or isinstance(v, str)
        ]
        return wrong[0] if wrong else ""

    return _kept(at, "metrics", tables, None, form)


def _constants(at: Instance) -> str:
    problem = at.problem
    known = problem.constants
    for what, given in (("frequency", known.frequency), ("deviation", known.deviation)):
        if given is None:
            continue
        if set(given) != set(problem.shapes):
            return (
                f"constants.{what} is of the tables {sorted(given)}, expected "
                f"{sorted(problem.shapes)}"
            )
        for name, values in given.items():
            if wrong := _unlike(values, np.float64, problem.shapes[name][:1]):
                return f"constants.{what} has {wrong} for table {name}"
            if not np.isfinite(values).all() or (values < 0).any():
                return f"constants.{what} of table {name} has a number below 0 or not finite"
    for name, values in (known.optimum or {}).items():
        if name not in problem.shapes or np.shape(values) != problem.shapes[name]:
            return (
                f"constants.optimum has shape {np.shape(values)} for table {name}, expected "
                f"{problem.shapes.get(name)}"
            )
    if known.optimum is not None and set(known.optimum) != set(problem.shapes):
        return (
            f"constants.optimum is of the tables {sorted(known.optimum)}, expected "
            f"{sorted(problem.shapes)}"
        )
    for what in ("smoothness", "strong_convexity", "optimum_value"):
        value = getattr(known, what)
        if value is not None and not (np.ndim(value) == 0 and np.isfinite(float(value))):
            return f"constants.{what} is {value!r}, expected a finite number or None"
    return ""


PARTS: dict[str, Callable[[Instance], str]] = {
    "shapes": _shapes,
    "start": _start,
    "draw": _draw,
    "losses": _losses,
    "gradients": _gradients,
    "objective": _objective,
    "gradient": _gradient,
    "constants": _constants,
    "metrics": _metrics,
}


def _given(at: Instance, dtype: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tables around the start, and samples of a step."""
    tables = next(iter(at.points()))[1] if at.problem.constants is not None else {}
    return {k: v.astype(dtype) for k, v in tables.items()}, at.samples(3, 5)


def _kept(
    at: Instance, method: str, tables: dict[str, Any], samples: Any, form: Callable[[Any], str]
) -> str:
    """What is wrong with a method's result, with a second one, or with what it was given."""
    given = (tables,) if samples is None else (tables, samples)
    before = [copies(one) for one in given]
    call = getattr(at.problem, method)
    first = call(*given)
    if wrong := form(first):
        return f"{method} gives {wrong}"
    kept = _numbers(first)
    for one, old, what in zip(given, before, ("tables", "samples"), strict=False):
        for name, values in one.items():
            if not np.array_equal(values, old[name], equal_nan=values.dtype.kind == "f"):
                return (
                    f"{method} changes the {what} it is given, in {name}: make a copy before "
                    "writing"
                )
    moved = {name: table + table.dtype.type(0.5) for name, table in tables.items()}
    call(moved, *given[1:])
    if not _same(kept, _numbers(first)):
        return f"{method} hands out an array that it writes into at the next call: give a new one"
    if not _same(kept, _numbers(call(*given))):
        return f"{method} gives other numbers the second time for the same tables and samples"
    return ""


def _numbers(found: Any) -> list[Any]:
    """Every array or number of a result, as copies."""
    if isinstance(found, Mapping):
        return [x for value in found.values() for x in _numbers(value)]
    if isinstance(found, tuple):
        return [x for value in found for x in _numbers(value)]
    return [np.array(found)]


def _same(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(one, other, strict=True)
    )


def _unlike(found: Any, dtype: Any, shape: tuple[int, ...]) -> str:
    """What something is, if it is no array of this dtype and shape."""
    wanted = f"expected {np.dtype(dtype)} of shape {shape}"
    if not isinstance(found, np.ndarray):
        return f"{type(found).__name__}, {wanted}"
    if found.dtype != dtype or found.shape != shape:
        return f"{found.dtype} of shape {found.shape}, {wanted}"
    return ""
