"""Philox against NumPy's raw output, and the address of a word."""

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from freqopt.errors import SamplerError
from freqopt.streams import Stream, purpose_id, words
from freqopt.streams.philox import multiply_wide, philox

word = st.integers(0, 2**64 - 1)


def numpy_words(counter: list[int], key: list[int], n: int) -> NDArray[np.uint64]:
    """NumPy adds 1 to the 256-bit counter before each block: start it one below."""
    before = (sum(c << 64 * i for i, c in enumerate(counter)) - 1) % 2**256
    limbs = np.array([before >> 64 * i & 2**64 - 1 for i in range(4)], dtype=np.uint64)
    return np.random.Philox(key=np.array(key, dtype=np.uint64), counter=limbs).random_raw(n)


@given(st.lists(word, min_size=4, max_size=4), st.lists(word, min_size=2, max_size=2))
def test_one_block_equals_numpy(counter: list[int], key: list[int]) -> None:
    ours = philox(*(np.array(part, dtype=np.uint64) for part in counter + key))
    assert ours.tolist() == numpy_words(counter, key, 4).tolist()


def test_many_blocks_equal_numpy_across_the_chunk_border() -> None:
    blocks = np.arange(20_000, dtype=np.uint64)
    zero = np.array(0, dtype=np.uint64)
    ours = philox(blocks, zero, zero, zero, zero, zero).reshape(-1)
    assert (ours == numpy_words([0, 0, 0, 0], [0, 0], 80_000)).all()


@given(word, word)
def test_wide_product(a: int, b: int) -> None:
    high, low = multiply_wide(np.array([a], dtype=np.uint64), b)
    assert (int(high[0]) << 64) + int(low[0]) == a * b


@given(word, word, word, word, st.integers(0, 9))
def test_address_of_a_word(seed: int, run: int, step: int, trial: int, n: int) -> None:
    ours = Stream(seed, run, "tokens").words(step, n, trial)
    counter = [0, step, purpose_id("tokens"), trial]
    assert ours.tolist() == numpy_words(counter, [seed, run], n).tolist()
    assert ours.dtype == np.uint64


def test_purpose_is_the_start_of_its_sha_256() -> None:
    digest = hashlib.sha256(b"tokens").hexdigest()
    assert purpose_id("tokens").to_bytes(8, "little").hex() == digest[:16]


@pytest.mark.parametrize("n", [0, 1, 4, 5, 31])
def test_a_step_alone_equals_its_row_in_an_array_of_steps(n: int) -> None:
    stream = Stream(7, 3, "noise")
    steps = np.array([5, 0, 2**63 - 1, 5, 1])
    for method in (stream.words, stream.uniform, stream.normal, stream.exponential):
        together = method(steps, n)
        assert together.shape == (5, n)
        for row, step in enumerate(steps.tolist()):
            assert together[row].tolist() == method(step, n).tolist()


def test_fewer_words_are_a_prefix_of_more() -> None:
    stream = Stream(7, 3, "noise")
    assert stream.words(9, 13).tolist() == stream.words(9, 100)[:13].tolist()


def test_single_words_at_scattered_places() -> None:
    stream = Stream(1, 2, "tokens")
    steps = np.array([0, 1, 7])
    block = stream.words(steps, 50, trial=3)
    row, position = np.array([2, 0, 0, 1]), np.array([49, 3, 4, 0])
    scattered = stream.words_at(steps[row], position, trial=3)
    assert scattered.tolist() == block[row, position].tolist()
    assert stream.words_at(7, position, trial=3).tolist() == block[2, position].tolist()
    assert stream.words_at(steps, np.array(9), trial=3).tolist() == block[:, 9].tolist()


def test_integers_of_numpy_are_integers() -> None:
    expected = words(3, 4, "a", 5, 2).tolist()
    for kind in (np.int8, np.int64, np.uint64):
        assert words(kind(3), kind(4), "a", kind(5), kind(2), kind(0)).tolist() == expected
        assert words(3, 4, "a", np.array([5], dtype=kind), 2).tolist() == [expected]


def test_every_part_of_the_address_matters() -> None:
    base = {"seed": 1, "run": 2, "purpose": "a", "step": 3, "n": 8, "trial": 0}
    others: list[dict[str, Any]] = [
        {"seed": 2}, {"run": 1}, {"purpose": "b"}, {"step": 4}, {"trial": 1}
    ]  # fmt: skip
    drawn = [words(**(base | other)).tolist() for other in [{}, *others]]
    assert len({value for row in drawn for value in row}) == 8 * len(drawn)


@pytest.mark.parametrize("value", [-1, 2**64, 1.0, True, "1", None])
@pytest.mark.parametrize("name", ["seed", "run", "step", "trial"])
def test_bad_address_is_refused(name: str, value: Any) -> None:
    arguments = {"seed": 0, "run": 0, "purpose": "a", "step": 0, "n": 1, "trial": 0, name: value}
    with pytest.raises(SamplerError, match=rf"The {name} must be an integer in \[0, 2\^64\); got"):
        words(**arguments)


@pytest.mark.parametrize("step", [np.array([1.0]), np.array([0, -1]), np.array([[1]])])
def test_bad_array_of_steps_is_refused(step: Any) -> None:
    with pytest.raises(SamplerError, match="An array of steps must be one-dimensional"):
        words(0, 0, "a", step, 1)


@pytest.mark.parametrize("n", [-1, 1.5, True])
def test_bad_number_of_draws_is_refused(n: Any) -> None:
    with pytest.raises(SamplerError, match="number of draws must be an integer >= 0"):
        words(0, 0, "a", 0, n)


@pytest.mark.parametrize("purpose", ["", 3])
def test_bad_purpose_is_refused(purpose: Any) -> None:
    with pytest.raises(SamplerError, match="purpose is a non-empty name"):
        Stream(0, 0, purpose)
