"""Byte order marks, line ends and encodings: read rightly, or refused by name with the remedy."""

import pytest

from freqopt.data import load
from freqopt.data.formats import movielens_1m, movielens_10m, movielens_100k
from freqopt.errors import DataError
from freqopt.problems import problems
from tests.data.samples import MOVIELENS_CSV, SAMPLES, content

DECLARED = ("text", "token_counts", "ratings_csv", "recbole_inter")


@pytest.mark.parametrize("name", DECLARED)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32-le", "latin-1", "cp1252"])
def test_a_declared_encoding_is_read(name, encoding, write):
    plain = content(load(write(SAMPLES[name]), format=name))
    path = write(SAMPLES[name].encode(encoding))
    assert content(load(path, format=name, encoding=encoding)) == plain
    if encoding == "utf-16-be":  # a mark where the order of the bytes is declared as well
        path = write(("\ufeff" + SAMPLES[name]).encode(encoding))
        assert content(load(path, format=name, encoding=encoding)) == plain


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("kind", ["utf-16", "utf-32"])
def test_another_encodings_mark_is_named(name, kind, write):
    path = write(SAMPLES[name].encode(kind))
    todo = f"encoding='{kind}', or" if name in DECLARED else "Convert the file to UTF-8"
    with pytest.raises(DataError, match=rf"line 1: .*byte order mark of {kind}; .*{todo}"):
        load(path, format=name)


@pytest.mark.parametrize("name", DECLARED)
def test_the_mark_of_utf_8_in_another_declared_encoding(name, write):
    path = write(("\ufeff" + SAMPLES[name]).encode())
    with pytest.raises(DataError, match=r"begins with the byte order mark of utf-8; .*='utf-8'"):
        load(path, format=name, encoding="latin-1")


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "avazu"])
def test_utf_16_without_a_mark_is_told_by_its_zero_bytes(name, write):
    todo = "encoding='utf-16-le', or" if name in DECLARED else "Convert the file to UTF-8"
    with pytest.raises(DataError, match=rf"line 1: a zero byte; expected text in utf-8.*{todo}"):
        load(write(SAMPLES[name].encode("utf-16-le")), format=name)


@pytest.mark.parametrize("name", DECLARED)
def test_utf_16_without_a_mark_where_utf_16_is_declared(name, write):
    path = write(SAMPLES[name].encode("utf-16-be"))
    with pytest.raises(DataError, match=r"Name the order of the bytes.*'utf-16-le'"):
        load(path, format=name, encoding="utf-16")


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "text"])
def test_carriage_returns_that_end_no_line(name, write, monkeypatch):
    message = r"line 1: a carriage return that ends no line; .* tr '\\r' '\\n'"
    returns = SAMPLES[name].replace("\n", "\r")
    for text in (returns, returns.removesuffix("\r"), SAMPLES[name].replace("\n", "\r\r\n")):
        with pytest.raises(DataError, match=message):
            load(write(text), format=name)
    monkeypatch.setattr("freqopt.data.parsing.unpacked.BLOCK_BYTES", 1000)
    with pytest.raises(DataError, match=message):
        load(write(returns * 3000), format=name)


def test_carriage_returns_are_white_space_of_a_text(write):
    assert load(write("the cat\rsat"), format="text", order="appearance").words[-1] == "sat"


@pytest.mark.parametrize(
    ("read", "line"),
    [
        (movielens_1m.iterate_movies, "73::Misérables, Les (1995)::Drama\n"),
        (movielens_100k.iterate_movies, "73|Misérables, Les (1995)|a|b|c" + 19 * "|0" + "\n"),
        (movielens_100k.iterate_users, "73|7|M|aprés|Z0001\n"),
    ],
)
def test_utf_8_is_not_read_as_latin_1_without_a_word(read, line, write):
    plain = line.replace("é", "e").replace("73", "72")
    right = list(read(write((plain + line).encode("latin-1"))))
    assert "é" in str(right[1])
    path = write(plain + line)
    with pytest.raises(DataError, match=r"line 2: .*UTF-8, '.*é.*ISO-8859-1, '.*Ã©.*'utf-8', or"):
        list(read(path))
    assert list(read(path, encoding="utf-8")) == right
    assert "Ã©" in str(list(read(path, encoding="latin-1"))[1])


def test_movies_of_10m_are_utf_8(write):
    line = "73::Misérables, Les (1995)::Drama\n"
    assert next(movielens_10m.iterate_movies(write(line))).title == "Misérables, Les (1995)"
    with pytest.raises(DataError, match=r"line 1: byte 0xe9 .*expected text in utf-8"):
        list(movielens_10m.iterate_movies(write(line.encode("latin-1"))))


def test_whoever_is_told_to_name_the_encoding_can(write):
    texts = {"ratings_csv": "user,item,rating\né,1,2\n", "token_counts": "é\t3\n"}
    for name, text in texts.items():
        path = write(text.encode("latin-1"))
        with pytest.raises(DataError, match="Name the file's encoding, such as encoding='latin-1'"):
            load(path, format=name)
        assert content(load(path, format=name, encoding="latin-1")) == content(
            load(write(text, name="other"), format=name)
        )
    examples = {"kind": "csv", "path": write("naïve,class\n1,0\n2,1\n".encode("latin-1"))}
    with pytest.raises(DataError, match="line 1: byte 0xef"):
        _ = problems["softmax_regression"](examples=examples).examples.features
    read = problems["softmax_regression"](examples={**examples, "encoding": "latin-1"}).examples
    assert read.features.tolist() == [[1.0], [2.0]]


def test_a_mark_alone_is_no_row(write):
    with pytest.raises(DataError, match="line 1"):
        load(write("\ufeff\n"), format="movielens_csv")
    assert len(load(write("\ufeff" + MOVIELENS_CSV), format="movielens_csv")) == 4
