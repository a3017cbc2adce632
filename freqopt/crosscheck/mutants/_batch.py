"""Mutants of a batch on its way into a rule."""

from __future__ import annotations

EDITS = {
    "scatter forgets repetitions": (
        "np.add.at(total, inverse[later], values[later])",
        "total[inverse[later]] += values[later]",
    ),
    "rows clipped by their largest entry": (
        "norm = np.sqrt(fold(grads * grads))[:, None]",
        "norm = np.abs(grads).max(axis=1)[:, None]",
    ),
    "rows clipped entry by entry": (
        "np.where(long, grads * (limit / np.where(long, norm, 1)), grads)",
        "grads.clip(-limit, limit)",
    ),
    "batch clipped by its longest row": (
        "np.sqrt(fold(fold(batch.grads * batch.grads)))",
        "np.sqrt(fold(batch.grads * batch.grads)).max(initial=0)",
    ),
}
