"""A folder with an exported rule: its row function, a test driver, golden answers, and how to."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from freqopt.crosscheck.cases.dialects import KNOWN, Case
from freqopt.crosscheck.cases.exercises import exercises
from freqopt.crosscheck.exchange import protocol
from freqopt.crosscheck.implementation import reference, trace
from freqopt.errors import CheckError
from freqopt.export.c import Row, constants, used
from freqopt.export.glue import glue_text
from freqopt.export.memory import c_text
from freqopt.export.python import python_text
from freqopt.export.rate import C, rate_lines
from freqopt.optimizers import Rule, rules

Language = Literal["c", "cuda", "python"]
HERE = Path(__file__).parent
FILES = {"c": ("rule.h", "driver.c"), "cuda": ("rule.cuh", "driver.cu")}
WIDTH = 92


def export(
    rule: str,
    language: Language,
    folder: str | Path,
    *,
    dialect: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write a rule as a row function that others can compile, with its test.

    Parameters
    ----------
    rule : str
        A name, or the path of a file of one's own, with a kernel.
    language : {"c", "cuda", "python"}
    folder : str or Path
        A new folder, or an empty one.
    dialect : str, optional
        A known implementation whose options to take.
    options : dict, optional
        Of the rule. Choices and which numbers are on become the text; numbers stay parameters.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    CheckError
        The folder has something in it, or cannot be written.
    RuleError, BackendError, KernelError
        No such rule or option; no kernel, or none that can be read.
    """
    kind, out = rules[rule], Path(folder)
    if dialect is not None and dialect not in kind.dialects:
        known = ", ".join(kind.dialects) or "none"
        raise CheckError(f"rule {kind.name()} has no dialect {dialect!r}; it has {known}")
    chosen = {**kind.dialects.get(dialect or "", {}), **(options or {})}
    made = kind(**chosen).completed(**KNOWN)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CheckError(f"{out} is there already and not empty; give a new folder")
    given = os.path.relpath(rule, out) if rule.endswith(".py") else rule  # as seen from there
    files = _python(made, given) if language == "python" else _c(made, language)
    files["golden.in"], files["golden.out"] = golden(made)
    files["README.txt"] = _readme(made, language, given)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CheckError(f"{out} cannot be written ({error.strerror}); give another") from None
    return [out / name for name in files]


# -- C and CUDA ---------------------------------------------------------------------------------


def _c(rule: Rule, language: str) -> dict[str, str]:
    row, (header, driver) = Row(rule), FILES[language]
    text = (HERE / "driver.c").read_text(encoding="utf-8").replace("rule.h", header)
    files = {header: row_text(row, language), "glue.h": glue_text(row), driver: text}
    if row.memory:
        files["memory.h"] = c_text(row.memory, header)
    if "elementary.h" in files[header]:
        files["elementary.h"] = elementary_text()
    return files


def row_text(row: Row, language: str) -> str:
    """The row function and what it is made of: one page."""
    rule, name = row.rule, row.rule.name()
    body = list(row.body())
    law = rate_lines(rule, C)
    joined = "\n".join([*body, *law])
    struct = [f"    double {n};" for n in used(row)]
    parameters = _wrapped(", ".join(row.parameters), " " * 4)
    parts = [
        f"/* {name}: one row and its gradient. Written by freqopt from the kernel of the rule.",
        *(f"   {line}" for line in about(rule)),
        "   t counts batches from 1. occurrences: of the row in the batch, 0 if it is absent.",
        "   x = g * g, or the sum of the occurrences' squares. work has room for a row. */",
        f"#ifndef {name.upper()}_H\n#define {name.upper()}_H",
        *(NVRTC if language == "cuda" else [_includes(), HEADERS]),
        "#ifndef REAL\n#define REAL float /* of the table: float or double */\n#endif",
        "typedef REAL real;",
        "#ifdef __CUDACC__\n#define DEVICE static __device__ inline\n#else\n#define DEVICE static inline\n#endif",
        "",
        *(['#include "elementary.h"', ""] if "elementary_" in joined else []),
        *(POWER if "integer_power(" in joined else []),
        f"struct {name} {{", *struct, "};", "",
        f"DEVICE double rate(const struct {name} *h, int64_t t)", "{",
        *(f"    {line}" for line in law), "}", "",
        *(SUM if "row_sum(" in joined else []),
        f"DEVICE void {name}_row(", f"{parameters})", "{",
        *(f"    {line}" if line else "" for line in body),
        "    (void)h, (void)t, (void)occurrences, (void)first_round, (void)g, (void)x, (void)work;",
        "}",
    ]  # fmt: skip
    return "\n".join([*parts, *(_launch(row) if language == "cuda" else []), "#endif", ""])


HEADERS = "#include <stdbool.h>\n#include <stdint.h>\n#include <string.h>"
NVRTC = [  # which has no folder of headers, and these functions built in
    "#ifdef __CUDACC_RTC__", "typedef long long int64_t;", "typedef unsigned long long uint64_t;",
    "#define INFINITY __longlong_as_double(0x7ff0000000000000)",
    "#define NAN __longlong_as_double(0x7ff8000000000000)",
    "#else", "#include <math.h>", HEADERS, "#endif",
]  # fmt: skip
POWER = [
    "/* base^n by squaring: the same bits on every machine. */",
    "DEVICE double integer_power(double base, int64_t n)", "{", "    double result = 1.0;",
    "    for (; n > 0; n >>= 1) {", "        if (n & 1) result *= base;",
    "        base *= base;", "    }", "    return result;", "}", "",
]  # fmt: skip
SUM = [
    "/* Sum along a row: the upper half is added onto the lower. work is used up. */",
    "DEVICE real row_sum(real *work, int64_t n)", "{",
    "    while (n > 1) {", "        int64_t half = 1;",
    "        while (2 * half < n) half *= 2;",
    "        for (int64_t j = half; j < n; j++) work[j - half] += work[j];",
    "        n = half;", "    }", "    return work[0];", "}", "",
]  # fmt: skip


def _includes() -> str:
    return "#ifdef __cplusplus\n#include <cmath>\nusing std::isnan;\n#else\n#include <tgmath.h>\n#endif"


def elementary_text() -> str:
    """The elementary functions with their constants."""
    return constants() + (HERE / "elementary.h").read_text(encoding="utf-8")


def _launch(row: Row) -> list[str]:
    """A kernel that gives each row of a batch a thread."""
    name = row.rule.name()
    slots = [f"{p}" for p in row.parameters[9:]]
    pass_on = [f"{s.name} + i{' * width' if s.per == 'element' else ''}" for s in row.slots]
    head = [
        f"struct {name} h", "int64_t t", "int64_t count", "int64_t width", "const int64_t *rows",
        "const int64_t *occurrences", "real *table", "const real *grads", "const real *squares",
        "real *work", *slots,
    ]  # fmt: skip
    call = ", ".join(
        ["&h", "t", "occurrences[k]", "true", "width", "table + i * width", "grads + k * width",
         "squares + k * width", "work + k * width", *pass_on]
    )  # fmt: skip
    return [
        "", "#ifdef __CUDACC__",
        "/* A thread a row: rows (count,) are distinct, grads and squares (count, width) are theirs. */",
        f"extern \"C\" __global__ void {name}_rows(", f"{_wrapped(', '.join(head), '    ')})", "{",
        "    const int64_t k = blockIdx.x * (int64_t)blockDim.x + threadIdx.x;",
        "    if (k >= count) return;", "    const int64_t i = rows[k];",
        f"    {name}_row({_wrapped(call, '        ').strip()});", "}", "#endif",
    ]  # fmt: skip


def _wrapped(text: str, indent: str) -> str:
    """Parameters over several lines."""
    lines, line = [], indent
    for word in text.split(", "):
        if len(line) + len(word) > WIDTH:
            lines.append(line.rstrip())
            line = indent
        line += f"{word}, "
    return "\n".join([*lines, line.removesuffix(", ")])


# -- Python, goldens, words ---------------------------------------------------------------------


def _python(rule: Rule, given: str) -> dict[str, str]:
    return {f"{rule.name()}_row.py": python_text(Row(rule), about(rule), given)}


def about(rule: Rule) -> list[str]:
    """Options off their defaults, and the rule's equations as its file has them."""
    fields = type(rule).model_fields
    off = [f"{n} = {getattr(rule, n)}" for n in fields if getattr(rule, n) != fields[n].default]
    doc = inspect.cleandoc(sys.modules[type(rule).__module__].__doc__ or "")
    lines = doc.replace("*/", "* /").splitlines()
    begin = lines.index("Update") if "Update" in lines else 0
    end = lines.index("Semantics") if "Semantics" in lines else min(len(lines), 12)
    chosen = [line[:96].rstrip() for line in lines[begin:end]]
    return [f"Made for: {', '.join(off) or 'the defaults'}.", *chosen]


def golden(rule: Rule) -> tuple[str, str]:
    """What goes into the driver, in float32, and what has to come out of it, byte for byte."""
    asked, answers = [], []
    for name, exercise in exercises(np.float32).items():
        case = Case(name, rule, exercise)
        tables = trace(reference, case)
        asked.append(protocol.header(rule, exercise.table, case.given))
        answers.append("ready\n")
        for t, (rows, grads) in enumerate(exercise.batches, start=1):
            asked.append(protocol.batch(f"step {t}", rows, grads))
            moved = np.flatnonzero((tables[t].view("u4") != tables[t - 1].view("u4")).any(axis=1))
            answers.append(f"step {t} {moved.size}\n")
            answers += [f"{i} {' '.join(map(_hex, tables[t][i]))}\n" for i in moved]
        asked.append(protocol.END)
    return "".join(asked), "".join(answers)


def _hex(number: Any) -> str:
    """As C's printf writes %a."""
    mantissa, _, power = float(number).hex().partition("p")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}p{power}"


def _readme(rule: Rule, language: str, given: str) -> str:
    name = rule.name()
    fields = type(rule).model_fields
    sets = "".join(
        f" --set {n}={str(getattr(rule, n)).lower() if isinstance(getattr(rule, n), bool) else getattr(rule, n)}"
        for n in fields
        if getattr(rule, n) != fields[n].default and n not in KNOWN
    )
    build = {
        "c": "cc -std=c99 -O2 -ffp-contract=off -DREAL=float -o driver driver.c -lm",
        "cuda": "c++ -x c++ -O2 -ffp-contract=off -DREAL=float -o driver driver.cu   # its text, on the CPU\n"
        "nvcc --fmad=false -prec-div=true -prec-sqrt=true -ftz=false -DREAL=float -ptx driver.cu",
        "python": "",
    }[language]
    run = {
        "python": f"freqopt crosscheck {name}_row.py{sets} --ulps 0",
    }.get(
        language,
        f"./driver < golden.in | diff - golden.out && echo equal\nfreqopt crosscheck --exec ./driver --rule {given} --dtype float32{sets or ' --set lr=' + repr(rule.lr)} --ulps 0",
    )
    return f"""{name}, written by freqopt.

{build}
{run}

No fast-math and no fused multiply-add: the bits are those of freqopt then. golden.in has batches in
float32, golden.out what has to come of them, in the protocol of docs/crosscheck.md of freqopt.
"""
