"""MovieLens-1M: `ratings.dat`, `users.dat`, `movies.dat` of GroupLens.

**Format** `::` between fields, no header, ISO-8859-1.
`ratings.dat`: UserID::MovieID::Rating::Timestamp, whole stars 1-5, seconds since the epoch.
`users.dat`: UserID::Gender::Age::Occupation::Zip-code; ages are the lower ends of seven ranges.
`movies.dat`: MovieID::Title::Genres, the year in brackets at the end of the title, genres
separated by `|`.

**Official size** 1,000,209 ratings, 6,040 users, 3,706 rated movies under ids 1..3952 with gaps:
tables are sized by the vocabulary, not by the largest id.

**Source** F. M. Harper, J. A. Konstan, The MovieLens Datasets, ACM TiiS 5(4), article 19, 2015.
The data are the user's own copy under GroupLens' terms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from freqopt.data.datasets import Ratings
from freqopt.data.parsing.faults import bad_line, shown
from freqopt.data.parsing.lines import rows, whole_number
from freqopt.data.parsing.stars import Rating, Stars
from freqopt.data.vocabulary import Order

FORM = Stars("MovieLens-1M", "::", ("ratings.dat",))
AGES = (1, 18, 25, 35, 45, 50, 56)
_YEAR = re.compile(r"\((\d{4})\)\s*$", re.ASCII)


class User(NamedTuple):
    """One line of `users.dat`. `zip_code` is text: it may start with 0 or have a suffix."""

    user: int
    gender: str
    age: int
    occupation: int
    zip_code: str


class Movie(NamedTuple):
    """One line of `movies.dat`; `year` is None where the title names none."""

    item: int
    title: str
    year: int | None
    genres: tuple[str, ...]


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
        The file with the official test rows: beside `path`, or in the same archive.

    Raises
    ------
    DataError
        The file is missing, damaged or not in this format; the message names the line.
    """
    return FORM.read(path, order=order, sha256=sha256, member=member, test=test)


def iterate_users(path: str | Path, *, encoding: str | None = None) -> Iterator[User]:
    """Yield the lines of `users.dat`.

    Parameters
    ----------
    path
        The file.
    encoding
        Of its text; by default ISO-8859-1, and what may be UTF-8 as well is refused.
    """
    columns = ("user", "gender", "age", "occupation", "zip_code")
    for line, (user, gender, age, occupation, zip_code) in rows(path, "::", columns, encoding):
        if gender not in ("M", "F"):
            raise _unexpected(path, line, f"gender is {shown(gender)}", "M or F")
        years = whole_number(path, line, "age", age)
        if years not in AGES:
            raise _unexpected(path, line, f"age is {years}", f"one of {AGES}")
        yield User(
            whole_number(path, line, "user", user),
            gender,
            years,
            whole_number(path, line, "occupation", occupation, high=20),
            zip_code,
        )


def iterate_movies(path: str | Path, *, encoding: str | None = None) -> Iterator[Movie]:
    """Yield the lines of `movies.dat`.

    Parameters
    ----------
    path
        The file.
    encoding
        Of its text; by default ISO-8859-1, and what may be UTF-8 as well is refused.
    """
    for line, (item, title, genres) in rows(path, "::", ("item", "title", "genres"), encoding):
        year = _YEAR.search(title)
        yield Movie(
            whole_number(path, line, "item", item),
            title,
            int(year[1]) if year else None,
            tuple(genres.split("|")),
        )


def _unexpected(path: str | Path, line: int, came: str, expected: str) -> Exception:
    todo = "Correct the line, or check that the file is MovieLens-1M's users.dat."
    return bad_line(path, line, came, expected, todo)
