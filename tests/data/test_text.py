import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqopt.data import load
from freqopt.data.formats import text as text_format
from freqopt.errors import DataError
from tests.data.samples import TEXT


def read_back(corpus):
    return [corpus.words[k] for k in corpus.tokens.tolist()]


def test_a_text(write):
    corpus = load(write(TEXT), format="text")
    assert read_back(corpus) == TEXT.split()
    assert corpus.words == ("the", "cat", "and", "dog", "off", "ran", "saw")
    assert corpus.counts.tolist() == [3, 2, 1, 1, 1, 1, 1]
    assert corpus.dropped == 0
    assert load(write(TEXT), format="text", order="appearance").words == (
        *("the", "cat", "saw", "dog", "and", "ran", "off"),
    )


def test_like_text8(write):
    """One line, a blank first, no newline, the last word cut off."""
    corpus = load(write(" anarchism originated as a ter"), format="text", order="appearance")
    assert corpus.words == ("anarchism", "originated", "as", "a", "ter")
    assert corpus.tokens.tolist() == [0, 1, 2, 3, 4]


words = st.text(st.sampled_from("ab'é漢 \n\t\r"), max_size=40)


@given(words, st.integers(1, 9), st.sampled_from(["split", "english"]))
def test_blocks_of_any_size_give_the_words_of_the_whole(text, size, kind):
    """Cut in every place: inside words, inside characters of several bytes."""
    data = text.encode()
    pieces = [data[k : k + size] for k in range(0, len(data), size)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("freqopt.data.parsing.encodings.chunks", lambda path: iter(pieces))
        found = list(text_format.iterate("x", words=kind))
    if kind == "split":
        assert found == text.split()
    else:
        assert found == re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower())


def test_english_words(write):
    path = write("The cat's 2 DOGS ran--away, 'quoted' o'clock'n.")
    assert list(text_format.iterate(path, words="english")) == [
        *("the", "cat's", "dogs", "ran", "away", "quoted", "o'clock", "n"),
    ]


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=40), st.integers(1, 4))
def test_min_count(tmp_path_factory, tokens, min_count):
    path = tmp_path_factory.getbasetemp() / "min_count"
    path.write_text(" ".join(tokens))
    counts = Counter(tokens)
    kept = {word for word in counts if counts[word] >= min_count}
    if not kept:
        with pytest.raises(DataError, match=f"no word with {min_count} occurrences"):
            load(path, format="text", min_count=min_count)
        return
    for order in ("frequency", "appearance"):
        corpus = load(path, format="text", min_count=min_count, order=order)
        assert read_back(corpus) == [word for word in tokens if word in kept]
        assert corpus.counts.tolist() == [counts[word] for word in corpus.words]
        assert corpus.counts.tolist() == np.bincount(corpus.tokens).tolist()
        assert corpus.dropped == sum(counts[word] for word in counts if word not in kept)
        if order == "frequency":
            assert list(corpus.words) == sorted(kept, key=lambda word: (-counts[word], word))
        else:
            assert list(corpus.words) == [word for word in dict.fromkeys(tokens) if word in kept]


def test_latin_1(write):
    path = write("un\ncafé\ndeux".encode("latin-1"))
    with pytest.raises(DataError, match=r"line 2: byte 0xe9; expected text in utf-8\. Name the"):
        load(path, format="text")
    assert load(path, format="text", encoding="latin-1", order="appearance").words[1] == "café"


def test_bad_byte_far_down_and_at_the_end(write, monkeypatch):
    monkeypatch.setattr("freqopt.data.parsing.unpacked.BLOCK_BYTES", 64)
    with pytest.raises(DataError, match="line 301: byte 0xff"):
        load(write(b"word\n" * 300 + b"\xff\n" + b"word\n" * 99), format="text")
    with pytest.raises(DataError, match="line 301: byte 0xe9"):  # a character that never ends
        load(write(b"word\n" * 300 + b"caf\xe9"), format="text")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (" \n ", {}, r"has no word; expected text. Check `words` \('split'\)"),
        ("1 2 3", {"words": "english"}, r"has no word; .*\('english'\)"),
        ("a b", {"min_count": 0}, "min_count is 0; expected a whole number of at least 1"),
        ("a b", {"min_count": 2.5}, "min_count is 2.5"),
        ("a b", {"words": "german"}, "words is 'german'; expected one of 'split', 'english'"),
        ("a b", {"encoding": "utf-9"}, "encoding is 'utf-9'; expected one that Python knows"),
        ("a b", {"encoding": 8}, "encoding is 8"),
        ("a b", {"encoding": "base64"}, "encoding is 'base64'"),
        ("a b", {"encoding": "rot13"}, "encoding is 'rot13'"),
    ],
)
def test_refusals(text, options, message, write):
    with pytest.raises(DataError, match=message):
        load(write(text), format="text", **options)


def test_no_white_space_at_all(write, monkeypatch):
    monkeypatch.setattr("freqopt.data.parsing.unpacked.BLOCK_BYTES", 64)
    with pytest.raises(DataError, match="128 characters without white space; expected words"):
        load(write("x" * 1000), format="text")
