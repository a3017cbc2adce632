"""A problem's own kernel: what a sample is made of, and the gradient of its loss, entry by entry.

The functions are written in the language of a rule's kernel and read by the same reader.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from freqopt.kernels._form import Real
from freqopt.kernels._own import check_own
from freqopt.kernels._read import Piece, at, fingerprint, made, piece
from freqopt.kernels._values import Named, Number, Record, Text


class Token(NamedTuple):
    """A token of a law of `freqopt.streams`, from the stream of a purpose: a whole number.

    Attributes
    ----------
    law : TokenDistribution
        Over the tokens 0 .. N-1.
    purpose : str
        Of the stream.
    """

    law: Any
    purpose: str


class Index(NamedTuple):
    """A whole number in [0, size), each as likely.

    Attributes
    ----------
    size : int
        At least 1.
    purpose : str
        Of the stream.
    """

    size: int
    purpose: str


class Sign(NamedTuple):
    """1 or -1, each as likely: the highest bit of a word.

    Attributes
    ----------
    purpose : str
        Of the stream.
    """

    purpose: str


class Uniform(NamedTuple):
    """Uniform in [0, 1), as `Stream.uniform`.

    Attributes
    ----------
    purpose : str
        Of the stream.
    """

    purpose: str


class Normal(NamedTuple):
    """Standard normal, as `Stream.normal`.

    Attributes
    ----------
    purpose : str
        Of the stream.
    """

    purpose: str


class Lookup(NamedTuple):
    """What stands in an array, int64 or float64, at the place that a whole number says.

    That is a Token, an Index, or a Lookup of whole numbers above this one. An array (n, d) has a
    number for each column of a row: for `term` and `element` alone.

    Attributes
    ----------
    array : int64 or float64 (n,), or (n, d)
    by : str
        The name of the Token, Index or Lookup among the fields.
    """

    array: NDArray[Any]
    by: str


Field: TypeAlias = Token | Index | Sign | Uniform | Normal | Lookup
"""A number of a sample, one of these six; the random word of sample b is the b-th of the step's in
the purpose's stream."""


def no_sample() -> Any:
    """The `sample` of a problem whose entries need nothing of the whole row."""
    return ()


class ProblemKernel(NamedTuple):
    """A problem for every backend.

    A function names, as its parameters, what it needs of what is listed with it here.

    Attributes
    ----------
    fields : name -> Field
        The numbers of a sample.
    tables : table -> field
        Which row of each table a sample reads; the tables have one width.
    element : (f, r, w, batch) -> number, or one for each table
        The gradient of the mean loss in an entry. `f` has the fields by name, `r` what `sample`
        gave, `w` the tables' entries by name; `batch` is B.
    sample : (f, total, batch) -> tuple of numbers of the tables' dtype
        What is the same for all entries.
    term : (f, w) -> number, or None
        Its sum along the row, as a fold, is what `sample` gets as `total`; 0 if None.
    """

    fields: dict[str, Field]
    tables: dict[str, str]
    element: Callable[..., Any]
    sample: Callable[..., Any] = no_sample
    term: Callable[..., Any] | None = None


ROLES = {
    "term": ("f", "w"),
    "sample": ("f", "total", "batch"),
    "element": ("f", "r", "w", "batch"),
}


@dataclass(frozen=True, eq=False)
class ProblemReading:
    """What all readers know of a problem's kernel.

    Attributes
    ----------
    kernel, text : as written, and what was found out about it
    own : what tells the texts of a user's files from others
    width : of the tables' rows
    f, columns, w : the fields by name, those with the columns', and the tables
    term, sample, element : each function as C
    """

    kernel: ProblemKernel
    text: Text
    own: str
    width: int
    f: Record
    columns: Record
    w: Record
    term: Piece | None
    sample: Piece
    element: Piece


def read_problem(problem: Any) -> ProblemReading:
    """The kernel of a problem.

    Raises
    ------
    BackendError
        It has none of its own.
    KernelError
        It cannot be read for every backend; file and line are said.
    """
    check_own(type(problem), ("draw", "gradients", "shapes"))
    kernel, function = _made(problem), type(problem).kernel
    _check_fields(problem, kernel, function)
    (width,) = {width for _, width in problem.shapes.values()}
    kinds = {name: _kind(field) for name, field in kernel.fields.items()}
    whole = tuple((n, k) for n, k in kinds.items() if not _by_column(kernel.fields[n]))
    f, columns = Named("f", whole), Named("f", tuple(kinds.items()))
    w = Named("w", tuple((name, "real") for name in kernel.tables))
    text, batch, total = Text(), Number("batch", "int"), Number("total", "real")
    term = None
    if kernel.term is not None:
        term, _ = piece(text, kernel, "term", (columns, w), roles=ROLES)
    sample, r = piece(text, kernel, "sample", (f, total, batch), None, ("r.r", "real"), ROLES)
    several = ("g.g", "real") if len(kernel.tables) > 1 else None
    element, parts = piece(text, kernel, "element", (columns, r, w, batch), None, several, ROLES)
    if several and len(parts) != len(kernel.tables):
        raise at(
            kernel.element, f"gives {len(parts)} numbers for {len(kernel.tables)} tables",
            f"return one for each: {', '.join(kernel.tables)}",
        )  # fmt: skip
    return ProblemReading(
        kernel, text, fingerprint(text), width, f, columns, w, term, sample, element
    )


def _kind(field: Field) -> str:
    if isinstance(field, Lookup):
        return "int" if field.array.dtype.kind == "i" else "double"
    return "int" if isinstance(field, (Token, Index)) else "double"


def _by_column(field: Field) -> bool:
    return isinstance(field, Lookup) and field.array.ndim == 2


def _made(problem: Any) -> ProblemKernel:
    """What the problem's `kernel` gives."""
    return made(problem.kernel, Real(np.float64), ProblemKernel)


def _check_fields(problem: Any, kernel: ProblemKernel, function: Any) -> None:
    """Compiled code looks things up without a check: here it is found that all places exist."""
    fields, shapes = kernel.fields, problem.shapes
    if set(kernel.tables) != set(shapes) or len({d for _, d in shapes.values()}) != 1:
        raise at(
            function, f"tables are {kernel.tables}, and the problem has {shapes}",
            "name the field with the row for each table; their widths must be equal",
        )  # fmt: skip
    (width,) = {d for _, d in shapes.values()}
    earlier: dict[str, Field] = {}
    for name, field in fields.items():
        by = earlier.get(getattr(field, "by", ""))
        earlier[name] = field
        if not isinstance(field, Field) or not name.isidentifier():
            raise at(function, f"the field {name} is {field!r}",
                     "fields are Token, Index, Sign, Uniform, Normal or Lookup")  # fmt: skip
        if not isinstance(field, Lookup):
            continue
        array = field.array
        if not _whole(by):
            raise at(function, f"the field {name} is looked up by {field.by!r}",
                     "look it up by a Token, an Index or a Lookup in int64 above it")  # fmt: skip
        known = isinstance(array, np.ndarray) and array.dtype in (np.int64, np.float64)
        if not known or array.ndim not in (1, 2) or not array.flags.c_contiguous:
            raise at(
                function, f"the array of the field {name} is no int64 or float64 (n,) or (n, d)",
                "use numpy.ascontiguousarray(..., dtype=...)",
            )  # fmt: skip
        least, most = _range(by)
        if least < 0 or len(array) <= most or (array.ndim == 2 and array.shape[1] != width):
            raise at(
                function, f"the array of the field {name} has the shape {array.shape}, and "
                f"{field.by} goes from {least} to {most} in rows of {width}",
                "give a number for every value",
            )  # fmt: skip
    for table, name in kernel.tables.items():
        size, row = shapes[table][0], fields.get(name)
        if _whole(row):
            least, most = _range(row)
        else:
            raise at(function, f"the rows of table {table} come from {name!r}, no whole number",
                     "name a Token, an Index, or a Lookup in int64")  # fmt: skip
        if least < 0 or most >= size:
            raise at(function, f"{name} goes from {least} to {most}, and table {table} has "
                     f"{size} rows", "draw rows that are there")  # fmt: skip


def _whole(field: Field | None) -> TypeGuard[Token | Index | Lookup]:
    """Whether its values can be places of an array or rows of a table."""
    if isinstance(field, Lookup):
        array = field.array
        return isinstance(array, np.ndarray) and array.dtype == np.int64 and array.ndim == 1
    return isinstance(field, (Token, Index))


def _range(field: Token | Index | Lookup) -> tuple[int, int]:
    """The least and the greatest number that the field gives."""
    if isinstance(field, Lookup):
        return int(field.array.min(initial=0)), int(field.array.max(initial=0))
    return 0, int(field.law.size if isinstance(field, Token) else field.size) - 1


def innermost(fields: dict[str, Field], name: str) -> tuple[str, list[str]]:
    """The drawn field on which a field depends, and the lookups from it to the field, in order."""
    lookups: list[str] = []
    while isinstance(field := fields[name], Lookup):
        lookups.insert(0, name)
        name = field.by
    return name, lookups
