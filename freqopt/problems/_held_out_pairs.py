"""The loss of skip-gram on held-out pairs: positives exactly, negatives from a sample."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.data import PairCounts
from freqopt.problems._arrays import gather, parts
from freqopt.problems._held_out import by_training_count
from freqopt.problems._problem import Tables
from freqopt.streams import AliasTable, Stream, fold
from freqopt.streams.elementary import softplus

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

SAMPLES = 1 << 16
"""Centres whose negatives are drawn: the same ones for every run and step."""
NORMAL_95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


def held_out_loss(
    tables: Tables, held: PairCounts, noise: AliasTable, k: int, training: Integers, measure: str
) -> dict[str, float]:
    """Mean loss of a held-out pair, with the half-width of its 95 % interval.

    Parameters
    ----------
    tables : "centres" and "contexts"
    held : PairCounts
        The held-out pairs.
    noise : AliasTable
        Law of a negative.
    k : int
        Negatives per pair.
    training : int64 (N,)
        Training occurrences of each word: groups by it are those of `by_training_count`.
    measure : str
        What the names begin with.

    Returns
    -------
    dict
        `MEASURE_loss`, `MEASURE_loss_margin`, and the loss of the pairs of each group of centres.
        NaN where a score is not finite.
    """
    weights = held.counts / float(held.counts.sum())
    scores = _scores(tables, held.centres, held.contexts[:, None])
    positives = weights * softplus(-scores[:, 0])
    law = AliasTable(np.bincount(held.centres, held.counts, training.size))
    drawn = law.draw(Stream(0, 0, "held-out centres").words(0, SAMPLES))
    words = Stream(0, 0, "held-out negatives").words(0, SAMPLES * k)
    apart = _scores(tables, drawn, noise.draw(words).reshape(SAMPLES, k))
    negatives = np.asarray(fold(softplus(apart)))

    of_pairs, of_draws = (by_training_count(training, rows) for rows in (held.centres, drawn))
    out: dict[str, float] = {}
    everything: dict[str, Any] = {"": slice(None)}
    for name, pairs in (everything | of_pairs).items():
        mass = float(fold(weights[pairs])) if weights[pairs].size else 0.0
        sampled = negatives[of_draws[name]] if name else negatives
        if mass and sampled.size:
            loss = float(fold(positives[pairs])) / mass + float(fold(sampled)) / sampled.size
            out[f"{measure}_loss{'_' if name else ''}{name}"] = loss
    with np.errstate(invalid="ignore"):
        centred = negatives - float(fold(negatives)) / SAMPLES
    deviation = math.sqrt(float(fold(centred * centred)) / (SAMPLES - 1))
    out[f"{measure}_loss_margin"] = NORMAL_95 * deviation / math.sqrt(SAMPLES)
    if not (np.isfinite(scores).all() and np.isfinite(apart).all()):
        return dict.fromkeys(out, math.nan)
    return out


def _scores(tables: Tables, i: Integers, j: Integers) -> Doubles:
    """Dot products of centres (n,) and m contexts each: float64 (n, m)."""
    out, width = np.empty(j.shape), tables["centres"][i[:1]].shape[1]
    for part in parts(i.size, j.shape[1] * width):
        u = np.asarray(tables["centres"][i[part]], np.float64)
        v = np.asarray(gather(tables["contexts"], j[part]), np.float64)
        out[part] = fold(u[:, None, :] * v)
    return out
