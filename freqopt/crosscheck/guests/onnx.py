"""ONNX: the training operators of its reference evaluator, onnx.reference; dense gradients.

An operator has no state: what it returns is given back to it, in the table's dtype, which Adam
does not keep (docs/found.md). Its attributes are float32, also beside a float64 table, so it is
judged in float32 alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.guests._guest import Arguments, Called, Guest
from freqopt.crosscheck.guests._helpers import densely
from freqopt.crosscheck.guests._library import Library, load
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

LIBRARY = Library("onnx", "onnx", ("onnx",))

DOMAIN = "ai.onnx.preview.training"


def _steps(operator: str, *slots: str, first: int = 0) -> Callable[[Floats, Arguments], Called]:
    """Make a model of one operator: rate, step, weights, gradient and state in, the last two out.

    Parameters
    ----------
    operator : str
    *slots : str
        Names of its state.
    first : int
        Its step T at the first step: Momentum asks for 0, Adam corrects its bias from 1 on.
    """

    def make(table: Floats, arguments: Arguments) -> Called:
        reference = load("onnx.reference")
        chosen = dict(arguments)
        lr, start = chosen.pop("lr"), chosen.pop("initial_accumulator", 0.0)
        if "dampening" in chosen:
            chosen["beta"] = 1 - chosen.pop("dampening")
        session = reference.ReferenceEvaluator(_model(operator, slots, table, chosen))
        state = {slot: np.full_like(table, start) for slot in slots}
        weights, t = table, first

        def step(rows: Integers, grads: Floats, rate: float) -> NDArray[np.floating]:
            nonlocal weights, t
            told = lr if "decay_factor" in chosen else rate
            given = {"R": table.dtype.type(told), "T": np.int64(t), "X": weights}
            given["G"] = densely(table, rows, grads)
            after = [array.astype(table.dtype) for array in session.run(None, given | state)]
            weights, *rest = after
            state.update(zip(slots, rest, strict=True))
            t += 1
            return weights

        return step

    return make


def _model(operator: str, slots: tuple[str, ...], table: Floats, chosen: Arguments) -> Any:
    onnx, helper = load("onnx"), load("onnx.helper")
    number = helper.np_dtype_to_tensor_dtype(table.dtype)
    whole = onnx.TensorProto.INT64
    names = ["R", "T", "X", "G", *slots]
    after = ["X_new", *(f"{slot}_new" for slot in slots)]
    node = helper.make_node(operator, names, after, domain=DOMAIN, **chosen)
    inputs = [
        helper.make_tensor_value_info(
            name, whole if name == "T" else number, [] if name in "RT" else table.shape
        )
        for name in names
    ]
    outputs = [helper.make_tensor_value_info(name, number, table.shape) for name in after]
    graph = helper.make_graph([node], operator, inputs, outputs)
    versions = [helper.make_opsetid("", 21), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(graph, opset_imports=versions)


def _epsilon(rule: Rule) -> str:
    return "" if getattr(rule, "epsilon", 1) else "onnx.reference divides 0 by 0 at epsilon = 0"


DECAY = {"norm_coefficient": "weight_decay"}
MODES = {"nesterov": {False: {"mode": "standard"}, True: {"mode": "nesterov"}}}

GUESTS = (
    Guest(
        "onnx.Momentum",
        "sgd",
        "torch.SGD",
        LIBRARY,
        _steps("Momentum", "V"),
        {"alpha": "momentum", "dampening": "dampening"} | DECAY,
        MODES,
        ("float32",),
    ),
    Guest(
        "onnx.Adagrad",
        "adagrad",
        {"rows": "all", "epsilon": 1e-6},
        LIBRARY,
        _steps("Adagrad", "H"),
        {
            "initial_accumulator": "initial_accumulator",
            "epsilon": "epsilon",
            "decay_factor": "lr_decay",
        }
        | DECAY,
        {"lr_decay_law": {"inverse": {}}},
        ("float32",),
        refuses=_epsilon,
    ),
    Guest(
        "onnx.Adam",
        "adam",
        {"epsilon": 1e-6, "epsilon_place": "eps_hat"},
        LIBRARY,
        _steps("Adam", "V", "H", first=1),
        {"alpha": "beta1", "beta": "beta2", "epsilon": "epsilon"} | DECAY,
        {},
        ("float32",),
        refuses=_epsilon,
        narrow=512.0,
        note="Its attributes are float32: 1 - beta is off by their rounding. T counts from 1.",
    ),
)
