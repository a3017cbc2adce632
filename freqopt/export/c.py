"""A rule as C (and CUDA): the row function, and what joins it to the test driver."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from freqopt.export.memory import Memory, c_text
from freqopt.export.text import (
    Line,
    Names,
    last_equation,
    numbers_of,
    renamed,
    results_of,
    statements,
    unpacked,
    used_fields,
)
from freqopt.kernels._read import Reading, own_slots, read
from freqopt.optimizers._critical import FixedMemory
from freqopt.streams import _trigonometry, elementary

C_TYPES = {"real": "real", "double": "double", "int": "int64_t", "i64": "int64_t", "bool": "bool"}
SLOT_TYPES = {"table": "real", "float64": "double", "int64": "int64_t"}
CAST = re.compile(r"(?<!\w)(real|double|i64)\(")
TAKEN = {
    "h", "t", "w", "g", "x", "j", "width", "occurrences", "first_round", "total", "rate", "fold",
    "work", "real", "row", "RULE", "N", "D", "T", "o", "if", "else", "double", "int", "long",
    "short", "float", "auto", "register", "signed", "const", "static", "default", "case", "do",
    "for", "while", "switch", "return", "union", "struct", "void", "log", "exp", "sqrt", "power",
}  # fmt: skip


def as_c(text: str) -> str:
    """An expression of the kernel's C with casts and names as plain C has them."""
    text = CAST.sub(lambda m: f"({C_TYPES[m[1]]})(", text)
    text = text.replace("elementary::", "elementary_").replace("infinity()", "INFINITY")
    text = re.sub(r"(?<!\w)h\.(\w+)", r"h->\1", text)
    return re.sub(r"(?<!\w)(nan)(?!\w)", "NAN", re.sub(r"(?<!\w)inf(?!\w)", "INFINITY", text))


class Row:
    """The text of a rule's row function.

    Parameters
    ----------
    rule : Rule
        Its choices, and which of its numbers are on, decide the text.
    """

    def __init__(self, rule: Any) -> None:
        self.rule, self.reading = rule, read(rule, np.float64)
        self.fields = numbers_of(rule)
        self.slots = own_slots(rule)
        self.memory = Memory(rule) if isinstance(rule, FixedMemory) and rule.kappa else None
        self.asked = dict(self.reading.asked) | (self.memory.asked if self.memory else {})
        names = Names(TAKEN | {slot.name for slot in self.slots})
        for place, name in enumerate(type(rule).model_fields):
            names.stands[f"h[{place}]"] = f"h.{name}"
        names.stands |= {f"visit.{n}": n for n in ("t", "occurrences", "first_round", "width")}
        reading = self.reading
        self.batch = statements(reading.scalars, names)
        self._stand(names, "c", results_of(reading.scalars, names), unpacked(reading, "c"))
        self.term_lines = statements(reading.term, names) if reading.term else []
        self.term = renamed(reading.term.result.text, names) if reading.term else ""
        names.stands |= {f"s.own_{s.name}": f"*{s.name}" for s in self.slots if s.per == "row"}
        self.row = statements(reading.row, names)
        self.row_stored = self._stored(reading, names, "row")
        self._stand(names, "r", results_of(reading.row, names), unpacked(reading, "r"))
        names.stands |= {
            f"e.own_{s.name}": f"{s.name}[j]" for s in self.slots if s.per == "element"
        } | {"w": "w[j]", "g": "g[j]", "x": "x[j]"}
        self.each = statements(reading.element, names)
        self.each_stored = self._stored(reading, names, "element")
        self.new = renamed(reading.element.result.text, names)
        self.equation = last_equation(reading.element)
        self._prune()

    def _prune(self) -> None:
        """Leave out what nothing reads: options of the rule that are off."""
        while True:
            every = [*self.batch, *self.term_lines, *self.row, *self.each]
            texts = [line.value for line in every] + [
                line.name for line in every if line.kind == "assign"
            ]
            texts += [text for _, text in (*self.row_stored, *self.each_stored)]
            read = set(re.findall(r"[A-Za-z_]\w*", " ".join([*texts, self.term, self.new])))
            unread = {line.name for line in every if line.kind == "set"} - read
            if not unread:
                return
            for lines in (self.batch, self.term_lines, self.row, self.each):
                lines[:] = [x for x in lines if x.kind != "set" or x.name not in unread]

    def _stand(self, names: Names, given: str, parts: list[Any], called: dict[int, str]) -> None:
        """What stands for c.c0 or r.r0: a variable's name, or a short expression."""
        kept = self.batch if given == "c" else self.row
        for place, part in enumerate(parts):
            text = part.text
            simple = re.fullmatch(r"[\w.]+", text) and (len(text) < 24 or "." in text)
            if not simple:
                name = names.new(called.get(place, f"{given}{place}"))
                kept.append(Line("set", name, part.kind, text))
                text = name
            names.stands[f"{given}.{given}{place}"] = text

    def _stored(self, reading: Reading, names: Names, per: str) -> list[tuple[str, str]]:
        """Slot -> the expression that it is given at the end."""
        piece, slots = (reading.row, reading.s) if per == "row" else (reading.element, reading.e)
        pairs = zip(slots.fields, piece.last, strict=True)
        return [(slot, renamed(number.text, names)) for slot, number in pairs]

    # -- C ---------------------------------------------------------------------------------------

    def body(self) -> Iterator[str]:
        """The statements of the function."""
        if self.batch:
            yield "/* the same for every row of batch t */"
            yield from map_lines(self.batch)
        if self.reading.term is not None:
            yield "/* along the row */"
            yield from self._total()
        if self.row or self.row_stored:
            yield "/* the same for every number of the row */"
            yield from map_lines(self.row)
            yield from (
                f"*{slot} = {as_c(text)};" for slot, text in self.row_stored if text != f"*{slot}"
            )
        yield "for (int64_t j = 0; j < width; j++) {"
        for line in map_lines(self.each):
            yield f"    {line}"
        for slot, text in self.each_stored:
            if text != f"{slot}[j]":
                yield f"    {slot}[j] = {as_c(text)};"
        yield f"    w[j] = {as_c(self.new)};{comment(self.equation)}"
        yield "}"

    def _total(self) -> Iterator[str]:
        text = re.sub(r"(?<![\w.])([gx])(?![\w\[])", r"\1[j]", as_c(self.term))
        yield "for (int64_t j = 0; j < width; j++) {"
        yield from (f"    {line}" for line in map_lines(self.term_lines))
        yield f"    work[j] = {text};"
        yield "}"
        if self.reading.kernel.largest:
            yield "real total = work[0];"
            yield "for (int64_t j = 1; j < width; j++)"
            yield "    if (work[j] > total || isnan(work[j])) total = work[j];"
        else:
            yield "const real total = row_sum(work, width);"

    @property
    def parameters(self) -> list[str]:
        """Of the function, one text each."""
        slots = [f"{SLOT_TYPES[s.dtype]} *{s.name}" for s in self.slots]
        return [
            f"const struct {self.rule.name()} *h", "int64_t t", "int64_t occurrences",
            "bool first_round", "int64_t width", "real *w", "const real *g", "const real *x",
            "real *work", *slots,
        ]  # fmt: skip


def comment(equation: str) -> str:
    """An equation's number behind a statement."""
    return f" /* {equation} */" if equation else ""


def map_lines(lines: list[Line]) -> Iterator[str]:
    """Statements as C."""
    depth = 0
    for line in lines:
        text = ""
        if line.kind == "set":
            text = f"const {C_TYPES[line.type]} {line.name} = {as_c(line.value)};"
        elif line.kind == "declare":
            text = f"{C_TYPES[line.type]} {line.name};"
        elif line.kind == "assign":
            text = f"{line.name} = {as_c(line.value)};"
        elif line.kind == "if":
            text = f"if {as_c(line.value)} {{"
        if line.kind in ("else", "end"):
            depth -= 1
            text = "} else {" if line.kind == "else" else "}"
        yield "    " * depth + text + comment(line.equation)
        if line.kind in ("if", "else"):
            depth += 1


def constants() -> str:
    """The numbers that elementary.h is written with."""
    values = {
        "INV_LN2": elementary.INV_LN2, "LN2_HI": elementary.LN2_HI, "LN2_LO": elementary.LN2_LO,
        "SQRT_HALF": elementary.SQRT_HALF, "PI": math.pi, "TWO_OVER_PI": _trigonometry.TWO_OVER_PI,
    }  # fmt: skip
    lines = [f"#define {name} {value!r}" for name, value in values.items()]
    all_series = {n: getattr(elementary, n) for n in ("EXP_SERIES", "LOG_SERIES")} | {
        n: getattr(_trigonometry, n) for n in ("HALF_PI", "SIN_SERIES", "COS_SERIES")
    }
    for name, numbers in all_series.items():
        series = ", ".join(map(repr, numbers)).replace(", 2", ", \\\n    2")
        lines.append(f"#define {name} {{{series}}}")
    return "\n".join(lines) + "\n"


def used(row: Row) -> list[str]:
    """The numbers that the function reads, and those of its rate."""
    text = "\n".join([*row.body(), c_text(row.memory, "") if row.memory else ""])
    own = list(used_fields(text, row.fields))
    return [n for n in row.fields if n in own or n in ("lr", "lr_decay")]
