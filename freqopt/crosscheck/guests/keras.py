"""Keras 3: dense gradients, and on TensorFlow also IndexedSlices, which an Embedding layer gives.

On TensorFlow if that is installed, else on NumPy; KERAS_BACKEND says otherwise. In float32 alone:
it keeps its rate in it, and on NumPy multiplies float64 variables in float32 too.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.guests._guest import Arguments, Called, Guest
from freqopt.crosscheck.guests._helpers import densely
from freqopt.crosscheck.guests._library import Library, load
from freqopt.crosscheck.guests.tensorflow import slices
from freqopt.optimizers import rules
from freqopt.typing import Floats, Integers

LIBRARY = Library("keras", "keras", ("keras",))
ON_TENSORFLOW = Library("keras", "tensorflow", ("keras",), extra="tensorflow")


def _steps(optimizer: str, *, sparse: bool = False) -> Callable[[Floats, Arguments], Called]:
    """Batches as gradients of one variable; the rate is set before every step."""

    def make(table: Floats, arguments: Arguments) -> Called:
        there = importlib.util.find_spec("tensorflow") is not None
        os.environ.setdefault("KERAS_BACKEND", "tensorflow" if there else "numpy")
        keras = load("keras")
        chosen = dict(arguments)
        weights = keras.Variable(table, dtype=table.dtype.name)
        made = getattr(keras.optimizers, optimizer)(chosen.pop("lr"), **chosen)
        made.build([weights])

        def step(rows: Integers, grads: Floats, rate: float) -> NDArray[np.floating]:
            made.learning_rate = rate
            if sparse:
                gradient = slices(table, rows, grads)
            else:
                gradient = keras.ops.convert_to_tensor(densely(table, rows, grads))
            made.apply([gradient], [weights])
            return np.asarray(keras.ops.convert_to_numpy(weights.value))

        return step

    return make


DECAY = {"weight_decay": "weight_decay"}
ADAM = {"beta_1": "beta1", "beta_2": "beta2", "epsilon": "epsilon"} | DECAY
ADAGRAD = {"initial_accumulator_value": "initial_accumulator", "epsilon": "epsilon"} | DECAY
RMSPROP = {"rho": "rho", "epsilon": "epsilon", "momentum": "momentum", "centered": "centered"}
SGD = {"momentum": "momentum", "nesterov": "nesterov"} | DECAY
ROUNDED: dict[str, Any] = {"narrow": 512.0, "note": "1 - beta^t cancels in float32."}
AMSGRAD = {"amsgrad": {"none": {"amsgrad": False}, "raw": {"amsgrad": True}}}
ADAMS = ROUNDED | {"choices": AMSGRAD}
NADAM = {"momentum_decay": 1.0, "epsilon": 1e-7, "decay": "decoupled"}


def optimizers() -> Iterator[tuple[str, str, str | Mapping[str, Any], dict[str, Any]]]:
    """Name, rule, dialect and what it can be told, of both Keras 2 and 3."""
    yield "SGD", "sgd", "keras.SGD", {"numbers": SGD}
    yield "Adagrad", "adagrad", "keras.Adagrad", {"numbers": ADAGRAD, "narrow": 16.0}
    yield "Adam", "adam", "keras.Adam", {"numbers": ADAM, **ADAMS}
    yield "AdamW", "adamw", "keras.AdamW", {"numbers": ADAM, **ADAMS}
    yield "Adam(amsgrad)", "amsgrad", "keras.Adam(amsgrad)", {"numbers": ADAM, **ADAMS}
    yield "Nadam", "nadam", NADAM, {"numbers": ADAM, **ROUNDED}
    yield (
        "RMSprop",
        "rmsprop",
        "keras.RMSprop",
        {"numbers": RMSPROP | DECAY, "narrow": 64.0, "note": "Centered, v - a^2 cancels."},
    )


def _unmerged(rule: str, dialect: str | Mapping[str, Any]) -> dict[str, Any]:
    """The same, but v sums the squares of a row's occurrences (docs/found.md)."""
    own = rules[rule].dialects[dialect] if isinstance(dialect, str) else dialect
    return {**own, "duplicates": "squares"}


def _guests() -> Iterator[Guest]:
    for name, rule, dialect, told in optimizers():
        make = _steps(name.partition("(")[0])
        yield Guest(f"keras.{name}", rule, dialect, LIBRARY, make, dtypes=("float32",), **told)
    for name, rule, dialect, told in optimizers():
        full = f"keras.{name}(sparse)".replace(")(", ", ")
        make = _steps(name.partition("(")[0], sparse=True)
        if rule == "rmsprop":
            plain = {name: told["numbers"][name] for name in told["numbers"] if name != "centered"}
            told |= {"numbers": plain, "note": "Centered it fails: docs/found.md."}
        means = dialect if rule == "sgd" else _unmerged(rule, dialect)
        yield Guest(full, rule, means, ON_TENSORFLOW, make, dtypes=("float32",), **told)


GUESTS = tuple(_guests())
