"""River: one weight by one key, here (row, column); weights that a gradient lacks stand still.

Python's floats are its numbers, so it is judged in float64 alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.guests._guest import Arguments, Called, Guest
from freqopt.crosscheck.guests._helpers import summed
from freqopt.crosscheck.guests._library import Library, load
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

LIBRARY = Library("river", "river", ("river",))


def _steps(optimizer: str) -> Callable[[Floats, Arguments], Called]:
    """A batch is a dictionary of the entries of its rows, duplicates summed."""

    def make(table: Floats, arguments: Arguments) -> Called:
        optim = load("river.optim")
        chosen = dict(arguments)
        made = getattr(optim, optimizer)(chosen.pop("lr"), **chosen)
        weights = {where: float(value) for where, value in np.ndenumerate(table)}

        def step(rows: Integers, grads: Floats, rate: float) -> NDArray[np.floating]:
            made.lr = optim.schedulers.Constant(rate)
            touched, total = summed(rows, grads)
            gradient = {
                (row, column): float(total[at, column])
                for at, row in enumerate(touched.tolist())
                for column in range(table.shape[1])
            }
            made.step(weights, gradient)
            return np.array(list(weights.values())).reshape(table.shape)

        return step

    return make


def _epsilon(rule: Rule) -> str:
    return "" if getattr(rule, "epsilon", 1) else "river divides 0 by 0 at epsilon = 0"


def _guest(
    name: str,
    rule: str,
    dialect: Mapping[str, Any],
    numbers: Mapping[str, str] = MappingProxyType({}),
    **more: Any,
) -> Guest:
    make, full = _steps(name.partition("(")[0]), f"river.{name}"
    more = {"dtypes": ("float64",), "refuses": _epsilon, **more}
    return Guest(full, rule, dialect, LIBRARY, make, numbers, **more)


EPSILON = {"eps": "epsilon"}
ADAM = {"beta_1": "beta1", "beta_2": "beta2"} | EPSILON
LAZY = {"rows": "touched", "epsilon_place": "eps_hat"}
CORRECTED = {"bias_correction": {"both": {"correct_bias": True}, "none": {"correct_bias": False}}}

GUESTS = (
    _guest("SGD", "sgd", {}),
    _guest("Momentum", "sgd", {"momentum": 0.9, "rate_place": "inside"}, {"rho": "momentum"}),
    _guest("AdaGrad", "adagrad", {"epsilon": 1e-8, "epsilon_place": "inside"}, EPSILON),
    _guest("RMSProp", "rmsprop", {"rho": 0.9, "epsilon_place": "inside"}, {"rho": "rho"} | EPSILON),
    _guest("Adam", "lazy_adam", {}, ADAM),
    _guest("AMSGrad", "amsgrad", LAZY, ADAM, choices=CORRECTED),
)
