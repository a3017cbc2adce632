"""A plain table: one array, every row its own parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.typing import Floats, Integers


class PlainTable:
    """One array of shape (N, d).

    Parameters
    ----------
    weights : float32 or float64 (N, d)
        Kept, not copied: steps change it in place.
    """

    def __init__(self, weights: Floats) -> None:
        self.weights = weights

    @property
    def parameters(self) -> dict[str, Floats]:
        """The arrays a rule moves, by the suffix of their name."""
        return {"": self.weights}

    def batches(self, rows: Integers, grads: Floats) -> dict[str, tuple[Integers, Floats]]:
        """Sparse gradients of the parameters from those of the table's rows.

        Parameters
        ----------
        rows : int64 (B,)
        grads : (B, d)

        Returns
        -------
        dict of str to (rows (B,), gradients (B, d))
        """
        return {"": (rows, grads)}

    def spread(self, per_row: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Per-row facts (N,), such as frequencies, for each parameter.

        Parameters
        ----------
        per_row : array (N,)

        Returns
        -------
        dict of str to array (N,)
        """
        return {"": per_row}

    def __getitem__(self, rows: Any) -> Floats:
        """The rows, (n, d)."""
        return self.weights[rows]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Floats:
        """The collapsed table, so that NumPy reads a table of either kind."""
        return np.array(self.weights, dtype=dtype, copy=copy)

    def collapse(self) -> Floats:
        """The table as one array (N, d): itself.

        Returns
        -------
        float32 or float64 (N, d)
        """
        return self.weights
