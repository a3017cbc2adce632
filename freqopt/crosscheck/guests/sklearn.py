"""scikit-learn: what its multi-layer perceptrons step with; dense gradients.

The module is a private one of scikit-learn: nothing public takes a gradient.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.guests._guest import Arguments, Called, Guest
from freqopt.crosscheck.guests._helpers import densely
from freqopt.crosscheck.guests._library import Library, load
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

LIBRARY = Library("sklearn", "sklearn", ("scikit-learn",))

MODULE = "sklearn.neural_network._stochastic_optimizers"


def _steps(optimizer: str) -> Callable[[Floats, Arguments], Called]:
    """The table is its only parameter, changed in place."""

    def make(table: Floats, arguments: Arguments) -> Called:
        chosen = dict(arguments)
        made = getattr(load(MODULE), optimizer)([table], chosen.pop("lr"), **chosen)

        def step(rows: Integers, grads: Floats, rate: float) -> NDArray[np.floating]:
            made.learning_rate_init = made.learning_rate = rate
            made.update_params([table], [densely(table, rows, grads)])
            return table

        return step

    return make


def _epsilon(rule: Rule) -> str:
    return "" if getattr(rule, "epsilon", 1) else "scikit-learn divides 0 by 0 at epsilon = 0"


NESTEROV = {"nesterov": {False: {"nesterov": False}, True: {"nesterov": True}}}

GUESTS = (
    Guest(
        "sklearn.SGDOptimizer",
        "sgd",
        {"rows": "all", "momentum": 0.9, "nesterov": True, "rate_place": "inside"},
        LIBRARY,
        _steps("SGDOptimizer"),
        {"momentum": "momentum"},
        NESTEROV,
    ),
    Guest(
        "sklearn.AdamOptimizer",
        "adam",
        {"epsilon_place": "eps_hat"},
        LIBRARY,
        _steps("AdamOptimizer"),
        {"beta_1": "beta1", "beta_2": "beta2", "epsilon": "epsilon"},
        refuses=_epsilon,
    ),
)
