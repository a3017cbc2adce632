"""MovieLens-100k: `u.data`, `u.user`, `u.item` of GroupLens.

**Format** no header, ISO-8859-1.
`u.data`: user, item, rating, timestamp, separated by tabs; whole stars 1-5.
`u.user`: user|age|gender|occupation|zip code.
`u.item`: item|title|release date|video release date|URL and 19 genre flags 0/1.

**Official size** 100,000 ratings, 943 users, 1,682 items.

**Source** F. M. Harper, J. A. Konstan, The MovieLens Datasets, ACM TiiS 5(4), article 19, 2015.
The data are the user's own copy under GroupLens' terms.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from freqopt.data.datasets import Ratings
from freqopt.data.parsing.lines import rows, whole_number
from freqopt.data.parsing.stars import Rating, Stars
from freqopt.data.vocabulary import Order

FORM = Stars("MovieLens-100k", "\t", ("u.data",))
GENRES = 19
_ITEM_COLUMNS = ("item", "title", "release_date", "video_release_date", "url")


class User(NamedTuple):
    """One line of `u.user`. `zip_code` is text: it may start with 0."""

    user: int
    age: int
    gender: str
    occupation: str
    zip_code: str


class Movie(NamedTuple):
    """One line of `u.item`; `genres` holds the positions 0..18 of the flags that are set."""

    item: int
    title: str
    release_date: str
    genres: tuple[int, ...]


def iterate(path: str | Path, *, member: str | None = None) -> Iterator[Rating]:
    """Yield the lines of `u.data`, in constant memory."""
    return FORM.iterate(path, member)


def read(
    path: str | Path,
    *,
    order: Order = "appearance",
    sha256: str | None = None,
    member: str | None = None,
    test: str | None = None,
) -> Ratings:
    """Read `u.data`, plain, gzip or zip.

    Parameters
    ----------
    path
        The file.
    order
        Numbering of users and items, see `freqopt.data.vocabulary.Order`.
    sha256
        Declared checksum of the file; compared before anything is read.
    member
        Which file of a zip archive; by default `u.data`, or the only one.
    test
        The file with the official test rows, such as `u1.test` to `u1.base`: beside `path`, or in
        the same archive.

    Raises
    ------
    DataError
        The file is missing, damaged or not in this format; the message names the line.
    """
    return FORM.read(path, order=order, sha256=sha256, member=member, test=test)


def iterate_users(path: str | Path, *, encoding: str | None = None) -> Iterator[User]:
    """Yield the lines of `u.user`.

    Parameters
    ----------
    path
        The file.
    encoding
        Of its text; by default ISO-8859-1, and what may be UTF-8 as well is refused.
    """
    columns = ("user", "age", "gender", "occupation", "zip_code")
    for line, (user, age, gender, occupation, zip_code) in rows(path, "|", columns, encoding):
        yield User(
            whole_number(path, line, "user", user),
            whole_number(path, line, "age", age),
            gender,
            occupation,
            zip_code,
        )


def iterate_movies(path: str | Path, *, encoding: str | None = None) -> Iterator[Movie]:
    """Yield the lines of `u.item`.

    Parameters
    ----------
    path
        The file.
    encoding
        Of its text; by default ISO-8859-1, and what may be UTF-8 as well is refused.
    """
    columns = _ITEM_COLUMNS + tuple(f"genre_{k}" for k in range(GENRES))
    for line, (item, title, date, _video, _url, *flags) in rows(path, "|", columns, encoding):
        flagged = [
            whole_number(path, line, columns[5 + k], flag, high=1) for k, flag in enumerate(flags)
        ]
        yield Movie(
            whole_number(path, line, "item", item),
            title,
            date,
            tuple(k for k, flag in enumerate(flagged) if flag),
        )
