"""Mutants of catch-up Adam."""

from __future__ import annotations

EDITS = {
    "nothing replayed before a visit": (
        'self._replay(table, state, batch.rows, int(state["t"]) - 1)',
        "pass",
    ),
    "last missed batch left out": (
        'batch.rows, int(state["t"]) - 1)',
        'batch.rows, int(state["t"]) - 2)',
    ),
    "first missed batch left out": ("range(oldest + 1, until", "range(oldest + 2, until"),
    "replayed at the present batch": ('{**state, "t": np.array(t)}', "state"),
    "all replayed from the oldest": ("rows[settled_at[rows] < t]", "rows"),
    "rows at rest though they decay": ("if self.weight_decay or self.max", "if self.max"),
    "rows at rest though they are too long": ("or self.max_norm is not None", ""),
}

EQUIVALENT = {
    "lazy decay a batch short": "decay_rows = 'lazy' is refused",
    "visits per occurrence": "step_index = 'visits' is refused",
}
