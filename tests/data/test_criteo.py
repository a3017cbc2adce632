import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqopt.data import load
from freqopt.data.formats import criteo
from freqopt.data.formats.criteo import dlrm_split
from freqopt.errors import DataError
from freqopt.streams.stream import Stream
from tests.data.samples import CRITEO, content, criteo_line


def slow_records(text):
    """The format, line by line, in plain Python."""
    for line in text.splitlines():
        fields = line.split("\t")
        label = int(fields.pop(0)) if len(fields) == 40 else None
        yield (
            label,
            tuple(int(f) if f else None for f in fields[:13]),
            tuple(int(f, 16) if f else None for f in fields[13:]),
        )


lines = st.builds(
    criteo_line,
    st.sampled_from("01"),
    st.lists(st.one_of(st.just(""), st.integers(-3, 10**7).map(str)), min_size=13, max_size=13),
    st.lists(
        st.one_of(st.just(""), st.integers(0, 2**32 - 1).map("{:08x}".format)),
        min_size=26,
        max_size=26,
    ),
)


@given(st.lists(lines, min_size=1, max_size=5))
def test_records_equal_the_slow_reading(tmp_path_factory, texts):
    path = tmp_path_factory.getbasetemp() / "criteo_records"
    path.write_text("".join(texts))
    assert list(criteo.iterate(path)) == list(slow_records("".join(texts)))


def test_keep_missing(write):
    data = load(write(CRITEO), format="criteo", preset="keep-missing")
    records = list(slow_records(CRITEO))
    assert data.labels.tolist() == [r[0] for r in records]
    assert data.tokens.shape == (4, 26)
    for f in range(26):
        values = data.vocabularies[f][data.tokens[:, f]]
        assert values.tolist() == [-1 if r[2][f] is None else r[2][f] for r in records]
    want = [[math.nan if v is None else v for v in r[1]] for r in records]
    assert np.array_equal(data.dense, want, equal_nan=True)
    assert data.timestamps.tolist() == [0, 1, 2, 3]
    # missing, 00000000 and the largest hash are three tokens
    assert data.vocabularies[1].tolist() == [0, 10, 2**32 - 1]
    assert data.vocabularies[25].tolist() == [24, -1, 2**32 - 1]
    assert data.sizes[25] == 3


def test_dlrm(write):
    data = load(write(CRITEO), format="criteo")
    # the missing hash of the first line and 00000000 are one token
    assert data.vocabularies[0].tolist() == [0, 10, 2**32 - 1]
    assert data.vocabularies[25].tolist() == [24, 0, 2**32 - 1]
    # 0, -2, missing, 4 -> log 1, log 1, log 1, log 5
    assert data.dense[0, :3].tolist() == [0.0, 0.0, 0.0]
    assert abs(data.dense[0, 3] - math.log(5)) <= math.ulp(math.log(5))
    assert not data.dense[2].any()
    assert np.isfinite(data.dense).all()


def test_dlrm_hash_range_comes_before_numbering(write):
    text = criteo_line(hashes=["00000007"] * 26) + criteo_line(hashes=["00000011"] * 26)
    data = load(write(text), format="criteo", hash_range=10)
    assert data.sizes == (1,) * 26
    assert data.vocabularies[3].tolist() == [7]


def test_unlabelled_file(write):
    text = "".join(line.split("\t", 1)[1] + "\n" for line in CRITEO.splitlines())
    data = load(write(text), format="criteo", preset="keep-missing")
    assert data.labels is None
    labelled = content(load(write(CRITEO), format="criteo", preset="keep-missing"))
    assert content(data) == labelled | {"labels": None}
    assert data.take(np.array([1])).labels is None
    assert next(criteo.iterate(write(text))).label is None


def test_labelled_and_unlabelled_lines_do_not_mix(write):
    unlabelled = criteo_line().split("\t", 1)[1]
    with pytest.raises(DataError, match=r"line 2: 39 columns; expected 40 .* \(label, I1"):
        load(write(criteo_line() + unlabelled), format="criteo")
    with pytest.raises(DataError, match=r"line 2: 40 columns; expected 39 .* \(I1"):
        load(write(unlabelled + criteo_line()), format="criteo")


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 99])
def test_limit(rows, write, monkeypatch):
    monkeypatch.setattr("freqopt.data.parsing.unpacked.BLOCK_BYTES", 600)  # about two lines
    data = load(write(CRITEO), format="criteo", limit=rows)
    first = "".join(CRITEO.splitlines(keepends=True)[:rows])
    assert content(data) == content(load(write(first), format="criteo"))


def test_nothing_is_read_beyond_the_limit(write, monkeypatch):
    monkeypatch.setattr("freqopt.data.parsing.unpacked.BLOCK_BYTES", 600)
    path = write(criteo_line() * 20 + "bad\n")
    assert len(load(path, format="criteo", limit=10)) == 10
    with pytest.raises(DataError, match="line 21"):
        load(path, format="criteo", limit=21)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (criteo_line("yes"), r"column 1 \(label\) is 'yes'; expected 0 or 1"),
        (criteo_line(""), r"column 1 \(label\) is ''; expected 0 or 1"),
        (criteo_line("2"), r"column 1 \(label\) is '2'"),
        (criteo_line(integers=["1.5"] * 13), r"column 2 \(I1\) is '1.5'; expected a whole number"),
        (criteo_line(integers=["1"] * 12 + [str(2**63)]), r"column 14 \(I13\) is '92233720368547"),
        (criteo_line(hashes=["68fd1e6"] * 26), r"column 15 \(C1\) is '68fd1e6'; expected 8 hexa"),
        (criteo_line(hashes=["0" * 8] * 25 + ["68fd1e6g"]), r"column 40 \(C26\) is '68fd1e6g'"),
        (criteo_line(hashes=["-8fd1e64"] * 26), r"column 15 \(C1\)"),
    ],
)
def test_bad_lines(line, message, write):
    with pytest.raises(DataError, match=f"data, line 3: {message}"):
        load(write(criteo_line() * 2 + line + criteo_line()), format="criteo")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "kaggle"}, "preset is 'kaggle'; expected one of 'dlrm', 'keep-missing'"),
        ({"limit": 0}, "limit is 0; expected a whole number of at least 1"),
        ({"limit": "9"}, "limit is '9'"),
        ({"limit": True}, "limit is True"),
        ({"hash_range": -3}, "hash_range is -3"),
        ({"preset": "keep-missing", "hash_range": 3}, "expected it with preset 'dlrm' only"),
    ],
)
def test_bad_options(options, message, write):
    with pytest.raises(DataError, match=message):
        load(write(CRITEO), format="criteo", **options)


@pytest.mark.parametrize("n", range(14, 60))
def test_dlrm_split_cuts_seven_equal_days(n):
    sizes = [n // 7 + (d < n % 7) for d in range(7)]
    starts = [sum(sizes[:d]) for d in range(8)]
    split = dlrm_split(n)
    half = -(-sizes[6] // 2)
    assert split.train.tolist() == list(range(starts[6]))
    assert split.test.tolist() == list(range(starts[6], starts[6] + half))
    assert split.validation.tolist() == list(range(starts[6] + half, n))
    shuffled = dlrm_split(n, "day", Stream(1, 0, "split"))
    for d in range(6):
        day = shuffled.train[starts[d] : starts[d + 1]]
        assert sorted(day.tolist()) == list(range(starts[d], starts[d + 1]))
    total = dlrm_split(n, "total", Stream(1, 0, "split"))
    assert sorted(total.train.tolist()) == list(range(starts[6]))
    for other in (shuffled, total):
        assert other.test.tolist() == split.test.tolist()
        assert other.validation.tolist() == split.validation.tolist()


def test_dlrm_split_shuffles():
    stream = Stream(1, 0, "split")
    plain = dlrm_split(700)
    day, total = dlrm_split(700, "day", stream), dlrm_split(700, "total", stream)
    assert not np.array_equal(day.train, plain.train)
    # different days get different orders, and a total shuffle leaves the days
    assert not np.array_equal(day.train[:100], day.train[100:200] - 100)
    assert total.train[:100].max() > 100
    assert np.array_equal(dlrm_split(700, "total", Stream(1, 0, "split")).train, total.train)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((13,), "13 rows cannot be cut"),
        ((100, "week"), "shuffle is 'week'"),
        ((100, "day"), "shuffle is 'day' without a stream"),
    ],
)
def test_dlrm_split_refuses(arguments, message):
    with pytest.raises(DataError, match=message):
        dlrm_split(*arguments)
