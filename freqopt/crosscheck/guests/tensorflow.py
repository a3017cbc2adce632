"""TensorFlow: its sparse kernels, tf.raw_ops.ResourceSparseApply*, on the CPU.

They visit a batch occurrence by occurrence, so a row that occurs twice is updated twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.guests._guest import Arguments, Called, Guest
from freqopt.crosscheck.guests._library import Library, load
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

LIBRARY = Library("tensorflow", "tensorflow", ("tensorflow", "tensorflow-cpu"))


def tensorflow() -> Any:
    """The module, without what it has to say about the machine's processor and GPUs."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return load("tensorflow")


def slices(table: Floats, rows: Integers, grads: Floats) -> Any:
    """A batch as IndexedSlices: what tf.gather of a table has for its gradient."""
    tf = tensorflow()
    return tf.IndexedSlices(tf.constant(grads), tf.constant(rows), tf.constant(table.shape))


def _steps(
    kernel: str, *slots: str, rate: str = "lr", **fixed: Any
) -> Callable[[Floats, Arguments], Called]:
    """One call of the kernel a batch, on variables for the table and its state.

    Parameters
    ----------
    kernel : str
        What follows "ResourceSparseApply" in its name.
    *slots : str
        Its arguments that are state.
    rate : str
        Its argument for the rate.
    **fixed
        Arguments that are always the same.
    """

    def make(table: Floats, arguments: Arguments) -> Called:
        tf = tensorflow()
        call = getattr(tf.raw_ops, f"ResourceSparseApply{kernel}")
        chosen = fixed | arguments
        chosen.pop("lr")
        start = chosen.pop("initial", 0.0)
        weights = tf.Variable(table)
        state = {slot: tf.Variable(np.full_like(table, start)) for slot in slots}
        handles = {slot: variable.handle for slot, variable in state.items()}
        told = {
            name: value if isinstance(value, bool) else tf.constant(value, weights.dtype)
            for name, value in chosen.items()
        }

        def step(rows: Integers, grads: Floats, now: float) -> NDArray[np.floating]:
            told[rate] = tf.constant(now, weights.dtype)
            batch = {"grad": tf.constant(grads), "indices": tf.constant(rows)}
            call(var=weights.handle, **handles, **told, **batch)
            return np.asarray(weights.numpy())

        return step

    return make


def _divides_by_zero(rule: Rule) -> str:
    if not getattr(rule, "initial_accumulator", 0) and not getattr(rule, "epsilon", 0):
        return "TensorFlow divides 0 by 0 where neither epsilon nor accumulator is above it"
    return ""


def _guest(
    name: str,
    rule: str,
    dialect: Mapping[str, Any],
    make: Callable[[Floats, Arguments], Called],
    numbers: Mapping[str, str] = MappingProxyType({}),
    choices: Mapping[str, Mapping[Any, Arguments]] = MappingProxyType({}),
    **more: Any,
) -> Guest:
    full = f"tensorflow.ResourceSparseApply{name}"
    dialect = {"rows": "touched", "duplicates": "sequential", **dialect}
    return Guest(full, rule, dialect, LIBRARY, make, numbers, choices, **more)


INITIAL = {"initial": "initial_accumulator"}
MOMENTUM = {"momentum": "momentum"}
NESTEROV = {"nesterov": {False: {"use_nesterov": False}, True: {"use_nesterov": True}}}
RMSPROP = {"rho": "rho", "epsilon": "epsilon", "momentum": "momentum"}
ROOT = {"rho": 0.9, "epsilon": 1e-7, "epsilon_place": "inside", "rate_place": "inside"}
INSIDE: dict[str, Any] = {"rate_place": "inside"}

GUESTS = (
    _guest(
        "ProximalGradientDescent",
        "sgd",
        {},
        _steps("ProximalGradientDescent", rate="alpha", l1=0.0, l2=0.0),
        note="Without its l1 and l2.",
    ),
    _guest("Momentum", "sgd", {}, _steps("Momentum", "accum"), MOMENTUM, NESTEROV),
    _guest("KerasMomentum", "sgd", INSIDE, _steps("KerasMomentum", "accum"), MOMENTUM, NESTEROV),
    _guest(
        "Adagrad",
        "adagrad",
        {"epsilon": 0.0, "initial_accumulator": 0.1},
        _steps("Adagrad", "accum"),
        INITIAL,
        refuses=_divides_by_zero,
    ),
    _guest(
        "AdagradV2",
        "adagrad",
        {"epsilon": 1e-7, "initial_accumulator": 0.1},
        _steps("AdagradV2", "accum"),
        INITIAL | {"epsilon": "epsilon"},
        refuses=_divides_by_zero,
    ),
    _guest(
        "ProximalAdagrad",
        "adagrad",
        {"epsilon": 0.0, "initial_accumulator": 0.1},
        _steps("ProximalAdagrad", "accum", l1=0.0, l2=0.0),
        INITIAL,
        refuses=_divides_by_zero,
        note="Without its l1 and l2.",
    ),
    _guest("RMSProp", "rmsprop", ROOT, _steps("RMSProp", "ms", "mom"), RMSPROP, narrow=16.0),
    _guest(
        "CenteredRMSProp",
        "rmsprop",
        ROOT | {"centered": True},
        _steps("CenteredRMSProp", "mg", "ms", "mom"),
        RMSPROP,
        narrow=64.0,
        note="Centered, v - a^2 cancels.",
    ),
)
