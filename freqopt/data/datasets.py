"""What a loader returns: integer ids from 0, and the vocabulary that turns them back.

Rows stay in file order and duplicates stay. Arrays are read-only, so that one data set can be
shared between runs.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from freqopt.data.vocabulary import Order, encode

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """Where data came from.

    Attributes
    ----------
    name : str
        What the data are, for captions and stored results.
    source : str
        The file they were read from.
    sha256 : str
        Of that file as it lay on disk.
    """

    name: str
    source: str
    sha256: str

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                view = value.view()
                view.flags.writeable = False
                object.__setattr__(self, field.name, view)


@dataclass(frozen=True, eq=False, kw_only=True)
class Ratings(Dataset):
    """Ratings of items by users.

    Attributes
    ----------
    users, items : int64 array, shape (n,)
        Ids from 0.
    values : float64 array, shape (n,)
        Ratings, in stars.
    timestamps : int64 array, shape (n,), or None
        Seconds since 1970-01-01 UTC, where the file has no other unit; None if it has no times.
    user_ids, item_ids : int64 array, or StringDType array, shapes (users,) and (items,)
        The file's own identifier of each id: text unless all are whole numbers.
    test : bool array, shape (n,), or None
        The rows that those who published the data keep for testing; None where they do not say.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    values: NDArray[np.float64]
    timestamps: NDArray[np.int64] | None
    user_ids: NDArray[Any]
    item_ids: NDArray[Any]
    test: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return self.values.size

    def take(self, rows: NDArray[np.int64]) -> Ratings:
        """Return some rows under the same ids, such as one part of a split.

        Parameters
        ----------
        rows : int64 (m,)
            Places among the n ratings.

        Returns
        -------
        Ratings
            Of m ratings; their ids and identifiers stay.
        """
        return replace(
            self,
            users=self.users[rows],
            items=self.items[rows],
            values=self.values[rows],
            timestamps=None if self.timestamps is None else self.timestamps[rows],
            test=None if self.test is None else self.test[rows],
        )


def ratings(
    columns: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]],
    order: Order,
    *,
    name: str,
    source: str,
    sha256: str,
) -> Ratings:
    """Build `Ratings` from the columns user, item, rating, time as a file has them."""
    users, user_ids = encode(columns[0], order)
    items, item_ids = encode(columns[1], order)
    return Ratings(
        users=users,
        items=items,
        values=columns[2],
        timestamps=columns[3],
        user_ids=user_ids,
        item_ids=item_ids,
        name=name,
        source=source,
        sha256=sha256,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Clicks(Dataset):
    """Shown advertisements, clicked or not, with F categorical and K dense features.

    Attributes
    ----------
    labels : int8 array, shape (n,), or None
        1 clicked, 0 not; None for a test file, which has no labels.
    tokens : int64 array, shape (n, F)
        In column f the ids 0 .. sizes[f]-1: every field has a table of its own.
    dense : float64 array, shape (n, K)
        NaN where missing, if the preset keeps missing values.
    timestamps : int64 array, shape (n,)
        Seconds since 1970-01-01 UTC, or the row number where the file has order but no time.
    vocabularies : F int64 arrays
        The file's own value of each id; -1 for a missing value in a field of hashes.
    token_names, dense_names : tuple of str
        Column names, F and K of them.
    """

    labels: NDArray[np.int8] | None
    tokens: NDArray[np.int64]
    dense: NDArray[np.float64]
    timestamps: NDArray[np.int64]
    vocabularies: tuple[NDArray[np.int64], ...]
    token_names: tuple[str, ...]
    dense_names: tuple[str, ...]

    def __len__(self) -> int:
        return self.tokens.shape[0]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of tokens of each field."""
        return tuple(vocabulary.size for vocabulary in self.vocabularies)

    def take(self, rows: NDArray[np.int64]) -> Clicks:
        """Return some rows under the same ids, such as one part of a split.

        Parameters
        ----------
        rows : int64 (m,)
            Places among the n rows.

        Returns
        -------
        Clicks
            Of m rows; their ids and vocabularies stay.
        """
        return replace(
            self,
            labels=None if self.labels is None else self.labels[rows],
            tokens=self.tokens[rows],
            dense=self.dense[rows],
            timestamps=self.timestamps[rows],
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class TokenCounts(Dataset):
    """How often each token occurs.

    Attributes
    ----------
    words : tuple of str, length V
        The tokens; position is id.
    counts : int64 array, shape (V,)
        Occurrences; a loader gives none below 1, and refuses a file that has one.
    """

    words: tuple[str, ...]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True, eq=False, kw_only=True)
class Corpus(TokenCounts):
    """A text as a sequence of token ids, with the counts of its vocabulary.

    Attributes
    ----------
    tokens : int64 array, shape (n,)
        The kept tokens in text order; `counts` counts them.
    dropped : int
        Tokens left out because their word occurs less than `min_count` times.
    """

    tokens: NDArray[np.int64]
    dropped: int


@dataclass(frozen=True, eq=False, kw_only=True)
class PairCounts(Dataset):
    """How often a centre word meets a context word: a sparse (V, V) matrix in coordinate form.

    Attributes
    ----------
    words : tuple of str, length V
        The tokens; position is id.
    centres, contexts : int64 array, shape (P,)
        Ids; the pairs are distinct and sorted by centre, then context.
    counts : int64 array, shape (P,)
        Weight of each pair; `bigram_pairs` and the like give none below 1.
    """

    words: tuple[str, ...]
    centres: NDArray[np.int64]
    contexts: NDArray[np.int64]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return self.counts.size


def stack(parts: list[NDArray[Scalar]]) -> NDArray[Scalar]:
    """Join blocks of rows, freeing each as it is copied: the peak is one copy, not two."""
    whole = np.empty((sum(len(part) for part in parts), *parts[0].shape[1:]), parts[0].dtype)
    stop = len(whole)
    while parts:
        part = parts.pop()
        whole[stop - len(part) : stop] = part
        stop -= len(part)
    return whole
