"""The sparse step of other libraries on a GPU. What is not installed with CUDA is named.

The gradient is one sparse tensor, made beforehand and not coalesced: to find its duplicates is part
of every step, as it is of ours. All optimizers of PyTorch share one table.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

Steps = dict[str, Callable[[], Any]]


class AbsentError(Exception):
    """A library is not installed, or not with CUDA."""


def peers(
    rows: np.ndarray, size: int, width: int, *, processor: bool
) -> tuple[Steps, dict[str, str]]:
    """A step of every library, and why others are absent.

    Parameters
    ----------
    rows : int64 (B,)
    size, width : of the table
    processor : bool
        Run them on the processor, to see that they run.
    """
    steps: Steps = {}
    absent = {}
    for name, library in {"PyTorch": _torch, "JAX": _jax}.items():
        try:
            made = library(rows, size, width, processor=processor)
            for step in made.values():
                step()  # compiles, and asks for its memory
            steps |= made
        except (AbsentError, RuntimeError) as error:  # of PyTorch and of JAX, short of memory
            absent[name] = str(error).splitlines()[0]
    return steps, absent


def free() -> None:
    """Give back the memory that PyTorch keeps for later."""
    if "torch" in sys.modules:
        sys.modules["torch"].cuda.empty_cache()


def _demand(name: str) -> None:
    if importlib.util.find_spec(name) is None:
        raise AbsentError("not installed")


def _torch(rows: np.ndarray, size: int, width: int, *, processor: bool) -> Steps:
    _demand("torch")
    import torch

    if not processor and not torch.cuda.is_available():
        raise AbsentError("without CUDA")
    place = "cpu" if processor else "cuda"
    table = torch.nn.Parameter(torch.zeros(size, width, device=place))
    indices = torch.as_tensor(rows, device=place)[None]
    values = torch.full((rows.size, width), 1e-3, device=place)
    table.grad = torch.sparse_coo_tensor(indices, values, table.shape)
    kinds = {
        "PyTorch SGD": torch.optim.SGD,
        "PyTorch Adagrad": torch.optim.Adagrad,
        "PyTorch SparseAdam": torch.optim.SparseAdam,
    }
    return {name: kind([table], lr=0.1).step for name, kind in kinds.items()}


def _jax(rows: np.ndarray, size: int, width: int, *, processor: bool) -> Steps:
    """SGD by a compiled scatter-add into a donated table; its order of sums is not fixed."""
    jax = with_jax(processor=processor)
    scatter = jax.jit(lambda table, i, g: table.at[i].add(-0.1 * g), donate_argnums=0)
    table = [jax.numpy.zeros((size, width), np.float32)]
    indices = jax.numpy.asarray(rows.astype(np.int32))
    grads = jax.numpy.full((rows.size, width), 1e-3, np.float32)

    def step() -> None:
        table[0] = scatter(table[0], indices, grads).block_until_ready()

    return {"JAX SGD": step}


def with_jax(*, processor: bool) -> Any:
    """JAX on the GPU, taking its memory as it needs it.

    Raises
    ------
    AbsentError
        It is not installed, or not with CUDA.
    """
    _demand("jax")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    os.environ.setdefault("JAX_PLATFORMS", "cpu" if processor else "")
    import jax

    if not processor and jax.default_backend() != "gpu":
        raise AbsentError("without CUDA")
    return jax
