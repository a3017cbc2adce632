"""Files inside installed packages, found without importing the package."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from freqopt.data.parsing.unpacked import checksum
from freqopt.errors import DataError


def package_file(package: str, inside: str, sha256: str, install: str) -> Path:
    """Path of a file that a package carries, after its checksum was found right.

    The package is located, not imported: none of its code runs.

    Parameters
    ----------
    package
        Top-level import name.
    inside
        Path of the file below the package's folder.
    sha256
        Of the file in the one version that is read.
    install
        The command that installs that version, for messages.

    Raises
    ------
    DataError
        The package or the file is missing, or the file is another than the declared one.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            f"the package {package} is not installed; expected it to carry the data. Run: {install}"
        )
    path = Path(spec.submodule_search_locations[0], inside)
    try:
        checksum(path, sha256)
    except DataError as error:
        raise DataError(
            f"the installed {package} ({_version(package)}) does not carry the expected data: "
            f"{error} Run: {install}"
        ) from error
    return path


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "version unknown"
