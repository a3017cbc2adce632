"""The distribution of observed counts: p_k = counts[k] / sum(counts)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from freqopt.errors import SamplerError
from freqopt.streams.alias import AliasTable
from freqopt.streams.distribution import check_tokens
from freqopt.streams.stream import Steps, Stream
from freqopt.typing import Doubles, Integers


class TokenCounts:
    """Tokens k = 0 .. N-1 with probability counts[k] / sum(counts), by an alias table.

    Parameters
    ----------
    counts : integer array, shape (N,)
        Occurrences of each token, >= 0, not all 0. For weights that are no integers use
        `AliasTable`.

    Raises
    ------
    SamplerError
        Counts that are no integers, negative, or all 0.

    Examples
    --------
    >>> TokenCounts([3, 0, 1]).probabilities().tolist()
    [0.75, 0.0, 0.25]
    """

    def __init__(self, counts: ArrayLike) -> None:
        array = np.asarray(counts)
        if array.dtype.kind not in "iu":
            raise SamplerError(
                f"Token counts must be integers; got dtype {array.dtype}. Round them, or give "
                "float weights to AliasTable."
            )
        self.table = AliasTable(array)
        self.counts = self.table.weights
        self._total = float(sum(self.counts.tolist()))

    @property
    def size(self) -> int:
        """N, the number of tokens."""
        return self.table.size

    def probability(self, token: Integers) -> Doubles:
        """p_k of each given token, float64, shape of `token`.

        Parameters
        ----------
        token : integer array
            Tokens in [0, size).

        Returns
        -------
        float64 array, shape of `token`

        Raises
        ------
        SamplerError
            A token that is no integer, or outside [0, size).
        """
        return self.counts[check_tokens(token, self.size)] / self._total

    def probabilities(self) -> Doubles:
        """p_k of every token, float64 (N,).

        Returns
        -------
        float64 (N,)
        """
        return self.counts / self._total

    def draw(self, stream: Stream, step: Steps, n: int) -> Integers:
        """Tokens 0 .. n-1 of each step: int64, shape (n,) or, for an array of steps, (S, n).

        Parameters
        ----------
        stream : Stream
        step : int or integer array (S,)
        n : int
            Tokens of each step.

        Returns
        -------
        int64 (n,), or (S, n) for an array of steps
        """
        return self.table.draw(stream.words(step, n))
