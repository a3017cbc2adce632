"""The fold: the project's one declared order of summation along an axis.

Floating-point addition is not associative, so "the sum" of an axis has no bits until an order is
stated. `numpy.sum` states none (its blocking depends on version, layout and vector width). The
fold adds the upper half of the axis onto the lower half until one number is left: log2(n) rounding
errors instead of n, vectorises in NumPy, and is the tree reduction that a GPU block does anyway.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Float = TypeVar("Float", bound=np.floating)


def fold(x: NDArray[Float], axis: int = -1) -> NDArray[Float]:
    """Sum one axis in the declared order; that axis is removed.

    With P the smallest power of two that is >= n, and h = P / 2: add x[h:n] onto x[0:n-h], keep
    the first h, halve h, repeat until one is left. So fold([a, b, c]) = (a + c) + b.

    Parameters
    ----------
    x : array, shape (..., n, ...)
        Any float dtype. It is not changed.
    axis : int
        The axis of length n to sum.

    Returns
    -------
    array, shape of `x` without `axis`, dtype of `x`
        n = 1 gives the element itself, n = 0 gives zeros. A NumPy scalar when `x` has one axis.

    Examples
    --------
    >>> fold(np.array([1e16, 1.0, -1e16]))  # (1e16 - 1e16) + 1, where left to right gives 0
    np.float64(1.0)
    """
    lanes = np.asarray(x)
    if axis != -1:
        lanes = np.moveaxis(lanes, axis, -1)
    n = lanes.shape[-1]
    if n == 0:
        return np.zeros(lanes.shape[:-1], dtype=lanes.dtype)[()]
    if n == 1:
        return np.take(lanes, 0, axis=-1)
    half = 1 << (n - 1).bit_length() - 1
    partial = lanes[..., :half].copy(order="K")
    partial[..., : n - half] += lanes[..., half:]
    while half > 1:
        half //= 2
        partial[..., :half] += partial[..., half : 2 * half]
    return np.take(partial, 0, axis=-1)
