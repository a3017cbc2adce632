"""Tokens of (nearly) equal frequency as one: it makes 10^6, and even endless, vocabularies cheap.

Expectations in the scaling laws are sums over tokens of a function of p_k. Tokens of a data set
with equal counts are grouped exactly: a text of 10^9 words has at most 45,000 different counts. A
Zipf law keeps its first ranks one by one; later ones share groups of 1 % of their rank, each with
its exact mass, which changes such a sum by less than 10^-5 of itself (the error is of second order
in the width, (nu * 1 %)^2 / 24).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from freqopt.errors import SamplerError
from freqopt.typing import Doubles

HEAD = 1000
"""Ranks of a Zipf law that stand alone."""
WIDTH = 0.01
"""Relative width of the groups behind them."""
ENDLESS = 1e40
"""The last rank of a vocabulary without end; what lies behind it weighs 10^(-40 (nu - 1))."""


@dataclass(frozen=True)
class Groups:
    """Tokens grouped by frequency, most frequent first.

    Attributes
    ----------
    p : float64 (G,)
        Frequency of one token of the group.
    weight : float64 (G,)
        Number of its tokens.
    """

    p: Doubles
    weight: Doubles

    @property
    def mass(self) -> Doubles:
        """Probability of the whole group, float64 (G,); sums to 1."""
        return self.weight * self.p

    @property
    def size(self) -> float:
        """Number of tokens N."""
        return float(self.weight.sum())


def from_counts(counts: ArrayLike) -> Groups:
    """Tokens with p_k = counts_k / sum(counts); a group for every count that occurs.

    Parameters
    ----------
    counts : integers (N,)
        Occurrences; tokens that never occur are left out.

    Returns
    -------
    Groups

    Raises
    ------
    SamplerError
        Counts that are no list of integers, one below 0, or none above it.
    """
    counts = np.asarray(counts)
    if counts.ndim != 1 or (counts.size and counts.dtype.kind not in "iu"):
        raise SamplerError(
            f"counts are {counts.dtype} of shape {counts.shape}; expected integers of shape (N,), "
            "one for each token"
        )
    if (counts < 0).any():
        raise SamplerError(f"a count is {counts.min()}; expected 0 or more, 0 for an unseen token")
    seen = counts[counts > 0]
    if not seen.size:
        raise SamplerError("no token has a positive count; expected at least one")
    values, numbers = np.unique(seen, return_counts=True)
    total = float(np.sum(values.astype(np.float64) * numbers))
    return Groups((values / total)[::-1].copy(), numbers[::-1].astype(np.float64))


def coarser(groups: Groups, width: float = 0.004) -> Groups:
    """Neighbouring groups whose frequencies differ by less than `width` in one, masses kept.

    Sums change by the second order in the width, some 10^-6 of themselves.

    Parameters
    ----------
    groups : Groups
    width : float
        Of a cell, in the logarithm of the frequency.

    Returns
    -------
    Groups
    """
    cell = np.floor(np.log(groups.p) / width)
    starts = np.flatnonzero(np.diff(cell, prepend=np.inf))
    weight, mass = (np.add.reduceat(v, starts) for v in (groups.weight, groups.mass))
    return Groups(mass / weight, weight)


def zipf(nu: float, size: float = ENDLESS) -> Groups:
    """p_k proportional to k^-nu for k = 1 .. size.

    Parameters
    ----------
    nu : float
        Exponent; more than 1 for a vocabulary without end.
    size : float
        N; by default without end.

    Returns
    -------
    Groups

    Raises
    ------
    SamplerError
        nu <= 1 without a size: there is no such distribution.
    """
    if size >= ENDLESS and nu <= 1:
        raise SamplerError(f"nu = {nu} has no distribution over endless ranks; give a size")
    head = np.arange(1.0, min(size, HEAD) + 1)
    weight, mass = np.ones_like(head), head**-nu
    if size > HEAD:
        count = int(np.log(size / HEAD) / WIDTH) + 2
        edges = np.unique(np.floor(np.geomspace(HEAD + 1, size + 1, count)))
        edges[-1] = np.floor(size) + 1
        # sum of k^-nu over a <= k < b, by the midpoint rule: relative error 1/(24 a^2) < 10^-7
        low, high = edges[:-1] - 0.5, edges[1:] - 0.5
        ratio = np.log(high / low)
        area = ratio if nu == 1 else low ** (1 - nu) * np.expm1((1 - nu) * ratio) / (1 - nu)
        weight = np.concatenate([weight, np.diff(edges)])
        mass = np.concatenate([mass, area])
    mass /= mass.sum()
    return Groups(mass / weight, weight)
