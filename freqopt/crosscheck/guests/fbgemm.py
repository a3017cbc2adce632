"""FBGEMM's table-batched embeddings on the CPU: the update happens inside the backward pass.

What they share: float32 and widths that are multiples of 4. All of them take weight decay in modes
L2 and DECOUPLE and a `max_norm`. In the wheel 1.8.0 the row-wise ones decay; the others ignore it
bit for bit, and all ignore `max_norm`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.guests._guest import Arguments, Called, Guest
from freqopt.crosscheck.guests._library import Library, load
from freqopt.crosscheck.guests.torch import one_thread
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

LIBRARY = Library("fbgemm", "fbgemm_gpu", ("fbgemm-gpu-cpu", "fbgemm-gpu"))


def steps(optimizer: str, counter: str = "") -> Callable[[Floats, Arguments], Called]:
    """Look the rows up, one bag of one row each, and send their gradients back.

    Parameters
    ----------
    optimizer : str
        Name in `EmbOptimType`.
    counter : str
        Name in `LearningRateMode` of the counter that goes with it; empty for none.
    """

    def make(table: Floats, arguments: Arguments) -> Called:
        torch = load("torch")
        tbe = load("fbgemm_gpu.split_table_batched_embeddings_ops_training")
        common = load("fbgemm_gpu.split_table_batched_embeddings_ops_common")
        chosen = dict(arguments)
        if counter:
            chosen |= _counting(counter, chosen)
        elif "weight_decay_mode" in chosen:
            chosen["weight_decay_mode"] = tbe.WeightDecayMode[chosen["weight_decay_mode"]]
        size, width = table.shape
        made = tbe.SplitTableBatchedEmbeddingBagsCodegen(
            [(size, width, common.EmbeddingLocation.HOST, tbe.ComputeDevice.CPU)],
            optimizer=load("fbgemm_gpu.split_embedding_configs").EmbOptimType[optimizer],
            learning_rate=chosen.pop("lr"),
            pooling_mode=common.PoolingMode.NONE,
            **chosen,
        )
        weights = made.split_embedding_weights()[0].detach()
        weights.copy_(torch.from_numpy(table))

        def step(rows: Integers, grads: Floats, rate: float) -> NDArray[np.floating]:
            made.set_learning_rate(rate)
            with one_thread(torch):
                found = made(torch.from_numpy(rows), torch.arange(rows.size + 1))
                found.backward(torch.from_numpy(grads))
            return weights.numpy().copy()

        return step

    return make


def _counting(mode: str, chosen: Arguments) -> Arguments:
    """The counter's definition, for which it takes its own arguments out of the others."""
    tbe = load("fbgemm_gpu.split_table_batched_embeddings_ops_training")
    configs = load("fbgemm_gpu.tbe.config")
    definition = configs.CounterBasedRegularizationDefinition(
        counter_weight_decay_mode=configs.CounterWeightDecayMode.NONE,
        counter_halflife=int(chosen.pop("counter_halflife", -1)),
        adjustment_iter=0,
        adjustment_ub=chosen.pop("adjustment_ub", 1.0),
        learning_rate_mode=configs.LearningRateMode[mode],
        grad_sum_decay=configs.GradSumDecay.NO_DECAY,
        tail_id_threshold=configs.TailIdThreshold(val=0, is_ratio=False),
    )
    return {
        "weight_decay_mode": tbe.WeightDecayMode.COUNTER,
        "counter_based_regularization": definition,
    }


def _whole_halflife(rule: Rule) -> str:
    halflife = getattr(rule, "halflife", None) or 0.0
    return "" if float(halflife).is_integer() else "fbgemm takes whole half-lives only"


def _guest(
    name: str,
    rule: str,
    make: Callable[[Floats, Arguments], Called],
    numbers: Mapping[str, str],
    choices: Mapping[str, Mapping[Any, Arguments]] = MappingProxyType({}),
    **more: Any,
) -> Guest:
    more = {"dialect": f"fbgemm.{name}", "dtypes": ("float32",), "multiple": 4, **more}
    return Guest(
        f"fbgemm.{name}", rule, library=LIBRARY, make=make, numbers=numbers, choices=choices, **more
    )


EPSILON = {"eps": "epsilon"}
ROWWISE = "EXACT_ROWWISE_ADAGRAD"
DECAY = {
    "decay": {"l2": {"weight_decay_mode": "L2"}, "decoupled": {"weight_decay_mode": "DECOUPLE"}}
}
COUNTER = {
    "counter": {
        "raw": {"counter_halflife": -1},
        "presence": {"counter_halflife": 0},
        "decayed": {},
    }
}

GUESTS = (
    _guest("EXACT_SGD", "sgd", steps("EXACT_SGD"), {}),
    _guest("EXACT_ADAGRAD", "adagrad", steps("EXACT_ADAGRAD"), EPSILON),
    _guest(
        ROWWISE,
        "rowwise_adagrad",
        steps(ROWWISE),
        EPSILON | {"weight_decay": "weight_decay"},
        DECAY,
    ),
    _guest(
        f"{ROWWISE}(counter)",
        "rowwise_adagrad",
        steps(ROWWISE, counter="EQUAL"),
        EPSILON,
        dialect=f"fbgemm.{ROWWISE}",
        note="A counter that changes neither rate nor decay.",
    ),
    _guest(
        "COUNTER_SGD",
        "cf_sgd",
        steps(ROWWISE, counter="COUNTER_SGD"),
        EPSILON | {"adjustment_ub": "scale", "counter_halflife": "halflife"},
        COUNTER,
        refuses=_whole_halflife,
        note="Learning rate mode of EXACT_ROWWISE_ADAGRAD with counter.",
    ),
)
