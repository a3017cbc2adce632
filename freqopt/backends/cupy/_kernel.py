"""A rule's kernel as CUDA: what `freqopt.kernels` has read, put between the braces."""

from __future__ import annotations

from typing import Any

from freqopt.kernels._read import Piece, Reading, read
from freqopt.kernels._values import TYPES, Number, Slots
from freqopt.optimizers import Rule


def rule_text(rule: Rule, dtype: Any) -> str:
    """The equations of a rule, for `source/update.cuh`.

    Raises
    ------
    BackendError
        The rule has no kernel of its own.
    KernelError
        Its kernel cannot be read.
    """
    reading = read(rule, dtype)
    return "\n".join(
        [
            "// the rule's kernel",
            f"constexpr Statistic STATISTIC = {_statistic(reading)};",
            c_structure("Scalars", "c", reading.scalars.result),
            c_structure("Row", "r", reading.row.result),
            c_function("Scalars scalars(const double* h, i64 t)", reading.scalars, None),
            c_function(
                "Row row(const Scalars& c, RowState& s, const Visit& visit, real total)",
                reading.row,
                reading.s,
            ),
            _term(reading.term),
            c_function(
                "real element(const Scalars& c, const Row& r, real w, real g, real x, "
                "ElementState& e)",
                reading.element,
                reading.e,
            ),
            "",
        ]
    )


def _statistic(reading: Reading) -> str:
    if reading.term is None:
        return "NONE"
    return "LARGEST" if reading.kernel.largest else "SUM"


def c_structure(name: str, prefix: str, parts: tuple[Number, ...]) -> str:
    """A structure of numbers."""
    fields = [f"{TYPES[part.kind]} {prefix}{k};" for k, part in enumerate(parts)]
    return f"struct {name} {{ {' '.join(fields)} }};"


def _term(term: Piece | None) -> str:
    head = "real term(real g, real x)"
    return f"DEVICE {head} {{ return 0; }}" if term is None else c_function(head, term, None)


def c_function(head: str, piece: Piece, slots: Slots | None) -> str:
    """A function that gives its result, after its slots were given their last values."""
    places = slots.places if slots else ()
    stored = [f"{place} = {number.text};" for place, number in zip(places, piece.last, strict=True)]
    if isinstance(piece.result, tuple):
        result = f"{{{', '.join(part.text for part in piece.result)}}}"
    else:
        result = piece.result.text
    body = [f"    {line}" for line in (*piece.lines, *stored, f"return {result};")]
    return "\n".join([f"DEVICE {head} {{", *body, "}"])
