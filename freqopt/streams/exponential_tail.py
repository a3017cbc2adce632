"""Exponential tails: p_k proportional to e^(-rate k) for k = 0 .. N-1.

One word a draw: by an alias table up to N = 65,535; beyond by inversion, which for this
distribution is closed: the k + 1 commonest tokens have probability

    F(k) = expm1(-rate (k + 1)) / expm1(-rate N),

so a uniform u falls to token k = floor(-log1p(u expm1(-rate N)) / rate).
"""

from __future__ import annotations

import numpy as np

from freqopt.streams.alias import AliasTable
from freqopt.streams.distribution import (
    SIZE_LIMIT,
    all_tokens,
    check_integer,
    check_number,
    check_tokens,
)
from freqopt.streams.elementary import exp, expm1, log1p
from freqopt.streams.stream import Steps, Stream
from freqopt.streams.transforms import open_uniform
from freqopt.typing import Doubles, Integers

TABLE_LIMIT = 65_535


class ExponentialTail:
    """Tokens k = 0 .. size-1 with probability proportional to exp(-rate * k).

    Parameters
    ----------
    rate : float
        In [1e-300, 746]; e^-746 is 0 in float64. A uniform distribution is `BoundedZipf(0, size)`.
    size : int
        N, in [1, 2^32]. Beyond 65,535 tokens the 52 bits of the uniform number end the tail: the
        tokens behind the last 2^-53 of the probability are never drawn.

    Raises
    ------
    SamplerError
        An argument outside its range.

    Examples
    --------
    >>> ExponentialTail(rate=0.5, size=3).probabilities().round(4).tolist()
    [0.5065, 0.3072, 0.1863]
    """

    def __init__(self, rate: float, size: int) -> None:
        self.rate = check_number("rate", rate, 1e-300, 746.0)
        self._size = check_integer("number of tokens", size, 1, SIZE_LIMIT)
        self._whole = expm1(-self.rate * self._size)
        self.table = None
        if self._size <= TABLE_LIMIT:
            self.table = AliasTable(exp(-self.rate * np.arange(self._size)))

    @property
    def size(self) -> int:
        """N, the number of tokens."""
        return self._size

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
        first = expm1(-self.rate) / self._whole
        return exp(-self.rate * check_tokens(token, self._size).astype(np.float64)) * first

    def probabilities(self) -> Doubles:
        """p_k of every token.

        Returns
        -------
        float64 (N,)

        Raises
        ------
        SamplerError
            N is above 2^26: ask for the tokens that are needed.
        """
        return self.probability(all_tokens(self._size))

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
        words = stream.words(step, n)
        if self.table is not None:
            return self.table.draw(words)
        depth = -log1p(open_uniform(words) * self._whole) / self.rate
        return np.minimum(np.floor(depth), self._size - 1.0).astype(np.int64)
