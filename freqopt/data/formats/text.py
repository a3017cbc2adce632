"""Plain text corpora, such as text8: a sequence of words becomes a sequence of ids.

**Format** any text, plain, gzip or zip. It is read in blocks; a word cut by the end of a block is
carried into the next, so one line of 100 MB is as good as many short ones. There are no sentences.

**Words**

* `split`: what stands between white space, as it is (text8 has only a-z and blanks);
* `english`: lower-cased matches of `[a-z]+('[a-z]+)?`.

**Official size** text8: 17,005,207 tokens, 253,854 types; 71,290 of them with min_count 5
(word2vec's C tool has one entry more, its end-of-sentence token).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from freqopt.data.datasets import Corpus, stack
from freqopt.data.options import require_choice, require_positive
from freqopt.data.parsing import unpacked
from freqopt.data.parsing.encodings import UTF_8, check_encoding, decoded
from freqopt.data.parsing.unpacked import DataFile, Where, checksum
from freqopt.data.vocabulary import Order, check_order
from freqopt.errors import DataError

Words = Literal["split", "english"]
_ENGLISH = re.compile(r"[a-z]+(?:'[a-z]+)?")


def iterate(
    path: str | Path,
    *,
    words: Words = "split",
    encoding: str = UTF_8,
    member: str | None = None,
) -> Iterator[str]:
    """Yield the words one by one, in constant memory."""
    for block in _word_blocks(DataFile(Path(path), member), words, encoding):
        yield from block


def read(
    path: str | Path,
    *,
    words: Words = "split",
    min_count: int = 1,
    order: Order = "frequency",
    encoding: str = UTF_8,
    sha256: str | None = None,
    member: str | None = None,
) -> Corpus:
    """Read a whole text.

    Parameters
    ----------
    path
        The file.
    words
        What a word is, see above.
    min_count
        Words with fewer occurrences leave the vocabulary and the sequence.
    order
        Numbering of the words, see `freqopt.data.vocabulary.Order`.
    encoding
        Of the text.
    sha256
        Declared checksum of the file; compared before anything is read.
    member
        Which file of a zip archive, where it has several.

    Raises
    ------
    DataError
        The file is missing, damaged or no text in this encoding; no word is frequent enough.
    """
    check_order(order)
    _check_words(words, encoding)
    require_positive("min_count", min_count)
    digest = checksum(path, sha256)
    blocks = _word_blocks(DataFile(Path(path), member), words, encoding)
    return numbered(blocks, str(path), digest, words=words, min_count=min_count, order=order)


def numbered(
    blocks: Iterable[list[str]],
    source: str,
    sha256: str,
    *,
    words: Words,
    min_count: int,
    order: Order,
) -> Corpus:
    """The words of a text as a corpus; parameters as those of `read`.

    Raises
    ------
    DataError
        No word is frequent enough.
    """
    # A missing word gets the number of words so far: ids by first appearance, in one pass.
    ids: defaultdict[str, int] = defaultdict()
    ids.default_factory = ids.__len__
    parts = [np.fromiter(map(ids.__getitem__, block), np.int64, len(block)) for block in blocks]
    if not ids:
        raise DataError(f"{source} has no word; expected text. Check `words` ({words!r}).")
    tokens = stack(parts)
    seen = tuple(ids)
    counts = np.bincount(tokens)
    kept = np.flatnonzero(counts >= min_count)
    if not kept.size:
        raise DataError(
            f"{source} has no word with {min_count} occurrences (largest: {counts.max()}); "
            "expected at least one. Lower min_count."
        )
    if order == "frequency":
        kept = np.array(sorted(kept.tolist(), key=lambda k: (-counts[k], seen[k])))
    new_id = np.full(counts.size, -1)
    new_id[kept] = np.arange(kept.size)
    renumbered = new_id[tokens]
    frequent = renumbered[renumbered >= 0]
    return Corpus(
        words=tuple(seen[k] for k in kept.tolist()),
        counts=counts[kept],
        tokens=frequent,
        dropped=tokens.size - frequent.size,
        name=Path(source).name,
        source=source,
        sha256=sha256,
    )


def _check_words(words: Words, encoding: str) -> None:
    require_choice("words", words, get_args(Words))
    check_encoding(encoding)


def _word_blocks(path: Where, words: Words, encoding: str) -> Iterator[list[str]]:
    """Lists of whole words, block by block."""
    _check_words(words, encoding)
    rest = ""
    for text in decoded(path, encoding):
        text = rest + text
        # A word may go on in the next block unless white space follows it.
        end = len(text)
        while end and not text[end - 1].isspace():
            end -= 1
        rest = text[end:]
        if len(rest) > unpacked.BLOCK_BYTES:
            raise DataError(
                f"{path} has {len(rest)} characters without white space; expected words. "
                "Check that the file is plain text."
            )
        yield cut(text[:end], words)
    yield cut(rest, words)


def cut(text: str, words: Words) -> list[str]:
    """The words of a piece of text."""
    return text.split() if words == "split" else _ENGLISH.findall(text.lower())
