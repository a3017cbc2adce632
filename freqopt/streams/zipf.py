"""The bounded Zipf distribution: p_k proportional to (k + 1)^-s for k = 0 .. N-1, in O(1) memory.

Token k has rank k + 1. A hybrid sampler: an alias table over the head (the first 65,535 ranks) and
one more value, "tail"; for the tail, rejection-inversion (Hoermann & Derflinger, *Rejection-
inversion to generate variates from monotone discrete distributions*, ACM TOMACS 6, 1996, 169-184)
over the ranks beyond the head only. Up to N = 65,535 a draw is one table look-up, never rejected.

Rejection-inversion. Let h(x) = x^-s. The area under h over a tile [k - 1/2, k + 1/2] is at least
h(k), because h is convex. So: take a uniform point of the area over all tiles; invert the area to
get x; round x to k; accept unless the point lies in what the tile has beyond h(k), which is put at
its left end. Beyond rank 65,535 that excess is below 1e-11 s(s+1) of the tile: for s near 1 fewer
than one tail draw in 10^10 needs a second trial.

Draw j of a step reads word j of trial 0; a tail draw then word j of trial 1, 2, ... until accepted.

The 52 bits used of a word resolve probabilities within the tail to 2^-52, and rounding moves the
border between two ranks near 10^9 by about 1e-6 of a rank. Draws cannot show either.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from freqopt.streams.alias import AliasTable
from freqopt.streams.distribution import (
    SIZE_LIMIT,
    all_tokens,
    check_integer,
    check_number,
    check_tokens,
)
from freqopt.streams.elementary import exp, expm1, log1p, power
from freqopt.streams.fold import fold
from freqopt.streams.philox import Words
from freqopt.streams.stream import Steps, Stream
from freqopt.streams.transforms import open_uniform
from freqopt.typing import Doubles, Integers

HEAD = 65_535  # with "tail" 2^16 values: a table that stays in a second-level cache


class BoundedZipf:
    """Tokens k = 0 .. size-1 with probability (k + 1)^-exponent / normaliser.

    Parameters
    ----------
    exponent : float
        s, in [0, 1000]. 0 is uniform, 1 is Zipf's law.
    size : int
        N, in [1, 2^32].
    head : int
        Number of ranks in the alias table, in [1, 65535]. Another value gives other draws from
        the same distribution; smaller ones are for tests of the tail.

    Attributes
    ----------
    normaliser : float
        sum of (k + 1)^-s over all tokens; relative error below 1e-15 (measured).
    head_mass : float
        Probability of the ranks in the table.
    table : AliasTable
        The ranks of the head, then "tail" if there is one.
    tail : object
        The sampler of the other ranks.

    Raises
    ------
    SamplerError
        An argument outside its range.

    Examples
    --------
    >>> law = BoundedZipf(1.0, 4)
    >>> law.probabilities().round(4).tolist()
    [0.48, 0.24, 0.16, 0.12]
    >>> law.draw(Stream(seed=1, run=0, purpose="tokens"), step=0, n=5)
    array([3, 1, 0, 0, 1])
    """

    def __init__(self, exponent: float, size: int, head: int = HEAD) -> None:
        self.exponent = check_number("exponent", exponent, 0.0, 1000.0)
        self._size = check_integer("number of tokens", size, 1, SIZE_LIMIT)
        self.head = min(check_integer("number of head ranks", head, 1, HEAD), self._size)
        weights = power(np.arange(1.0, self.head + 1.0), -self.exponent)
        tail = _sum_of_powers(self.head + 1, self._size, self.exponent)
        in_head = float(fold(weights))
        self.normaliser = in_head + tail
        self.head_mass = in_head / self.normaliser
        if self.head < self._size:
            weights = np.append(weights, tail)
        self.table = AliasTable(weights)
        self.tail = Tail(self.exponent, self.head, self._size)

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
        rank = check_tokens(token, self._size).astype(np.float64) + 1.0
        return power(rank, -self.exponent) / self.normaliser

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
        tokens = self.table.draw(stream.words(step, n))
        steps = np.atleast_1d(np.asarray(step, dtype=np.uint64))
        flat = tokens.reshape(-1)
        waiting = np.flatnonzero(flat == self.head)  # value `head` of the table is "tail"
        trial = 1
        while waiting.size:
            words = stream.words_at(steps[waiting // n], waiting % n, trial)
            rank, accepted = self.tail.propose(words)
            flat[waiting[accepted]] = rank[accepted].astype(np.int64) - 1
            waiting = waiting[~accepted]
            trial += 1
        return tokens


class Tail:
    """Rejection-inversion over the ranks head+1 .. size.

    Lengths are in units of `start` = head + 1/2 and areas in units of start * h(start), so that
    nothing overflows and s near 1 loses no digits.
    """

    def __init__(self, exponent: float, head: int, size: int) -> None:
        self.exponent = exponent
        self.one_minus_s = 1.0 - exponent
        self.first = head + 1.0
        self.last = float(size)
        self.start = head + 0.5
        # The first rank's tile is cut down to what it may keep: it is never rejected. Further ranks
        # exceed by less, so a point that is no further left of its rank than the cut is of the
        # first rank needs no second look. [H&D 1996, section 3]
        self.lowest = self._area(np.array(self.first + 0.5)) - self._tile(np.array(self.first))
        self.spread = self._area(np.array(self.last + 0.5)) - self.lowest
        self.surely_accepted = self.first - self._point(self.lowest)

    def propose(self, words: Words) -> tuple[Doubles, NDArray[np.bool_]]:
        """A rank for each word, and whether it is accepted."""
        area = self.lowest + open_uniform(words) * self.spread
        x = self._point(area)
        rank = np.clip(np.rint(x), self.first, self.last)
        accepted = rank - x <= self.surely_accepted
        unsure = np.flatnonzero(~accepted)
        k = rank[unsure]
        accepted[unsure] = area[unsure] >= self._area(k + 0.5) - self._tile(k)
        return rank, accepted

    def _tile(self, rank: Doubles) -> Doubles:
        """What a rank may keep of its tile: h(rank) / (start h(start))."""
        return power(rank / self.start, -self.exponent) / self.start

    def _area(self, x: Doubles) -> Doubles:
        """Integral of h from start to x: ((x / start)^(1-s) - 1) / (1 - s), or log for s = 1."""
        log_ratio = log1p((x - self.start) / self.start)
        if self.one_minus_s == 0.0:
            return log_ratio
        return expm1(self.one_minus_s * log_ratio) / self.one_minus_s

    def _point(self, area: Doubles) -> Doubles:
        """The inverse of `_area`."""
        if self.one_minus_s == 0.0:
            return self.start * exp(area)
        return self.start * exp(log1p(self.one_minus_s * area) / self.one_minus_s)


def _sum_of_powers(first: int, last: int, s: float) -> float:
    """first^-s + ... + last^-s: terms up to rank 65,535, Euler-Maclaurin beyond."""
    terms = float(fold(power(np.arange(float(first), min(last, HEAD) + 1.0), -s)))
    a, b = float(max(first, HEAD + 1)), float(last)
    if b < a:
        return terms
    q = 1.0 - s
    log_ratio = float(log1p((b - a) / a))
    if q == 0.0:
        integral = log_ratio
    elif abs(q * log_ratio) < 1.0:
        integral = power(a, q) * expm1(q * log_ratio) / q
    else:
        integral = (power(b, q) - power(a, q)) / q
    at_a, at_b = power(a, -s), power(b, -s)
    # The next term, s(s+1)(s+2) a^-(s+3) / 720, is below 1e-17 of the first wherever p_k > 2^-62.
    return terms + (integral + 0.5 * (at_a + at_b) + s / 12.0 * (at_a / a - at_b / b))
