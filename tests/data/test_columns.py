"""The vectorised parser against Python's own, field by field, good and bad."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from freqopt.data.parsing.columns import Columns
from freqopt.data.parsing.lines import Block
from freqopt.errors import DataError

HERE = Path("file")
EDGES = [0, 1, 9, 10, 2**31 - 1, 2**31, 2**32, 10**18, 2**63 - 1, 2**63, 10**19, 2**64 - 1, 2**64]
numbers = st.one_of(
    st.integers(-(2**65), 2**65).map(str),
    st.sampled_from(EDGES).map(str),
    st.sampled_from(EDGES).map(lambda n: f"-{n}"),
    st.integers(0, 2**40).map(lambda n: f"{n:020d}"),
    st.text("0123456789-+._ eaF:/", max_size=22),
)


def one_column(texts):
    block = Block(HERE, 1, "".join(text + "\n" for text in texts).encode())
    return Columns(block, "\t", ("x",))


def oracle(text, low, high):
    """None where the text is not a plain decimal of at most 20 digits in the range."""
    if re.fullmatch(r"-?[0-9]{1,20}", text) and low <= int(text) <= high:
        return None if low == 0 and text.startswith("-") else int(text)
    return None


def check(read, texts, want):
    """All good: the values. Else: the first bad line is named and nothing is returned."""
    bad = [k for k, value in enumerate(want) if value is None]
    if bad:
        with pytest.raises(DataError, match=rf"^file, line {bad[0] + 1}: column 1 \(x\) is "):
            read()
    else:
        assert read().ravel().tolist() == want


@given(st.lists(numbers, min_size=1, max_size=4))
@example(["18446744073709551615", "00000000000000000001", "0"])
@example(["18446744073709551616"])
@example(["28446744073709551615"])
@example(["100000000000000000000"])
@example(["-9223372036854775808", "9223372036854775807"])
@example(["-9223372036854775809"])
@example(["-0", "0"])
@example(["-"])
@example(["--1"])
@example([""])
def test_decimal_numbers(texts):
    fields = one_column(texts)
    column = slice(0, 1)
    check(lambda: fields.unsigned(column), texts, [oracle(t, 0, 2**64 - 1) for t in texts])
    check(lambda: fields.integers(column), texts, [oracle(t, -(2**63), 2**63 - 1) for t in texts])
    check(
        lambda: fields.integers(column, signed=False),
        texts,
        [oracle(t, 0, 2**63 - 1) for t in texts],
    )


@given(
    st.lists(
        st.one_of(
            st.integers(0, 2**32 - 1).map("{:08x}".format),
            st.integers(0, 2**32 - 1).map("{:08X}".format),
            st.text("0123456789abcdefABCDEFg@`/:-x", max_size=9),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_hashes(texts):
    want = [int(t, 16) if re.fullmatch(r"[0-9a-fA-F]{8}", t) else None for t in texts]
    fields = one_column(texts)
    check(lambda: fields.hashes(slice(0, 1)), texts, want)
    blank = [0 if t == "" else value for t, value in zip(texts, want, strict=True)]
    check(lambda: fields.hashes(slice(0, 1), blank=True), texts, blank)


@given(st.lists(st.sampled_from(["0", "1", "2", "", "-1", "01", "x", "/"]), min_size=1))
def test_labels(texts):
    want = [int(t) if t in ("0", "1") else None for t in texts]
    check(lambda: one_column(texts).binary(0), texts, want)


@given(
    st.lists(st.tuples(*3 * [st.sampled_from(["", "7", "-12", "3000"])]), min_size=1),
    st.sampled_from(["\t", ",", "::"]),
)
def test_many_columns_with_empty_fields(rows, separator):
    block = Block(HERE, 1, "".join(separator.join(row) + "\n" for row in rows).encode())
    fields = Columns(block, separator, ("a", "b", "c"))
    assert fields.size == len(rows)
    want = [[int(field or 0) for field in row] for row in rows]
    assert fields.integers(slice(0, 3), blank=True).tolist() == want
    assert fields.empty(slice(0, 3)).tolist() == [[not field for field in row] for row in rows]
    assert fields.integers(slice(1, 3), blank=True).tolist() == [row[1:] for row in want]


def test_message_names_line_column_value_and_remedy():
    block = Block(HERE, 41, b"1,2\n1,2\n1,caf\xe9" + b" and so on" * 9 + b"\n")
    with pytest.raises(DataError) as error:
        Columns(block, ",", ("a", "b")).integers(slice(0, 2))
    assert str(error.value) == (
        r"file, line 43: column 2 (b) is 'caf\xe9 and so on and so on and so on and so on and so on"
        "'...; expected a whole number from -2^63 to 2^63-1. Correct the line, or check that "
        "the file is in the format that was asked for."
    )


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6))
@example([2, 4])
@example([4, 2])
@example([1, 5])
def test_wrong_counts_that_add_up_are_still_refused(counts):
    """3 + 3 fields and 2 + 4 fields have equal totals; each line must have 3."""
    block = Block(HERE, 1, "".join(",".join("1" * n) + "\n" for n in counts).encode())
    wrong = [k for k, n in enumerate(counts) if n != 3]
    if not wrong:
        assert np.all(Columns(block, ",", ("a", "b", "c")).integers(slice(0, 3)) == 1)
        return
    with pytest.raises(DataError, match=f"line {wrong[0] + 1}: {counts[wrong[0]]} columns"):
        Columns(block, ",", ("a", "b", "c"))


def test_the_stand_in_for_a_long_separator_separates_nothing():
    block = Block(HERE, 1, b"1\x1f2\n")
    with pytest.raises(DataError, match="line 1: 1 columns"):
        Columns(block, "::", ("a", "b"))
    block = Block(HERE, 1, b"1\x1f::2\n")
    with pytest.raises(DataError, match=r"column 1 \(a\)"):
        Columns(block, "::", ("a", "b")).integers(slice(0, 2))
