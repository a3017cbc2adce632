"""Optax, the optimizers of JAX: dense gradients, not compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.guests._guest import Arguments, Called, Guest
from freqopt.crosscheck.guests._helpers import densely
from freqopt.crosscheck.guests._library import Library, load
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

LIBRARY = Library("optax", "optax", ("optax",))


def _steps(optimizer: str) -> Callable[[Floats, Arguments], Called]:
    """The rate comes by a schedule; l2 weight decay is chained before the optimizer."""

    def make(table: Floats, arguments: Arguments) -> Called:
        jax, optax = load("jax"), load("optax")
        chosen = dict(arguments)
        now = {"rate": chosen.pop("lr")}
        l2 = chosen.pop("add_decayed_weights", 0.0)
        made = getattr(optax, optimizer)(lambda _: now["rate"], **chosen)
        if l2:
            made = optax.chain(optax.add_decayed_weights(l2), made)
        wide = table.dtype == np.float64
        with jax.enable_x64(wide):
            weights = jax.numpy.asarray(table)
            state = made.init(weights)

        def step(rows: Integers, grads: Floats, rate: float) -> NDArray[np.floating]:
            nonlocal weights, state
            now["rate"] = rate
            with jax.enable_x64(wide):
                g = jax.numpy.asarray(densely(table, rows, grads))
                move, state = made.update(g, state, weights)
                weights = optax.apply_updates(weights, move)
            return np.asarray(weights)

        return step

    return make


def _rounding_of_zero(rule: Rule) -> str:
    if getattr(rule, "centered", False) and getattr(rule, "bias_correction", False):
        return (
            "optax.rmsprop, centered and corrected for bias, divides the first gradient by the "
            "rounding error of g^2 - g^2: there is nothing to agree with"
        )
    return ""


def _guest(
    name: str,
    rule: str,
    numbers: Mapping[str, str],
    choices: Mapping[str, Mapping[Any, Arguments]] = MappingProxyType({}),
    **more: Any,
) -> Guest:
    full = f"optax.{name}"
    return Guest(full, rule, full, LIBRARY, _steps(name), numbers, choices, **more)


L2 = {"add_decayed_weights": "weight_decay"}
ADAM = {"b1": "beta1", "b2": "beta2", "eps": "epsilon", "eps_root": "epsilon_root"}
NESTEROV = {"nesterov": {False: {"nesterov": False}, True: {"nesterov": True}}}
EPSILON = {"epsilon_place": {"inside": {"eps_in_sqrt": True}, "outside": {"eps_in_sqrt": False}}}
RMSPROP = {
    "decay": "rho",
    "eps": "epsilon",
    "initial_scale": "initial_scale",
    "momentum": "momentum",
    "centered": "centered",
    "nesterov": "nesterov",
    "bias_correction": "bias_correction",
}

ROUNDED: dict[str, Any] = {"narrow": 512.0, "note": "1 - beta^t cancels in float32."}

GUESTS = (
    _guest("sgd", "sgd", {"momentum": "momentum"} | L2, NESTEROV),
    _guest(
        "adagrad",
        "adagrad",
        {"initial_accumulator_value": "initial_accumulator", "eps": "epsilon"} | L2,
    ),
    _guest("adam", "adam", ADAM | L2, NESTEROV, **ROUNDED),
    _guest("adamw", "adamw", ADAM | {"weight_decay": "weight_decay"}, NESTEROV, **ROUNDED),
    _guest("amsgrad", "amsgrad", ADAM | L2, **ROUNDED),
    _guest("nadam", "adam", ADAM | L2, NESTEROV, **ROUNDED),
    _guest(
        "rmsprop",
        "rmsprop",
        RMSPROP | L2,
        EPSILON,
        refuses=_rounding_of_zero,
        narrow=64.0,
        note="Centered, v - a^2 cancels.",
    ),
)
