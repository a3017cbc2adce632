import csv
import math
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from freqopt.data import load
from freqopt.data.formats import avazu
from freqopt.errors import DataError
from tests.data.samples import AVAZU, avazu_line, content

HEADER = AVAZU.splitlines(keepends=True)[0]


def slow_records(text):
    """The format through Python's csv module."""
    for row in csv.DictReader(text.splitlines()):
        hour = datetime.strptime(row["hour"] + "+0000", "%y%m%d%H%z")
        yield (
            int(row["id"]),
            int(row["click"]) if "click" in row else None,
            int(hour.timestamp()),
            tuple(int(row[k], 16 if k in avazu.HASHED else 10) for k in avazu.FIELDS),
        )


def test_columns_are_the_official_ones():
    assert ",".join(avazu.COLUMNS) == (
        "id,click,hour,C1,banner_pos,site_id,site_domain,site_category,app_id,app_domain,"
        "app_category,device_id,device_ip,device_model,device_type,device_conn_type,"
        "C14,C15,C16,C17,C18,C19,C20,C21"
    )
    assert (len(avazu.COLUMNS), len(avazu.FIELDS), len(avazu.HASHED)) == (24, 21, 9)


def test_records_equal_the_slow_reading(write):
    records = list(avazu.iterate(write(AVAZU)))
    assert records == list(slow_records(AVAZU))
    assert records[0].id == 10000169349117863715 > 2**63
    assert records[2].values[-1] == 2**31


def test_clicks(write):
    data = load(write(AVAZU), format="avazu")
    records = list(slow_records(AVAZU))
    assert data.labels.tolist() == [0, 1, 0]
    assert data.timestamps.tolist() == [r[2] for r in records]
    assert data.dense.tolist() == [[0.0], [23.0], [23.0]]
    for f in range(21):
        assert data.vocabularies[f][data.tokens[:, f]].tolist() == [r[3][f] for r in records]
    assert data.token_names[19] == "C20"
    assert data.vocabularies[19].tolist() == [-1]


def test_mlet_preset_takes_the_hour_of_the_day(write):
    """Reading YYMMDDHH as a Unix time, as the notebook does, would give hour 21 for 14102100."""
    data = load(write(AVAZU), format="avazu", preset="mlet")
    assert data.dense[0, 0] == 0.0
    assert abs(data.dense[1, 0] - math.log(24)) <= math.ulp(math.log(24))
    plain = load(write(AVAZU), format="avazu")
    assert np.array_equal(data.tokens, plain.tokens)


def test_every_hour_of_the_ten_days(write, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")  # the file's hours are UTC wherever it is read
    time.tzset()
    start = datetime(2014, 10, 21, tzinfo=UTC)
    hours = [start + timedelta(hours=k) for k in range(240)]
    text = HEADER + "".join(avazu_line(hour=h.strftime("%y%m%d%H")) for h in hours)
    data = load(write(text), format="avazu")
    monkeypatch.undo()
    time.tzset()
    assert data.timestamps.tolist() == [1_413_849_600 + 3600 * k for k in range(240)]
    assert data.dense[:, 0].tolist() == [h.hour for h in hours]


def test_test_file_lacks_click(write):
    text = "".join(
        ",".join(line.split(",")[:1] + line.split(",")[2:]) + "\n" for line in AVAZU.splitlines()
    )
    data = load(write(text), format="avazu")
    assert data.labels is None
    assert content(data) == content(load(write(AVAZU), format="avazu")) | {"labels": None}
    assert next(avazu.iterate(write(text))).click is None


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_limit(rows, write):
    first = "".join(AVAZU.splitlines(keepends=True)[: rows + 1])
    data = load(write(AVAZU), format="avazu", limit=rows)
    assert content(data) == content(load(write(first), format="avazu"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (avazu_line(str(2**64)), r"column 1 \(id\) is '18446744073709551616'; .* to 2\^64-1"),
        (avazu_line(""), r"column 1 \(id\) is ''"),
        (avazu_line(click="no"), r"column 2 \(click\) is 'no'; expected 0 or 1"),
        (avazu_line(hour="14102124"), r"column 3 \(hour\) is '14102124'; .* YYMMDDHH"),
        (avazu_line(hour="14023001"), r"column 3 \(hour\) is '14023001'"),
        (avazu_line(hour="1410210"), r"column 3 \(hour\) is '1410210'"),
        (avazu_line(hour="2014102100"), r"column 3 \(hour\) is '2014102100'"),
        (avazu_line(device_ip=""), r"column 13 \(device_ip\) is ''; expected 8 hexadecimal"),
        (avazu_line(site_id="nullnull"), r"column 6 \(site_id\) is 'nullnull'"),
        (avazu_line(C21=""), r"column 24 \(C21\) is ''"),
        (avazu_line(C1="1e3"), r"column 4 \(C1\) is '1e3'"),
    ],
)
def test_bad_lines(line, message, write):
    with pytest.raises(DataError, match=f"data, line 3: {message}"):
        load(write(HEADER + avazu_line() + line), format="avazu")


@pytest.mark.parametrize("header", [HEADER.replace("click", "clicks"), "", HEADER[3:]])
def test_wrong_header(header, write):
    with pytest.raises(DataError, match=r"line 1: the header is .*; expected 'id,click,hour,C1,"):
        load(write(header + avazu_line()), format="avazu")


def test_only_a_header(write):
    with pytest.raises(DataError, match="line 1: only a header; expected rows below it"):
        load(write(HEADER), format="avazu")
    with pytest.raises(DataError, match=r"line 1: the file ends in .*, without a newline"):
        load(write(HEADER[:-1]), format="avazu")


def test_bad_options(write):
    with pytest.raises(DataError, match="preset is 'dlrm'; expected one of 'plain', 'mlet'"):
        load(write(AVAZU), format="avazu", preset="dlrm")
    with pytest.raises(DataError, match="limit is -1"):
        load(write(AVAZU), format="avazu", limit=-1)
