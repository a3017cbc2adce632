"""MovieLens as CSV: `ratings.csv` of latest-small, latest, 20M, 25M and 32M of GroupLens.

**Format** the header userId,movieId,rating,timestamp; no quotes in this file; stars from 0.5 to 5
by halves, written 4.0; seconds since the epoch. The published zip is read as it is.

**Official size** ratings, users, movies in `movies.csv`: 20M: 20,000,263, 138,493, 27,278; 25M:
25,000,095, 162,541, 62,423; 32M: 32,000,204, 200,948, 87,585; latest-small changes.

**Source** F. M. Harper, J. A. Konstan, The MovieLens Datasets, ACM TiiS 5(4), article 19, 2015.
The data are the user's own copy under GroupLens' terms.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from freqopt.data.datasets import Ratings
from freqopt.data.parsing.stars import Rating, Stars
from freqopt.data.vocabulary import Order

FORM = Stars(
    "MovieLens", ",", ("ratings.csv",), halves=True, header="userId,movieId,rating,timestamp"
)


def iterate(path: str | Path, *, member: str | None = None) -> Iterator[Rating]:
    """Yield the lines of `ratings.csv` below its header, in constant memory."""
    return FORM.iterate(path, member)


def read(
    path: str | Path,
    *,
    order: Order = "appearance",
    sha256: str | None = None,
    member: str | None = None,
    test: str | None = None,
) -> Ratings:
    """Read `ratings.csv`, plain, gzip or zip.

    Parameters
    ----------
    path
        The file.
    order
        Numbering of users and items, see `freqopt.data.vocabulary.Order`.
    sha256
        Declared checksum of the file; compared before anything is read.
    member
        Which file of a zip archive; by default `ratings.csv`, or the only one.
    test
        The file with the official test rows: beside `path`, or in the same archive.

    Raises
    ------
    DataError
        The file is missing, damaged or not in this format; the message names the line.
    """
    return FORM.read(path, order=order, sha256=sha256, member=member, test=test)
