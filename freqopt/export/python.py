"""A rule as Python: the row function on NumPy's numbers, and what `freqopt crosscheck` calls."""

from __future__ import annotations

import re
from collections.abc import Iterator

from freqopt.export.c import Row, used
from freqopt.export.python_memory import memory_text
from freqopt.export.rate import PYTHON, rate_lines
from freqopt.export.text import Line

DTYPES = {"table": "table.dtype", "float64": "np.float64", "int64": "np.int64"}
HEAD = """
import math

import numpy as np

np.seterr(all="ignore")
"""

DRIVER = '''

# -- what `freqopt crosscheck` calls: state, and occurrences summed. Not part of the rule. ---------

RULE = {given!r}
DIALECT = {dialect}
SERVES = {serves}
ON = {on}


def make(rule, table, given):
    """An optimizer that sums the occurrences of a row; it refuses what it was not made for."""
    for name, field in type(rule).model_fields.items():
        value = getattr(rule, name)
        if name in ON:
            fits = bool(value) == ON[name]
        else:
            fits = name in SERVES or value == DIALECT.get(name, field.default)
        if not fits:
            raise NotImplementedError(name)
    real, (size, width) = table.dtype.type, table.shape
    state = {{{slots}}}
    for name, values in given.items():
        state[name][...] = values
    t = 0{remembers}

    def update(row, g, count, t):
        """One row of the table meets its gradient in batch t."""
        if rule.weight_decay and rule.decay == {l2}:
            g = g + real(rule.weight_decay) * table[row]
        elif rule.weight_decay and rule.decay == "decoupled":
            table[row] *= real(1 - rate(rule, t) * rule.weight_decay)
        own = {{k: v[row] if v.ndim > 1 else v[row : row + 1] for k, v in state.items()}}
        {name}_row(rule, real, t, count, True, table[row], g, g * g, own)
{replays}
    def step(rows, grads):
        nonlocal t
        t += 1
        summed = {{}}
        for row, g in zip(rows.tolist(), grads):
            total, count = summed.get(row, (None, 0))
            summed[row] = (g.copy() if total is None else total + g, count + 1)
        none = np.zeros(width, table.dtype), 0
{gathered}        for row in range(size) if rule.rows == "all" else sorted(summed):
{missed}            update(row, *summed.get(row, none), t)
        return {shown}

    return step
'''

REPLAYS = """
    def catch_up(row, until):
        for missed in range(int(state["settled_at"][row]) + 1, until + 1):
            update(row, np.zeros(width, table.dtype), 0, missed)

    def shown():
        \"\"\"The table as a reader sees it: every row brought up to now, in a copy.\"\"\"
        kept = table.copy(), {k: v.copy() for k, v in state.items()}
        for row in range(size):
            catch_up(row, t)
        seen = table.copy()
        table[...] = kept[0]
        for name, values in kept[1].items():
            state[name][...] = values
        return seen
"""
GATHERED = """\
        g = np.array([summed.get(row, none)[0] for row in range(size)])
{decay}\
        squares = [row_sum([float(x) * float(x) for x in summed[row][0]]) for row in sorted(summed)]
        d = memory.recall(rule, real, g, math.sqrt(row_sum(squares)) if squares else 0.0, t)
        summed = {{row: (d[row].copy(), summed.get(row, none)[1]) for row in range(size)}}
"""
STORED = """\
        if rule.weight_decay and rule.decay == "l2":
            g = g + real(rule.weight_decay) * table
"""


def python_text(row: Row, about: list[str], given: str) -> str:
    """The whole file; `given` is what the rule is called, a name or a path from there."""
    rule, name = row.rule, row.rule.name()
    doc = "\n".join(about).replace("\\", "/")
    fields = type(rule).model_fields
    off = {n: getattr(rule, n) for n in fields if getattr(rule, n) != fields[n].default}
    slots = ", ".join(
        f'"{s.name}": np.full({"(size, width)" if s.per == "element" else "size"}, '
        f"{float(s.start)!r}, {DTYPES[s.dtype]})"
        for s in row.slots
    )
    gathered = GATHERED.format(decay=STORED * row.memory.rule.stores_decay) if row.memory else ""
    replays = any(s.name == "settled_at" for s in row.slots)
    on = {n: bool(v) for n, v in row.asked.items() if not isinstance(v, str)}
    serves = sorted(
        {n for n in used(row) if n not in on}
        | {"lr", "lr_decay", "weight_decay", "horizon", "seed", "run", "batch", "smoothness"}
    )
    dialect = {n: v for n, v in off.items() if n not in {*serves, *on}}
    law = rate_lines(rule, PYTHON)
    joined = "\n".join([*_body(row), *law])
    memory = memory_text(row.memory) if row.memory else ""
    needs = re.findall(r"elementary(?=\.)|Stream(?=\()", joined + memory)
    imports = "".join(f"\nfrom freqopt.streams import {n}\n" for n in dict.fromkeys(needs))
    parts = [
        f'r"""{name}: one row and its gradient. Written by freqopt from the kernel of the rule.\n\n{doc}\n"""',
        HEAD + imports,
        "\ndef rate(h, t):",
        *(f"    {line}" for line in law),
        "",
        *([SUM] if row.reading.term is not None or memory else []),
        memory,
        f"\ndef {name}_row(h, real, t, occurrences, first_round, w, g, x, state):",
        '    """Change a row w and its state in place; `real` is the table\'s dtype, h has the options."""',
        "    width = len(w)",
        *(f'    {s.name} = state["{s.name}"]' for s in row.slots),
        *(f"    {line}" for line in _body(row)),
        DRIVER.format(
            name=name,
            given=given,
            dialect=dialect,
            serves=serves,
            on=on,
            slots=slots,
            gathered=gathered,
            replays=REPLAYS if replays else "",
            missed="            catch_up(row, t - 1)\n" if replays else "",
            shown="shown()" if replays else "table",
            remembers="\n    memory = Memory()" if row.memory else "",
            l2='"l2"' if not (row.memory and row.memory.rule.stores_decay) else "None",
        ),
    ]
    return "\n".join(parts)


SUM = '''
def row_sum(work):
    """The upper half is added onto the lower, until one is left."""
    n = len(work)
    while n > 1:
        half = 1
        while 2 * half < n:
            half *= 2
        for j in range(half, n):
            work[j - half] = work[j - half] + work[j]
        n = half
    return work[0]
'''


def _body(row: Row) -> Iterator[str]:
    yield "# the same for every row of batch t"
    yield from _lines(row.batch)
    if row.reading.term is not None:
        text = re.sub(r"(?<![\w.])([gx])(?![\w\[])", r"\1[j]", row.term)
        yield f"work = [{as_python(text)} for j in range(width)]"
        yield (
            "total = max(work) if not any(map(np.isnan, work)) else real(np.nan)"
            if row.reading.kernel.largest
            else "total = row_sum(work)"
        )
    yield "# the same for every number of the row"
    yield from _lines(row.row)
    yield from (
        f"{slot}[0] = {as_python(text)}" for slot, text in row.row_stored if text != f"*{slot}"
    )
    yield "for j in range(width):"
    yield from (f"    {line}" for line in _lines(row.each))
    yield from (
        f"    {slot}[j] = {as_python(text)}"
        for slot, text in row.each_stored
        if text != f"{slot}[j]"
    )
    yield f"    w[j] = {as_python(row.new)}{f'  # {row.equation}' if row.equation else ''}"


def _lines(lines: list[Line]) -> Iterator[str]:
    depth = 0
    for line in lines:
        if line.kind in ("declare", "end"):
            depth -= line.kind == "end"
            continue
        if line.kind == "else":
            depth -= 1
        text = {
            "set": f"{line.name} = {as_python(line.value)}",
            "assign": f"{line.name} = {as_python(line.value)}",
            "if": f"if {as_python(line.value)}:",
            "else": "else:",
        }[line.kind]
        yield "    " * depth + text + (f"  # {line.equation}" if line.equation else "")
        depth += line.kind in ("if", "else")


def as_python(text: str) -> str:
    """An expression of the kernel's C as Python."""
    text = (
        re.sub(r"(?<![\w)\]])\s*\*(\w+)", r"\1[0]", text)
        if text.startswith("*")
        else re.sub(r"(?<=[(\s])\*(?=[a-z_])(\w+)", r"\1[0]", text)
    )
    text = _ternaries(text)
    text = (
        text.replace("&&", "and")
        .replace("||", "or")
        .replace("true", "True")
        .replace("false", "False")
    )
    text = re.sub(r"!(?!=)", "not ", text)
    text = text.replace("elementary::", "elementary.").replace("infinity()", "np.inf")
    text = re.sub(r"(?<![\w.])integer_power\(", "elementary.integer_power(", text)
    text = re.sub(r"(?<![\w.])(sqrt|isnan|fabs)\(", r"np.\1(", text)
    text = re.sub(r"(?<!\w)double\(", "np.float64(", text)
    return re.sub(r"(?<!\w)i64\(", "int(", text)


def _ternaries(text: str) -> str:
    """(test ? a : b) as (a if test else b), also inside of others."""
    out, k = "", 0
    while k < len(text):
        if text[k] != "(":
            out += text[k]
            k += 1
            continue
        end, depth = k, 0
        while True:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            if depth == 0:
                break
            end += 1
        out += f"({_ternary(text[k + 1 : end])})"
        k = end + 1
    return out


def _ternary(text: str) -> str:
    depth = 0
    at: dict[str, int] = {}
    for k, c in enumerate(text):
        depth += {"(": 1, ")": -1}.get(c, 0)
        if depth == 0 and c in "?:" and text[k - 1 : k + 2] == f" {c} ":
            at.setdefault(c, k)
    if "?" not in at:
        return _ternaries(text)
    test, one, other = text[: at["?"]], text[at["?"] + 1 : at[":"]], text[at[":"] + 1 :]
    return f"{_ternaries(one.strip())} if {_ternaries(test.strip())} else {_ternary(other.strip())}"
