"""Packed files: gzip and zip are read as they are; what is no plain file in them is named."""

import gzip
import io
import stat
import tarfile
import zipfile

import pytest

from freqopt.data import load
from freqopt.data.parsing import unpacked
from freqopt.errors import DataError
from tests.data.samples import MOVIELENS_CSV, content

OTHER = "userId,movieId,rating,timestamp\n1,2,3.0,4\n"


def zipped(members, method=zipfile.ZIP_DEFLATED):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return whole.getvalue()


def csv(path, **options):
    return load(path, format="movielens_csv", **options)


@pytest.mark.parametrize(
    ("members", "options"),
    [
        ({"ml/ratings.csv": MOVIELENS_CSV, "ml/movies.csv": "x", "ml/README.txt": "y"}, {}),
        ({"any": MOVIELENS_CSV, "__MACOSX/._any": "x", "a/.DS_Store": "y", "a/": ""}, {}),
        ({"a/one.csv": MOVIELENS_CSV, "two.csv": OTHER}, {"member": "one.csv"}),
        ({"a/ratings.csv": MOVIELENS_CSV, "b/ratings.csv": OTHER}, {"member": "a/ratings.csv"}),
    ],
)
def test_the_member_that_is_meant(members, options, write):
    assert content(csv(write(zipped(members)), **options)) == content(csv(write(MOVIELENS_CSV)))


def a_link():
    info = zipfile.ZipInfo("ratings.csv")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return zipped({info: "/etc/passwd"})


def marked(offset, value):
    """A zip archive with a number changed where its directory describes the member."""
    whole = bytearray(zipped({"ratings.csv": OTHER}))
    whole[whole.rindex(b"PK\x01\x02") + offset] = value
    return bytes(whole)


def tar_gz():
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        info = tarfile.TarInfo("ratings.csv")
        info.size = len(OTHER)
        archive.addfile(info, io.BytesIO(OTHER.encode()))
    return whole.getvalue()


@pytest.mark.parametrize(
    ("file", "options", "message"),
    [
        (zipped({"a": OTHER, "b": OTHER}), {}, "has 2 files that may be it; .*`member`.*: a, b"),
        (zipped({"a": OTHER}), {"member": "c"}, "has no member 'c'; .*out of: a"),
        (OTHER, {"member": "c"}, "is no zip archive; expected one, with the member 'c'"),
        (zipped({}), {}, "is a zip archive without a file"),
        (zipped({"../ratings.csv": OTHER}), {}, r"'\.\./ratings.csv' has a path that leads out"),
        (zipped({"/ratings.csv": OTHER}), {}, "a path that leads out of the archive"),
        (zipped({"C:\\ratings.csv": OTHER}), {}, "a path that leads out of the archive"),
        (a_link(), {}, "'ratings.csv' is a link; expected a plain file"),
        (marked(8, 1), {}, "'ratings.csv' is encrypted; expected a plain file"),
        (marked(10, 9), {}, "packed in a way that is not known here"),
        (zipped({"ratings.csv": zipped({"x": OTHER})}), {}, "the zip archive holds is packed once"),
        (gzip.compress(gzip.compress(OTHER.encode())), {}, "gzip stream holds is packed once more"),
        (tar_gz(), {}, "what the gzip stream holds is a tar archive; expected text. Unpack it"),
        (zipped({"[Content_Types].xml": "", "xl/a.xml": ""}), {}, "is an Office document; .* CSV"),
        (zipped({"ratings.csv": ""}), {}, r"ratings.csv is empty|data is empty"),
        (zipped({"ratings.csv": OTHER})[:70], {}, "zip archive is truncated or damaged"),
        (marked(16, 1), {}, "zip archive is truncated or damaged at or after .*CRC"),
    ],
    ids=lambda given: "packed" if isinstance(given, bytes) else None,  # its bytes hold the time
)
def test_refused_by_a_sentence(file, options, message, write):
    with pytest.raises(DataError, match=message):
        csv(write(file), **options)


@pytest.mark.parametrize("pack", [lambda text: zipped({"x": text}), gzip.compress])
def test_what_grows_out_of_proportion_is_refused_as_it_grows(pack, write, monkeypatch):
    monkeypatch.setattr(unpacked, "FREE", 1 << 20)
    fine, bomb = b"word\n" * 200_000, b"word\n" * 1_000_000
    assert len(load(write(pack(fine)), format="text").tokens) == 200_000
    with pytest.raises(DataError, match=r"unpacks to [\d,]+ bytes and more from [\d,]+; exp.* 200"):
        load(write(pack(bomb)), format="text")
    assert len(load(write(bomb), format="text").tokens) == 1_000_000
