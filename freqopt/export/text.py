"""A kernel as statements with the rule's own names and equation numbers.

What `freqopt.kernels` has read is C in which every number has a variable of its own. Here those get
their names back, what is used once and has no name goes where it is used, and each statement gets
the equation number that stands beside its line in the rule's file.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from freqopt.kernels._read import Piece, Reading
from freqopt.kernels._source import source_of
from freqopt.kernels._values import Number

WORD = re.compile(r"(?<!\w)h\[\d+\]|(?<![\w.])[A-Za-z_]\w*(?:\.\w+)?")
DECLARED = re.compile(r"(?:const )?(\w+) (\w+?)(_\d+)(?: = (.*))?;")
EQUATION = re.compile(r"#\s*(\([\d., a-z()]*\d[a-z]?\))")
FLOAT = re.compile(r"(?<![\w.])-?0x[0-9a-f.]+p[+-]\d+")


@dataclass
class Names:
    """Names that are taken, and what stands for what the kernel calls otherwise."""

    taken: set[str]
    stands: dict[str, str] = field(default_factory=dict)

    def new(self, wanted: str) -> str:
        """The name, or the name with a number."""
        name, k = wanted, 1
        while name in self.taken:
            k += 1
            name = f"{wanted}{k}"
        self.taken.add(name)
        return name


@dataclass(frozen=True)
class Line:
    """One statement.

    Attributes
    ----------
    kind : {"set", "declare", "assign", "if", "else", "end"}
    name, type, value : its parts, as far as it has them; values are expressions in C
    equation : "(1)", or ""
    """

    kind: str
    name: str = ""
    type: str = ""
    value: str = ""
    equation: str = ""


def statements(piece: Piece, names: Names) -> list[Line]:
    """The statements of one function; what its variables are called is noted in `names`."""
    text = [line.strip() for line in piece.lines]
    results = piece.result if isinstance(piece.result, tuple) else (piece.result,)
    used = " ".join([*text, *(n.text for n in (*results, *piece.last))])
    found: list[Line] = []
    for line in text:
        declared = DECLARED.fullmatch(line)
        if declared:
            kind, base, number, value = declared.groups()
            variable = base + number
            uses = len(re.findall(rf"(?<!\w){variable}(?!\w)", used)) - 1
            if value and uses <= 1 and base in ("result", "part", "test", "picked"):
                names.stands[variable] = renamed(value, names)  # it goes where it is used
                continue
            base = {"result": "value", "part": "value", "picked": "chosen"}.get(base, base)
            name = names.new(base)
            value = renamed(value, names) if value else ""
            names.stands[variable] = name
            equation = _equation(piece.places.get(variable))
            found.append(Line("set" if value else "declare", name, kind, value, equation))
        elif line.startswith("if ("):
            found.append(Line("if", value=renamed(line[3:-2].strip(), names)))
        elif line == "} else {":
            found.append(Line("else"))
        elif line == "}":
            found.append(Line("end"))
        else:
            target, _, value = line.rstrip(";").partition(" = ")
            found.append(Line("assign", names.stands[target], value=renamed(value, names)))
    return found


def renamed(text: str, names: Names) -> str:
    """An expression with the names that stand for its variables, its numbers in decimal."""
    text = WORD.sub(lambda m: names.stands.get(m[0], m[0]), text)
    return FLOAT.sub(lambda m: repr(float.fromhex(m[0])), text)


def results_of(piece: Piece, names: Names) -> list[Number]:
    """What a function returns, in the new names."""
    results = piece.result if isinstance(piece.result, tuple) else (piece.result,)
    return [Number(renamed(n.text, names), n.kind) for n in results]


def unpacked(reading: Reading, given: str) -> dict[int, str]:
    """What `row` and `element` call the parts of c or r, by place."""
    found: dict[int, str] = {}
    for role in ("element", "row"):
        tree = source_of(getattr(reading.kernel, role)).tree
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
                value = node.value.value if isinstance(node.value, ast.Subscript) else node.value
                if isinstance(value, ast.Name) and value.id == given:
                    for place, part in enumerate(node.targets[0].elts):
                        if isinstance(part, ast.Name) and part.id.strip("_"):
                            found.setdefault(place, part.id)
    return found


@cache
def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


def _equation(place: tuple[str, int, int] | None) -> str:
    """The equation numbers beside a place of a rule's file."""
    if place is None or not place[0]:
        return ""
    text = " ".join(_lines(place[0])[place[1] - 1 : place[2]])
    found = EQUATION.search(text)
    return found[1] if found else ""


def last_equation(piece: Piece) -> str:
    """That of what a function returns: of its last variable."""
    return _equation(list(piece.places.values())[-1]) if piece.places else ""


def numbers_of(rule: Any) -> list[str]:
    """Fields of a rule that are numbers: those of `h`."""
    kinds: Mapping[str, Any] = type(rule).model_fields
    return [name for name in kinds if not isinstance(getattr(rule, name), str)]


def used_fields(text: str, fields: list[str]) -> Iterator[str]:
    """Those of the rule's fields that a text reads."""
    yield from (name for name in fields if re.search(rf"h->{name}\b|h\.{name}\b", text))
