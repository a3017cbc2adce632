"""What every token distribution offers, whichever of the samplers stands behind it."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from freqopt.errors import SamplerError
from freqopt.streams.stream import Steps, Stream
from freqopt.typing import Doubles, Integers

SIZE_LIMIT = 2**32
"""The largest number of tokens: 52 random bits leave it 2^20 grid points to a token."""

LISTED_LIMIT = 2**26
"""The largest number of tokens whose probabilities are listed (0.5 GiB)."""


class TokenDistribution(Protocol):
    """A distribution over the tokens 0 .. size-1."""

    @property
    def size(self) -> int:
        """N, the number of tokens."""
        ...

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
            A token outside the range.
        """
        ...

    def probabilities(self) -> Doubles:
        """p_k of every token, float64 (N,).

        Returns
        -------
        float64 (N,)

        Raises
        ------
        SamplerError
            N is above 2^26, too many to list.
        """
        ...

    def draw(self, stream: Stream, step: Steps, n: int) -> Integers:
        """Tokens 0 .. n-1 of each step: int64, shape (n,) or, for an array of steps, (S, n).

        Parameters
        ----------
        stream : Stream
            Of one purpose.
        step : int or integer array (S,)
            Steps, from 0.
        n : int
            Tokens of each step.

        Returns
        -------
        int64 (n,), or (S, n) for an array of steps
        """
        ...


def check_integer(name: str, value: int, low: int, high: int) -> int:
    """`value` as an int; SamplerError unless it is an integer in [low, high]."""
    integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not integer or not low <= value <= high:
        raise SamplerError(f"The {name} must be an integer in [{low}, {high}]; got {value!r}.")
    return int(value)


def check_number(name: str, value: float, low: float, high: float) -> float:
    """`value` as a float; SamplerError unless it is a number in [low, high]."""
    number = isinstance(value, int | float | np.integer | np.floating)
    if not number or isinstance(value, bool) or not low <= value <= high:
        raise SamplerError(f"The {name} must be a number in [{low:g}, {high:g}]; got {value!r}.")
    return float(value)


def check_tokens(token: Integers, size: int) -> Integers:
    """`token` as an array; SamplerError unless it holds integers in [0, size)."""
    array = np.asarray(token)
    if array.dtype.kind not in "iu" or ((array < 0) | (array >= size)).any():
        raise SamplerError(
            f"Tokens must be integers in [0, {size}); got dtype {array.dtype}"
            + (f", from {array.min()} to {array.max()}." if array.size else ".")
        )
    return array


def all_tokens(size: int) -> Integers:
    """0 .. size-1; SamplerError if there are too many to list."""
    if size > LISTED_LIMIT:
        raise SamplerError(
            f"probabilities() would list {size} numbers; its limit is {LISTED_LIMIT}. "
            "Ask probability(token) for the tokens you need."
        )
    return np.arange(size)
