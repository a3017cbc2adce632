"""A real text that every CPython carries: the language reference that `help()` shows.

**Data** about 64,000 words, 3,100 of them different (CPython 3.11), lower-cased. Other versions of
Python have other texts; the version is part of the name, and the checksum is that of the text.

**File** `pydoc_data/topics.py`, the literal of a dictionary from topic to text. It is read as a
literal (`ast.literal_eval`) and not run; topics are taken in alphabetical order.

**Source** the Python documentation, Python Software Foundation License.
"""

from __future__ import annotations

import ast
import hashlib
import platform
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from freqopt.data.datasets import Corpus
from freqopt.data.formats import text
from freqopt.data.options import require_positive
from freqopt.data.vocabulary import Order, check_order
from freqopt.errors import DataError


def read(*, min_count: int = 1, order: Order = "frequency") -> Corpus:
    """Read the text.

    Parameters
    ----------
    min_count : int
        Words with fewer occurrences leave the vocabulary and the sequence.
    order
        Numbering of the words, see `freqopt.data.vocabulary.Order`.

    Raises
    ------
    DataError
        This Python comes without its topics; no word is frequent enough.
    """
    check_order(order)
    require_positive("min_count", min_count)
    path = file()
    topics = _literal(path)
    whole = "\n".join(topics[name] for name in sorted(topics))
    digest = hashlib.sha256(whole.encode()).hexdigest()
    blocks = [text.cut(whole, "english")]
    read = text.numbered(
        blocks, str(path), digest, words="english", min_count=min_count, order=order
    )
    return replace(read, name=f"python_topics {platform.python_version()}")


def file() -> Path:
    """Where the text stands: part of the key of every run on it, since no checksum is fixed.

    Raises
    ------
    DataError
        This Python comes without its topics.
    """
    spec = find_spec("pydoc_data")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder, "topics.py")
        if path.is_file():
            return path
    raise DataError(
        f"this Python {platform.python_version()} has no pydoc_data/topics.py; expected the texts "
        "of help(). Install the standard library in full, or name a text of your own with format = "
        "'text'."
    )


def _literal(path: Path) -> dict[str, str]:
    try:
        for statement in ast.parse(path.read_text("utf-8")).body:
            if isinstance(statement, ast.Assign):
                return dict(ast.literal_eval(statement.value))
    except (OSError, SyntaxError, TypeError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}. Reinstall Python.") from error
    raise DataError(f"{path} has no dictionary of topics. Reinstall Python.")
