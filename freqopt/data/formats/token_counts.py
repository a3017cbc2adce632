"""Two-column tables of tokens and counts, such as published word or bigram frequencies.

**Format** no header; a token, then a tab or a blank, then a whole number of at least 1. In
a line with tabs the last tab separates, else the last blank: so a token may hold blanks, as the
bigram in "of the<TAB>9".
Lines of one token, such as case variants folded by the publisher, are added up.

**Examples** the unigrams and bigrams of wordsegment (tab) and symspellpy (blank). Such tables were
cut off at a least count: they say nothing about words seen once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from freqopt.data.datasets import TokenCounts
from freqopt.data.parsing.encodings import UTF_8
from freqopt.data.parsing.faults import bad_line, shown
from freqopt.data.parsing.lines import lines, whole_number
from freqopt.data.parsing.unpacked import DataFile, Where, checksum
from freqopt.data.vocabulary import Order, check_order


class TokenCount(NamedTuple):
    """One line."""

    token: str
    occurrences: int


def iterate(
    path: str | Path, *, encoding: str = UTF_8, member: str | None = None
) -> Iterator[TokenCount]:
    """Yield one record per line, in constant memory."""
    for _line, token, count in _parse(DataFile(Path(path), member), encoding):
        yield TokenCount(token, count)


def read(
    path: str | Path,
    *,
    order: Order = "frequency",
    encoding: str = UTF_8,
    sha256: str | None = None,
    member: str | None = None,
) -> TokenCounts:
    """Read the whole table, plain, gzip or zip.

    Parameters
    ----------
    path
        The file.
    order
        Numbering of the tokens, see `freqopt.data.vocabulary.Order`.
    encoding
        Of the text.
    sha256
        Declared checksum of the file; compared before anything is read.
    member
        Which file of a zip archive, where it has several.

    Raises
    ------
    DataError
        The file is missing, damaged or not in this format; the message names the line.
    """
    check_order(order)
    digest = checksum(path, sha256)
    counts: dict[str, int] = {}
    for line, token, count in _parse(DataFile(Path(path), member), encoding):
        total = counts.get(token, 0) + count
        if total >= 2**63:
            todo = "Correct the line."
            came = f"the counts of {shown(token)} add up to {total}"
            raise bad_line(path, line, came, "less than 2^63", todo)
        counts[token] = total
    words = list(counts)
    if order == "frequency":
        words.sort(key=lambda word: (-counts[word], word))
    return TokenCounts(
        words=tuple(words),
        counts=np.array([counts[word] for word in words], dtype=np.int64),
        name=Path(path).name,
        source=str(path),
        sha256=digest,
    )


def _parse(path: Where, encoding: str) -> Iterator[tuple[int, str, int]]:
    for line, text in lines(path, encoding):
        token, _, count = text.rpartition("\t" if "\t" in text else " ")
        if not token.strip():
            raise bad_line(
                path,
                line,
                f"{shown(text)} is not a token and a count",
                "token<TAB>count or token<BLANK>count",
                "Correct the line.",
            )
        yield line, token, whole_number(path, line, "the count", count, low=1)
