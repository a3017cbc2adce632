"""PyTorch: torch.optim, with a dense and, where it takes one, a sparse gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.guests._guest import Arguments, Called, Guest
from freqopt.crosscheck.guests._helpers import densely
from freqopt.crosscheck.guests._library import Library, load
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

LIBRARY = Library("torch", "torch", ("torch",))


def steps(
    optimizer: str, *, module: str = "torch.optim", sparse: bool = False
) -> Callable[[Floats, Arguments], Called]:
    """Batches as gradients of one parameter; the rate is set before every step.

    An optimizer with a `lr_decay` of its own keeps its rate.
    """

    def make(table: Floats, arguments: Arguments) -> Called:
        torch = load("torch")
        weights = torch.nn.Parameter(torch.from_numpy(table))  # the same memory
        chosen = dict(arguments)
        if "beta1" in chosen:
            chosen["betas"] = (chosen.pop("beta1"), chosen.pop("beta2"))
        made = getattr(load(module), optimizer)([weights], **chosen)

        def step(rows: Integers, grads: Floats, rate: float) -> NDArray[np.floating]:
            if "lr_decay" not in chosen:
                made.param_groups[0]["lr"] = rate
            if sparse:  # uncoalesced, as torch.nn.Embedding(sparse=True) leaves it
                values = torch.from_numpy(grads)
                where = torch.from_numpy(rows)[None]
                weights.grad = torch.sparse_coo_tensor(where, values, table.shape)
            else:
                weights.grad = torch.from_numpy(densely(table, rows, grads))
            with one_thread(torch):
                made.step()
            return table

        return step

    return make


@contextmanager
def one_thread(torch: Any) -> Iterator[None]:
    """A table of 7 rows is no work to share; on two busy cores that took ten times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _one_dtype(
    make: Callable[[Floats, Arguments], Called],
) -> Callable[[Floats, Arguments], Called]:
    """With torch's default dtype that of the table, in which NAdam keeps its product of momenta."""

    def wrapped(table: Floats, arguments: Arguments) -> Called:
        torch, call = load("torch"), make(table, arguments)

        def step(rows: Integers, grads: Floats, rate: float) -> NDArray[np.floating]:
            before = torch.get_default_dtype()
            torch.set_default_dtype(getattr(torch, table.dtype.name))
            try:
                return call(rows, grads, rate)
            finally:
                torch.set_default_dtype(before)

        return step

    return wrapped


def _nesterov(rule: Rule) -> str:
    if getattr(rule, "nesterov", False) and getattr(rule, "dampening", 0):
        return "torch.optim.SGD refuses nesterov with dampening"
    return ""


def _epsilon(rule: Rule) -> str:
    return "" if getattr(rule, "epsilon", 1) else "torch.optim.SparseAdam refuses epsilon = 0"


def guest(
    name: str,
    rule: str,
    make: Callable[[Floats, Arguments], Called],
    numbers: Mapping[str, str],
    choices: Mapping[str, Mapping[Any, Arguments]] = MappingProxyType({}),
    **more: Any,
) -> Guest:
    """A guest whose dialect has its name."""
    name = f"torch.{name}"
    return Guest(name, rule, name, LIBRARY, make, numbers, choices, **more)


ADAGRAD = {
    "initial_accumulator_value": "initial_accumulator",
    "eps": "epsilon",
    "lr_decay": "lr_decay",
    "maximize": "maximize",
}
ADAM = {"beta1": "beta1", "beta2": "beta2", "eps": "epsilon", "maximize": "maximize"}
MOMENTUM = {"momentum": "momentum", "dampening": "dampening", "maximize": "maximize"}
DECAY = {"weight_decay": "weight_decay"}
DECOUPLED = {
    "decay": {
        "l2": {"decoupled_weight_decay": False},
        "decoupled": {"decoupled_weight_decay": True},
    }
}
AMSGRAD = {"amsgrad": {"none": {"amsgrad": False}, "raw": {"amsgrad": True}}}
CENTERED = {"centered": {False: {"centered": False}, True: {"centered": True}}}
NESTEROV = {"nesterov": {False: {"nesterov": False}, True: {"nesterov": True}}}
INVERSE: Mapping[str, Mapping[Any, Arguments]] = {"lr_decay_law": {"inverse": {}}}
MOMENTA = DECAY | {"momentum_decay": "momentum_decay"}
RMSPROP = {"alpha": "rho", "eps": "epsilon", "momentum": "momentum", "maximize": "maximize"}

GUESTS = (
    guest("SGD", "sgd", steps("SGD"), MOMENTUM | DECAY, NESTEROV, refuses=_nesterov),
    guest(
        "SGD(sparse)",
        "sgd",
        steps("SGD", sparse=True),
        MOMENTUM,
        NESTEROV,
        refuses=_nesterov,
        narrow=256.0,
        note="Rows in the momentum buffer go on moving while absent. Nothing is coalesced: each "
        "occurrence is rounded apart.",
    ),
    guest(
        "Adagrad",
        "adagrad",
        steps("Adagrad", sparse=True),
        ADAGRAD,
        INVERSE,
        note="With sparse gradients, for which it refuses weight decay.",
    ),
    guest("Adagrad(dense)", "adagrad", steps("Adagrad"), ADAGRAD | DECAY, INVERSE),
    guest("Adam", "adam", steps("Adam"), ADAM | DECAY, DECOUPLED | AMSGRAD),
    guest("Adam(amsgrad)", "amsgrad", steps("Adam"), ADAM | DECAY, DECOUPLED | AMSGRAD),
    guest("AdamW", "adamw", steps("AdamW"), ADAM | DECAY, AMSGRAD),
    guest(
        "NAdam",
        "nadam",
        _one_dtype(steps("NAdam")),
        ADAM | MOMENTA,
        DECOUPLED,
        narrow=16.0,
        note="With torch's default dtype that of the table; else its product of momenta is "
        "float32 beside a float64 table.",
    ),
    guest(
        "RMSprop",
        "rmsprop",
        steps("RMSprop"),
        RMSPROP | DECAY,
        CENTERED,
        narrow=256.0,
        note="Centered, v - a^2 cancels.",
    ),
    guest("SparseAdam", "lazy_adam", steps("SparseAdam", sparse=True), ADAM, refuses=_epsilon),
)
