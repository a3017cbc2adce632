"""The alias table: exact bookkeeping in integers, and draws against the probabilities."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqopt.errors import SamplerError
from freqopt.streams import AliasTable, Stream

COUNTS = st.lists(st.integers(0, 2**55), min_size=1, max_size=40).filter(any)
FLOATS = st.lists(st.floats(0, 1e300), min_size=1, max_size=40).filter(any)


def bits_of(table: AliasTable) -> int:
    return 63 - table.size.bit_length()


def units_in_buckets(table: AliasTable) -> list[int]:
    """What each value gets from all buckets together, in exact integers."""
    bits = bits_of(table)
    units = [0] * table.size
    for own, (threshold, alias) in enumerate(
        zip(table.thresholds.tolist(), table.aliases.tolist(), strict=True)
    ):
        kept = threshold >> 64 - bits
        assert kept << 64 - bits == threshold
        units[own] += kept
        units[alias] += (1 << bits) - kept
    return units


def swept(units: list[int], bucket: int) -> tuple[list[int], list[int]]:
    """The same buckets filled one after the other: what the two searches stand for."""
    left, kept, aliases = list(units), [0] * len(units), list(range(len(units)))
    light = [k for k, u in enumerate(units) if u < bucket]
    heavy = [k for k, u in enumerate(units) if u >= bucket]
    while heavy:
        giver = heavy[0]
        if left[giver] < bucket:
            taker = heavy.pop(0)
            giver = heavy[0]
        elif light:
            taker = light.pop(0)
        else:
            break
        kept[taker], aliases[taker] = left[taker], giver
        left[giver] -= bucket - left[taker]
    return kept, aliases


@given(st.one_of(COUNTS, FLOATS))
def test_buckets_hold_exactly_the_units(weights: list[Any]) -> None:
    table = AliasTable(np.array(weights))
    assert sum(table.units.tolist()) == table.size << bits_of(table)
    assert units_in_buckets(table) == table.units.tolist()


@given(st.one_of(COUNTS, FLOATS))
def test_equals_the_sequential_sweep(weights: list[Any]) -> None:
    table = AliasTable(np.array(weights))
    kept, aliases = swept(table.units.tolist(), 1 << bits_of(table))
    assert aliases == table.aliases.tolist()
    assert [k << 64 - bits_of(table) for k in kept] == table.thresholds.tolist()


@given(COUNTS)
def test_counts_are_apportioned_in_exact_integers(counts: list[int]) -> None:
    table = AliasTable(np.array(counts))
    total = table.size << bits_of(table)
    rounded_down = [c * total // sum(counts) for c in counts]
    over = [u - r for u, r in zip(table.units.tolist(), rounded_down, strict=True)]
    heaviest = rounded_down.index(max(rounded_down))
    assert 0 <= over.pop(heaviest) < table.size
    assert not any(over)


@given(FLOATS)
def test_floats_keep_53_bits(weights: list[float]) -> None:
    table = AliasTable(np.array(weights))
    total = table.size << bits_of(table)
    largest = max(weights)
    whole = sum(w / largest for w in weights)
    for weight, units in zip(weights, table.units.tolist(), strict=True):
        # 5 roundings of 2^-53, the floor, and for the heaviest what the others leave over
        assert abs(units - weight / largest / whole * total) <= 50 * 2.0**-53 * total + 1


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any))
def test_words_are_shared_out_as_the_thresholds_say(counts: list[int]) -> None:
    # the number of 64-bit words that give a value, counted exactly
    table = AliasTable(np.array(counts))
    k = table.size
    words = [0] * k
    for own, (threshold, alias) in enumerate(
        zip(table.thresholds.tolist(), table.aliases.tolist(), strict=True)
    ):
        # words w with own 2^64 <= w K < (own + 1) 2^64, and those below the threshold
        begin, end = -(-(own << 64) // k), -(-((own + 1) << 64) // k)
        border = -(-((own << 64) + threshold) // k)
        words[own] += border - begin
        words[alias] += end - border
        drawn = table.draw(np.array([begin, end - 1], dtype=np.uint64))
        assert drawn[0] == (own if border > begin else alias)
        assert drawn[1] == alias
        if border > begin:
            assert table.draw(np.array([border - 1], dtype=np.uint64))[0] == own
    assert sum(words) == 2**64
    for count, share in zip(counts, words, strict=True):
        # K roundings of a border, and 2 K units of 2^2 words by the apportionment
        assert abs(share - count * 2**64 / sum(counts)) <= 9 * k + 2**12
        assert count > 0 or share == 0


@pytest.mark.parametrize("weights", [[5], [1, 1, 1, 1], [0, 7, 0], [1, 2, 3, 4, 90], [9, 9, 1]])
def test_draws(weights: list[int], accepts: Any) -> None:
    table = AliasTable(weights)
    drawn = table.draw(Stream(1, 0, "alias").words(0, 100_000))
    support = np.flatnonzero(weights)
    assert np.isin(drawn, support).all()
    wrong = np.array([w + 0.1 * sum(weights) * (i == 0) for i, w in enumerate(weights)])
    if len(support) > 1:
        kept = np.searchsorted(support, drawn)
        assert accepts(kept, table.probabilities[support])
        assert not accepts(kept, (wrong / wrong.sum())[support])


def test_shapes_and_types() -> None:
    table = AliasTable([1.0, 2.0])
    words = Stream(1, 0, "alias").words(np.arange(3), 4)
    assert table.draw(words).shape == (3, 4)
    assert table.draw(words).dtype == np.int64
    assert AliasTable([1.0, 3.0]).probabilities.tolist() == [0.25, 0.75]
    assert AliasTable(np.float32([1, 3])).weights.dtype == np.float64


def test_a_large_table() -> None:
    # 2^20 + 1 values: both limbs of word * K matter, and every bucket is off the power of two
    size = 2**20 + 1
    table = AliasTable(np.arange(size))
    expected = np.arange(size) / (size * (size - 1) / 2)
    np.testing.assert_allclose(table.probabilities, expected, rtol=1e-11, atol=2.0**-62)
    drawn = table.draw(Stream(1, 0, "alias").words(0, 400_000))
    # mean of k is (2 K - 1) / 3, its standard deviation about K / sqrt 18: 5 standard errors
    assert abs(drawn.mean() / size - 2 / 3) < 5 / np.sqrt(18 * 400_000)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([], r"1 to 2\^31 - 1 numbers; got shape \(0,\)"),
        ([[1.0]], r"got shape \(1, 1\)"),
        (["a"], "dtype <U1"),
        ([True], "dtype bool"),
        ([0, 0, 0], "All 3 weights are 0"),
        ([1.0, -2.0], r"weight 1 is -2\.0"),
        ([3, -1, -1], r"weight 1 is -1 \(2 such in all\)"),
        ([np.nan, 1.0], "weight 0 is nan"),
        ([1.0, np.inf], "weight 1 is inf"),
        (np.array([2**63], dtype=np.uint64), r"below 2\^63; got 9223372036854775808"),
    ],
)
def test_bad_weights_are_refused(weights: Any, message: str) -> None:
    with pytest.raises(SamplerError, match=message):
        AliasTable(weights)
