"""How often each token occurs, out of whatever file a user has of it.

Forms, told apart by their first lines:

* a token and its count in a line, in this order or the other (`sort | uniq -c`), or a count second
  and more behind it, separated by a tab, a comma, a semicolon or blanks, with or without a header;
  counts alone; a JSON object of tokens and counts. Lines of one token add up;
* a table with a header whose cells are tokens: one of its columns is counted, `column`;
* ratings as MovieLens and RecBole publish them: `users` or `items` are counted;
* any other text: its words.

A file whose lines have the form of counts but for a few is one of counts, and the few are refused.

A name of installed data, such as `movielens`, stands for those data, and `format` for any format
that `freqopt.data.load` reads.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from freqopt.data.datasets import Clicks, Dataset, Ratings, TokenCounts
from freqopt.data.formats import text
from freqopt.data.parsing.encodings import UTF_8, decoded, unmarked
from freqopt.data.parsing.faults import bad_line, shown
from freqopt.data.parsing.lines import refuse_returns
from freqopt.data.parsing.unpacked import DataFile
from freqopt.data.registry import installed_names, load
from freqopt.errors import DataError

SAMPLE = 200
"""Lines that a form is told by."""
MOST = 2**63 - 1
ITEMS = ("movieid", "item_id:token", "itemid", "item_id", "item", "token", "word")
"""Headers of columns that hold what has an embedding, in lower case."""

FEW = 0.05
"""Part of the lines that may be wrong in a file of counts; one may always."""

_SEPARATED = re.compile(rb"[\t,;]")
_WORD = re.compile(rb"[\"']?[^\W\d_]|[\"']?[\x80-\xff]")
_COUNTED_MARK = re.compile(rb"[#;](?:[^\t]*\t|\S*[\s,;]+)(\S+)\s*\Z")


@dataclass(frozen=True, eq=False)
class Occurrences:
    """Counts of tokens.

    Attributes
    ----------
    counts : int64 array, shape (N,)
        Each at least 1.
    what : str
        What was counted, for captions.
    source : str
    """

    counts: NDArray[np.int64]
    what: str
    source: str


def occurrences(
    where: str | Path,
    format: str | None = None,  # noqa: A002
    column: str | None = None,
    encoding: str | None = None,
    member: str | None = None,
) -> Occurrences:
    """Count the tokens of a file or of installed data.

    Parameters
    ----------
    where
        A path, or the name of installed data.
    format
        Name of a format of `freqopt.data.load`; absent: told from the first lines.
    column
        What is counted: "items" or "users" of ratings; the name or the number, from 1, of a column.
    encoding
        Of the text; absent: UTF-8, or what the format has.
    member
        Which file of a zip archive, where it has several.

    Raises
    ------
    DataError
        Whatever is wrong, with the line it is in.
    """
    name, given = str(where), {"encoding": encoding, "member": member}
    options = {option: value for option, value in given.items() if value is not None}
    if format is not None:
        return _of(load(where, format, **options), name, column)
    if name in installed_names() and not Path(name).exists():
        return _of(load(name, **options), name, column)
    file = DataFile(Path(where), member)
    if encoding is None:
        whole = b"".join(unmarked(file, UTF_8))
    else:
        whole = "".join(decoded(file, encoding)).encode()
    whole = whole.replace(b"\r\n", b"\n").rstrip(b"\n")
    refuse_returns(where, 1, whole)
    rows = whole.split(b"\n")
    for line, row in enumerate(rows):  # comments before the first line of data
        if row.strip() and not _is_comment(row):
            break
        rows[line] = b""
    sample = list(islice((row for row in rows if row.strip()), SAMPLE))
    if not sample:
        raise DataError(f"{where} holds blank lines only; expected counts, ratings or text")
    if sample[0].lstrip().startswith(b"{"):
        return _object(Path(where), rows)
    if column is None and all(row.count(b"::") == 3 for row in sample):
        return _of(load(where, "movielens_10m", **options), name, column)
    if column is None and all(re.fullmatch(rb"\d+\t\d+\t\d\t\d+", row) for row in sample):
        return _of(load(where, "movielens_100k", **options), name, column)
    header = [cell.strip() for cell in _SEPARATED.split(sample[0])]
    known = [cell.decode("utf-8", "replace").lower() for cell in header]
    chosen = _column(column, known, where)
    if chosen is not None:
        separator = _SEPARATED.search(sample[0])
        return _cells(Path(where), rows, separator[0] if separator else b"\t", chosen, header)
    form = _form(sample)
    if form is not None:
        return _table(Path(where), rows, form)
    found = text.read(where, words="split", encoding=encoding or UTF_8, member=member)
    return Occurrences(found.counts, "words", name)


Form = Callable[[bytes], tuple[bytes, bytes]]
"""A line -> token, count."""


def _last(separator: bytes | None) -> Form:
    def split(row: bytes) -> tuple[bytes, bytes]:
        token, *count = row.rsplit(separator, 1)
        return token, count[0].strip() if count else b""

    return split


def _second(separator: bytes | None) -> Form:
    def split(row: bytes) -> tuple[bytes, bytes]:
        token, *rest = row.split(separator, 2)
        return token, rest[0].strip() if rest else b""

    return split


def _first(row: bytes) -> tuple[bytes, bytes]:
    count, *token = row.split(None, 1)
    return token[0] if token else b"", count


def _alone(row: bytes) -> tuple[bytes, bytes]:
    return b"", row.strip()


FORMS: tuple[Form, ...] = (
    *(_last(separator) for separator in (b"\t", b",", b";")),
    _alone,
    *(_second(separator) for separator in (b"\t", b",", b";")),
    _last(None),
    _first,
    _second(None),
)


def _form(sample: Sequence[bytes]) -> Form | None:
    """The form that the lines have; where none has no fault, the one with the fewest."""
    faults = {form: _faults(form, sample) for form in FORMS}
    best = min(FORMS, key=faults.__getitem__)  # the first of several
    separated = best in FORMS[:3] or best in FORMS[4:7]
    allowed = max(FEW * len(sample), 1) if separated or len(sample) > 2 else 0
    return best if faults[best] <= allowed else None


def _faults(form: Form, sample: Sequence[bytes]) -> float:
    """How many lines below the header have no number in the count's place; infinite if most."""
    body = sample[1:] if len(sample) > 1 and _is_header(form(sample[0])[1]) else sample
    pairs = [form(row) for row in body]
    nameless = form is not _alone and any(not token.strip() for token, n in pairs if n.isdigit())
    numbers = sum(map(_is_number, (count for _, count in pairs)))
    digits = any(byte in b"0123456789" for _, count in pairs for byte in count)
    digits |= form in FORMS[:3] and numbers == len(pairs)  # nan and inf behind a separator
    if nameless or not digits or 2 * numbers < len(pairs):
        return math.inf
    return len(pairs) - numbers


def _is_number(cell: bytes) -> bool:
    """Whether a cell was meant for a number: also nan, -1 and 2.5, which are no counts."""
    if cell.endswith(b"."):  # the end of a sentence
        return False
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_header(cell: bytes) -> bool:
    """Whether what stands in the count's place of the first line is a word."""
    return _WORD.match(cell) is not None and not _is_number(cell)


def _is_comment(row: bytes) -> bool:
    """Whether a line above the data is none of them: the count of a token # has a number."""
    counted = _COUNTED_MARK.match(row)
    return row.startswith((b"#", b";")) and not (counted and _is_number(counted[1]))


def _table(path: Path, rows: list[bytes], form: Form) -> Occurrences:
    numbered = [(line, *form(row)) for line, row in enumerate(rows, 1) if row.strip()]
    if len(numbered) > 1 and _is_header(numbered[0][2]):
        del numbered[0]
    for line, _, count in numbered:
        if not count.isdigit() or len(count) > 19 or int(count) > MOST:
            raise bad_line(
                path, line, f"the count is {shown(count)}", f"a whole number from 0 to {MOST}",
                "Correct the line, or name the format.",
            )  # fmt: skip
    counts = np.array([int(count) for _, _, count in numbered], np.int64)
    if form is not _alone:
        counts = _added(path, [token for _, token, _ in numbered], counts)
    return _positive(path, counts, "tokens")


def _added(path: Path, tokens: list[bytes], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts of lines of one token, added up."""
    places: dict[bytes, int] = {}
    place = np.fromiter((places.setdefault(t, len(places)) for t in tokens), np.int64, len(tokens))
    if len(places) == len(tokens):
        return counts
    sums = np.zeros(len(places), np.int64)
    np.add.at(sums, place, counts)
    if counts.max() > MOST // 2 and (sums < 0).any():
        raise DataError(f"{path}: the counts of one token add up to more than {MOST}; correct them")
    return sums


def _object(path: Path, rows: list[bytes]) -> Occurrences:
    """Counts of a JSON object."""
    try:
        found = json.loads(b"\n".join(rows))
        counts = list(found.values())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} begins like JSON and is none ({error}); mend the file") from None
    bad = [c for c in counts if not isinstance(c, int) or isinstance(c, bool) or not 0 <= c <= MOST]
    if bad:
        raise DataError(
            f"{path}: a count of the JSON object is {shown(repr(bad[0]))}; expected a whole number "
            f"from 0 to {MOST}. Correct it"
        )
    return _positive(path, np.array(counts, np.int64), "tokens")


def _cells(
    path: Path, rows: list[bytes], separator: bytes, chosen: int, header: list[bytes]
) -> Occurrences:
    """How often each value of a column occurs below the header."""
    cells: Counter[bytes] = Counter()
    for line, row in enumerate(rows[1:], 2):
        if not row.strip():
            continue
        parts = row.split(separator)
        if len(parts) <= chosen:
            raise bad_line(
                path, line, f"{len(parts)} columns", f"column {chosen + 1}, as the header has it",
                "Correct the line.",
            )  # fmt: skip
        cells[parts[chosen]] += 1
    counts = np.array(list(cells.values()), np.int64)
    return _positive(path, counts, header[chosen].decode("utf-8", "replace"))


def _column(column: str | None, known: list[str], where: str | Path) -> int | None:
    """Which column of a table of tokens is counted; None where the file is no such table."""
    if column is None:
        rest = {"count", "counts", "frequency", "freq", "n"} & set(known)
        found = [known.index(name) for name in ITEMS if name in known]
        return found[0] if found and not rest and len(known) > 2 else None
    if column.lower() in known:
        return known.index(column.lower())
    if column.isdigit() and 1 <= int(column) <= len(known):
        return int(column) - 1
    raise DataError(
        f"{where} has no column {column!r}; expected one of {', '.join(known[:20])}, or a number "
        f"from 1 to {len(known)}. Correct --column"
    )


def _of(data: Dataset, name: str, column: str | None) -> Occurrences:
    """Counts of a data set that a loader has read."""
    columns: dict[str, NDArray[np.int64]] = {}
    if isinstance(data, Ratings):
        columns = {"items": data.items, "users": data.users}
    elif isinstance(data, Clicks):
        columns = {field: data.tokens[:, f] for f, field in enumerate(data.token_names)}
    elif isinstance(data, TokenCounts):
        return Occurrences(data.counts, "tokens", name)
    if not columns:
        raise DataError(f"{name} are {type(data).__name__}, which hold no tokens to count")
    chosen = next(iter(columns)) if column is None else column
    if chosen not in columns:
        raise DataError(
            f"{name} has no column {column!r}; expected one of {', '.join(columns)}. "
            "Correct --column"
        )
    counts = np.bincount(columns[chosen])
    return Occurrences(counts[counts > 0], chosen, name)


def _positive(path: Path, counts: NDArray[np.int64], what: str) -> Occurrences:
    seen = counts[counts > 0]
    if not seen.size:
        raise DataError(f"{path} has no token with a positive count; expected at least one")
    return Occurrences(seen, what, str(path))
