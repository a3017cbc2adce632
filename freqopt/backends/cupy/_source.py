"""The CUDA source of a rule: its options as constants, its slots as structures, then the files.

`source/*.cuh` is CUDA and, with the shim in `machine.cuh`, C++: the GPU and the
CPU twin compile the same text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import DTypeLike, NDArray

from freqopt.backends.cupy._kernel import rule_text
from freqopt.kernels import choices
from freqopt.kernels._values import c_name, c_word
from freqopt.optimizers import Rule, Slot
from freqopt.optimizers._critical import FixedMemory
from freqopt.streams import _trigonometry, elementary, philox, purpose_id, transforms

HERE = Path(__file__).parent
TYPES = {"int64": "i64", "float64": "double", "table": "real"}


@dataclass(frozen=True)
class CudaSource:
    """What a kernel is compiled from.

    Attributes
    ----------
    text : str
    lanes : int
        Threads that share a row: a power of two, at most 32.
    """

    text: str
    lanes: int


def step_source(rule: Rule, dtype: DTypeLike, width: int, lanes: int | None = None) -> CudaSource:
    """The fused step of a rule for tables of a dtype and a width.

    Raises
    ------
    BackendError
        The rule has no kernel of its own.
    """
    vector = vector_of(dtype, width)
    lanes = lanes or lanes_of(width, vector)
    return CudaSource("\n".join(_step_parts(rule, dtype, lanes, vector)), lanes)


def loop_source(
    rule: Rule,
    problem: str,
    options: Mapping[str, bool | int],
    purposes: Mapping[str, str],
    dtype: DTypeLike,
    widths: Sequence[int],
    lanes: int | None = None,
) -> CudaSource:
    """The whole loop of a rule and a problem.

    Parameters
    ----------
    rule : Rule
    problem : str
        Its file in `problems/`, or its text if that has more than one line.
    options : name -> constant
    purposes : name -> purpose of a stream
        For the constants PURPOSE_name.
    dtype : float32 or float64
    widths : of the arrays that the rule moves
    lanes : int, optional
    """
    vector = vector_of(dtype, math.gcd(*widths))
    lanes = lanes or lanes_of(max(widths), vector)
    constants = [f"#define PURPOSE_{k} {purpose_id(v)}ull" for k, v in purposes.items()]
    constants += [f"constexpr i64 {name} = {int(value)};" for name, value in options.items()]
    parts = [
        *_step_parts(rule, dtype, lanes, vector),
        "\n".join(constants),
        _file("source/occurrences.cuh"),
        _file("source/simulation.cuh"),
        _file("source/pairs.cuh") if "LAW" in options else "",
        _file("source/losses.cuh") if "LOSS" in options else "",
        problem if "\n" in problem else _file(f"problems/{problem}.cuh"),
        _file("source/layers.cuh"),
        _file("source/movement.cuh"),
        _file("source/batch.cuh"),
        _file("source/loop.cuh"),
    ]
    return CudaSource("\n".join(parts), lanes)


def _step_parts(rule: Rule, dtype: DTypeLike, lanes: int, vector: int) -> list[str]:
    return [
        _header(dtype, lanes, vector),
        _file("source/machine.cuh"),
        _constants(),
        _file("source/elementary.cuh"),
        _file("source/rows.cuh"),
        _file("source/streams.cuh"),
        "\n".join(_options(rule)),
        "\n".join(_slots(rule)),
        _file("source/rule.cuh"),
        rule_text(rule, dtype),
        _file("source/update.cuh"),
        "\n".join(_memory(rule)),
        _file("source/critical.cuh"),
        _file("source/step.cuh"),
    ]


def vector_of(dtype: DTypeLike, width: int) -> int:
    """Numbers that travel together: 16 bytes, where they divide a row."""
    most = 16 // np.dtype(dtype).itemsize
    return most if width % most == 0 else 1


def lanes_of(width: int, vector: int) -> int:
    """Threads that share a row: as many as it has vectors, a power of two up to a warp."""
    return min(32, 1 << (max(1, -(-width // vector)) - 1).bit_length())


def own_slots(rule: Rule) -> list[Slot]:
    """The slots of a rule's state that kernels reach through the array of addresses."""
    return [slot for slot in rule.all_slots() if slot.name not in ("t", "decayed_at")]


@cache
def _file(name: str) -> str:
    """A source file; its own `#include "other.cuh"` lines are filled in."""
    lines = []
    for line in (HERE / name).read_text().splitlines():
        if line.startswith('#include "'):
            lines.append(_file(str((Path(name).parent / line.split('"')[1]).as_posix())))
        elif line != "#pragma once":
            lines.append(line)
    return f"// {name}\n" + "\n".join(lines) + "\n"


def _header(dtype: DTypeLike, lanes: int, vector: int) -> str:
    real = {"float32": "float", "float64": "double"}[np.dtype(dtype).name]
    return f"typedef {real} real;\n#define LANES {lanes}\n#define VECTOR {vector}\n"


@cache
def _constants() -> str:
    """The numbers of `freqopt.streams`, to the bit."""
    floats = {
        "INV_LN2": elementary.INV_LN2,
        "LN2_HI": elementary.LN2_HI,
        "LN2_LO": elementary.LN2_LO,
        "SQRT_HALF": elementary.SQRT_HALF,
        "EXP_SERIES": elementary.EXP_SERIES,
        "LOG_SERIES": elementary.LOG_SERIES,
        "TWO_OVER_PI": _trigonometry.TWO_OVER_PI,
        "HALF_PI": _trigonometry.HALF_PI,
        "SIN_SERIES": _trigonometry.SIN_SERIES,
        "COS_SERIES": _trigonometry.COS_SERIES,
        "NORMAL_CENTRE": transforms._CENTRE,
        "NORMAL_TAIL": transforms._TAIL,
        "NORMAL_FAR_TAIL": transforms._FAR_TAIL,
    }
    words = dict(zip(("PHILOX_M0", "PHILOX_M1"), philox.MULTIPLIERS, strict=True))
    words |= dict(zip(("PHILOX_W0", "PHILOX_W1"), philox.WEYL, strict=True))
    lines = [f"#define {name} {_literal(value)}" for name, value in floats.items()]
    lines += [f"#define {name} {int(word)}ull" for name, word in words.items()]
    return "\n".join([*lines, f"#define PHILOX_ROUNDS {philox.ROUNDS}"])


def _literal(value: Any) -> str:
    """A number, or numbers in braces, as C writes them exactly."""
    if isinstance(value, tuple):
        return f"{{{', '.join(map(_literal, value))}}}"
    return float(value).hex()


def remembers(rule: Rule) -> TypeGuard[FixedMemory]:
    """Whether the rule keeps critical gradients."""
    return isinstance(rule, FixedMemory) and rule.kappa > 0


def stored_decay(rule: FixedMemory) -> float:
    """Weight decay that is part of what is stored."""
    return rule.weight_decay if rule.stores_decay and rule.decay == "l2" else 0.0


def memory_words(rule: Rule) -> list[int | NDArray[np.int64]]:
    """What stands behind the addresses of the slots, in the order of `_memory`.

    Whole numbers, and arrays whose addresses stand there.
    """
    if not remembers(rule):
        return []
    plan = np.zeros(6 + 5 * rule.capacity, np.int64)  # `Plan` of source/critical.cuh
    decay = int(np.float64(stored_decay(rule)).view(np.uint64))
    return [plan, rule.seed or 0, rule.run or 0, decay]


def _memory(rule: Rule) -> Iterator[str]:
    """Constants of source/critical.cuh."""
    if remembers(rule):
        names = [slot.name for slot in own_slots(rule)] + ["plan", "seed", "run", "decay"]
        yield f"enum {{ {', '.join(f'SLOT_{c_word(name)}' for name in names)} }};"
        yield f"constexpr i64 CAPACITY = {rule.capacity};"
        switch = getattr(rule, "kappa_role", "factor") == "switch"
        yield f"constexpr bool KAPPA_IS_A_SWITCH = {str(switch).lower()};"
        yield f"#define PURPOSE_critical_buffer {purpose_id('critical_buffer')}ull"


def _options(rule: Rule) -> Iterator[str]:
    """IS(field, value) and HAS(field) of the rule, and H_field, a number's place in `h`."""
    stores, synced = (stored_decay(rule) > 0, rule.synced) if remembers(rule) else (False, False)
    yield f"#define CRITICAL {int(remembers(rule))}"
    yield f"constexpr bool STORES_DECAY = {str(stores).lower()}, SYNCED = {str(synced).lower()};"
    yield "#define IS(field, value) (field##_option == field##_is_##value)"
    yield "#define HAS(field) (has_##field)"
    fields = {name: c_word(name) for name in type(rule).model_fields}
    yield f"enum {{ {', '.join(f'H_{word}' for word in fields.values())} }};"
    for name, word in fields.items():
        value = getattr(rule, name)
        if name in ("seed", "run"):  # runs of one kernel differ in them
            continue
        if not isinstance(value, str):
            yield f"constexpr bool has_{word} = {str(bool(value)).lower()};"
            continue
        known = _choices(type(rule), name)
        places = [f"{word}_is_{c_word(str(choice))} = {k}" for k, choice in enumerate(known)]
        yield f"constexpr int {', '.join(places)};"
        yield f"constexpr int {word}_option = {known.index(value)};"


def _choices(rule: type[Rule], name: str) -> list[str]:
    """The values of a choice that the rule, or one that it is made from, may have."""
    known: list[str] = []
    for kind in rule.__mro__:
        if name in getattr(kind, "model_fields", {}):
            known += [choice for choice in choices(kind, name) if choice not in known]
    return known


def _slots(rule: Rule) -> Iterator[str]:
    """ElementState and RowState with the rule's slots by name, loaded from and stored to memory."""
    slots = own_slots(rule)
    elements = [(k, s) for k, s in enumerate(slots) if s.per == "element" and not s.copies]
    rows = [(k, s) for k, s in enumerate(slots) if s.per == "row"]
    yield "#define ELEMENT(slot) ELEMENT_##slot\n#define ROW(slot) ROW_##slot"
    yield from (f"#define {s.per.upper()}_{c_word(s.name)} 1" for s in slots)
    for name, its in (("ElementState", elements), ("RowState", rows)):
        members = " ".join(f"{TYPES[s.dtype]} {c_name(s.name)};" for _, s in its)
        yield f"struct {name} {{ {members} }};"
    yield "struct ElementPack { ElementState of[VECTOR]; };"
    yield "DEVICE ElementPack load_element_state(const u64* slots, i64 at) {"
    yield "    ElementPack e; Pack p;"
    for k, s in elements:
        yield f"    p = *(const Pack*)((const real*)slots[{k}] + at);"
        yield f"    for (int v = 0; v < VECTOR; v++) e.of[v].{c_name(s.name)} = p.x[v];"
    yield "    return e;\n}"
    yield "DEVICE void store_element_state(const u64* slots, i64 at, const ElementPack& e) {"
    yield "    Pack p;"
    for k, s in elements:
        yield f"    for (int v = 0; v < VECTOR; v++) p.x[v] = e.of[v].{c_name(s.name)};"
        yield f"    *(Pack*)((real*)slots[{k}] + at) = p;"
    yield "}\nDEVICE RowState load_row_state(const u64* slots, i64 i) {\n    RowState s;"
    yield from (
        f"    s.{c_name(s.name)} = ((const {TYPES[s.dtype]}*)slots[{k}])[i];" for k, s in rows
    )
    yield "    return s;\n}"
    yield "DEVICE void store_row_state(const u64* slots, i64 i, const RowState& s) {"
    yield from (f"    (({TYPES[s.dtype]}*)slots[{k}])[i] = s.{c_name(s.name)};" for k, s in rows)
    yield "}"
