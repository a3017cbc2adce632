from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqopt.data.vocabulary import encode
from freqopt.errors import DataError

values = st.lists(st.integers(-3, 12) | st.integers(2**31, 2**31 + 3) | st.just(-(2**63)))


@given(values)
def test_order_of_appearance(x):
    ids, vocabulary = encode(np.array(x, dtype=np.int64), "appearance")
    assert vocabulary.tolist() == list(dict.fromkeys(x))
    assert vocabulary[ids].tolist() == x
    assert ids.dtype == np.int64


@given(values)
def test_order_of_frequency_with_ties_by_value(x):
    ids, vocabulary = encode(np.array(x, dtype=np.int64), "frequency")
    counts = Counter(x)
    assert vocabulary.tolist() == sorted(counts, key=lambda v: (-counts[v], v))
    assert vocabulary[ids].tolist() == x


def test_unsigned_values_keep_their_dtype():
    ids, vocabulary = encode(np.array([2**64 - 1, 0, 2**64 - 1], dtype=np.uint64))
    assert vocabulary.dtype == np.uint64
    assert (ids.tolist(), vocabulary.tolist()) == ([0, 1, 0], [2**64 - 1, 0])


def test_unknown_order():
    with pytest.raises(DataError, match="order is 'rank'; expected one of 'appearance', 'freq"):
        encode(np.array([1]), "rank")
