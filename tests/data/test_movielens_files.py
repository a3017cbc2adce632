import zipfile

import numpy as np
import pytest

from freqopt.data import load
from freqopt.data.formats import movielens_1m, movielens_100k
from freqopt.errors import DataError
from tests.data.samples import MOVIELENS_1M, MOVIELENS_100K, MOVIELENS_CSV, RECBOLE_INTER


@pytest.mark.parametrize(
    ("name", "text"), [("movielens_1m", MOVIELENS_1M), ("movielens_100k", MOVIELENS_100K)]
)
def test_rows_keep_order_and_duplicates(name, text, write):
    data = load(write(text), format=name)
    assert data.users.tolist() == [0, 1, 0, 0]
    assert data.items.tolist() == [0, 0, 1, 0]
    assert data.values.tolist() == [5.0, 3.0, 1.0, 5.0]
    assert data.timestamps.tolist() == [978300760, 978300700, 978302268, 978300760]
    assert (data.user_ids.tolist(), data.item_ids.tolist()) == ([7, 2], [31, 3952])
    assert (data.users.dtype, data.values.dtype, len(data)) == (np.int64, np.float64, 4)


def test_half_stars(write):
    rows = "1::122::5::838985046\n1::185::4.5::838983525\n2::1::0.5::1\n2::2::3.0::2\n"
    data = load(write(rows), format="movielens_10m")
    assert data.values.tolist() == [5.0, 4.5, 0.5, 3.0]
    same = load(
        write("userId,movieId,rating,timestamp\n" + rows.replace("::", ",")), format="movielens_csv"
    )
    assert (same.values.tolist(), same.item_ids.tolist()) == (
        [5.0, 4.5, 0.5, 3.0],
        [122, 185, 1, 2],
    )
    for bad in ("4.7", "0", "0.0", "5.5", "-1", ".5", "4.", "4.50", "05", "4,5", "", "/.5", "5.5"):
        with pytest.raises(DataError, match=rf"line 5: column 3 \(rating\) is '{bad}'; .*stars"):
            load(write(rows + f"1::2::{bad}::3\n"), format="movielens_10m")


@pytest.mark.parametrize(
    "header", ["userid,movieid,rating,timestamp", "userId,movieId,rating", '"userId"', ""]
)
def test_header_of_the_csv(header, write):
    text = header + MOVIELENS_CSV[MOVIELENS_CSV.index("\n") :]
    with pytest.raises(DataError, match=r"line 1: the header is .*'userId,movieId.*'ratings_csv'"):
        load(write(text), format="movielens_csv")
    with pytest.raises(DataError, match="line 1: only a header"):
        load(write(MOVIELENS_CSV.split()[0] + "\n"), format="movielens_csv")


@pytest.mark.parametrize("packed", [False, True])
def test_official_test_rows_come_behind_the_others_and_are_marked(packed, write, tmp_path):
    base, test = "1\t10\t5\t3\n2\t11\t4\t2\n", "1\t11\t1\t1\n3\t10\t2\t0\n"
    if packed:
        path = tmp_path / "ml-100k.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in (("u1.base", base), ("u1.test", test), ("u.data", base + test)):
                archive.writestr(f"ml-100k/{name}", text)
        options = {"member": "u1.base"}
        assert load(path, format="movielens_100k").test is None  # u.data
    else:
        path, options = write(base, name="u1.base"), {}
        write(test, name="u1.test")
    data = load(path, format="movielens_100k", test="u1.test", **options)
    assert data.test.tolist() == [False, False, True, True]
    assert data.user_ids[data.users].tolist() == [1, 2, 1, 3]
    assert data.timestamps.tolist() == [3, 2, 1, 0]
    assert data.take(np.array([1, 2])).test.tolist() == [False, True]
    with pytest.raises(DataError, match=r"u9\.test"):
        load(path, format="movielens_100k", test="u9.test", **options)


def test_frequency_order_is_per_vocabulary_with_ties_by_value(write):
    text = "9::5::3::0\n8::5::3::0\n8::4::3::0\n7::3::3::0\n7::4::3::0\n"
    data = load(write(text), format="movielens_1m", order="frequency")
    assert data.user_ids.tolist() == [7, 8, 9]
    assert data.item_ids.tolist() == [4, 5, 3]
    assert data.user_ids[data.users].tolist() == [9, 8, 8, 7, 7]


def test_records(write):
    first = next(movielens_1m.iterate(write(MOVIELENS_1M)))
    assert first == (7, 31, 5, 978300760)
    assert (first.user, first.stars) == (7, 5)


def test_large_ids_and_leading_zeros(write):
    text = f"{2**31}::{2**63 - 1}::5::0\n007::1::5::0\n7::1::5::{2**33}\n"
    data = load(write(text), format="movielens_1m")
    assert data.user_ids.tolist() == [2**31, 7]
    assert data.item_ids.tolist() == [2**63 - 1, 1]
    assert data.timestamps[-1] == 2**33


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{2**63}::1::5::0", r"column 1 \(user\) is '9223372036854775808'; expected a whole"),
        ("1::x::5::0", r"column 2 \(item\) is 'x'; expected a whole number from 0 to 2\^63-1"),
        ("1::2::0::0", r"column 3 \(rating\) is '0'; expected a whole number of stars from 1 to 5"),
        ("1::2::6::0", r"column 3 \(rating\) is '6'"),
        ("1::2::3.5::0", r"column 3 \(rating\) is '3.5'"),
        ("1::2::::0", r"column 3 \(rating\) is ''"),
        ("1::2::3::", r"column 4 \(timestamp\) is ''"),
        ("::2::3::0", r"column 1 \(user\) is ''"),
        ("1::2::3::-5", r"column 4 \(timestamp\) is '-5'"),
        ("1:::2::3::0", r"column 2 \(item\) is ':2'"),
        ("1\t2\t3\t4", "1 columns; expected 4 columns separated by '::' "),
    ],
)
def test_bad_ratings(line, message, write):
    with pytest.raises(DataError, match=f"data, line 2: {message}"):
        load(write(f"1::1::1::1\n{line}\n1::1::1::1\n"), format="movielens_1m")


def test_users_and_movies_of_1m(write):
    users = write("1::F::1::10::04801\n2::M::56::16::70072-1234\n")
    assert list(movielens_1m.iterate_users(users)) == [
        (1, "F", 1, 10, "04801"),
        (2, "M", 56, 16, "70072-1234"),
    ]
    movies = write(
        "73::Misérables, Les (1995)::Drama|Musical\n74::No year::Drama\n".encode("latin-1")
    )
    assert list(movielens_1m.iterate_movies(movies)) == [
        (73, "Misérables, Les (1995)", 1995, ("Drama", "Musical")),
        (74, "No year", None, ("Drama",)),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1::X::1::10::0", "gender is 'X'; expected M or F"),
        ("1::M::2::10::0", r"age is 2; expected one of \(1, 18, 25"),
        ("1::M::1::21::0", "occupation is '21'; expected a whole number from 0 to 20"),
        ("a::M::1::20::0", "user is 'a'"),
        ("1::M::1::20", "4 columns; expected 5 columns"),
    ],
)
def test_bad_users_of_1m(line, message, write):
    with pytest.raises(DataError, match=f"data, line 2: {message}"):
        list(movielens_1m.iterate_users(write(f"1::F::1::10::04801\n{line}\n")))


def test_users_and_movies_of_100k(write):
    users = write("1|24|M|technician|05711\n")
    assert list(movielens_100k.iterate_users(users)) == [(1, 24, "M", "technician", "05711")]
    flags = ["0"] * 19
    flags[3] = flags[18] = "1"
    line = "|".join(["5", "Café (1995)", "01-Jan-1995", "", "http://x/?a=b", *flags])
    movies = write((line + "\n").encode("latin-1"))
    assert list(movielens_100k.iterate_movies(movies)) == [
        (5, "Café (1995)", "01-Jan-1995", (3, 18))
    ]
    with pytest.raises(DataError, match="line 1: genre_18 is '2'; expected a whole number from 0"):
        list(movielens_100k.iterate_movies(write((line[:-1] + "2\n").encode("latin-1"))))


def test_recbole_columns_are_found_by_name(write):
    data = load(write(RECBOLE_INTER), format="recbole_inter")
    assert data.user_ids[data.users].tolist() == [196, 186, 196]
    assert data.values.tolist() == [3.0, 3.5, 1.0]
    text = (
        "rating:float\textra:token\ttimestamp:float\titem_id:token\tuser_id:token\n"
        "3.5\tx\t5\t302\t186\n"
    )
    data = load(write(text), format="recbole_inter")
    row = (data.user_ids[0], data.item_ids[0], data.values[0], data.timestamps[0])
    assert row == (186, 302, 3.5, 5)


def test_recbole_identifiers_may_be_text_and_times_may_be_missing(write):
    text = "user_id:token\tbusiness_id:token\tstars:float\nA2X\t007\t4.5\nA2X\t7\t1\n"
    with pytest.raises(DataError, match=r"line 1: .* lacks item_id:token, rating:float; .*item = "):
        load(write(text), format="recbole_inter")
    data = load(write(text), format="recbole_inter", item="business_id", rating="stars")
    assert (data.user_ids.tolist(), data.item_ids.tolist()) == (["A2X"], ["007", "7"])
    assert data.timestamps is None
    quoted = text.replace("A2X", '"A')  # a quote is a character
    data = load(write(quoted), format="recbole_inter", item="business_id", rating="stars")
    assert data.user_ids.tolist() == ['"A']


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user_id:token\titem_id:token\n", "line 1: .* lacks rating:float; expected"),
        (RECBOLE_INTER.splitlines()[0] + "\n", "line 1: only a header; expected rows below it"),
        (
            RECBOLE_INTER + "1\t2\tnan\t3\n",
            "line 5: rating:float is 'nan'; expected a finite number",
        ),
        (
            RECBOLE_INTER + "1\t2\tinf\t3\n",
            "line 5: rating:float is 'inf'; expected a finite number",
        ),
        (RECBOLE_INTER + "1\t2\tfive\t3\n", "line 5: rating:float is 'five'"),
        (
            RECBOLE_INTER + "1\t2\t5\t3.5\n",
            "line 5: timestamp:float is '3.5'; expected a whole number",
        ),
        (RECBOLE_INTER + "1\t \t5\t3\n", "line 5: item_id:token is ''; expected an identifier"),
        (RECBOLE_INTER.replace("timestamp", "rating"), "line 1: .* has rating:float twice"),
    ],
)
def test_bad_recbole_tables(text, message, write):
    with pytest.raises(DataError, match=message):
        load(write(text), format="recbole_inter")
