r"""A factorised table: W = W1 W2, trained as two layers, collapsed to one for inference (MLET).

Table
    W1 (N, k) is sparse: a batch touches its rows only. W2 (k, d) is dense: every step moves it.
    Columns that are no part of an embedding, such as a bias, stand before it as they are: b (N, c),
    a row being (b_i, W_i).
Gradients
    With G the sparse gradient of W: g1 = G W2^T, g2 = W1^T G, both at the old values.       (6.1)
Order
    g1 folds over the d columns, g2 over the batch's occurrences, a row of W over the k units.
Theorems
    MLET-1 to MLET-9 (derived in this project).
Source
    Ghaemmaghami et al., arXiv 2006.05623; Deng et al., arXiv 2309.15881. Initial values as in the
    first author's DLRM fork: W1 uniform on +-sqrt(1/N), W2 normal with standard deviation 1/4.
"""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import BatchError
from freqopt.streams import Stream
from freqopt.streams.fold import fold
from freqopt.typing import Floats, Integers

Initial = Literal["dlrm", "xavier", "orthonormal"]
Trained = Literal["both", "first", "second"]

_BLOCK = 1 << 20  # products held at a time when a whole table is collapsed; not a matter of bits


class FactorisedTable:
    """W = W1 W2.

    Parameters
    ----------
    first : float32 or float64 (N, k)
    second : (k, d), the same dtype
    trained : {"both", "first", "second"}
        Layers that steps move; "first" is the random projection control (W2 frozen).
    beside : (N, c), the same dtype, optional
        Columns before W that are no layers' product; every step moves them.

    Raises
    ------
    BatchError
        If they do not fit together.
    """

    def __init__(
        self,
        first: Floats,
        second: Floats,
        trained: Trained = "both",
        beside: Floats | None = None,
    ) -> None:
        if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[0]:
            raise BatchError(
                f"the factors have shapes {first.shape} and {second.shape}; "
                "expected (N, k) and (k, d)"
            )
        if first.dtype != second.dtype:
            raise BatchError(
                f"the factors are {first.dtype} and {second.dtype}; expected the same dtype"
            )
        if trained not in get_args(Trained):
            raise BatchError(f"trained = {trained!r}; expected one of {get_args(Trained)}")
        if beside is None:
            beside = np.empty((len(first), 0), first.dtype)
        if beside.ndim != 2 or len(beside) != len(first) or beside.dtype != first.dtype:
            raise BatchError(
                f"the columns beside the factors have shape {beside.shape} and are {beside.dtype}; "
                f"expected {len(first)} rows of {first.dtype}"
            )
        self.first, self.second, self.trained, self.beside = first, second, trained, beside

    @classmethod
    def start(
        cls,
        shape: tuple[int, int],
        inner: int,
        *,
        stream: Stream,
        initial: Initial = "dlrm",
        trained: Trained = "both",
        dtype: Any = np.float64,
        beside: Floats | None = None,
    ) -> FactorisedTable:
        """A table before training.

        Parameters
        ----------
        shape : (N, d)
            Of W.
        inner : int
            k, the inner dimension.
        stream : Stream
            Step 0 gives W1, step 1 gives W2.
        initial : {"dlrm", "xavier", "orthonormal"}
            W2 normal with deviation 1/4, normal with variance 2/(k + d), or with orthonormal
            columns (needs k >= d), which leaves the effective rate at initialisation unchanged.
        trained : {"both", "first", "second"}
            Layers that steps move.
        dtype : dtype
            float64 or float32.
        beside : (N, c), optional
            Columns before W.

        Returns
        -------
        FactorisedTable

        Raises
        ------
        BatchError
            inner < 1, an unknown initial, or orthonormal columns with inner < d.
        """
        size, width = shape
        if inner < 1:
            raise BatchError(f"the inner dimension is {inner}, expected at least 1")
        first = (2 * stream.uniform(0, size * inner) - 1) * math.sqrt(1 / size)
        second = stream.normal(1, inner * width).reshape(inner, width)
        if initial == "dlrm":
            second = second * 0.25
        elif initial == "xavier":
            second = second * math.sqrt(2 / (inner + width))
        elif initial == "orthonormal":
            second = _orthonormal(second)
        else:
            raise BatchError(f"initial = {initial!r}; expected one of {get_args(Initial)}")
        return cls(first.reshape(size, inner).astype(dtype), second.astype(dtype), trained, beside)

    @classmethod
    def balanced(cls, weights: Floats, inner: int) -> FactorisedTable:
        """Factors of a given table with W1^T W1 = W2 W2^T (MLET-7).

        From LAPACK's singular values: equal bits on one machine only.

        Parameters
        ----------
        weights : float32 or float64 (N, d)
            The table W.
        inner : int
            k, at least min(N, d).

        Returns
        -------
        FactorisedTable
            W1 W2 = W, both layers trained.

        Raises
        ------
        BatchError
            inner < min(N, d).
        """
        u, s, vt = np.linalg.svd(weights, full_matrices=False)
        if inner < len(s):
            raise BatchError(f"inner is {inner}, expected at least min(N, d) = {len(s)}")
        first = np.zeros((weights.shape[0], inner), weights.dtype)
        second = np.zeros((inner, weights.shape[1]), weights.dtype)
        first[:, : len(s)] = u * np.sqrt(s)
        second[: len(s)] = np.sqrt(s)[:, None] * vt
        return cls(first, second)

    @property
    def parameters(self) -> dict[str, Floats]:
        """The arrays a rule moves, by the suffix of their name."""
        layers = {".first": self.first, ".second": self.second}
        moved = {k: v for k, v in layers.items() if self.trained in ("both", k[1:])}
        return moved | ({".beside": self.beside} if self.beside.shape[1] else {})

    def batches(self, rows: Integers, grads: Floats) -> dict[str, tuple[Integers, Floats]]:
        """Sparse gradients of both layers, at their present values, from those of the rows.

        Parameters
        ----------
        rows : int64 (B,)
        grads : (B, c + d)

        Returns
        -------
        suffix -> (rows, gradients): (B,) with (B, k), all of 0..k-1 with (k, d), (B,) with (B, c).
        """
        found: dict[str, tuple[Integers, Floats]] = {}
        columns = self.beside.shape[1]
        beside, grads = grads[:, :columns], grads[:, columns:]
        if self.trained != "second":
            found[".first"] = (rows, fold(grads[:, None, :] * self.second))  # g1 = G W2^T
        if self.trained != "first":
            outer = self.first[rows][:, :, None] * grads[:, None, :]
            found[".second"] = (np.arange(len(self.second)), fold(outer, axis=0))  # g2 = W1^T G
        if columns:
            found[".beside"] = (rows, beside)
        return found

    def spread(self, per_row: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Per-row facts (N,) for each layer; W2 is in every batch, its rows have frequency 1.

        Parameters
        ----------
        per_row : array (N,)

        Returns
        -------
        dict of str to array
            Of the trained layers: (N,) and (k,); of the columns beside them: (N,).
        """
        dense = np.ones(len(self.second), per_row.dtype)
        facts = {".first": per_row, ".second": dense, ".beside": per_row}
        return {k: v for k, v in facts.items() if k in self.parameters}

    def __getitem__(self, rows: Any) -> Floats:
        """The rows of W = W1 W2 with the columns beside it, (n, c + d)."""
        product = fold(self.first[rows][..., :, None] * self.second, axis=-2)
        if not self.beside.shape[1]:
            return product
        return np.concatenate([self.beside[rows], product], axis=-1)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Floats:
        """The collapsed table, so that NumPy reads a table of either kind."""
        return self.collapse().astype(dtype or self.first.dtype, copy=False)

    def collapse(self) -> Floats:
        """The table as one array (N, c + d), exact for sum and mean pooling (MLET-9).

        Returns
        -------
        float32 or float64 (N, c + d)
            A new array.
        """
        step = max(1, _BLOCK // self.second.size)
        blocks = [self[i : i + step] for i in range(0, len(self.first), step)]
        return np.concatenate(blocks)


def _orthonormal(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Modified Gram-Schmidt in the declared order of summation; columns (k, d) with k >= d."""
    inner, width = columns.shape
    if inner < width:
        raise BatchError(
            f"orthonormal columns need k >= d, and k = {inner}, d = {width}; raise the inner "
            "dimension or choose initial = 'xavier'"
        )
    q = columns.copy()
    for j in range(width):
        for _ in range(2):  # once more removes what rounding left
            for i in range(j):
                q[:, j] -= fold(q[:, i] * q[:, j]) * q[:, i]
        q[:, j] /= np.sqrt(fold(q[:, j] * q[:, j]))
    return q
