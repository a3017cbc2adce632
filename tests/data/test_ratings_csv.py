"""Tables of ratings as people have them."""

import numpy as np
import pytest

from freqopt.data import load
from freqopt.data.formats import ratings_csv
from freqopt.errors import DataError

HEAD = "user,item,rating,timestamp\n"
ROWS = "a,1,2.5,30\nb,1,-3,20\na,x y,1e1,10\n"


def csv(path, **options):
    return load(path, format="ratings_csv", **options)


def read(data):
    return list(
        zip(
            data.user_ids[data.users].tolist(), data.item_ids[data.items].tolist(),
            data.values.tolist(), strict=True,
        )
    )  # fmt: skip


EXPECTED = [("a", "1", 2.5), ("b", "1", -3.0), ("a", "x y", 10.0)]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (HEAD + ROWS, {}),
        (HEAD + ROWS + "\n  \n\n", {}),
        ((HEAD + ROWS).replace(",", ";"), {}),
        ((HEAD + ROWS).replace(",", "\t"), {}),
        ((HEAD + ROWS).replace(",", "|"), {"separator": "|"}),
        ((HEAD + ROWS).replace(",", " ,\t "), {}),
        (HEAD.replace("user", '"User-ID"') + ROWS.replace("a", '"a"'), {}),
        ("".join(f"{k},{line}\n" for k, line in enumerate((HEAD + ROWS).split())), {}),
        (HEAD.replace("item", "thing") + ROWS, {"item": "thing"}),
        (HEAD.replace("item", "user") + ROWS, {"user": 1, "item": 2}),
        (ROWS, {"header": False}),
        (ROWS, {"header": False, "timestamp": 4}),
    ],
)
def test_ways_to_write_one_table(text, options, write):
    if "x y" not in text:  # of the numbered lines
        text = "n,user,item,rating,timestamp\n0,a,1,2.5,30\n1,b,1,-3,20\n2,a,x y,1e1,10\n"
    data = csv(write(text), **options)
    assert read(data) == EXPECTED
    timed = options.get("header", True) or "timestamp" in options
    assert (data.timestamps is not None) == timed
    if timed:
        assert data.timestamps.tolist() == [30, 20, 10]


def test_columns_in_any_order_and_others_passed_over(write):
    text = 'review,stars,asin,uid\n"very ""good"", I; say",5,B00,Z\nno,1.0,B01,Z\n'
    assert read(csv(write(text))) == [("Z", "B00", 5.0), ("Z", "B01", 1.0)]
    first = next(ratings_csv.iterate(write(text)))
    assert first == ("Z", "B00", 5.0, None)


def test_identifiers_are_numbers_only_where_all_are_written_so(write):
    data = csv(write("user,item,rating\n7,007,1\n10,7,1\n7,10,1\n"), order="frequency")
    assert data.user_ids.dtype == np.int64
    assert data.user_ids.tolist() == [7, 10]
    assert data.item_ids.tolist() == ["007", "10", "7"]  # ties by text
    assert csv(write("user,item,rating\n0,1,1\n")).user_ids.tolist() == [0]
    assert csv(write(f"user,item,rating\n{10**18},1,1\n")).user_ids.tolist() == [str(10**18)]


def test_order_of_numbers_is_that_of_other_formats(write):
    rng = np.random.default_rng(0)
    users, items = rng.integers(1, 12, (2, 200)).tolist()
    official = "".join(f"{u}::{i}::3::{k}\n" for k, (u, i) in enumerate(zip(users, items)))  # noqa: B905
    plain = HEAD + official.replace("::", ",")
    for order in ("appearance", "frequency"):
        one = load(write(official), format="movielens_1m", order=order)
        other = csv(write(plain), order=order)
        for name in ("users", "items", "values", "timestamps", "user_ids", "item_ids"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "user,item\na,1\n",
            {},
            "line 1: no column is called like rating, among 'user, item'; exp",
        ),
        (HEAD.replace("item", "rating") + ROWS, {}, "line 1: no column is called like item"),
        ("user,item,rating,Rating\n1,2,3,4\n", {}, r"columns 3, 4 are called .*rating = 'rating'"),
        ("user,item,rating,rating\n1,2,3,4\n", {}, r"columns 3, 4 are called .*rating = 3; a file"),
        (ROWS, {}, "line 1: no column is called like user, .*header = false"),
        (HEAD + ROWS, {"separator": ";"}, "no column is called like user, .* Check `separator`"),
        (HEAD + ROWS, {"separator": "::"}, "separator is '::'; expected one of ',', ';'"),
        (HEAD + ROWS, {"user": "User"}, "no column is 'User', among"),
        (HEAD + ROWS, {"user": 9}, "no column is 9, among"),
        (HEAD + ROWS, {"user": "item"}, "one column is to be two of user, item, rating"),
        ("\n" + HEAD + ROWS, {}, "line 1: a blank line; expected the names"),
        (HEAD, {}, "line 1: only a header; expected rows below it"),
        (HEAD + ROWS + HEAD + ROWS, {}, "line 5: rating is 'rating'; expected a finite number"),
        (HEAD + ROWS + "\n" + ROWS, {}, "line 5: 1 columns; expected 4"),
        (HEAD + ROWS + "a,b,3\n", {}, "line 5: 3 columns; expected 4 columns separated by ','"),
        (HEAD + ROWS + "a,b,3,4,5\n", {}, "line 5: 5 columns"),
        (HEAD + ROWS + "a,b,NaN,4\n", {}, "line 5: rating is 'NaN'; expected a finite number"),
        (HEAD + ROWS + "a,b,,4\n", {}, "line 5: rating is ''; expected a finite number"),
        (HEAD + ROWS + "a,b,1e999,4\n", {}, "line 5: rating is '1e999'; expected a finite"),
        (HEAD + ROWS + 'a,b,"3,5",4\n', {}, "line 5: rating is '3,5'; expected a finite .* 3.5"),
        (HEAD + ROWS + "a, ,3,4\n", {}, "line 5: item is ''; expected an identifier"),
        (HEAD + ROWS + "a,b,3,2005-09-06\n", {}, "line 5: timestamp is '2005.*timestamp = false"),
        (HEAD + ROWS + '"a,b,3,4\nc,d,3,4\n', {}, "line 5: '.*' ends inside double quotes"),
        (HEAD + ROWS + '"a\nb",c,3,4\n', {}, "line 5: '.*' ends inside double quotes"),
    ],
)
def test_bad_tables(text, options, message, write, monkeypatch):
    with pytest.raises(DataError, match=message):
        csv(write(text), **options)
    monkeypatch.setattr("freqopt.data.parsing.unpacked.BLOCK_BYTES", 40)  # about two lines
    with pytest.raises(DataError, match=message):
        csv(write(text), **options)


def test_a_blank_line_between_rows_is_named_wherever_blocks_end(write, monkeypatch):
    path = write(HEAD + ROWS + "\n" + ROWS)
    for size in range(27, 70):
        monkeypatch.setattr("freqopt.data.parsing.unpacked.BLOCK_BYTES", size)
        with pytest.raises(DataError, match="line 5: 1 columns"):
            csv(path)
    monkeypatch.undo()
    assert len(csv(write(HEAD + ROWS + "\n\n"))) == 3
