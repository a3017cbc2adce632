"""Mutants of what the fixed-memory rules share."""

from __future__ import annotations

EDITS = {
    "norm of the gradient with its decay": (
        "gradient_norm(batches) if norm is None",
        "gradient_norm([replace(batch, grads=g)]) if norm is None",
    ),
}

ALL_ROWS = "every row is updated in every batch, so no row is left behind"
ONE_TABLE = "a case has one table, and its norm is shared with no other"

EQUIVALENT = {
    "decay_rows = updated": ALL_ROWS,
    "decay_rows = all": ALL_ROWS,
    "decay_rows = lazy": ALL_ROWS,
    "lazy rows shown as they lie": ALL_ROWS,
    "synced = False": ONE_TABLE,
    "synced = True": ONE_TABLE,
}
