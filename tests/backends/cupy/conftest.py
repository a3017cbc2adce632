"""A file of ratings, mistakes planted in the CUDA source, and a stand-in for CuPy."""

from __future__ import annotations

import re
import shutil
import sys

import pytest

from freqopt.backends.cupy import _gpu, _loop, _nvrtc, _source, _step

from .stand_in import StandIn
from .twins import RATINGS, has_gpu


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
    """The CUDA source with one place replaced; in "kernel", what was made from the rules' own."""
    text_of, found = _source.rule_text, []

    def plant(file, right, wrong):
        if file == "kernel":

            def changed(rule, dtype):
                text = re.sub(right, wrong, text_of(rule, dtype))
                found.append(text != text_of(rule, dtype))
                return text

            monkeypatch.setattr(_source, "rule_text", changed)
            return
        shutil.copytree(_source.HERE, tmp_path / "cupy")
        path = tmp_path / "cupy" / file
        assert right in path.read_text()
        path.write_text(path.read_text().replace(right, wrong))
        monkeypatch.setattr(_source, "HERE", tmp_path / "cupy")
        _source._file.cache_clear()

    yield plant
    assert any(found) or not found, "the text is in no kernel"
    _source._file.cache_clear()


@pytest.fixture
def cupy(monkeypatch, tmp_path):
    """The stand-in in the place of CuPy, and nothing remembered of what came before."""
    module = StandIn()
    monkeypatch.setitem(sys.modules, "cupy", module)
    monkeypatch.delenv("FREQOPT_CUDA_TWIN", raising=False)
    monkeypatch.setattr(_nvrtc, "cache_directory", lambda: tmp_path / "kernels" / "numba")
    caches = (_gpu._cupy, _step._module, _step._steppers, _loop._module)
    for one in caches:
        one.cache_clear()
    yield module
    for one in caches:
        one.cache_clear()


@pytest.fixture(autouse=True)
def _nothing_remembered():
    """Whether there is a GPU is found out anew in every test."""
    _gpu._cupy.cache_clear()


@pytest.fixture
def gpu(request):
    """CuPy: the real one where there is a GPU, else the stand-in."""
    return _gpu.xp if has_gpu() else request.getfixturevalue("cupy")
