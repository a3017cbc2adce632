import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqopt.data.split import (
    count_groups,
    leave_last_out,
    permutation,
    random_split,
    time_split,
)
from freqopt.errors import DataError
from freqopt.streams.stream import Stream

STREAM = Stream(7, 0, "split")
fractions = st.sampled_from(
    [(0.8, 0.1, 0.1), (0.5, 0.25, 0.25), (0.9, 0.0, 0.1), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)]
)


def parts(split):
    return [split.train, split.validation, split.test]


@given(st.integers(10, 500), fractions)
def test_parts_are_disjoint_ordered_and_of_exact_size(n, wanted):
    for split in (
        random_split(n, STREAM, wanted),
        time_split(np.arange(n)[::-1].copy(), wanted),
    ):
        assert sorted(np.concatenate(parts(split)).tolist()) == list(range(n))
        for part, fraction in zip(parts(split), wanted, strict=True):
            assert abs(part.size - n * fraction) < 1
            assert (np.diff(part) > 0).all()
            assert part.dtype == np.int64


def test_random_split_is_the_sorted_words():
    words = STREAM.words(0, 100)
    split = random_split(100, STREAM)
    assert words[split.train].max() < words[split.validation].min()
    assert words[split.validation].max() < words[split.test].min()
    other = random_split(100, Stream(8, 0, "split"))
    assert not np.array_equal(split.test, other.test)


def test_permutations_of_three_are_equally_likely():
    """3000 draws: a count of 500 has standard deviation 20.4; four of them are allowed."""
    seen = np.zeros(27, dtype=int)
    for step in range(3000):
        a, b, c = permutation(3, STREAM, step)
        seen[9 * a + 3 * b + c] += 1
    counts = seen[seen > 0]
    assert counts.size == 6
    assert abs(counts - 500).max() < 82


@given(st.lists(st.integers(0, 5), min_size=10, max_size=60))
def test_time_split_puts_the_past_first(times):
    split = time_split(np.array(times), (0.5, 0.2, 0.3))
    stamped = [[(times[k], k) for k in part] for part in parts(split)]
    assert max(stamped[0]) < min(stamped[1])
    assert max(stamped[1]) < min(stamped[2])


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=3, max_size=40))
def test_leave_last_out_by_definition(rows):
    users, times = (np.array(column) for column in zip(*rows, strict=True))
    train, validation, test = set(range(len(rows))), set(), set()
    for user in set(users.tolist()):
        own = sorted((time, row) for row, (u, time) in enumerate(rows) if u == user)
        if len(own) >= 3:
            test.add(own[-1][1])
            validation.add(own[-2][1])
    if not test:
        with pytest.raises(DataError, match=r"no user has 3 rows or more \(largest: [12]\)"):
            leave_last_out(users, times)
        return
    split = leave_last_out(users, times)
    assert split.test.tolist() == sorted(test)
    assert split.validation.tolist() == sorted(validation)
    assert split.train.tolist() == sorted(train - test - validation)


@given(st.lists(st.integers(0, 200), max_size=50))
def test_groups_by_training_count(counts):
    group, sizes = count_groups(np.array(counts, dtype=np.int64))
    limits = [(0, 4), (5, 19), (20, 99), (100, 10**9)]
    for count, g in zip(counts, group.tolist(), strict=True):
        assert limits[g][0] <= count <= limits[g][1]
    assert sizes.tolist() == [group.tolist().count(g) for g in range(4)]


@pytest.mark.parametrize(
    "bad", [(0.8, 0.1), (0.8, 0.1, 0.2), (1.1, -0.1, 0.0), (float("nan"), 0.5, 0.5), ()]
)
def test_fractions_that_are_none(bad):
    with pytest.raises(DataError, match="are no split; expected three numbers"):
        random_split(100, STREAM, bad)


@pytest.mark.parametrize("n", [0, 1, 2, 4])
def test_a_wanted_part_may_not_be_empty(n):
    with pytest.raises(DataError, match=rf"{n} rows leave the \w+ part \(fraction 0\.[18]\) empty"):
        random_split(n, STREAM)


def test_edges_must_ascend():
    with pytest.raises(DataError, match=r"group edges \(5, 5\) do not ascend"):
        count_groups(np.array([1]), (5, 5))
