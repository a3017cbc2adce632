from collections import Counter
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqopt.data import Corpus, bigram_pairs, following_pairs, load, pairs, skipgram_pairs
from freqopt.errors import DataError

ORIGIN = {"name": "made up", "source": "made up", "sha256": ""}


def corpus_of(tokens, size):
    tokens = np.array(tokens, dtype=np.int64)
    return Corpus(
        words=tuple(map(str, range(size))),
        counts=np.bincount(tokens, minlength=size),
        tokens=tokens,
        dropped=0,
        **ORIGIN,
    )


def as_dict(table):
    triples = zip(
        table.centres.tolist(), table.contexts.tolist(), table.counts.tolist(), strict=True
    )
    return {(i, j): n for i, j, n in triples}


@given(
    st.lists(st.integers(0, 5), min_size=2, max_size=30),
    st.integers(1, 6),
    st.sampled_from(["flat", "linear"]),
    st.one_of(st.none(), st.integers(2, 9)),
    st.integers(1, 40),
)
def test_pairs_by_definition(tokens, window, weights, sentence, chunk):
    """Every ordered pair of positions, one by one; the block size of the counting is no matter."""
    want = Counter()
    for t, centre in enumerate(tokens):
        for u, context in enumerate(tokens):
            same = sentence is None or t // sentence == u // sentence
            if t != u and abs(t - u) <= window and same:
                want[centre, context] += 1 if weights == "flat" else window + 1 - abs(t - u)
    with mock.patch.object(pairs, "CHUNK_TOKENS", chunk):
        found = skipgram_pairs(corpus_of(tokens, 6), window, weights=weights, sentence=sentence)
    assert as_dict(found) == want
    keys = list(zip(found.centres.tolist(), found.contexts.tolist(), strict=True))
    assert keys == sorted(want)


def test_large_vocabulary_does_not_overflow():
    """3,000,000 words: the pair number 3e6 * 3e6 needs 64 bits."""
    corpus = corpus_of([2_999_999, 2_999_998], 3_000_000)
    assert as_dict(skipgram_pairs(corpus, 5)) == {
        (2_999_998, 2_999_999): 1,
        (2_999_999, 2_999_998): 1,
    }


@pytest.mark.parametrize(
    ("tokens", "options", "message"),
    [
        ([1], {"window": 5}, "1 tokens and no pair; expected two in one sentence"),
        ([1, 1], {"window": 5, "sentence": 1}, "2 tokens and no pair"),
        ([1, 1], {"window": 0}, "window is 0"),
        ([1, 1], {"window": 1, "sentence": 0}, "sentence is 0"),
        ([1, 1], {"window": 1, "weights": "round"}, "weights is 'round'; expected one of 'flat'"),
    ],
)
def test_refusals(tokens, options, message):
    with pytest.raises(DataError, match=message):
        skipgram_pairs(corpus_of(tokens, 2), **options)


def test_bigram_table(write):
    table = load(write("b a\t5\na c\t2\nc a\t2\nb b\t1\n"), format="token_counts")
    found = bigram_pairs(table)
    assert found.words == ("a", "b", "c")  # 9, 7, 4
    assert as_dict(found) == {(1, 0): 5, (0, 2): 2, (2, 0): 2, (1, 1): 1}


def test_bigram_table_refuses_other_tokens(write):
    table = load(write("b a\t5\nof the cat\t2\n"), format="token_counts")
    with pytest.raises(DataError, match="has the token 'of the cat'; expected two words"):
        bigram_pairs(table)


def test_following_pairs_have_a_direction():
    found = following_pairs(corpus_of([0, 1, 0, 0, 2, 1], 3))
    assert as_dict(found) == {(0, 0): 1, (0, 1): 1, (0, 2): 1, (1, 0): 1, (2, 1): 1}
    with pytest.raises(DataError, match="expected two or more"):
        following_pairs(corpus_of([0], 1))
