"""The buffer of a fixed-memory rule as C: what stands between a table's gradient and its rows.

The rule itself steps along an aggregate d in the place of a row's gradient (`freqopt.optimizers.
_critical`, whose equation numbers these are). Which gradients are kept depends on the norm of the
whole one, which is handed in; aggregate and storing are a function of one row.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from freqopt.optimizers import _critical
from freqopt.optimizers._critical import AdaptiveFixedMemory, FixedMemory
from freqopt.streams import purpose_id
from freqopt.streams.philox import MULTIPLIERS, ROUNDS, WEYL

CHOICES = ("aggregation", "policy", "insertion", "threshold", "kappa_role")
SWITCHES = ("acceptance_test", "kappa_in_place", "kappa", "max_age")


class Memory:
    """What the options of a fixed-memory rule make of its buffer.

    Parameters
    ----------
    rule : FixedMemory
    """

    def __init__(self, rule: FixedMemory) -> None:
        self.rule, self.name = rule, rule.name()
        kind, _, halved = rule.aggregation.partition("-")
        self.kind = kind
        self.halved = bool(halved) or kind == "mid"
        self.totals = kind in ("sum", "mid", "mean")
        self.before = rule.insertion != "after"
        switch = isinstance(rule, AdaptiveFixedMemory) and rule.kappa_role == "switch"
        self.factor = "" if switch else "kappa * "
        self.in_place = bool(self.factor) and rule.kappa_in_place and not self.totals

    @property
    def asked(self) -> dict[str, Any]:
        """The options that decide the text: a choice's value, whether a number is on."""
        rule: Any = self.rule
        found = {name: getattr(rule, name) for name in CHOICES if hasattr(rule, name)}
        return found | {name: bool(getattr(rule, name)) for name in SWITCHES}

    def aggregate(self, total: str, stored: str, g: str, length: str) -> str:
        """(1) for one number: `total` of the buffer, or the `stored` one that was picked."""
        if self.rule.insertion == "buffer_only":
            return self.factor + (total if self.kind == "sum" else f"({total} / {length})")
        if self.kind == "mean":
            return f"({g} + {self.factor}{total}) / ({length} + 1)"
        recalled = self.factor + (f"({total} / {length})" if self.totals else stored)
        return f"({g} + {recalled}) / 2" if self.halved else f"{g} + {recalled}"


def c_text(memory: Memory, header: str) -> str:
    """The file memory.h; `header` has the row function."""
    rule, name = memory.rule, memory.name
    doc = inspect.cleandoc(_critical.__doc__ or "").splitlines()
    about = doc[doc.index("Update") : doc.index("Semantics")]
    h = f"const struct {name} *h"
    parts = [
        f"/* {name}: the buffer of critical gradients of one table. Written by freqopt.",
        *(f"   {line}".rstrip() for line in about),
        "   Here (1) and the writing of (2) are a function of one row; which gradient goes and which",
        "   stays is decided once for the table, from the norm. */",
        STRUCTS.format(header=header),
        *(PHILOX if rule.policy == "random" else []),
        NORM,
        *(SMALLEST_TRUE if rule.threshold == "minimum" else SMALLEST_FIRST),
        *_picked(memory),
        HEAPIFY,
        f"/* What the buffer keeps at batch t of a gradient of that norm, and what d is made of. */\nDEVICE void memory_offer({h}, struct memory *m, double norm, int64_t t)\n{{",
        *_offer(memory),
        "}\n",
        f"/* A row's aggregate d (width,) of its gradient g; `at` is the place of its first number in the\n   table of `size` numbers. */\nDEVICE void memory_row({h}, struct memory *m, int64_t size, int64_t at, int64_t width,\n                       const real *g, real *d)\n{{",
        *_row(memory),
        "}",
        *_launch(name),
        "",
    ]
    return "\n".join(parts)


STRUCTS = """
#ifndef MEMORY_H
#define MEMORY_H
#include "{header}"

struct item {{
    double priority;
    int64_t born, place; /* its batch, and where in `kept` it stands */
}};

/* Begins with length = 0 and items[k].place = k. */
struct memory {{
    int64_t length, count, picked, taken; /* items, those of (1), the one of (1), new place or -1 */
    struct item *items, *seen;            /* capacity + 1 each: the buffer, and what (1) sees of it */
    real *kept;                           /* capacity times the table */
}};
"""
PHILOX = [
    f"""\
/* The first word of batch t in the stream of the buffer: Philox 4x64-{ROUNDS}. */
DEVICE uint64_t high_word(uint64_t a, uint64_t b)
{{
    const uint64_t low = 0xffffffff, a_lo = a & low, a_hi = a >> 32, b_lo = b & low, b_hi = b >> 32;
    const uint64_t middle = a_hi * b_lo + (a_lo * b_lo >> 32), carry = a_lo * b_hi + (middle & low);
    return a_hi * b_hi + (middle >> 32) + (carry >> 32);
}}

DEVICE uint64_t random_word(uint64_t seed, uint64_t run, int64_t t)
{{
    const uint64_t m0 = {MULTIPLIERS[0]:#x}u, m1 = {MULTIPLIERS[1]:#x}u;
    uint64_t x0 = 0, x1 = (uint64_t)t, x2 = {purpose_id("critical_buffer"):#x}u, x3 = 0;
    for (int r = 0; r < {ROUNDS}; r++) {{
        const uint64_t y0 = high_word(x2, m1) ^ x1 ^ seed, y2 = high_word(x0, m0) ^ x3 ^ run;
        x1 = x2 * m1, x3 = x0 * m0, x0 = y0, x2 = y2;
        seed += {WEYL[0]:#x}u, run += {WEYL[1]:#x}u;
    }}
    return x0;
}}
"""
]
NORM = """\
/* Norm of the gradients (rows, width) of the touched rows: columns first, then rows. `room` has
   width + rows numbers. */
DEVICE double fold_wide(double *x, int64_t n)
{
    while (n > 1) {
        int64_t half = 1;
        while (2 * half < n) half *= 2;
        for (int64_t j = half; j < n; j++) x[j - half] += x[j];
        n = half;
    }
    return n ? x[0] : 0;
}

DEVICE double memory_norm(int64_t rows, int64_t width, const real *grads, double *room)
{
    for (int64_t k = 0; k < rows; k++) {
        for (int64_t j = 0; j < width; j++)
            room[rows + j] = (double)grads[k * width + j] * (double)grads[k * width + j];
        room[k] = fold_wide(room + rows, width);
    }
    return sqrt(fold_wide(room, rows));
}
"""
SMALLEST_FIRST = [
    """\
DEVICE int64_t smallest(const struct item *items, int64_t n)
{
    (void)items, (void)n; /* the first of the heap counts as it */
    return 0;
}
"""
]
SMALLEST_TRUE = [
    """\
DEVICE int64_t smallest(const struct item *items, int64_t n)
{
    int64_t least = 0;
    for (int64_t k = 1; k < n; k++)
        if (items[k].priority < items[least].priority) least = k;
    return least;
}
"""
]
HEAPIFY = """\
/* CPython's heapq.heapify: every parent, from the last, down to a leaf and up again. */
DEVICE void heapify(struct item *items, int64_t n)
{
    for (int64_t parent = n / 2 - 1; parent >= 0; parent--) {
        const struct item item = items[parent];
        int64_t at = parent;
        for (int64_t child; (child = 2 * at + 1) < n; at = child) {
            if (child + 1 < n && !(items[child].priority < items[child + 1].priority)) child++;
            items[at] = items[child];
        }
        for (; at > parent && item.priority < items[(at - 1) / 2].priority; at = (at - 1) / 2)
            items[at] = items[(at - 1) / 2];
        items[at] = item;
    }
}
"""


def _picked(memory: Memory) -> Iterator[str]:
    """The stored gradient that min, median and max take."""
    if memory.totals:
        return
    yield "/* The one stored gradient that (1) takes. */"
    yield "DEVICE int64_t picked(const struct item *items, int64_t n)\n{"
    if memory.kind == "min":
        yield "    return smallest(items, n);"
    elif memory.kind == "max":
        yield "    int64_t most = 0;"
        yield "    for (int64_t k = 1; k < n; k++)"
        yield "        if (items[k].priority > items[most].priority) most = k;"
        yield "    return most;"
    else:
        yield "    for (int64_t k = 0; k < n; k++) { /* the upper median, equal ones in order */"
        yield "        int64_t below = 0;"
        yield "        for (int64_t i = 0; i < n; i++)"
        yield "            below += items[i].priority < items[k].priority ||"
        yield "                     (items[i].priority == items[k].priority && i < k);"
        yield "        if (below == n / 2) return k;"
        yield "    }"
        yield "    return 0;"
    yield "}\n"


def _offer(memory: Memory) -> Iterator[str]:
    """(2) and (3): the table's part of a step."""
    rule = memory.rule
    yield "    struct item *items = m->items;"
    yield "    int64_t n = m->length;"
    if rule.max_age is not None:
        yield "    n = 0; /* too old ones leave */"
        yield "    for (int64_t k = 0; k < m->length; k++) {"
        yield "        const struct item item = items[k];"
        yield "        if ((double)(t - item.born) > h->max_age) continue;"
        yield "        items[k] = items[n];"
        yield "        items[n++] = item;"
        yield "    }"
    see = [
        "    m->count = n; /* what (1) sees */",
        "    for (int64_t k = 0; k < n; k++) m->seen[k] = items[k];",
        f"    m->picked = {'0' if memory.totals else 'n ? picked(items, n) : 0'};",
    ]
    if not memory.before:
        yield from see
    priority = {"fifo": "(double)t", "bottom": "norm == 0 ? INFINITY : 1 / norm"}
    yield f"    const double priority = {priority.get(rule.policy, 'norm')};"
    yield "    const bool full = n == (int64_t)h->capacity;"
    test = "full && !(priority > items[smallest(items, n)].priority)"
    yield f"    const bool taken = {f'!({test})' if rule.acceptance_test else 'true'};"
    yield "    int64_t place = -1;"
    yield "    if (taken) { /* (2) */"
    yield "        int64_t fresh = n;"
    yield "        if (!full) place = items[n].place;"
    if rule.policy == "random":
        yield "        if (full) {"
        yield "            const uint64_t seed = isnan(h->seed) ? 0 : (uint64_t)h->seed;"
        yield "            const uint64_t run = isnan(h->run) ? 0 : (uint64_t)h->run;"
        yield "            fresh = (int64_t)high_word(random_word(seed, run, t), (uint64_t)n);"
        yield "            place = items[fresh].place;"
        yield "        }"
    yield "        items[fresh].priority = priority, items[fresh].born = t, items[fresh].place = place;"
    yield "        if (fresh == n) n++;"
    yield "        if (!(priority >= 0)) { /* NaN does not stay */"
    yield "            for (n--; fresh < n; fresh++) items[fresh] = items[fresh + 1];"
    yield "            items[n].place = place;"
    yield "            place = -1;"
    yield "        }"
    yield "        heapify(items, n);"
    yield "        if (n > (int64_t)h->capacity) { /* the first leaves, and the new one gets its place */"
    yield "            const int64_t left = items[0].place;"
    yield "            for (int64_t k = 1; k < n; k++) {"
    yield "                items[k - 1] = items[k];"
    yield "                if (items[k].place < 0) items[k - 1].place = place = left;"
    yield "            }"
    yield "            n--;"
    yield "        }"
    yield "    }"
    yield "    m->taken = place;"
    if memory.before:
        yield from see
    if rule.policy != "fifo":
        yield "    for (int64_t k = 0; k < n; k++) items[k].priority *= h->priority_decay; /* (3) */"
    yield "    m->length = n;"
    yield "    (void)h, (void)norm, (void)t;"


def _row(memory: Memory) -> Iterator[str]:
    """(1) for a row, and its part of what is kept."""
    keep = "    if (m->taken >= 0) memcpy(m->kept + m->taken * size + at, g, (size_t)width * sizeof *g);"
    if memory.before:
        yield keep
    if memory.factor:
        yield "    const real kappa = (real)h->kappa;"
    yield "    const real length = (real)m->count;"
    yield "    for (int64_t j = 0; j < width; j++) {"
    yield "        if (m->count == 0) { /* nothing is stored yet */"
    yield "            d[j] = g[j];"
    yield "            continue;"
    yield "        }"
    value = memory.aggregate("total", "stored[j]", "g[j]", "length")
    if memory.totals:
        yield "        real total = m->kept[m->seen[0].place * size + at + j];"
        yield "        for (int64_t k = 1; k < m->count; k++)"
        yield "            total = total + m->kept[m->seen[k].place * size + at + j];"
    else:
        yield "        real *stored = m->kept + m->seen[m->picked].place * size + at;"
        if memory.in_place:
            yield "        stored[j] = kappa * stored[j]; /* kappa_in_place */"
            value = value.replace(memory.factor, "", 1)
    yield f"        d[j] = {value}; /* (1) */"
    yield "    }"
    if not memory.before:
        yield keep
    yield "    (void)h, (void)length;"


def _launch(name: str) -> list[str]:
    """The two kernels: one thread decides, then a thread a row."""
    return [
        "",
        "#ifdef __CUDACC__",
        "/* One thread, before the rows of a batch. */",
        f'extern "C" __global__ void {name}_offer(struct {name} h, struct memory *m, double norm, int64_t t)',
        "{",
        "    memory_offer(&h, m, norm, t);",
        "}",
        "/* A thread a row of the table: d (rows, width) is what the row's step takes as gradient. */",
        f'extern "C" __global__ void {name}_recall(',
        f"    struct {name} h, struct memory *m, int64_t rows, int64_t width, const real *g, real *d)",
        "{",
        "    const int64_t i = blockIdx.x * (int64_t)blockDim.x + threadIdx.x;",
        "    if (i < rows) memory_row(&h, m, rows * width, i * width, width, g + i * width, d + i * width);",
        "}",
        "#endif",
        "#endif",
    ]
