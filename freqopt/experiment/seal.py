"""A SHA-256 inside a Parquet file: a change of any byte is noticed.

Parquet's own checksums cover the pages of values and nothing else. Readers find everything through
the footer, from the end of the file: what stands between the last page and the footer is looked at
by nobody. The digest of all other bytes is put there, so that the file stays one file that any
Parquet reader reads.

    PAR1 | pages | SHA-256 (32 bytes) | footer | length of the footer (4 bytes) | PAR1
"""

from __future__ import annotations

import hashlib

_DIGEST = 32


def sealed(content: bytes) -> bytes:
    """A Parquet file's content with the digest in it."""
    pages, footer = _parts(content)
    return pages + _digest(pages, footer) + footer


def is_intact(content: bytes) -> bool:
    """Whether the content is that of a sealed file, every byte as it was written."""
    before, footer = _parts(content)
    pages, digest = before[:-_DIGEST], before[-_DIGEST:]
    return digest == _digest(pages, footer)


def _parts(content: bytes) -> tuple[bytes, bytes]:
    """What stands before the footer; the footer, its length and the closing PAR1."""
    start = max(0, len(content) - 8 - int.from_bytes(content[-8:-4], "little"))
    return content[:start], content[start:]


def _digest(pages: bytes, footer: bytes) -> bytes:
    return hashlib.sha256(pages + footer).digest()
