"""Keras: dense gradients, on its NumPy backend unless KERAS_BACKEND says otherwise.

In float32 alone: also on float64 variables Keras 3.15.1 there multiplies in float32.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.guests._guest import Arguments, Called, Guest, densely
from freqopt.crosscheck.guests._library import Library, load
from freqopt.crosscheck.implementation import Floats, Integers

LIBRARY = Library("keras", "keras", ("keras",))


def _steps(optimizer: str) -> Callable[[Floats, Arguments], Called]:
    """Batches as gradients of one variable; the rate is set before every step."""

    def make(table: Floats, arguments: Arguments) -> Called:
        os.environ.setdefault("KERAS_BACKEND", "numpy")
        keras = load("keras")
        chosen = dict(arguments)
        weights = keras.Variable(table, dtype=table.dtype.name)
        made = getattr(keras.optimizers, optimizer)(chosen.pop("lr"), **chosen)
        made.build([weights])

        def step(rows: Integers, grads: Floats, rate: float) -> NDArray[np.floating]:
            made.learning_rate = rate
            made.apply([keras.ops.convert_to_tensor(densely(table, rows, grads))], [weights])
            return np.asarray(keras.ops.convert_to_numpy(weights.value))

        return step

    return make


def _guest(
    name: str,
    rule: str,
    numbers: Mapping[str, str],
    choices: Mapping[str, Mapping[Any, Arguments]] = MappingProxyType({}),
    **more: Any,
) -> Guest:
    full = f"keras.{name}"
    make = _steps(name.partition("(")[0])
    return Guest(full, rule, full, LIBRARY, make, numbers, choices, ("float32",), **more)


DECAY = {"weight_decay": "weight_decay"}
ADAM = {"beta_1": "beta1", "beta_2": "beta2", "epsilon": "epsilon"} | DECAY
ROUNDED: dict[str, Any] = {"narrow": 512.0, "note": "1 - beta^t cancels in float32."}
AMSGRAD = {"amsgrad": {"none": {"amsgrad": False}, "raw": {"amsgrad": True}}}

GUESTS = (
    _guest("SGD", "sgd", {"momentum": "momentum", "nesterov": "nesterov"} | DECAY),
    _guest(
        "Adagrad",
        "adagrad",
        {"initial_accumulator_value": "initial_accumulator", "epsilon": "epsilon"} | DECAY,
        narrow=16.0,
    ),
    _guest("Adam", "adam", ADAM, AMSGRAD, **ROUNDED),
    _guest("AdamW", "adamw", ADAM, AMSGRAD, **ROUNDED),
    _guest("Adam(amsgrad)", "amsgrad", ADAM, AMSGRAD, **ROUNDED),
    _guest(
        "RMSprop",
        "rmsprop",
        {"rho": "rho", "epsilon": "epsilon", "momentum": "momentum", "centered": "centered"}
        | DECAY,
        narrow=64.0,
        note="Centered, v - a^2 cancels.",
    ),
)
