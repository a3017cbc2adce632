"""MovieLens-10M: `ratings.dat` of half stars, `movies.dat` of GroupLens.

**Format** `::` between fields, no header, UTF-8.
`ratings.dat`: UserID::MovieID::Rating::Timestamp, stars from 0.5 to 5 by halves, written 5 or 4.5;
seconds since the epoch. The files r1.train and r1.test to r5, ra and rb, which the data set's own
script makes, have the same form: `test` takes them as they are.
`movies.dat`: as that of MovieLens-1M, but in UTF-8.

**Official size** 10,000,054 ratings, 69,878 users, 10,677 rated movies.

**Source** F. M. Harper, J. A. Konstan, The MovieLens Datasets, ACM TiiS 5(4), article 19, 2015.
The data are the user's own copy under GroupLens' terms.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from freqopt.data.datasets import Ratings
from freqopt.data.formats import movielens_1m
from freqopt.data.formats.movielens_1m import Movie
from freqopt.data.parsing.encodings import UTF_8
from freqopt.data.parsing.stars import Rating, Stars
from freqopt.data.vocabulary import Order

FORM = Stars("MovieLens-10M", "::", ("ratings.dat",), halves=True)


def iterate(path: str | Path, *, member: str | None = None) -> Iterator[Rating]:
    """Yield the lines of `ratings.dat`, in constant memory."""
    return FORM.iterate(path, member)


def read(
    path: str | Path,
    *,
    order: Order = "appearance",
    sha256: str | None = None,
    member: str | None = None,
    test: str | None = None,
) -> Ratings:
    """Read `ratings.dat`, plain, gzip or zip.

    Parameters
    ----------
    path
        The file.
    order
        Numbering of users and items, see `freqopt.data.vocabulary.Order`.
    sha256
        Declared checksum of the file; compared before anything is read.
    member
        Which file of a zip archive; by default `ratings.dat`, or the only one.
    test
        The file with the official test rows, such as `r1.test` to `r1.train`: beside `path`, or in
        the same archive.

    Raises
    ------
    DataError
        The file is missing, damaged or not in this format; the message names the line.
    """
    return FORM.read(path, order=order, sha256=sha256, member=member, test=test)


def iterate_movies(path: str | Path, *, encoding: str = UTF_8) -> Iterator[Movie]:
    """Yield the lines of `movies.dat`.

    Parameters
    ----------
    path
        The file.
    encoding
        Of its text.
    """
    return movielens_1m.iterate_movies(path, encoding=encoding)
