"""Integer ids for arbitrary values, in an order that depends on nothing but the data."""

from __future__ import annotations

from typing import Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from freqopt.data.options import require_choice

Integer = TypeVar("Integer", bound=np.integer)

Order = Literal["appearance", "frequency"]
"""`appearance`: first seen, first numbered. `frequency`: most frequent first, ties by value."""


def check_order(order: Order) -> None:
    """Refuse an order that does not exist, before anything is read."""
    require_choice("order", order, get_args(Order))


def encode(
    values: NDArray[Integer], order: Order = "appearance"
) -> tuple[NDArray[np.int64], NDArray[Integer]]:
    """Number the distinct values from 0.

    Parameters
    ----------
    values : integer array, shape (n,)
        Any values: identifiers, hashes.
    order
        See `Order`.

    Returns
    -------
    ids : int64 array, shape (n,)
        `vocabulary[ids]` is `values`.
    vocabulary : array of the values' dtype
        The distinct values in the asked order.

    Examples
    --------
    >>> import numpy as np
    >>> encode(np.array([7, 3, 9, 3, 9]))
    (array([0, 1, 2, 1, 2]), array([7, 3, 9]))
    >>> encode(np.array([7, 3, 9, 3, 9]), "frequency")
    (array([2, 0, 1, 0, 1]), array([3, 9, 7]))
    """
    check_order(order)
    distinct, first, ids, counts = np.unique(
        values, return_index=True, return_inverse=True, return_counts=True
    )
    ranked = np.argsort(first) if order == "appearance" else np.lexsort((distinct, -counts))
    place = np.empty_like(ranked)
    place[ranked] = np.arange(ranked.size)
    return place[ids], distinct[ranked]
