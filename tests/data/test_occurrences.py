"""Counts out of whatever file a user has."""

import gzip
import os
import re
import zipfile

import pytest

from freqopt.data.occurrences import occurrences
from freqopt.errors import DataError

PAIRS = ("the", 7), ("of", 5), ("a b", 1)


def lines(template, header=""):
    return header + "".join(template.format(token=t, count=c) + "\n" for t, c in PAIRS)


@pytest.mark.parametrize(
    "content",
    [
        lines("{token}\t{count}"),
        lines("{token}\t{count}", "word\tcount\n"),
        lines("{token},{count}", "word,count\n"),
        lines("{token}\t{count}\tnoun"),
        lines("{token} {count}"),
        lines("   {count} {token}"),
        lines("{count}"),
        lines("{token}\t{count}\n", "\ufeff"),
        lines("{token}\t{count}", "# made by hand\n; and checked\n\n"),
        lines("{token}\t{count}") + "never\t0\n",
        lines("{token}\t{count}").replace("the\t7", "the\t4") + "the\t3\n",
        '{"the": 7,\n "of": 5, "a b": 1}',
        '\ufeff{"the": 7, "of": 5, "a b": 1}',
        "the the the of of the the a-b the of of of the",
    ],
)
def test_forms_of_the_same_counts(tmp_path, content):
    file = tmp_path / "counts"
    file.write_text(content, encoding="utf-8")
    assert sorted(occurrences(file).counts) == [1, 5, 7]
    file.write_bytes(gzip.compress(content.replace("\n", "\r\n").encode()))
    assert sorted(occurrences(file).counts) == [1, 5, 7]


@pytest.mark.parametrize("content", [lines("{token}\t{count}"), "the " * 7 + "of " * 5 + "é"])
def test_an_encoding_and_a_member_are_named(tmp_path, content):
    """A message tells to name them; counts and running text, where é is no UTF-8."""
    content, file = content.replace("a b", "é"), tmp_path / "counts.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("counts.txt", content.encode("utf-16"))
        archive.writestr("about.txt", "made by hand")
    with pytest.raises(DataError, match="Name it with `member`"):
        occurrences(file)
    with pytest.raises(DataError, match="Name the file's encoding"):
        occurrences(file, member="counts.txt")
    found = occurrences(file, encoding="utf-16", member="counts.txt").counts
    assert sorted(found) == [1, 5, 7]


def test_a_column_of_a_table_is_counted(tmp_path):
    file = tmp_path / "ratings.csv"
    file.write_text("userId,movieId,rating\n1,10,4.5\n1,20,3\n2,10,5\n")
    assert sorted(occurrences(file).counts) == [1, 2]
    assert sorted(occurrences(file, column="rating").counts) == [1, 1, 1]
    assert sorted(occurrences(file, column="1").counts) == [1, 2]
    with pytest.raises(DataError, match="no column 'stars'"):
        occurrences(file, column="stars")


def test_published_ratings_are_told_from_counts(tmp_path):
    """Four columns of whole numbers, the last of which is a time."""
    hundred = tmp_path / "u.data"
    hundred.write_text("1\t10\t4\t881250949\n1\t20\t3\t881250950\n2\t10\t5\t881250951\n")
    million = tmp_path / "ratings.dat"
    million.write_text("1::10::4::881250949\n1::20::3::881250950\n2::10::5::881250951\n")
    for file in (hundred, million):
        assert occurrences(file).what == "items"
        assert sorted(occurrences(file).counts) == [1, 2]


HOSTILE = {
    "": "is empty",
    "\n\n": "blank lines",
    "a\t0\nb\t0\n": "no token with a positive count",
    "a\t1\n" * 30 + "b\t-3\n": "line 31: the count is '-3'",
    "a\t1\n" * 30 + "b\t1e5\n": "line 31",
    "a\t1\n" * 30 + "b\t9223372036854775808\n": "line 31",
    "a\t9223372036854775807\na\t9223372036854775807\n": "add up",
    '{"a": -1}': "JSON object is",
    '{"a": true}': "JSON object is",
    '{"a": 1': "begins like JSON",
    "{" * 100_000: "begins like JSON",
    "item,other,more\n1,2,3\n4\n": "",
    "PK\x03\x04": "zip",
}


TEMPLATES = "{token}\t{count}", "{token},{count}", "{token} {count}", "{count} {token}", "{count}"


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("bad", ["nan", "inf", "-3", "2.5", "1e3", "x", ""])
@pytest.mark.parametrize("at", range(3))
def test_a_bad_count_never_changes_what_the_file_is(tmp_path, template, bad, at):
    """Not to words, not to a header: where it may be a word, others must outnumber it."""
    if bad == "" and "\t" not in template and "," not in template:
        return  # a blank line, or words
    if bad == "x" and at == 0:
        return  # a header
    texts = [template.format(token=t, count=c) for t, c in (("the", 7), ("of", 5), ("a", 1))]
    texts[at] = template.format(token="by", count=bad)
    file = tmp_path / "counts"
    file.write_text("\n".join(texts))
    with pytest.raises(DataError, match=f"line {at + 1}: the count is '{re.escape(bad)}'"):
        occurrences(file)


@pytest.mark.parametrize(
    "header", ["word\tcount", "token\tfreq_2020", "# made in 2020", "; by hand"]
)
def test_what_may_stand_above_counts(tmp_path, header):
    file = tmp_path / "counts"
    file.write_text(header + "\nthe\t7\n#\t5\n")
    assert sorted(occurrences(file).counts) == [5, 7]
    file.write_text("#\t5\nthe\t7\n")
    assert sorted(occurrences(file).counts) == [5, 7]


def test_text_with_numbers_in_it_is_text(tmp_path):
    file = tmp_path / "text"
    for content in ("It was in 2020\nthat we met\nand parted", "He was 5.\nShe was 6.", "nan"):
        file.write_text(content)
        assert occurrences(file).what == "words"


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_files_get_one_sentence(tmp_path, content):
    file = tmp_path / "counts"
    file.write_text(content)
    if HOSTILE[content]:
        with pytest.raises(DataError, match=HOSTILE[content]):
            occurrences(file)
    else:
        occurrences(file)


def test_bytes_that_are_no_text(tmp_path):
    file = tmp_path / "counts"
    file.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(DataError):
        occurrences(file)
    with pytest.raises(DataError, match="does not exist"):
        occurrences(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(DataError, match=r"cannot be read \((it is no regular|Is a dir)"):
            occurrences(path)


def test_counts_that_are_none_at_all_are_no_text(tmp_path):
    path = tmp_path / "counts.tsv"
    path.write_text("a\tnan\nb\tinf\n")
    with pytest.raises(DataError, match="line 1: the count is 'nan'"):
        occurrences(path)
