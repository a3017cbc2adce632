"""A text of five million words: the GNU Collaborative International Dictionary of English.

**Data** 5.4 million words, 46,870 of them five times or more (dict-gcide 0.48.5+nmu2), lower-cased;
versions have other texts, and the checksum is that of the file.

**File** `/usr/share/dictd/gcide.dict.dz` of Debian's package dict-gcide, a gzip file. Its text is
ASCII but for three bytes.

**Source** GCIDE, Free Software Foundation, from Webster's dictionary of 1913 and WordNet; GPL.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from freqopt.data.datasets import Corpus
from freqopt.data.formats import text
from freqopt.data.vocabulary import Order
from freqopt.errors import DataError

FILE = Path("/usr/share/dictd/gcide.dict.dz")


def read(*, min_count: int = 5, order: Order = "frequency") -> Corpus:
    """Read the text.

    Parameters
    ----------
    min_count : int
        Words with fewer occurrences leave the vocabulary and the sequence.
    order
        Numbering of the words, see `freqopt.data.vocabulary.Order`.

    Raises
    ------
    DataError
        The package is missing.
    """
    corpus = text.read(
        file(), words="english", min_count=min_count, order=order, encoding="latin-1"
    )
    return replace(corpus, name="GCIDE")


def file() -> Path:
    """Where the text stands: part of the key of every run on it, since no checksum is fixed.

    Raises
    ------
    DataError
        The package is missing.
    """
    if not FILE.is_file():
        raise DataError(
            f"{FILE} does not exist; expected the text of Debian's package dict-gcide. Run: apt "
            "install dict-gcide; or name a text of your own with format = 'text'."
        )
    return FILE
