"""What every loader owes, on every format: the list of faults that real files have."""

import gzip
import hashlib
import importlib
import io
import re
import tracemalloc
import zipfile

import pytest

from freqopt.data import format_names, load
from freqopt.data.parsing import encodings, unpacked
from freqopt.errors import DataError
from tests.data.samples import SAMPLES, content

OFFICIAL = [name for name in SAMPLES if name not in ("text", "token_counts", "ratings_csv")]
LINE_FORMATS = [name for name in SAMPLES if name != "text"]
SEPARATORS = {
    "movielens_1m": "::",
    "movielens_10m": "::",
    "movielens_csv": ",",
    "ratings_csv": ";",
    "avazu": ",",
}
every_format = pytest.mark.parametrize("name", SAMPLES)
every_line_format = pytest.mark.parametrize("name", LINE_FORMATS)


def module(name):
    return importlib.import_module(f"freqopt.data.formats.{name}")


def zipped(members):
    """A zip archive of {name: text or bytes}."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return whole.getvalue()


def test_every_format_has_a_sample():
    assert set(SAMPLES) == set(format_names())


@every_format
def test_variants_of_a_file_read_the_same(name, write):
    text = SAMPLES[name]
    plain = content(load(write(text), format=name))
    assert content(load(write(text, packed=True), format=name)) == plain
    assert content(load(write(zipped({"folder/data": text})), format=name)) == plain
    assert content(load(write("\ufeff" + text), format=name)) == plain
    assert content(load(write(text.replace("\n", "\r\n")), format=name)) == plain
    if name not in OFFICIAL:
        assert content(load(write(text.removesuffix("\n")), format=name)) == plain
        assert content(load(write(text.replace("\n", "\r\n")[:-1]), format=name)) == plain


@pytest.mark.parametrize("name", OFFICIAL)
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_cut_inside_its_last_field_is_refused(name, packed, write):
    """Every official file ends with a newline, so that one that does not was cut."""
    text = SAMPLES[name]
    last = text.count("\n")
    for cut in (text[:-1], text[:-2], text.replace("\n", "\r\n")[:-1]):
        with pytest.raises(DataError, match=rf"line {last}: .*without a newline; expected .* offi"):
            load(write(cut, packed), format=name)
        with pytest.raises(DataError, match="without a newline"):
            list(module(name).iterate(write(cut, packed)))


@every_format
def test_two_gzip_members_read_as_one_file(name, write):
    text = SAMPLES[name].encode()
    half = text.index(b"\n") + 3
    joined = gzip.compress(text[:half]) + gzip.compress(text[half:])
    assert content(load(write(joined), format=name)) == content(load(write(text), format=name))


@every_format
@pytest.mark.parametrize("size", [1, 2, 7, 64, 500])
def test_block_size_does_not_matter(name, size, write, monkeypatch):
    path = write(SAMPLES[name])
    plain = content(load(path, format=name))
    records = list(module(name).iterate(path))
    real_read = encodings.chunks

    def small(path):
        for chunk in real_read(path):
            for start in range(0, len(chunk), size):
                yield chunk[start : start + size]

    monkeypatch.setattr(encodings, "chunks", small)
    assert content(load(path, format=name)) == plain
    assert list(module(name).iterate(path)) == records


@every_format
def test_origin_is_recorded_and_arrays_are_read_only(name, write):
    path = write(SAMPLES[name], packed=True)
    data = load(path, format=name)
    assert data.source == str(path)
    assert data.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert load(path, format=name, sha256=data.sha256.upper()).sha256 == data.sha256
    array = (
        data.counts
        if hasattr(data, "counts")
        else data.items
        if hasattr(data, "items")
        else data.timestamps
    )
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


@every_format
def test_declared_checksum_is_compared_before_reading(name, write):
    path = write("rubbish\0\n")
    with pytest.raises(DataError, match=r"has SHA-256 [0-9a-f]{64}; expected 00"):
        load(path, format=name, sha256="00")


@every_format
def test_empty_file(name, write):
    for packed in (False, True):
        with pytest.raises(DataError, match="is empty"):
            load(write("", packed), format=name)


@every_format
def test_missing_file_and_folder(name, tmp_path):
    with pytest.raises(DataError, match=r"nowhere does not exist; expected .* Check the path"):
        load(tmp_path / "nowhere", format=name)
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        load(tmp_path, format=name)
    with pytest.raises(DataError, match=r"nowhere does not exist"):
        next(module(name).iterate(tmp_path / "nowhere"))


@every_format
@pytest.mark.parametrize(
    ("magic", "kind"),
    [(b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ\x00", "xz"), (b"BZh91AY", "bzip2")],
)
def test_other_archives_are_named(name, magic, kind, write):
    with pytest.raises(
        DataError, match=f"is an? {kind} .*; expected plain text, gzip or zip. Unpack"
    ):
        load(write(magic + b"rest"), format=name)


@every_format
def test_truncated_and_damaged_gzip(name, write):
    whole = gzip.compress(SAMPLES[name].encode())
    for cut in (11, len(whole) // 2, len(whole) - 8, len(whole) - 1):
        with pytest.raises(DataError, match="line 1: the gzip stream is truncated or damaged"):
            load(write(whole[:cut]), format=name)
    flipped = bytearray(whole)
    flipped[-6] ^= 1  # in the checksum of the content
    with pytest.raises(DataError, match=r"gzip stream is truncated or damaged.*CRC"):
        load(write(bytes(flipped)), format=name)


def test_truncated_gzip_names_the_line_it_got_to(write, monkeypatch):
    """Blocks of 100 bytes, 10 bytes a line: the last whole block before the cut is known."""
    monkeypatch.setattr(unpacked, "BLOCK_BYTES", 100)
    text = b"".join(b"word%04d\t1\n" % k for k in range(1000))
    path = write(gzip.compress(text, compresslevel=0)[:5000])
    with pytest.raises(DataError, match=r"line \d+: the gzip") as error:
        load(path, format="token_counts")
    line = int(re.search(r"line (\d+)", str(error.value))[1])
    # 0 to 4999 less the 10 + 5 bytes of headers is line 454; at most two blocks may be pending.
    assert 454 - 20 <= line <= 454


@every_line_format
def test_wrong_column_count_names_the_line(name, write):
    good = SAMPLES[name].splitlines()
    separator = SEPARATORS.get(name, "\t")
    if name == "token_counts":
        wrong = ["justaword", ""]
    else:
        wrong = [good[1] + separator + "1", good[1].rsplit(separator, 1)[0], ""]
    for bad in wrong:
        text = "\n".join([*good[:2], bad, *good[2:]]) + "\n"
        expected = "not a token and a count" if name == "token_counts" else r"\d+ columns"
        for packed in (False, True):
            with pytest.raises(DataError, match=rf"data, line 3: .*{expected}.*; expected"):
                load(write(text, packed), format=name)
        with pytest.raises(DataError, match="line 3: "):
            list(module(name).iterate(write(text)))


@every_line_format
def test_a_fault_far_down_has_its_line_number(name, write, monkeypatch):
    """The count goes on across blocks."""
    monkeypatch.setattr(unpacked, "BLOCK_BYTES", 1000)
    good = SAMPLES[name].splitlines(keepends=True)
    path = write(good[0] + good[1] * 200 + "x\n" + good[1] * 100)
    with pytest.raises(DataError, match="data, line 202: "):
        load(path, format=name)


@every_line_format
def test_latin_1_bytes_where_none_belong(name, write):
    good = SAMPLES[name].splitlines()
    path = write("\n".join([*good[:2], "caf\xe9 " + good[2], ""]).encode("latin-1"))
    with pytest.raises(DataError, match=r"line 3: .*(xe9|byte 0xe9)"):
        load(path, format=name)


@every_line_format
def test_a_line_without_end_is_refused(name, write, monkeypatch):
    monkeypatch.setattr(unpacked, "BLOCK_BYTES", 1000)
    with pytest.raises(DataError, match="more than 1000 bytes without a newline"):
        load(write(b"7" * 3000), format=name)


@every_format
def test_order_is_checked_before_reading(name, tmp_path):
    with pytest.raises(DataError, match="order is 'size'; expected one of 'appearance', 'freq"):
        load(tmp_path / "nowhere", format=name, order="size")


@every_format
def test_iterating_takes_constant_memory(name, write, monkeypatch):
    monkeypatch.setattr(unpacked, "BLOCK_BYTES", 1 << 14)
    first, *rest = SAMPLES[name].splitlines(keepends=True)
    unit = "".join(rest)

    def peak(times):
        path = write(first + unit * times, packed=True)
        tracemalloc.start()
        for _ in module(name).iterate(path):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    blocks = (1 << 14) // len(unit) + 1
    peak(blocks)  # imports and caches
    # Eight times the text; a loader that kept it, or its records, would need eight times the room.
    assert peak(24 * blocks) < 1.3 * peak(3 * blocks)
