"""The alias method with integer decisions: any distribution over K values, one word a draw.

The unit interval is cut into K equal buckets. A bucket belongs to its own value below a threshold
and to one other value, its alias, above it (Walker, *ACM TOMS* 3, 1977, 253-256). So a draw is one
multiplication and one comparison, whatever K is.

Probabilities are integers here. A bucket is worth 2^b units, with b = 63 - bit_length(K), so that
all K buckets are worth less than 2^63 and every sum below is exact in int64. That is also the most
that one 64-bit word can resolve. The word w gives bucket = floor(w K / 2^64), and the low 64 bits
of w K are compared with the threshold, scaled to 64 bits.

Buckets are filled by a sweep: values that are worth less than a bucket ("light") take, in order,
what they lack from values that are worth more ("heavy"), in order. A heavy value whose surplus is
used up takes what it then lacks from the next heavy one. Which heavy value a light one meets
depends only on running sums of lacks and surpluses, so two sorted searches replace Vose's loop
(the sequential form of the parallel algorithm of Huebschle-Schneider & Sanders, *Parallel weighted
random sampling*, ESA 2019, section 4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from freqopt.errors import SamplerError
from freqopt.streams.fold import fold
from freqopt.streams.philox import Words, multiply_wide
from freqopt.typing import Doubles, Integers


class AliasTable:
    """Draws k with probability weights[k] / sum(weights), one 64-bit word a draw.

    Parameters
    ----------
    weights : array, shape (K,), 1 <= K < 2^31
        Integer counts >= 0, which are apportioned exactly, or finite floats >= 0. Not all zero.

    Attributes
    ----------
    weights : int64 or float64 (K,)
        As given.
    units : int64 (K,)
        What each value is worth, in units of 1 / units_total: floor(weight * units_total / sum),
        in exact integers for counts and in float64 for floats (53 bits of each weight count). What
        the floors leave over goes to the heaviest value: less than K of about 2^63 units for
        counts. A value below 1 unit, a probability below 2^-62, is never drawn.
    thresholds : uint64 (K,)
        A bucket keeps its own value if the low 64 bits of word * K are below its threshold.
    aliases : int64 (K,)
        The value that a bucket gives otherwise.

    Raises
    ------
    SamplerError
        Weights that are no distribution.

    Examples
    --------
    >>> AliasTable(np.array([1, 0, 3])).probabilities.tolist()
    [0.25, 0.0, 0.75]
    """

    def __init__(self, weights: ArrayLike) -> None:
        self.weights = _checked(np.asarray(weights))
        size = len(self.weights)
        bits = 63 - size.bit_length()
        self.units = _apportion(self.weights, size << bits)
        kept, self.aliases = _fill_buckets(self.units, 1 << bits)
        self.thresholds: Words = kept.astype(np.uint64) << np.uint64(64 - bits)

    @property
    def size(self) -> int:
        """K, the number of values."""
        return len(self.units)

    @property
    def probabilities(self) -> Doubles:
        """The probabilities that the thresholds imply, float64 (K,).

        They are units / units_total; a draw is off from them by less than K 2^-64 in each value,
        because word * K takes only every K-th value of the 64 low bits.
        """
        return self.units / float(self.size << 63 - self.size.bit_length())

    def draw(self, words: Words) -> Integers:
        """One value per word: int64, shape of `words`.

        Parameters
        ----------
        words : uint64 array
            One random word for each draw.

        Returns
        -------
        int64 array, shape of `words`
            Values in [0, size).
        """
        bucket, rest = multiply_wide(np.asarray(words), self.size)
        own = bucket.astype(np.int64)
        return np.where(rest < self.thresholds[own], own, self.aliases[own])


def _checked(weights: NDArray[np.generic]) -> Integers | Doubles:
    if weights.ndim != 1 or not 1 <= weights.size < 2**31 or weights.dtype.kind not in "iuf":
        raise SamplerError(
            "Weights must be a one-dimensional array of 1 to 2^31 - 1 numbers; "
            f"got shape {weights.shape}, dtype {weights.dtype}."
        )
    if weights.dtype.kind == "u" and (weights >= np.uint64(2**63)).any():
        raise SamplerError(f"Counts must be below 2^63; got {weights.max()}.")
    floats = weights.dtype.kind == "f"
    checked: Integers | Doubles = weights.astype(np.float64) if floats else weights.astype(np.int64)
    wrong = np.flatnonzero(~(np.isfinite(checked) & (checked >= 0)))
    if wrong.size:
        raise SamplerError(
            f"Weights must be finite and >= 0; weight {wrong[0]} is {checked[wrong[0]]} "
            f"({wrong.size} such in all)."
        )
    if not checked.any():
        raise SamplerError(f"All {checked.size} weights are 0; at least one must be positive.")
    return checked


def _apportion(weights: Integers | Doubles, total: int) -> Integers:
    """Integers proportional to the weights, rounded down, that add up to `total` exactly."""
    if weights.dtype == np.int64:
        counts = weights.tolist()  # Python's integers: count * total needs up to 126 bits
        whole = sum(counts)
        units = np.fromiter((c * total // whole for c in counts), np.int64, len(counts))
    else:
        scaled = weights / weights.max()  # no overflow in the sum
        units = np.floor(scaled / fold(scaled) * float(total)).astype(np.int64)
    units[np.argmax(units)] += total - int(units.sum())
    return units


def _fill_buckets(units: Integers, bucket: int) -> tuple[Integers, Integers]:
    """Units of its own that each bucket keeps (0: none, the alias has it all), and its alias."""
    light = np.flatnonzero(units < bucket)
    heavy = np.flatnonzero(units >= bucket)
    lack = np.cumsum(bucket - units[light])
    surplus = np.cumsum(units[heavy] - bucket)
    kept = units.copy()
    aliases = np.arange(len(units))
    # A light value meets the first heavy one whose running surplus covers all lacks before it.
    lack_before = lack - (bucket - units[light])
    aliases[light] = heavy[np.searchsorted(surplus, lack_before, side="left")]
    # A heavy value is used up by the first light one whose running lack exceeds its surplus.
    emptied_by = np.searchsorted(lack, surplus, side="right")
    used_up = emptied_by < len(light)  # the others, the last at least, fill their own bucket
    giver = np.flatnonzero(used_up)
    kept[heavy[giver]] = bucket + surplus[giver] - lack[emptied_by[giver]]
    aliases[heavy[giver]] = heavy[giver + 1]
    kept[heavy[~used_up]] = 0  # their alias is the value itself
    return kept, aliases
