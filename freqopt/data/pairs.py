"""How often words meet: pairs of a text, skip-gram or in succession, or a published table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from freqopt.data.datasets import Corpus, PairCounts, TokenCounts
from freqopt.data.options import require_choice, require_positive
from freqopt.errors import DataError
from freqopt.typing import Integers

Weights = Literal["flat", "linear"]

CHUNK_TOKENS = 1 << 19
"""Text positions whose pairs are counted at a time."""


def skipgram_pairs(
    corpus: Corpus, window: int, *, weights: Weights = "flat", sentence: int | None = None
) -> PairCounts:
    """Count (centre, context) pairs at distance 1 .. window, both ways round.

    Words below the corpus's `min_count` were taken out before, so the window reaches over them, as
    in word2vec.

    Parameters
    ----------
    corpus
        The text.
    window : int
        Greatest distance, at least 1.
    weights
        `flat`: every pair counts 1. `linear`: a pair at distance k counts window + 1 - k, which is
        `window` times its expected count when word2vec draws its window uniformly from 1..window.
    sentence
        The text is cut every so many tokens and no pair crosses a cut; word2vec's C tool cuts at
        1000. None: one sentence.

    Returns
    -------
    PairCounts

    Raises
    ------
    DataError
        A window or sentence length below 1, unknown weights, or a text without a pair.
    """
    require_positive("window", window)
    require_choice("weights", weights, get_args(Weights))
    if sentence is not None:
        require_positive("sentence", sentence)
    tokens, size = corpus.tokens, len(corpus)
    length = tokens.size if sentence is None else sentence
    done: list[tuple[Integers, Integers]] = []
    for start in range(0, tokens.size, CHUNK_TOKENS):
        parts, part_counts = [], []
        for k in range(1, window + 1):
            left = np.arange(start, min(start + CHUNK_TOKENS, tokens.size - k))
            left = left[left // length == (left + k) // length]
            one, other = tokens[left], tokens[left + k]
            parts += [one * size + other, other * size + one]
            part_counts += 2 * [np.full(left.size, 1 if weights == "flat" else window + 1 - k)]
        pairs = _add_up(parts, part_counts)
        # Sums of like size are joined, so that each pair is moved a logarithmic number of times.
        while done and done[-1][0].size <= 2 * pairs[0].size:
            pairs = _add_up(*zip(done.pop(), pairs, strict=True))
        done.append(pairs)
    keys, counts = _add_up(*zip(*done, strict=True))
    if not keys.size:
        raise DataError(
            f"{corpus.source} has {tokens.size} tokens and no pair; expected two in one sentence. "
            "Lower min_count, or use a longer text or sentence."
        )
    return _pairs(corpus, corpus.words, keys, counts)


def following_pairs(corpus: Corpus) -> PairCounts:
    """Count (word, next word): as many pairs as the text has words, less one.

    Words below the corpus's `min_count` were taken out before, and count as if not there.

    Parameters
    ----------
    corpus : Corpus
        The text.

    Returns
    -------
    PairCounts

    Raises
    ------
    DataError
        A text of one word.
    """
    size, tokens = len(corpus), corpus.tokens
    if tokens.size < 2:
        raise DataError(
            f"{corpus.source} has {tokens.size} word; expected two or more. Use a longer text, or "
            "lower min_count."
        )
    keys = tokens[:-1] * size + tokens[1:]
    return _pairs(corpus, corpus.words, *_add_up([keys], [np.ones(keys.size, np.int64)]))


def bigram_pairs(table: TokenCounts) -> PairCounts:
    """Take each token of a count table as `first second`: first is the centre, second the context.

    Words are numbered by their count in both places together, most frequent first, ties by word.

    Parameters
    ----------
    table : TokenCounts
        Of tokens that are two words each.

    Returns
    -------
    PairCounts

    Raises
    ------
    DataError
        A token that is not two words separated by white space.
    """
    totals: dict[str, int] = {}
    split = [token.split() for token in table.words]
    for words, count in zip(split, table.counts.tolist(), strict=True):
        if len(words) != 2:
            raise DataError(
                f"{table.source} has the token {' '.join(words)!r}; expected two words in every "
                "token. Use a table of bigrams."
            )
        for word in words:
            totals[word] = totals.get(word, 0) + count
    ranked = sorted(totals, key=lambda word: (-totals[word], word))
    number = {word: k for k, word in enumerate(ranked)}
    keys = np.array([number[one] * len(ranked) + number[other] for one, other in split])
    return _pairs(table, tuple(ranked), *_add_up([keys], [table.counts]))


def _add_up(keys: Sequence[Integers], counts: Sequence[Integers]) -> tuple[Integers, Integers]:
    """Distinct keys in ascending order, and the sum of the counts of each, in integers."""
    joined = np.concatenate(keys)
    order = np.argsort(joined)  # unstable: integers add up the same in any order
    joined = joined[order]
    first = np.flatnonzero(np.diff(joined, prepend=-1))
    if not first.size:
        return joined, joined
    return joined[first], np.add.reduceat(np.concatenate(counts)[order], first)


def _pairs(of: TokenCounts, words: tuple[str, ...], keys: Integers, counts: Integers) -> PairCounts:
    centres, contexts = np.divmod(keys, len(words))
    return PairCounts(
        words=words,
        centres=centres,
        contexts=contexts,
        counts=counts,
        name=f"pairs of {of.name}",
        source=of.source,
        sha256=of.sha256,
    )
