"""The same step in other libraries. Each is an extra: what is not installed is listed as absent.

What a library can prepare once (its own tensors of the same numbers) is prepared beforehand, and
what belongs to the model and not to the optimizer (FBGEMM's forward pass) is not timed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from cells import Cell


@dataclass
class Contender:
    """Something that does one step on batch k, with a rule of ours that means the same."""

    name: str
    rule: str
    step: Callable[[int], object]
    prepare: Callable[[int], object] = lambda _: None
    table: Callable[[], np.ndarray] | None = None


def torch_steps(cell: Cell) -> Iterator[Contender]:
    """PyTorch: the optimizer's step on a sparse gradient that is ready."""
    import torch

    torch.set_num_threads(cell.threads)
    torch.sparse.check_sparse_tensor_invariants.disable()
    shape = (cell.rows, cell.width)
    grads = [
        torch.sparse_coo_tensor(ids[None], g, shape)
        for ids, g in zip(
            map(torch.from_numpy, cell.ids), map(torch.from_numpy, cell.grads), strict=True
        )
    ]

    def contender(name: str, rule: str, kind: Any, **options: float) -> Contender:
        table = torch.nn.Parameter(torch.from_numpy(cell.table()))
        optimizer = kind([table], lr=0.01, **options)

        numbers = table.detach().numpy()

        def prepare(k: int) -> None:
            table.grad = grads[k]
            cell.look_up(numbers, k)

        return Contender(name, rule, lambda _: optimizer.step(), prepare, lambda: numbers)

    yield contender("torch SGD", "sgd", torch.optim.SGD)
    yield contender("torch Adagrad", "adagrad", torch.optim.Adagrad)
    yield contender("torch SparseAdam", "lazy_adam", torch.optim.SparseAdam)


def fbgemm_steps(cell: Cell) -> Iterator[Contender]:
    """FBGEMM's table-batched embedding: the backward pass, which holds the optimizer."""
    import torch
    from fbgemm_gpu.split_embedding_configs import EmbOptimType
    from fbgemm_gpu.split_table_batched_embeddings_ops_common import EmbeddingLocation
    from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
        ComputeDevice,
        SplitTableBatchedEmbeddingBagsCodegen,
    )

    torch.set_num_threads(cell.threads)
    rows = [torch.from_numpy(ids) for ids in cell.ids]
    grads = [torch.from_numpy(g) for g in cell.grads]
    offsets = torch.arange(cell.batch + 1)

    def contender(name: str, rule: str, kind: Any) -> Contender:
        module = SplitTableBatchedEmbeddingBagsCodegen(
            [(cell.rows, cell.width, EmbeddingLocation.HOST, ComputeDevice.CPU)],
            optimizer=kind,
            learning_rate=0.01,
            eps=1e-8,
        )
        (weights,) = module.split_embedding_weights()
        weights.fill_(0.1)
        output: list[Any] = [None]

        def prepare(k: int) -> None:
            output[0] = module(rows[k], offsets)

        return Contender(name, rule, lambda k: output[0].backward(grads[k]), prepare, weights.numpy)

    yield contender("FBGEMM SGD", "sgd", EmbOptimType.EXACT_SGD)
    yield contender(
        "FBGEMM row-wise Adagrad", "rowwise_adagrad", EmbOptimType.EXACT_ROWWISE_ADAGRAD
    )
    yield contender("FBGEMM Adagrad", "adagrad", EmbOptimType.EXACT_ADAGRAD)


def jax_steps(cell: Cell) -> Iterator[Contender]:
    """JAX: a compiled scatter-add into a donated table, on all cores."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax

    rows = [jax.numpy.asarray(ids) for ids in cell.ids]
    grads = [jax.numpy.asarray(g) for g in cell.grads]
    look_up = jax.jit(lambda w, i: w[i])
    scatter = jax.jit(lambda w, i, g: w.at[i].add(-0.01 * g), donate_argnums=0)
    table = [jax.numpy.asarray(cell.table())]

    def step(k: int) -> None:
        table[0] = scatter(table[0], rows[k], grads[k]).block_until_ready()

    def prepare(k: int) -> None:
        look_up(table[0], rows[k]).block_until_ready()

    yield Contender("JAX scatter", "sgd", step, prepare, lambda: np.asarray(table[0]))


PEERS = {"torch": torch_steps, "fbgemm_gpu": fbgemm_steps, "jax": jax_steps}
