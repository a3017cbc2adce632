"""Bytes of a data file as pieces: plain, gzip, or one member of a zip archive, never written out.

Nothing here holds more than one piece, whatever the size of the file. A packed file that would
grow out of proportion is refused as it grows.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from freqopt._files import opened
from freqopt.data.parsing.faults import bad_line
from freqopt.errors import DataError

BLOCK_BYTES = 1 << 20
"""Bytes read at a time; also the longest line a line-by-line format may have."""

FREE, RATIO = 1 << 26, 200
"""What unpacks to more than FREE bytes may be at most RATIO times its packed size. Ratings and text
pack 3 to 20 times; an archive made to fill the machine, 1,000 times."""

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_OTHERS = {
    b"\xfd7zXZ\x00": "an xz file",
    b"BZh": "a bzip2 file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a": "a rar archive",
    b"PAR1\x15": "a Parquet file",
    b"PK\x05\x06": "a zip archive without a file",
}
_DAMAGE = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile)


class DataFile(NamedTuple):
    """A file of the user's, or one member of it.

    Attributes
    ----------
    path : Path
    member : str or None
        Which file of a zip archive: its name there, with or without folders.
    usual : tuple of str
        Names of which one is taken where no member is asked for, if it is there once.
    """

    path: Path
    member: str | None = None
    usual: tuple[str, ...] = ()

    def __str__(self) -> str:
        return str(self.path) if self.member is None else f"{self.path} ({self.member})"


Where = str | Path | DataFile


def data_file(where: Where) -> DataFile:
    """The same with every attribute."""
    return where if isinstance(where, DataFile) else DataFile(Path(where))


def chunks(where: Where) -> Iterator[bytes]:
    """Pieces of at most `BLOCK_BYTES` unpacked bytes, in file order.

    gzip and zip are recognised by their first bytes, not by the file's name.

    Raises
    ------
    DataError
        Missing or unreadable or empty file, another kind of archive, a packed file that is
        truncated, damaged or out of proportion, no or several members that may be meant.
    """
    file = data_file(where)
    line = 1
    stream: Any
    try:
        with opened(file.path) as raw:
            head = raw.read(6)
            raw.seek(0)
            _refuse_others(file, head)
            if head.startswith(_ZIP):
                stream, kind = _member(file, raw), "zip archive"
            elif file.member is not None:
                raise DataError(
                    f"{file.path} is no zip archive; expected one, with the member "
                    f"{file.member!r}. Leave `member` out, or correct the path."
                )
            elif head.startswith(_GZIP):
                stream, kind = gzip.GzipFile(fileobj=raw), "gzip stream"
            else:
                stream, kind = raw, ""
            with closing(stream):
                done = 0
                for piece in iter(lambda: stream.read(BLOCK_BYTES), b""):
                    if kind and not done:
                        _refuse_twice(file, piece, kind)
                    done += len(piece)
                    if kind == "gzip stream":
                        _refuse_bomb(file, done, raw.tell())
                    yield piece
                    line += piece.count(b"\n")
                if not done:
                    raise DataError(
                        f"{file} is empty (0 bytes of text); expected data. Fetch the file again."
                    )
    except FileNotFoundError as error:
        raise DataError(
            f"{file.path} does not exist; expected a data file. Check the path: a relative one is "
            "looked up from the working directory."
        ) from error
    except _DAMAGE as error:
        kind = "zip archive" if isinstance(error, zipfile.BadZipFile) else kind
        raise bad_line(
            file,
            line,
            f"the {kind} is truncated or damaged at or after this line ({error})",
            "a whole file",
            "Fetch the file again and compare its checksum.",
        ) from error
    except (OSError, ValueError) as error:  # the latter for a name with a null character
        if isinstance(error, DataError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{file.path} cannot be read ({reason}); expected a readable file. "
            "Check its kind and its permissions."
        ) from error


def is_zip(path: str | Path) -> bool:
    """Whether a file begins as a zip archive; False if there is none."""
    try:
        with opened(path) as file:
            return file.read(4) == _ZIP
    except OSError:
        return False


def checksum(where: Where, expected: str | None = None) -> str:
    """SHA-256 of the file as it lies on disk, compared with `expected` where that is given.

    Raises
    ------
    DataError
        The file cannot be read, or its checksum is another.
    """
    path = data_file(where).path
    try:
        with opened(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        next(chunks(path))  # raises with the exact reason
        raise
    if expected is not None and digest != expected.lower():
        raise DataError(
            f"{path} has SHA-256 {digest}; expected {expected}. It is another version of the "
            "file or a damaged copy: fetch the right one, or correct the declared checksum."
        )
    return digest


def _refuse_others(file: DataFile, head: bytes) -> None:
    for magic, kind in _OTHERS.items():
        if head.startswith(magic):
            raise DataError(
                f"{file} is {kind}; expected plain text, gzip or zip. Unpack or convert it first."
            )


def _refuse_twice(file: DataFile, piece: bytes, kind: str) -> None:
    """Refuse what is packed inside a packed file."""
    _refuse_others(file, piece)
    inside = "a tar archive" if piece[257:262] == b"ustar" else "packed once more"
    if piece.startswith((_GZIP, _ZIP)) or piece[257:262] == b"ustar":
        raise DataError(
            f"{file}: what the {kind} holds is {inside}; expected text. Unpack it first."
        )


def _refuse_bomb(file: DataFile, unpacked: int, packed: int) -> None:
    if unpacked > FREE and unpacked > RATIO * packed:
        raise DataError(
            f"{file} unpacks to {unpacked:,} bytes and more from {packed:,}; expected at most "
            f"{RATIO} times as many, as of text. If it is what it should be, unpack it first."
        )


def _member(file: DataFile, raw: IO[bytes]) -> IO[bytes]:
    """The one member of a zip archive that is meant, opened."""
    archive = zipfile.ZipFile(raw)
    every = [info for info in archive.infolist() if not info.is_dir() and not _is_junk(info)]
    if any(info.filename == "[Content_Types].xml" for info in every):
        raise DataError(
            f"{file.path} is an Office document; expected text. Save the table as CSV in UTF-8."
        )
    asked = (file.member,) if file.member is not None else file.usual
    found = [info for info in every if info.filename in asked or _base(info) in asked]
    if file.member is None and not found:
        found = every
    if len(found) != 1:
        names = ", ".join(info.filename for info in (found or every)[:10]) or "none"
        more = ", ..." if len(found or every) > 10 else ""
        which = f"no member {file.member!r}" if not found else f"{len(found)} files that may be it"
        raise DataError(
            f"{file.path} has {which}; expected one file. Name it with `member`, out of: "
            f"{names}{more}."
        )
    (info,) = found
    path = PurePosixPath(info.filename.replace("\\", "/"))
    fault = ""
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        fault = "has a path that leads out of the archive"
    elif stat.S_ISLNK(info.external_attr >> 16):
        fault = "is a link"
    elif info.flag_bits & 1:
        fault = "is encrypted"
    if fault:
        raise DataError(
            f"{file.path}: the member {info.filename!r} {fault}; expected a plain file. Unpack it "
            "yourself if you trust it, and name the file."
        )
    _refuse_bomb(file, info.file_size, info.compress_size)
    try:
        return archive.open(info)
    except NotImplementedError as error:
        raise DataError(
            f"{file.path}: the member {info.filename!r} is packed in a way that is not known here "
            f"({error}); expected the common ones. Unpack it first."
        ) from error


def _base(info: zipfile.ZipInfo) -> str:
    return PurePosixPath(info.filename).name


def _is_junk(info: zipfile.ZipInfo) -> bool:
    """What file managers leave behind in archives."""
    return info.filename.startswith("__MACOSX/") or _base(info).startswith(".")
