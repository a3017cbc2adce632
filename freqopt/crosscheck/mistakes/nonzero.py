"""rows = nonzero: which row counts as one whose gradient is 0, and what becomes of it."""

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

Kept = Callable[[Floats], Any]
"""Gradients (n, d) -> which of them are taken for other than 0, (n,)."""


def _moving(grads: Floats) -> Any:
    return (grads != 0).any(axis=1)


_KEPT: dict[str, Kept] = {
    "only if all of its entries are other than 0": lambda g: (g != 0).all(axis=1),
    "only if its first entry is other than 0": lambda g: g[:, 0] != 0,
    "only if its last entry is other than 0": lambda g: g[:, -1] != 0,
    "only if the sum of its entries is other than 0": lambda g: g.sum(axis=1) != 0,
    "only if an entry is above 0": lambda g: (g > 0).any(axis=1),
    **{
        f"only if its norm is above {least:g}": lambda g, c=least: np.sqrt((g * g).sum(axis=1)) > c  # type: ignore[misc]
        for least in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
    },
}


def in_nonzero() -> Iterator[Mistake]:
    """Rows whose combined gradient is 0, told from others wrongly."""
    yield Mistake(
        "rows = nonzero looks at the occurrences before they are combined",
        _touching(on_batch(lambda rows, grads: (rows[_moving(grads)], grads[_moving(grads)]))),
    )
    for said, taken in {"one of its occurrences": _some, "its last occurrence": _last}.items():
        cause = f"rows = nonzero drops a row if {said} is 0"
        yield Mistake(cause, _touching(on_batch(taken)), 1)
    for said, kept in _KEPT.items():
        yield Mistake(f"rows = nonzero updates a row {said}", _touching(_taken(kept)))
    yield Mistake(
        "rows = nonzero keeps weights of rows whose gradient is 0, but their state goes on",
        _touching(_weights_kept),
    )


def _touching(implementation: Implementation) -> Implementation:
    return lambda rule, table, given: implementation(
        rule.model_copy(update={"rows": "touched"}), table, given
    )


def _some(rows: Integers, grads: Floats) -> tuple[Integers, Floats]:
    keep = ~np.isin(rows, rows[~_moving(grads)])
    return rows[keep], grads[keep]


def _last(rows: Integers, grads: Floats) -> tuple[Integers, Floats]:
    last = {row: bool(moves) for row, moves in zip(rows.tolist(), _moving(grads), strict=True)}
    keep = np.array([last[row] for row in rows.tolist()], bool)
    return rows[keep], grads[keep]


def _taken(kept: Kept) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        def apply(self: Rule, table: Floats, state: State, batch: Batch, first: bool) -> None:
            type(self)._apply(self, table, state, batch.take(kept(batch.grads)), first)

        return reference(rule.with_methods(_apply=apply), table, given)

    return implementation


def _weights_kept(rule: Rule, table: Floats, given: Given) -> Step:
    def apply(self: Rule, table: Floats, state: State, batch: Batch, first: bool) -> None:
        still = batch.rows[~_moving(batch.grads)]
        old = table[still].copy()
        type(self)._apply(self, table, state, batch, first)
        table[still] = old

    return reference(rule.with_methods(_apply=apply), table, given)
