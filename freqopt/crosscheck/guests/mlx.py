"""MLX, on its CPU: dense gradients, in float32 alone, in which it keeps its rate."""

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

LIBRARY = Library("mlx", "mlx", ("mlx",))


def _steps(optimizer: str) -> Callable[[Floats, Arguments], Called]:
    """One parameter of the name "table"; the rate is set before every step."""

    def make(table: Floats, arguments: Arguments) -> Called:
        mx, optimizers = load("mlx.core"), load("mlx.optimizers")
        chosen = dict(arguments)
        if "beta1" in chosen:
            chosen["betas"] = [chosen.pop("beta1"), chosen.pop("beta2")]
        with mx.stream(mx.cpu):
            made = getattr(optimizers, optimizer)(chosen.pop("lr"), **chosen)
            weights = {"table": mx.array(table)}

        def step(rows: Integers, grads: Floats, rate: float) -> NDArray[np.floating]:
            nonlocal weights
            with mx.stream(mx.cpu):
                made.learning_rate = rate
                gradient = {"table": mx.array(densely(table, rows, grads))}
                weights = made.apply_gradients(gradient, weights)
                mx.eval(weights)
            return np.array(weights["table"])

        return step

    return make


def _nesterov(rule: Rule) -> str:
    if getattr(rule, "nesterov", False):
        if getattr(rule, "dampening", 0):
            return "mlx.optimizers.SGD refuses nesterov with dampening"
        if not getattr(rule, "momentum", 0):
            return "mlx.optimizers.SGD refuses nesterov without momentum"
    return ""


def _epsilon(rule: Rule) -> str:
    if getattr(rule, "epsilon", 1):
        return ""
    return "mlx.optimizers refuses epsilon = 0, or divides 0 by 0"


def _guest(
    name: str,
    rule: str,
    dialect: str | Mapping[str, Any],
    numbers: Mapping[str, str],
    choices: Mapping[str, Mapping[Any, Arguments]] = MappingProxyType({}),
    **more: Any,
) -> Guest:
    make, full, more = _steps(name), f"mlx.{name}", {"refuses": _epsilon, **more}
    return Guest(full, rule, dialect, LIBRARY, make, numbers, choices, ("float32",), **more)


DECAY = {"weight_decay": "weight_decay"}
EPSILON = {"eps": "epsilon"}
ADAM = {"beta1": "beta1", "beta2": "beta2"} | EPSILON
NESTEROV = {"nesterov": {False: {"nesterov": False}, True: {"nesterov": True}}}
CORRECTED = {
    "bias_correction": {"none": {"bias_correction": False}, "both": {"bias_correction": True}}
}
UNCORRECTED = {"bias_correction": "none"}
ROUNDED: dict[str, Any] = {"narrow": 512.0, "note": "1 - beta^t cancels in float32."}

GUESTS = (
    _guest(
        "SGD",
        "sgd",
        {"rows": "all", "first_buffer": "damped"},
        {"momentum": "momentum", "dampening": "dampening"} | DECAY,
        NESTEROV,
        refuses=_nesterov,
    ),
    _guest("Adagrad", "adagrad", {"rows": "all", "epsilon": 1e-8}, EPSILON),
    _guest("RMSprop", "rmsprop", "torch.RMSprop", {"alpha": "rho"} | EPSILON),
    _guest("Adam", "adam", UNCORRECTED, ADAM, CORRECTED, **ROUNDED),
    _guest("AdamW", "adamw", UNCORRECTED, ADAM | DECAY, CORRECTED, **ROUNDED),
)
