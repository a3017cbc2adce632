"""A problem's own kernel as CUDA: the loops around what `freqopt.kernels` has read."""

from __future__ import annotations

from typing import Any

from freqopt.backends.cupy._kernel import c_function, c_structure
from freqopt.backends.cupy._problem import ProblemData, law
from freqopt.kernels import Index, Lookup, Normal, Sign, Token, Uniform
from freqopt.kernels._problem import ProblemReading, innermost, read_problem
from freqopt.kernels._values import TYPES, c_name
from freqopt.problems import Problem

WORDS = {
    Token: "token(problem.{0}, key, step, place)",
    Index: "index(word_at(key, step, place), problem.{0})",
    Sign: "(word_at(key, step, place) >> 63 ? 1.0 : -1.0)",
    Uniform: "uniform(word_at(key, step, place))",
    Normal: "normal(word_at(key, step, place))",
}
"""A field's kind -> what draws it."""


GIVEN = "const Group& group, const Problem& problem, const Run& run, const Read* tables,"


def own_data(problem: Problem) -> ProblemData:
    """What the loop is told of a problem that brings its kernel."""
    reading = read_problem(problem)
    fields = reading.kernel.fields
    values: list[Any] = []
    for field in fields.values():
        match field:
            case Token():
                values.append(law(field.law))
            case Index():
                values.append(field.size)
            case Lookup():
                values.append(field.array)
    drawn = [name for name, field in fields.items() if not isinstance(field, Lookup)]
    return ProblemData(
        fields=tuple(values),
        options={},
        purposes={c_name(name): fields[name].purpose for name in drawn},  # type: ignore[union-attr]
        tables=dict.fromkeys(reading.kernel.tables, 1),
        numbers=len(drawn),
        text=_text(reading, drawn),
    )


def _text(reading: ProblemReading, drawn: list[str]) -> str:
    fields, kinds, tables = (
        reading.kernel.fields,
        dict(reading.columns.kinds),
        reading.kernel.tables,
    )
    members = []
    for name, field in fields.items():
        if isinstance(field, Lookup):
            members.append(f"const {TYPES[kinds[name]]}* {c_name(name)};")
        elif isinstance(field, (Token, Index)):
            members.append(f"{'Law' if isinstance(field, Token) else 'i64'} {c_name(name)};")
    samples = [
        f"    {TYPES[kinds[name]]}* const {c_name(name)}_drawn = "
        f"({TYPES[kinds[name]]}*)run.samples + {k} * AHEAD * run.batch;"
        for k, name in enumerate(drawn)
    ]
    whole = [name for name, _ in reading.f.kinds]
    several = isinstance(reading.element.result, tuple)
    result = "Entries" if several else "real"
    call = ", ".join(f"tables[{k}].row(s, b)[j]" for k in range(len(tables)))
    lines = [
        f"#define TABLES {len(tables)}",
        f"struct Problem {{ {' '.join(members) or 'i64 nothing;'} }};",
        f"struct Fields {{ {' '.join(f'{TYPES[k]} {c_name(n)};' for n, k in kinds.items())} }};",
        f"struct Weights {{ {' '.join(f'real {c_name(n)};' for n in tables)} }};",
        c_structure("Sample", "r", reading.sample.result),
        *([c_structure("Entries", "g", reading.element.result)] if several else []),
        c_function("Sample sample(const Fields& f, real total, i64 batch)", reading.sample, None),
        c_function(
            f"{result} entry(const Fields& f, const Sample& r, const Weights& w, i64 batch)",
            reading.element,
            None,
        ),
    ]
    if reading.term is not None:
        lines.append(
            c_function("real term_of(const Fields& f, const Weights& w)", reading.term, None)
        )
    lines += [
        f"DEVICE void draw({GIVEN} i64 first, i64 count, void* scratch) {{",
        *samples,
        "    for (i64 k = group.lane; k < count * run.batch; k += LANES) {",
        "        const u64 step = first + k / run.batch, place = k % run.batch;",
    ]
    for name in drawn:
        word = WORDS[type(fields[name])].format(c_name(name))
        lines.append(
            f"        {{ const Key key = {{run.seed, run.run, PURPOSE_{c_name(name)}}}; "
            f"{c_name(name)}_drawn[k] = {word}; }}"
        )
    for t, name in enumerate(tables.values()):
        lines.append(f"        tables[{t}].rows[k] = {_value(fields, name, 'k')};")
    lines += [
        "    }\n}",
        f"DEVICE void gradients({GIVEN} i64 s, void* scratch) {{",
        *samples,
        "    const i64 batch = run.batch, width = tables->width;",
        "    real* const work = (real*)scratch;",
        "    for (i64 b = 0; b < batch; b++) {",
        "        const i64 k = s * batch + b;",
        "        Fields f;",
        *(f"        f.{c_name(name)} = {_value(fields, name, 'k')};" for name in whole),
        "        real total = 0;",
    ]
    columns = [
        f"            f.{c_name(n)} = problem.{c_name(n)}[f.{c_name(field.by)} * width + j];"
        for n, field in fields.items()
        if isinstance(field, Lookup) and n not in whole
    ]
    head = ["        for (i64 j = group.lane; j < width; j += LANES) {", *columns]
    if reading.term is not None:
        lines += [*head, f"            work[j] = term_of(f, {{{call}}});", "        }",
                  "        total = fold(group, work, int(width));"]  # fmt: skip
    lines += [
        "        const Sample r = sample(f, total, batch);",
        *head,
        f"            const {result} g = entry(f, r, {{{call}}}, batch);",
        *(
            f"            tables[{t}].grads[b * width + j] = {f'g.g{t}' if several else 'g'};"
            for t in range(len(tables))
        ),
        "        }\n    }\n}\n",
    ]
    return "\n".join(lines)


def _value(fields: dict[str, Any], name: str, k: str) -> str:
    """A field of sample k: one lookup in another, a drawn number inside."""
    first, lookups = innermost(fields, name)
    text = f"{c_name(first)}_drawn[{k}]"
    for lookup in lookups:
        text = f"problem.{c_name(lookup)}[{text}]"
    return text
