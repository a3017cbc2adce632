"""What joins an exported rule to its test driver: options by name, and where state stands."""

from __future__ import annotations

from typing import Any

from freqopt.crosscheck.cases.dialects import KNOWN
from freqopt.export.c import Row, used
from freqopt.export.text import numbers_of
from freqopt.optimizers import Rule


def glue_text(row: Row) -> str:
    """What joins the row function to the driver: options by name, and where state stands."""
    name = row.rule.name()
    own = used(row)
    replays = any(s.name == "settled_at" for s in row.slots)
    lines = [
        "/* What driver.c knows of this rule. Nothing here is part of the rule. */",
        f"#define RULE {name}", "#define sqrt_real sqrt",
        *(["#define REPLAYS"] if replays else []),
        *(['#define REMEMBERS', '#include "memory.h"'] if row.memory else []),
        *(["#define STORES_DECAY"] if row.memory and row.memory.rule.stores_decay else []),
        "#include <stdlib.h>", "#include <string.h>", "",
        "static struct { " + " ".join(_declared(s) for s in row.slots) + f" int none; }} state{', kept_state' if replays else ''};",
        "", "static void state_begin(int64_t n, int64_t d)", "{", "    (void)n, (void)d, (void)state;",
    ]  # fmt: skip
    for s in row.slots:
        kind = _declared(s).split()[0]
        size = "n * d" if s.per == "element" else "n"
        lines += [
            f"    state.{s.name} = ({kind} *)realloc(state.{s.name}, (size_t)({size}) * sizeof({kind}));",
            f"    for (int64_t k = 0; k < {size}; k++) state.{s.name}[k] = ({kind}){float(s.start)!r};",
        ]
    lines += ["}", ""]
    if replays:
        for word, to, source in (
            ("keep", "kept_state", "state"),
            ("restore", "state", "kept_state"),
        ):
            lines += [f"static void state_{word}(int64_t n, int64_t d)", "{"]
            for s in row.slots:
                kind, size = _declared(s).split()[0], "n * d" if s.per == "element" else "n"
                if word == "keep":
                    lines.append(
                        f"    kept_state.{s.name} = ({kind} *)realloc(kept_state.{s.name}, "
                        f"(size_t)({size}) * sizeof({kind}));"
                    )
                lines.append(
                    f"    memcpy({to}.{s.name}, {source}.{s.name}, (size_t)({size}) * sizeof({kind}));"
                )
            lines += ["}", ""]
    given = [s for s in row.slots if s.given]
    lines += [
        "static void take_given(const char *name, const double *values, int64_t n)", "{",
        "    (void)name, (void)values, (void)n;",
        *(
            f"    if (!strcmp(name, \"{s.name}\"))\n"
            f"        for (int64_t k = 0; k < n; k++) state.{s.name}[k] = values[k];"
            for s in given
        ),
        "}", "", f"static void begin_options(struct {name} *h)", "{",
        "    (void)h;", *(f"    h->{n} = NAN;" for n in own), "}", "",
        f"static int set_option(struct {name} *h, const char *name, const char *value)", "{",
        "    double x = strcmp(value, \"none\") ? strtod(value, NULL) : NAN;",
        "    if (!strcmp(value, \"true\")) x = 1;",
        *(f"    if (!strcmp(name, \"{n}\")) h->{n} = x;" for n in own),
        *(f"    if (!strcmp(name, \"{n}\")) return 1;" for n in known_fields(row)),
        "    (void)h, (void)x;", "    return 0;", "}", "",
        "/* Whether this text was made for that value of a choice, or for that number being on. */",
        "static int option_fits(const char *name, const char *value)", "{",
        "    const int on = strcmp(value, \"none\") && strcmp(value, \"false\") &&",
        "                   (!strcmp(value, \"true\") || strtod(value, NULL) != 0);",
        "    (void)on;", *asked_lines(row), "    return 1;", "}", "",
        "#define row_of_table(h, i, d, w, g, x, t, occurrences, first_round, work) \\",
        f"    {name}_row(h, t, occurrences, first_round, d, w, g, x, work"
        + "".join(f", state.{s.name} + (i){' * (d)' if s.per == 'element' else ''}" for s in row.slots)
        + ")", "",
    ]  # fmt: skip
    return "\n".join(lines)


def known_fields(row: Row) -> list[str]:
    """Fields that are known: numbers, and choices that the text was made for, or has no use for."""
    unread = ("kappa_zero",) if row.memory else ()
    return list(dict.fromkeys([*numbers_of(row.rule), *row.asked, "lr_decay_law", *unread]))


def fixed_numbers(row: Row) -> dict[str, float]:
    """Numbers that the function does not read: state may begin with them, as it was exported."""
    free = {*used(row), *KNOWN, *Rule.model_fields}
    values = {n: getattr(row.rule, n) for n in row.fields if n not in free}
    return {n: float("nan") if v is None else float(v) for n, v in values.items()}


def asked_lines(row: Row) -> list[str]:
    """Tests of the choices that decided the text."""
    lines = [
        f'    if (!strcmp(name, "{name}")) return strtod(value, NULL) == {value!r};'
        for name, value in fixed_numbers(row).items()
        if value == value
        and name not in row.asked
        and not isinstance(getattr(row.rule, name), bool)
    ]
    asked = row.asked | {"lr_decay_law": row.rule.lr_decay_law}
    for name, value in asked.items():
        if isinstance(value, str):
            lines.append(f'    if (!strcmp(name, "{name}")) return !strcmp(value, "{value}");')
        else:
            lines.append(f'    if (!strcmp(name, "{name}")) return {"" if value else "!"}on;')
    if row.memory and row.memory.rule.policy == "random":
        lines += [  # they are doubles in the structure of the options
            f'    if (!strcmp(name, "{name}")) return strtod(value, NULL) < {2.0**53!r};'
            for name in ("seed", "run")
        ]
    return lines


def _declared(slot: Any) -> str:
    kinds = {"table": "real", "float64": "double", "int64": "int64_t"}
    return f"{kinds[slot.dtype]} *{slot.name};"
