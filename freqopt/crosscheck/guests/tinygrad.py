"""tinygrad: dense gradients, in float32 alone, in which it keeps its state.

Its compiled backend needs Clang; without it tinygrad's own interpreter serves, DEV=PYTHON.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.guests._guest import Arguments, Called, Guest
from freqopt.crosscheck.guests._helpers import densely
from freqopt.crosscheck.guests._library import Library, load
from freqopt.typing import Floats, Integers

LIBRARY = Library("tinygrad", "tinygrad", ("tinygrad",))


def _steps(optimizer: str) -> Callable[[Floats, Arguments], Called]:
    """The rate is a tensor of one number, assigned before every step."""

    def make(table: Floats, arguments: Arguments) -> Called:
        if not shutil.which("clang"):
            os.environ.setdefault("DEV", "PYTHON")
        tinygrad, optim, helpers = (
            load("tinygrad"),
            load("tinygrad.nn.optim"),
            load("tinygrad.helpers"),
        )
        chosen = dict(arguments)
        weights = tinygrad.Tensor(table.copy()).is_param_(True)
        made = getattr(optim, optimizer)([weights], chosen.pop("lr"), **chosen)

        def step(rows: Integers, grads: Floats, rate: float) -> NDArray[np.floating]:
            made.lr.assign(tinygrad.Tensor([rate])).realize()
            weights.grad = tinygrad.Tensor(densely(table, rows, grads))
            with helpers.Context(TRAINING=1):
                made.step()
            return np.asarray(weights.numpy())

        return step

    return make


def _guest(
    name: str,
    rule: str,
    dialect: str | Mapping[str, Any],
    numbers: Mapping[str, str],
    choices: Mapping[str, Mapping[Any, Arguments]] = MappingProxyType({}),
    **more: Any,
) -> Guest:
    make, full = _steps(name), f"tinygrad.{name}"
    return Guest(full, rule, dialect, LIBRARY, make, numbers, choices, ("float32",), **more)


DECAY = {"weight_decay": "weight_decay"}
ADAM = {"b1": "beta1", "b2": "beta2", "eps": "epsilon"}
SGD: dict[str, dict[Any, Arguments]] = {
    "nesterov": {False: {"nesterov": False}, True: {"nesterov": True}},
    "rate_place": {"outside": {"classic": False}, "inside": {"classic": True}},
}
ROUNDED: dict[str, Any] = {"narrow": 512.0, "note": "1 - beta^t cancels in float32."}

GUESTS = (
    _guest("SGD", "sgd", "torch.SGD", {"momentum": "momentum"} | DECAY, SGD),
    _guest("Adam", "adam", "torch.Adam", ADAM, **ROUNDED),
    _guest("AdamW", "adamw", "torch.AdamW", ADAM | DECAY, **ROUNDED),
)
