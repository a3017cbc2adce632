"""Norms that are bounded wrongly: which norm, of what, compared and scaled how, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.crosscheck.mutants._around import on_batch
from freqopt.optimizers import Rule, State
from freqopt.optimizers._batch import Batch
from freqopt.typing import Floats, Integers

Bound = Callable[[Floats, float], Any]
"""(vectors (n, k), limit) -> the factor of each, (n, 1), or the vectors themselves bounded."""


def _norm(x: Floats) -> Floats:
    return np.sqrt((x * x).sum(axis=1, keepdims=True))


def _by(norm: Callable[[Floats], Floats]) -> Bound:
    """Scaled down to the limit where some norm is beyond it."""

    def bound(x: Floats, limit: float) -> Floats:
        size = norm(x)
        return x * np.where(size > limit, limit / np.where(size > 0, size, 1), 1)

    return bound


def _added(epsilon: float, where: str) -> Bound:
    def bound(x: Floats, limit: float) -> Floats:
        size = _norm(x)
        factor = limit / (size + epsilon)
        beyond = size > limit if where == "beyond" else factor < 1
        return x * np.where(beyond, factor, 1)

    return bound


BOUNDS: dict[str, Bound] = {
    "each entry is bounded, not the norm": lambda x, c: x.clip(-c, c),
    "the squared norm is compared": lambda x, c: (
        x * np.where(_norm(x) ** 2 > c, c / np.maximum(_norm(x), 1e-300), 1)
    ),
    "the squared norm is compared and divided by": _by(lambda x: _norm(x) ** 2),
    "the norm is compared with the square of the limit": lambda x, c: (
        x * np.where(_norm(x) > c * c, c / np.maximum(_norm(x), 1e-300), 1)
    ),
    "all are scaled to it, those within it too": lambda x, c: (
        x * (c / np.where(_norm(x) > 0, _norm(x), 1))
    ),
    "those within it are scaled, longer ones are not": lambda x, c: (
        x * np.where(_norm(x) < c, c / np.where(_norm(x) > 0, _norm(x), 1), 1)
    ),
    "the largest entry is compared, not the 2-norm": _by(
        lambda x: np.abs(x).max(axis=1, keepdims=True, initial=0)
    ),
    "the 1-norm is compared, not the 2-norm": _by(
        lambda x: np.abs(x).sum(axis=1, keepdims=True)
    ),
    "the root of the mean square is compared, not the norm": _by(
        lambda x: _norm(x) / np.sqrt(x.shape[1])
    ),
    "the norm is divided by the number of entries": _by(lambda x: _norm(x) / x.shape[1]),
    "what is too long is scaled to length 1": lambda x, c: (
        x * np.where(_norm(x) > c, 1 / np.where(_norm(x) > 0, _norm(x), 1), 1)
    ),
    "what is too long is dropped": lambda x, c: x * (_norm(x) <= c),
    "what is too long is divided by the limit": lambda x, c: x * np.where(_norm(x) > c, 1 / c, 1),
    "what is too long is multiplied by the limit": lambda x, c: x * np.where(_norm(x) > c, c, 1),
    "everything is multiplied by the limit": lambda x, c: x * c,
    **{
        f"{number:g} is added to the norm in the factor{said}": _added(number, where)
        for number in (1e-5, 1e-6, 1e-7, 1e-8, 1e-12)
        for where, said in (("beyond", ""), ("below 1", ", which is used where it is below 1"))
    },
}  # fmt: skip
"""What may be done to vectors that should be scaled down to a limit if they are longer."""


def in_bounds(rule: Rule) -> Iterator[Mistake]:
    """How the gradient is clipped, and how rows are kept short."""
    if rule.clip is not None:
        yield from _clipped(rule.clip_scope)
    if rule.max_norm is not None:
        yield from _shortened()


def _clipped(scope: str) -> Iterator[Mistake]:
    for cause, bound in BOUNDS.items():
        yield Mistake(f"clip: {cause}", _on_scope(scope, bound))
    plain = _by(_norm)
    for other in ("occurrence", "row", "batch"):
        if other != scope:
            yield Mistake(f"clip acts on each {other}, asked was {scope}", _on_scope(other, plain))
    for said, norm in {
        "divided by the root of the number of rows": lambda x, n: _norm(x) / np.sqrt(n),
        "divided by the number of rows": lambda x, n: _norm(x) / n,
        "of the longest row, not of all": lambda x, n: np.sqrt(
            (x.reshape(n, -1) ** 2).sum(axis=1).max(initial=0)
        ).reshape(1, 1),
        "of the sum of the rows' norms": lambda x, n: (
            np.sqrt((x.reshape(n, -1) ** 2).sum(axis=1)).sum().reshape(1, 1)
        ),
    }.items():
        if scope == "batch":
            yield Mistake(f"clip: the batch's norm is {said}", _combined(norm))
    if scope == "batch":
        yield Mistake(
            "clip: the batch's norm is that of the occurrences before they are combined",
            _uncombined,
        )
    yield Mistake("clip acts on the step of the weights, not on the gradient", _on_move(False))
    yield Mistake("clip acts on what the rate is multiplied by", _on_move(True))
    yield Mistake("clip comes after the weight decay, whose part it bounds too", _after_decay)


def _free(rule: Rule, **functions: Callable[..., Any]) -> Rule:
    """The rule without its own clipping."""
    return rule.model_copy(update={"clip": None}).with_methods(**functions)


def _on_scope(scope: str, bound: Bound) -> Implementation:
    def each(rule: Rule, table: Floats, state: State, batch: Batch, first: bool) -> None:
        grads = batch.grads.reshape(1, -1) if scope == "batch" else batch.grads
        new = np.asarray(bound(grads, rule.__dict__["limit"])).astype(grads.dtype)
        changed = Batch(
            batch.rows, new.reshape(batch.grads.shape), batch.occurrences, batch.squares
        )
        type(rule)._apply(rule, table, state, changed, first)

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        limit = rule.clip or 1.0
        if scope == "occurrence":
            within = on_batch(
                lambda rows, grads: (rows, np.asarray(bound(grads, limit)).astype(grads.dtype))
            )
            return within(_free(rule), table, given)
        free = _free(rule, _apply=each)
        free.__dict__["limit"] = limit
        return reference(free, table, given)

    return implementation


def _combined(norm: Callable[[Floats, int], Floats]) -> Implementation:
    """The whole batch, by a norm that knows how many rows there are."""

    def each(rule: Rule, table: Floats, state: State, batch: Batch, first: bool) -> None:
        rows = max(int((batch.occurrences > 0).sum()), 1)
        here = batch.grads[batch.occurrences > 0].reshape(1, -1)
        size = norm(here, rows) if here.size else np.zeros((1, 1))
        limit = rule.__dict__["limit"]
        factor = np.where(size > limit, limit / np.where(size > 0, size, 1), 1)
        grads = (batch.grads * factor).astype(batch.grads.dtype)
        changed = Batch(batch.rows, grads, batch.occurrences, batch.squares)
        type(rule)._apply(rule, table, state, changed, first)

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        free = _free(rule, _apply=each)
        free.__dict__["limit"] = rule.clip
        return reference(free, table, given)

    return implementation


def _uncombined(rule: Rule, table: Floats, given: Given) -> Step:
    limit = rule.clip or 1.0

    def change(rows: Integers, grads: Floats) -> tuple[Integers, Floats]:
        size = float(np.sqrt((grads * grads).sum()))
        return rows, (grads * (limit / size)).astype(grads.dtype) if size > limit else grads

    return on_batch(change)(_free(rule), table, given)


def _on_move(rated: bool) -> Implementation:
    """What the weights move by is clipped; `rated`: before it is multiplied by the rate."""

    def update(rule: Rule, w: Floats, g: Floats, s: Any) -> Floats:
        move = type(rule).update(rule, w, g, s) - w
        rate = rule.rate(s.t) if rated else 1.0
        return w + rate * _by(_norm)(move / rate, rule.__dict__["limit"])

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        free = _free(rule, update=update)
        free.__dict__["limit"] = rule.clip
        return reference(free, table, given)

    return implementation


def _after_decay(rule: Rule, table: Floats, given: Given) -> Step:
    def regularised(self: Rule, g: Floats, w: Floats) -> Floats:
        whole = type(self)._regularised(self, g, w)
        if rule.clip_scope == "batch":
            return _by(_norm)(whole.reshape(1, -1), rule.clip).reshape(whole.shape)  # type: ignore[arg-type]
        return _by(_norm)(whole, rule.clip)  # type: ignore[arg-type]

    return reference(_free(rule, _regularised=regularised), table, given)


# -- rows that are kept short ----------------------------------------------------------------------


def _shortened() -> Iterator[Mistake]:
    for cause, bound in BOUNDS.items():
        yield Mistake(f"max_norm: {cause}", _kept_short(bound))
    plain = _by(_norm)
    yield Mistake("max_norm acts before the step, not after it", _kept_short(plain, when="before"))
    yield Mistake("max_norm acts before and after the step", _kept_short(plain, when="both"))
    yield Mistake("max_norm acts on the step, not on the row", _kept_short(plain, when="move"))
    yield Mistake("max_norm acts on every row of the table", _kept_short(plain, rows="all"))
    yield Mistake(
        "max_norm acts on rows of the batch alone, not on all that are updated",
        _kept_short(plain, rows="batch"),
    )
    yield Mistake(
        "max_norm acts on the norm of the whole table", _kept_short(plain, rows="together")
    )


def _kept_short(bound: Bound, when: str = "after", rows: str = "updated") -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        limit = rule.max_norm or 1.0

        def bounded(some: Floats) -> Floats:
            shape = (1, -1) if rows == "together" else some.shape
            new = np.asarray(bound(some.reshape(shape), limit))
            return new.reshape(some.shape).astype(some.dtype)

        def each(own: Rule, table: Floats, state: State, batch: Batch, first: bool) -> None:
            here = batch.rows if rows == "updated" else np.arange(len(table))
            here = batch.rows[batch.occurrences > 0] if rows == "batch" else here
            old = table.copy()
            if when in ("before", "both"):
                table[here] = bounded(table[here])
            type(own)._apply(own, table, state, batch, first)
            if when in ("after", "both"):
                table[here] = bounded(table[here])
            elif when == "move":
                table[here] = old[here] + bounded(table[here] - old[here])

        free = rule.model_copy(update={"max_norm": None}).with_methods(_apply=each)
        return reference(free, table, given)

    return implementation
