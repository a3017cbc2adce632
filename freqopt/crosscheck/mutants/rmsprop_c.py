"""Mutants of RMSprop_C."""

from __future__ import annotations

EQUIVALENT = {
    "kappa_zero = parent": "acts at kappa = 0, where the default, official, is an error",
    "norm of the gradient with its decay": "what is stored is the raw gradient",
}
