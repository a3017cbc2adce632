"""Rows and occurrences taken wrongly on their way into the step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference, shown
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.crosscheck.mutants._around import on_batch
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers


def _sum_by(rows: Integers, grads: Floats) -> tuple[Integers, NDArray[Any], Floats]:
    """Different rows in their order, the place of each occurrence among them, sums."""
    found, where = np.unique(rows, return_inverse=True)
    total = np.zeros((found.size, grads.shape[1]), grads.dtype)
    np.add.at(total, where, grads)
    return found, where, total


def _scaled(factor: Callable[[Integers], Any]) -> Implementation:
    return on_batch(lambda rows, grads: (rows, (grads * factor(rows)).astype(grads.dtype)))


def _counts_of(rows: Integers) -> Any:
    _, where, count = np.unique(rows, return_inverse=True, return_counts=True)
    return count[where][:, None] if rows.size else 1


def _mispaired(rows: Integers, grads: Floats) -> tuple[Integers, Floats]:
    """Sums in the order of first occurrence beside rows in their own order."""
    found, first = np.unique(rows, return_index=True)
    _, _, total = _sum_by(rows, grads)
    return found, total[np.argsort(first)] if rows.size else grads


def in_occurrences() -> Iterator[Mistake]:
    """Which occurrences are taken, and how they are combined."""
    for cause, change in {
        "the gradients are divided by the size of the batch": _scaled(
            lambda rows: 1 / max(rows.size, 1)
        ),
        "the gradients are divided by the number of different rows": _scaled(
            lambda rows: 1 / max(np.unique(rows).size, 1)
        ),
        "a row's summed gradient is multiplied by its occurrences": _scaled(_counts_of),
        "a row's summed gradient is divided by the square of its occurrences": _scaled(
            lambda rows: 1 / np.square(_counts_of(rows))
        ),
        "the gradients are divided by the square root of the batch's size": _scaled(
            lambda rows: 1 / np.sqrt(max(rows.size, 1))
        ),
        "summed gradients go to the wrong rows: sorted rows, sums in the order of appearance":
            on_batch(_mispaired),
        "the occurrences are taken in the reverse order": on_batch(
            lambda rows, grads: (rows[::-1], grads[::-1])
        ),
        "the last occurrence of a batch is dropped": on_batch(
            lambda rows, grads: (rows[:-1], grads[:-1])
        ),
        "the first occurrence of a batch is dropped": on_batch(
            lambda rows, grads: (rows[1:], grads[1:])
        ),
        "only the first occurrence of a batch is taken": on_batch(
            lambda rows, grads: (rows[:1], grads[:1])
        ),
        "rows that come more than once are dropped": on_batch(
            lambda rows, grads: (
                (rows[_counts_of(rows)[:, 0] == 1], grads[_counts_of(rows)[:, 0] == 1])
                if rows.size else (rows, grads)
            )
        ),
        "every entry of the gradient is clipped at 1": on_batch(
            lambda rows, grads: (rows, grads.clip(-1, 1))
        ),
        "every occurrence is scaled to length 1": on_batch(
            lambda rows, grads: (
                rows,
                grads / np.maximum(np.linalg.norm(grads, axis=1, keepdims=True), 1e-300),
            )
        ),
    }.items():  # fmt: skip
        yield Mistake(cause, change)
    for most in (2, 3, 4, 8, 16, 32, 64, 100, 127, 128, 255, 256):
        yield Mistake(
            f"of a row's occurrences the first {most} alone are taken",
            on_batch(lambda rows, grads, n=most: _ranked(rows, grads, lambda k, c: k < n)),  # type: ignore[misc]
        )
        yield Mistake(
            f"of a row's occurrences the last {most} alone are taken",
            on_batch(lambda rows, grads, n=most: _ranked(rows, grads, lambda k, c: k >= c - n)),  # type: ignore[misc]
        )
    for most in (*range(1, 9), 10, 16, 32, 64, 100, 128, 256, 512):
        for which, some in (("first", slice(None, most)), ("last", slice(-most, None))):
            yield Mistake(
                f"only the {which} {most} different rows of a batch are updated",
                on_batch(lambda rows, grads, c=some: _of_rows(rows, grads, c)),  # type: ignore[misc]
                0 if which == "first" else 1,
            )
    for most in (2, 3, 4, 5, 8, 16, 32, 64, 100, 128, 256, 512, 1000, 1024):
        yield Mistake(
            f"only the first {most} occurrences of a batch are taken",
            on_batch(lambda rows, grads, n=most: (rows[:n], grads[:n])),  # type: ignore[misc]
            1,
        )
    for size in (2, 3, 4, 8, 16, 32, 64, 100, 128, 256, 500, 512, 1000, 1024):
        for again, said in ((False, "the step counted once"), (True, "each counted as a step")):
            yield Mistake(
                f"a batch is taken in parts of {size} occurrences, {said}", _in_parts(size, again)
            )
    for place, which in ((-1, "last"), (0, "first")):
        yield Mistake(
            f"only neighbouring occurrences are summed; the {which} sum of a row is kept",
            on_batch(lambda rows, grads, k=place: _of_runs(rows, grads, k)),  # type: ignore[misc]
        )
    yield Mistake("the gradients are not cleared: a row's add up over all batches", _kept(None))
    yield Mistake("the gradients are not cleared: those of the batch before are added", _kept(1))
    for said, when in {
        "a batch of one occurrence": lambda rows: rows.size == 1,
        "a batch in which a row comes twice": lambda rows: np.unique(rows).size < rows.size,
        "a batch in which no row comes twice": lambda rows: np.unique(rows).size == rows.size,
        "the first batch": None,
    }.items():
        yield Mistake(f"a row's gradient is not cleared after {said}", _uncleared(when))
    yield Mistake("the gradient of the batch before is used", _late)
    for again, said in ((False, "the step counted once"), (True, "each counted as a step")):
        yield Mistake(
            f"a row is updated once for each occurrence with the summed gradient, {said}",
            _for_each(_summed, again),
        )
        yield Mistake(
            f"a row is updated once for each occurrence with the sum so far, {said}",
            _for_each(_so_far, again),
        )
        yield Mistake(
            f"every occurrence is a step of its own, {said}",
            _for_each(lambda rows, grads: grads, again),
        )


def _ranked(
    rows: Integers, grads: Floats, keep: Callable[[int, int], bool]
) -> tuple[Integers, Floats]:
    """Occurrences by their rank among those of their row, from 0, and how many these are."""
    seen: dict[int, int] = {}
    ranks = [seen.update({row: seen.get(row, -1) + 1}) or seen[row] for row in rows.tolist()]
    kept = [keep(k, seen[row] + 1) for k, row in zip(ranks, rows.tolist(), strict=True)]
    chosen = np.array(kept, bool)
    return rows[chosen], grads[chosen]


def _of_runs(rows: Integers, grads: Floats, place: int) -> tuple[Integers, Floats]:
    """One of the sums of each row over neighbouring occurrences."""
    if not rows.size:
        return rows, grads
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    found, sums = rows[starts], np.add.reduceat(grads, starts, axis=0)
    kept = [np.flatnonzero(found == row)[place] for row in np.unique(found)]
    return found[kept], sums[kept]


def _in_parts(size: int, counted: bool) -> Implementation:
    """A large batch as several steps."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state = rule.init(table, **given)

        def step(rows: Integers, grads: Floats) -> Floats:
            t = int(state["t"])
            for k in range(0, max(rows.size, 1), size):
                if not counted:
                    state["t"][...] = t
                rule.step(table, state, rows[k : k + size], grads[k : k + size])
            return shown(rule, table, state)

        return step

    return implementation


def _of_rows(rows: Integers, grads: Floats, some: slice) -> tuple[Integers, Floats]:
    chosen = np.isin(rows, np.unique(rows)[some])
    return rows[chosen], grads[chosen]


def in_combining(how: str) -> Iterator[Mistake]:
    """How occurrences are combined, where a way is asked for that is not their sum."""
    for cause, factor in {
        "the sum is divided by the size of the batch": lambda rows: 1 / max(rows.size, 1),
        "the sum is divided by the number of different rows": lambda rows: (
            1 / max(np.unique(rows).size, 1)
        ),
        "the sum is divided by the largest number of occurrences": lambda rows: (
            1 / np.max(_counts_of(rows))
        ),
        "the sum is divided by the occurrences and 1": lambda rows: 1 / (_counts_of(rows) + 1),
        "the sum is divided by the root of the batch's size": lambda rows: (
            1 / np.sqrt(max(rows.size, 1))
        ),
        "the sum is multiplied by the occurrences": _counts_of,
        "the sum is multiplied by the root of the occurrences": lambda rows: np.sqrt(
            _counts_of(rows)
        ),
        "the sum is divided by the square of the occurrences": lambda rows: (
            1 / np.square(_counts_of(rows))
        ),
    }.items():
        yield Mistake(f"duplicates = {how}: {cause}", _summing(_scaled(factor)))
    for cause, key in {
        "of the largest norm": lambda g: np.linalg.norm(g, axis=1),
        "of the smallest norm": lambda g: -np.linalg.norm(g, axis=1),
        "with the largest sum": lambda g: g.sum(axis=1),
        "with the largest first entry": lambda g: g[:, 0],
        "with the smallest first entry": lambda g: -g[:, 0],
    }.items():
        yield Mistake(
            f"duplicates = {how}: the occurrence {cause} is taken",
            _summing(on_batch(lambda rows, grads, k=key: _one_each(rows, grads, k))),  # type: ignore[misc]
        )
    yield Mistake(
        f"duplicates = {how}: the second occurrence is taken where there are several",
        _summing(on_batch(lambda r, g: _ranked(r, g, lambda k, c: k == (1 if c > 1 else 0)))),
    )
    yield Mistake(
        f"duplicates = {how}: the median of each entry is taken", _summing(on_batch(_medians))
    )


def _summing(implementation: Implementation) -> Implementation:
    return lambda rule, table, given: implementation(
        rule.model_copy(update={"duplicates": "sum"}), table, given
    )


def _one_each(
    rows: Integers, grads: Floats, key: Callable[[Floats], Any]
) -> tuple[Integers, Floats]:
    if not rows.size:
        return rows, grads
    values = key(grads)
    best = [max(np.flatnonzero(rows == row), key=lambda k: values[k]) for row in np.unique(rows)]
    return rows[best], grads[best]


def _medians(rows: Integers, grads: Floats) -> tuple[Integers, Floats]:
    found = np.unique(rows)
    new = [np.median(grads[rows == row], axis=0) for row in found]
    return found, np.array(new, grads.dtype).reshape(found.size, grads.shape[1])


def _summed(rows: Integers, grads: Floats) -> Floats:
    _, where, total = _sum_by(rows, grads)
    return total[where]


def _so_far(rows: Integers, grads: Floats) -> Floats:
    sums: dict[int, Any] = {}
    out = []
    for row, grad in zip(rows.tolist(), grads, strict=True):
        sums[row] = sums.get(row, 0) + grad
        out.append(sums[row])
    return np.array(out, grads.dtype).reshape(grads.shape)


def _for_each(what: Callable[[Integers, Floats], Floats], counted: bool) -> Implementation:
    """One step for each occurrence, in their order."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state = rule.init(table, **given)

        def step(rows: Integers, grads: Floats) -> Floats:
            t, each = int(state["t"]), what(rows, grads)
            if not rows.size:
                rule.step(table, state, rows, grads)
            for k in range(rows.size):
                if not counted:
                    state["t"][...] = t
                rule.step(table, state, rows[k : k + 1], each[k : k + 1])
            return shown(rule, table, state)

        return step

    return implementation


def _kept(last: int | None) -> Implementation:
    """Gradients stay in the buffer: all of a row's, or those of the last batches."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        step, old = reference(rule, table, given), list[tuple[Integers, Floats]]()
        total = np.zeros_like(table)

        def again(rows: Integers, grads: Floats) -> Floats:
            if last is None:
                np.add.at(total, rows, grads)
                found = np.unique(rows) if rule.rows != "all" else np.arange(len(table))
                return step(found, total[found])
            both = [*old[-last:], (rows, grads)]
            old.append((rows, grads))
            return step(*(np.concatenate(parts) for parts in zip(*both, strict=True)))

        return again

    return implementation


def _uncleared(when: Callable[[Integers], bool] | None) -> Implementation:
    """What stays in a row's buffer is added at its next visit."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        step, total, t = reference(rule, table, given), np.zeros_like(table), 0

        def again(rows: Integers, grads: Floats) -> Floats:
            nonlocal t
            t += 1
            np.add.at(total, rows, grads)
            found = np.unique(rows)
            sums = total[found].copy()
            if not (when(rows) if when else t == 1):
                total[found] = 0
            return step(found, sums)

        return again

    return implementation


def _late(rule: Rule, table: Floats, given: Given) -> Step:
    step, last = reference(rule, table, given), None

    def again(rows: Integers, grads: Floats) -> Floats:
        nonlocal last
        now, last = last or (rows[:0], grads[:0]), (rows, grads)
        return step(*now)

    return again


def in_rows() -> Iterator[Mistake]:
    """Which rows are meant."""
    for kind in (np.int8, np.uint8, np.int16, np.uint16):
        for how, change in {
            "rows": lambda rows, size: rows % size,
            "rows beyond the table dropped": lambda rows, size: rows,
        }.items():
            yield Mistake(
                f"row numbers go through {np.dtype(kind).name}" + how.removeprefix("rows"),
                _renumbered(lambda rows, size, k=kind, c=change: c(_through(rows, k), size)),  # type: ignore[misc]
                0 if how == "rows" else 1,
            )
    yield Mistake("row numbers are off by one", _renumbered(lambda rows, size: (rows + 1) % size))
    yield Mistake(
        "row numbers go through float16",
        _renumbered(lambda rows, size: rows.astype(np.float16).astype(np.int64)),
    )
    yield Mistake("the last row of the table is never updated", _spared(lambda n: [n - 1]))
    yield Mistake("row 0 is taken for padding and never updated", _spared(lambda n: [0]))
    for bits in (8, 10, 12, 14, 15, 16):
        yield Mistake(
            f"rows from {2**bits} on are not updated",
            _spared(lambda n, b=bits: list(range(2**b, n))),  # type: ignore[misc]
        )


def _through(rows: Integers, kind: Any) -> Integers:
    return rows.astype(kind).astype(np.int64)


def _renumbered(change: Callable[[Integers, int], Any]) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        step = reference(rule, table, given)

        def again(rows: Integers, grads: Floats) -> Floats:
            new = np.asarray(change(rows, len(table))).astype(np.int64)
            new = np.where(new < 0, new + len(table), new)
            inside = (new >= 0) & (new < len(table))
            return step(new[inside], grads[inside])

        return again

    return implementation


def _spared(which: Callable[[int], list[int]]) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        step, some = reference(rule, table, given), which(len(table))
        kept = table[some].copy()

        def again(rows: Integers, grads: Floats) -> Floats:
            new = step(rows, grads).copy()
            new[some] = kept
            return new

        return again

    return implementation
