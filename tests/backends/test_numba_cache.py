"""Compiled kernels on disk: found again, never stale, never half written."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numba
import numpy as np
import pytest

from freqopt.backends import FallbackWarning, _private
from freqopt.backends.numba import Workspace
from freqopt.backends.numba.fused_step import _apply
from freqopt.backends.numba.jit import _cache
from freqopt.optimizers import rules

from .compared import Pair

STEP = """
import sys
import numpy as np
from numba.core import event
from freqopt.backends.numba import step
from freqopt.optimizers import rules

compiled = event.RecordingListener()
event.register("numba:compile", compiled)
rule = rules["adagrad"]()
table = np.zeros((4, 3), np.float32)
state = rule.init(table)
step(rule, table, state, np.array([1, 1]), np.ones((2, 3), np.float32))
print(len(compiled.buffer) // 2, table[1, 0])
assert compiled.buffer or "scipy.linalg" not in sys.modules, "only a compilation needs it"
"""


def _process(cache: Path) -> int:
    """How many kernels a new process compiles."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", STEP], env=environment, capture_output=True, text=True, check=True
    )
    compilations, moved = done.stdout.split()
    assert float(moved) == pytest.approx(-0.01, rel=1e-6)
    return int(compilations)


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    assert _process(tmp_path) > 10
    assert _process(tmp_path) == 0
    files = list(tmp_path.rglob("*"))
    assert {f.suffix for f in files if f.is_file()} == {".nbc"}, "unfinished files were left"

    # A file that was cut short is compiled anew, and mended.
    for file in tmp_path.rglob("*.nbc"):
        file.write_bytes(file.read_bytes()[:1000])
    assert _process(tmp_path) > 10
    assert _process(tmp_path) == 0


def test_without_a_place_to_write(tmp_path: Path) -> None:
    (tmp_path / "freqopt").write_text("a file where the cache folder would be")
    assert _process(tmp_path) > 10


@pytest.mark.parametrize("whose", ["folder for all", "file for all", "linked", "another's"])
def test_code_that_others_could_have_written_is_not_run(whose, tmp_path, monkeypatch) -> None:
    """Unpickling runs code, so the bytes must be the caller's own."""

    def kernel():
        return numba.core.serialize.dumps(_Payload(tmp_path / "ran"))

    folder = tmp_path / "cache"
    monkeypatch.setattr(_cache, "cache_directory", lambda: folder)
    cache = _cache.DiskCache("k")
    codegen = numba.core.registry.cpu_target.target_context.codegen()
    path = cache._file((), codegen)
    path.write_bytes(hashlib.sha256(kernel()).digest() + kernel())
    path.chmod(0o600)
    if whose == "folder for all":
        folder.chmod(0o777)
    elif whose == "file for all":
        path.chmod(0o666)
    elif whose == "linked":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    _private.private.cache_clear()
    told = pytest.warns(FallbackWarning, match="are ignored, since others")
    silent = contextlib.nullcontext()
    with told if whose in ("folder for all", "another's") else silent:
        assert cache.load_overload((), numba.core.registry.cpu_target.target_context) is None
    assert not (tmp_path / "ran").exists()


class _Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("home", ["", "relative"])
def test_without_a_home_nothing_is_kept(home, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    monkeypatch.setattr(Path, "home", _no_home)
    assert _private.private(_cache.cache_directory.__wrapped__()) is None


def _no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(_cache, "cache_directory", lambda: tmp_path)
    monkeypatch.setattr(_apply, "_made", {})

    def interrupt(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    pair = Pair(rules["sgd"](), np.zeros((3, 2)), Workspace(parts=1))
    with pytest.raises(KeyboardInterrupt):
        pair.step(np.array([1]), np.ones((1, 2)))
    assert list(tmp_path.iterdir()) == []


def test_the_folder_changes_with_every_source(tmp_path: Path, monkeypatch) -> None:
    root = tmp_path / "freqopt"
    here = root / "backends" / "numba" / "jit"
    here.mkdir(parents=True)
    callee = here / "callee.py"
    callee.write_text("x = 1")
    monkeypatch.setattr(_cache, "__file__", str(here / "_cache.py"))
    first = _cache._source_hash()
    assert _cache._source_hash() == first
    callee.write_text("x = 2")
    assert _cache._source_hash() != first


def test_folders_of_other_sources_go_when_nobody_has_used_them_for_long(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = _cache.cache_directory.__wrapped__()
    long_ago = time.time() - 86400 * (_cache.DAYS_KEPT + 1)
    recent, old, not_ours = (folder.parent / name for name in ("numba-1", "numba-2", "other"))
    for one in (folder, recent, old, not_ours):
        one.mkdir(parents=True)
        (one / "kernel.nbc").write_text("")
        if one != recent:
            os.utime(one, (long_ago, long_ago))
    assert _cache.cache_directory.__wrapped__() == folder
    assert sorted(folder.parent.iterdir()) == sorted([folder, recent, not_ours])
    assert folder.stat().st_mtime > long_ago + 86400


def test_folder_by_platform(monkeypatch) -> None:
    def folder() -> str:
        return _cache.cache_directory.__wrapped__().as_posix()

    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert folder().startswith("/somewhere/freqopt/numba-")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    for platform, expected in [
        ("linux", "/home/me/.cache/freqopt/numba-"),
        ("darwin", "/home/me/Library/Caches/freqopt/numba-"),
    ]:
        monkeypatch.setattr(sys, "platform", platform)
        assert folder().startswith(expected)
