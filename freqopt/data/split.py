"""Training, validation and test rows, and token groups by training count.

A split is three arrays of row numbers; `dataset.take(split.train)` gives the part. Rows keep
their order in the data inside each part, unless a function says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import DataError
from freqopt.streams.stream import Stream
from freqopt.typing import Integers

GROUP_EDGES = (5, 20, 100)
"""Groups of training count < 5, 5-19, 20-99 and >= 100."""


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers of the three parts; they are disjoint and cover all rows.

    Attributes
    ----------
    train, validation, test : int64 (n1,), (n2,), (n3,)
        Row numbers.
    """

    train: Integers
    validation: Integers
    test: Integers


def permutation(n: int, stream: Stream, step: int = 0) -> Integers:
    """0 .. n-1 in the order of n random 64-bit words, ties (probability n^2 / 2^65) by number.

    Parameters
    ----------
    n : int
        Number of rows.
    stream : Stream
    step : int
        Step of the stream whose words are taken.

    Returns
    -------
    int64 (n,)
    """
    return np.argsort(stream.words(step, n), kind="stable")


def random_split(
    n: int, stream: Stream, fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
) -> Split:
    """Each row falls into one part at random; the part sizes are exact.

    Parameters
    ----------
    n : int
        Number of rows.
    stream
        Random words; the same stream gives the same split on any machine.
    fractions
        Of training, validation and test rows; each at least 0, together 1.

    Returns
    -------
    Split

    Raises
    ------
    DataError
        Fractions that are none, or a part that is wanted but would be empty.
    """
    return _cut(permutation(n, stream), fractions)


def time_split(
    timestamps: NDArray[np.int64], fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
) -> Split:
    """Past for training, then validation, the most recent for test; equal times in row order.

    Parameters
    ----------
    timestamps : int64 array, shape (n,)
    fractions
        Of training, validation and test rows; each at least 0, together 1.

    Returns
    -------
    Split

    Raises
    ------
    DataError
        Fractions that are none, or a part that is wanted but would be empty.
    """
    return _cut(np.argsort(timestamps, kind="stable"), fractions)


def leave_last_out(users: NDArray[np.int64], timestamps: NDArray[np.int64]) -> Split:
    """For each user the latest row for test, the one before for validation, the rest to train.

    A user with fewer than 3 rows is for training only. Equal times count in row order.

    Parameters
    ----------
    users, timestamps : int64 array, shape (n,)

    Returns
    -------
    Split

    Raises
    ------
    DataError
        No user has 3 rows.
    """
    order = np.lexsort((timestamps, users))
    sorted_users = users[order]
    last = np.flatnonzero(np.append(sorted_users[1:] != sorted_users[:-1], True))
    rows = np.diff(last, prepend=-1)
    last = last[rows >= 3]
    if not last.size:
        raise DataError(
            f"no user has 3 rows or more (largest: {rows.max(initial=0)}); expected one for each "
            "of training, validation and test. Use random_split or time_split."
        )
    held = np.concatenate([last, last - 1])
    return Split(np.sort(np.delete(order, held)), np.sort(order[last - 1]), np.sort(order[last]))


def count_groups(
    counts: NDArray[np.int64], edges: tuple[int, ...] = GROUP_EDGES
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Group tokens by how often they occur in the training rows.

    Parameters
    ----------
    counts : int64 array, shape (N,)
        Training occurrences of each token, such as `bincount(train.items, minlength=N)`. Counts
        of all rows would let the test set choose its own groups.
    edges
        Least count of each group but the first, ascending.

    Returns
    -------
    group : int64 array, shape (N,)
        0 (rarest) .. len(edges).
    sizes : int64 array, shape (len(edges) + 1,)
        Tokens in each group; to be reported with any metric by group.

    Raises
    ------
    DataError
        Edges that do not ascend.

    Examples
    --------
    >>> count_groups(np.array([0, 4, 5, 19, 20, 100, 7000]))
    (array([0, 0, 1, 1, 2, 3, 3]), array([2, 2, 1, 2]))
    """
    if list(edges) != sorted(set(edges)):
        raise DataError(
            f"group edges {edges} do not ascend; expected increasing counts such as {GROUP_EDGES}. "
            "Sort them and drop repetitions."
        )
    group = np.searchsorted(np.array(edges), counts, side="right")
    return group, np.bincount(group, minlength=len(edges) + 1)


def _cut(order: Integers, fractions: tuple[float, float, float]) -> Split:
    """Cut at round(n f1) and round(n (f1 + f2))."""
    if (
        len(fractions) != 3
        or not all(fraction >= 0 for fraction in fractions)
        or not abs(sum(fractions) - 1) < 1e-9
    ):
        raise DataError(
            f"split fractions {fractions} are no split; expected three numbers of at least 0 for "
            "training, validation and test, together 1. Correct them, e.g. (0.8, 0.1, 0.1)."
        )
    cuts = [round(order.size * fractions[0]), round(order.size * (fractions[0] + fractions[1]))]
    parts = np.split(order, cuts)
    for part, fraction, name in zip(
        parts, fractions, ("training", "validation", "test"), strict=True
    ):
        if fraction > 0 and not part.size:
            raise DataError(
                f"{order.size} rows leave the {name} part (fraction {fraction}) empty; expected "
                "at least one row in it. Use more rows or a larger fraction."
            )
    return Split(*(np.sort(part) for part in parts))
