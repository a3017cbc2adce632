"""A file of ratings, and mistakes planted in the CUDA source."""

from __future__ import annotations

import shutil

import pytest

from freqopt.backends.cupy import _source

from .twins import RATINGS


@pytest.fixture(scope="session", autouse=True)
def ratings(tmp_path_factory):
    """A small file of ratings."""
    file = tmp_path_factory.mktemp("ratings") / "ratings.dat"
    seen = ((n * 7 % 11, n * n % 13) for n in range(143))
    pairs = dict.fromkeys(seen)
    file.write_text(
        "".join(f"{u + 1}::{i + 1}::{1 + (u * i) % 5}::{n}\n" for n, (u, i) in enumerate(pairs))
    )
    RATINGS["path"] = str(file)


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """The CUDA source with one place replaced."""

    def plant(file, right, wrong):
        shutil.copytree(_source.HERE, tmp_path / "cupy")
        path = tmp_path / "cupy" / file
        assert right in path.read_text()
        path.write_text(path.read_text().replace(right, wrong))
        monkeypatch.setattr(_source, "HERE", tmp_path / "cupy")
        _source._file.cache_clear()

    yield plant
    _source._file.cache_clear()
