"""Which of the library's code, and which versions of others' code, a run's numbers come from.

A run is computed by what `freqopt.experiment.run` and the backend import. A package of the library
that is reached so counts whole, since rules, problems, kernels and formats are found in it by name.
Of `experiment` and `backends` only what is reached in them counts; the reference backend always
does: all leave to it what they do not do themselves.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from freqopt.backends import backends

_PACKAGE = Path(__file__).parents[2]
_START = "experiment.run"
_IN_PARTS = (_START.partition(".")[0], backends.package.rpartition(".")[2])
_IMPORT = re.compile(rb"^[ \t]*(?:from|import) freqopt\.([\w.]+)", re.MULTILINE)

_COMPILERS = {
    "numpy": ("numpy",),
    "numba": ("numpy", "numba", "llvmlite"),
    "cupy": ("numpy", "cupy", "cupy-cuda12x", "cupy-cuda13x"),
}
"""Packages whose arithmetic, or whose compiler, a backend's numbers go through."""


@cache
def code_hash(backend: str) -> str:
    """SHA-256 of the source files that compute a run with a backend, 64 hexadecimal digits.

    Parameters
    ----------
    backend : str
        Its name. For one that is not the library's own, which may build on any of the library's,
        all of those count.
    """
    digest = hashlib.sha256()
    for path in source_files(backend):
        name = path.relative_to(_PACKAGE).as_posix()
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def source_files(backend: str) -> list[Path]:
    """The files that `code_hash` covers, sorted."""
    own = [backend] if backend in backends.own else backends.own
    waiting = [_START, *(f"{_IN_PARTS[1]}.{name}" for name in [*own, "numpy"])]
    files, seen = set[Path](), set[str]()
    while waiting:
        unit = _unit(waiting.pop())
        if unit in seen:
            continue
        seen.add(unit)
        for path in _files(unit):
            files.add(path)
            if path.suffix == ".py":
                waiting += [name.decode() for name in _IMPORT.findall(path.read_bytes())]
    return sorted(files)


def _unit(module: str) -> str:
    """What counts as a whole if a module, named without `freqopt.`, does."""
    first, *rest = module.split(".")
    return f"{first}/{rest[0]}" if first in _IN_PARTS and rest else first


def _files(unit: str) -> list[Path]:
    if unit in _IN_PARTS:
        return [_PACKAGE / unit / "__init__.py"]
    if (_PACKAGE / unit).is_dir():
        every = (_PACKAGE / unit).rglob("*")
        return [path for path in every if path.is_file() and path.parent.name != "__pycache__"]
    return [path for path in [_PACKAGE / f"{unit}.py"] if path.is_file()]


@cache
def versions_that_compute(backend: str) -> dict[str, str]:
    """Versions of the packages that a backend's numbers go through, those that are installed.

    freqopt asks them for +, -, *, / and square roots in a stated order, without contraction, which
    every version should round alike; but nobody can prove it of a compiler, so they are part of
    a run's key.
    """
    every = tuple(dict.fromkeys(name for names in _COMPILERS.values() for name in names))
    found = {}
    for name in _COMPILERS.get(backend, every):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
