"""JAX: its own small optimizers, jax.example_libraries.optimizers; dense gradients."""

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

LIBRARY = Library("jax", "jax", ("jax",))


def _steps(optimizer: str, **fixed: float) -> Callable[[Floats, Arguments], Called]:
    """A step index counts from 0; the rate comes by a schedule."""

    def make(table: Floats, arguments: Arguments) -> Called:
        jax, optimizers = load("jax"), load("jax.example_libraries.optimizers")
        chosen, taken = fixed | arguments, 0
        now = {"rate": chosen.pop("lr")}
        init, update, weights = getattr(optimizers, optimizer)(lambda _: now["rate"], **chosen)
        wide = table.dtype == np.float64
        with jax.enable_x64(wide):
            state = init(jax.numpy.asarray(table))

        def step(rows: Integers, grads: Floats, rate: float) -> NDArray[np.floating]:
            nonlocal state, taken
            now["rate"] = rate
            with jax.enable_x64(wide):
                state = update(taken, jax.numpy.asarray(densely(table, rows, grads)), state)
                taken += 1
                return np.asarray(weights(state))

        return step

    return make


def _epsilon(rule: Rule) -> str:
    if getattr(rule, "epsilon", 1) == 0:
        return "jax.example_libraries divides 0 by 0 at epsilon = 0"
    return ""


def _guest(
    name: str,
    rule: str,
    dialect: str | Mapping[str, Any],
    numbers: Mapping[str, str] = MappingProxyType({}),
    **more: Any,
) -> Guest:
    fixed = more.pop("fixed", {})
    return Guest(f"jax.{name}", rule, dialect, LIBRARY, _steps(name, **fixed), numbers, **more)


RMSPROP = {"gamma": "rho", "eps": "epsilon"}

GUESTS = (
    _guest("sgd", "sgd", "torch.SGD"),
    _guest("momentum", "sgd", "torch.SGD", {"mass": "momentum"}),
    _guest(
        "nesterov", "sgd", {"rows": "all", "momentum": 0.9, "nesterov": True}, {"mass": "momentum"}
    ),
    _guest(
        "adagrad",
        "adagrad",
        {"rows": "all", "epsilon": 0.0, "epsilon_place": "inside_guarded"},
        fixed={"momentum": 0.0},
        note="With momentum = 0, not its default of 0.9.",
    ),
    _guest("rmsprop", "rmsprop", "optax.rmsprop", RMSPROP, refuses=_epsilon),
    _guest(
        "rmsprop_momentum",
        "rmsprop",
        {
            "rows": "all",
            "rho": 0.9,
            "momentum": 0.9,
            "epsilon_place": "inside",
            "rate_place": "inside",
        },
        RMSPROP | {"momentum": "momentum"},
        refuses=_epsilon,
    ),
    _guest(
        "adam",
        "adam",
        "torch.Adam",
        {"b1": "beta1", "b2": "beta2", "eps": "epsilon"},
        refuses=_epsilon,
        narrow=512.0,
        note="1 - beta^t cancels in float32.",
    ),
)
