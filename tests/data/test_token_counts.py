import pytest

from freqopt.data import load
from freqopt.data.formats import token_counts
from freqopt.errors import DataError


def test_tab_and_blank(write):
    tab = load(write("of the\t9\nthe\t12\n"), format="token_counts", order="appearance")
    blank = load(write("of the 9\nthe 12\n"), format="token_counts", order="appearance")
    assert tab.words == blank.words == ("of the", "the")
    assert tab.counts.tolist() == blank.counts.tolist() == [9, 12]


def test_frequency_is_the_default_order_with_ties_by_token(write):
    data = load(write("b\t2\nc\t7\na\t2\n"), format="token_counts")
    assert data.words == ("c", "a", "b")
    assert data.counts.tolist() == [7, 2, 2]


def test_leading_zeros_make_another_token(write):
    data = load(write("007\t3\n7\t2\n"), format="token_counts")
    assert data.words == ("007", "7")


def test_lines_of_one_token_add_up_in_the_table_and_stay_apart_in_the_records(write):
    path = write("able to\t593366\nto\t1\nable to\t100783318\n")
    data = load(path, format="token_counts")
    assert data.words == ("able to", "to")
    assert data.counts.tolist() == [593366 + 100783318, 1]
    assert [record.occurrences for record in token_counts.iterate(path)] == [593366, 1, 100783318]


def test_large_counts_and_a_byte_order_mark(write):
    data = load(write("\ufeffa\t9223372036854775807\nb\t4294967296\n"), format="token_counts")
    assert data.words == ("a", "b")
    assert data.counts.tolist() == [2**63 - 1, 2**32]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a\t9223372036854775808", "the count is '9223372036854775808'; expected a whole number"),
        ("a\t0", "the count is '0'; expected a whole number from 1 to"),
        ("a\t-3", "the count is '-3'"),
        ("a\t1.5", "the count is '1.5'"),
        ("a\t1e9", "the count is '1e9'"),
        ("a\t³", "the count is '³'"),
        ("a\tmany", "the count is 'many'"),
        ("a\t", "the count is ''"),
        ("\t5", "is not a token and a count; expected token<TAB>count or token<BLANK>count"),
        ("5", "'5' is not a token and a count"),
        ("a 3 n", "the count is 'n'"),
        ("a " + "9" * 5000, "the count is '99"),
    ],
)
def test_bad_lines(line, message, write):
    with pytest.raises(DataError, match=f"data, line 2: .*{message}"):
        load(write(f"z\t1\n{line}\n"), format="token_counts")


def test_a_sum_above_63_bits_is_refused(write):
    text = f"a\t{2**62}\nb\t{2**63 - 1}\na\t{2**62}\n"
    with pytest.raises(DataError, match="line 3: the counts of 'a' add up to 9223372036854775808"):
        load(write(text), format="token_counts")
