/* A test driver for one exported rule: it speaks the protocol of `freqopt crosscheck --exec`
   (docs/crosscheck.md of freqopt has the grammar). Around the row function, which is what is judged,
   it does what every rule of freqopt does with a batch: occurrences combined, gradients clipped,
   weights decayed, rows limited in norm.

   Valid C99 and C++. Build without fused multiply-add: README.txt has the line. */
#include "rule.h"
#include "glue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t N, D, T;
static real *table, *told, *sums, *work;
static int64_t *decayed_at;
static struct RULE h;

static struct {
    double clip, max_norm, weight_decay;
    int64_t padding;
    int maximize, ignore_empty, l2, per_row, per_batch, nonzero, all, lazy, whole, skip;
    char duplicates[64];
} o;

static void *must(void *memory)
{
    if (!memory) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

/* Sum of x[0 .. n): the upper half onto the lower, as freqopt.streams.fold. x is used up. */
static real fold(real *x, int64_t n)
{
    while (n > 1) {
        int64_t half = 1;
        while (2 * half < n) half *= 2;
        for (int64_t j = half; j < n; j++) x[j - half] += x[j];
        n = half;
    }
    return x[0];
}

static real squared_norm(const real *row)
{
    for (int64_t j = 0; j < D; j++) work[j] = row[j] * row[j];
    return fold(work, D);
}

static void clip(real *row, real limit)
{
    const real norm = sqrt_real(squared_norm(row));
    if (norm > limit) {
        const real factor = limit / norm;
        for (int64_t j = 0; j < D; j++) row[j] *= factor;
    }
}

static double power_int(double base, int64_t n)
{
    double result = 1.0;
    for (; n > 0; n >>= 1) {
        if (n & 1) result *= base;
        base *= base;
    }
    return result;
}

/* The gradient with l2 weight decay. */
static void add_decay(const real *w, real *g)
{
    if (o.weight_decay && o.l2)
        for (int64_t j = 0; j < D; j++) g[j] = g[j] + (real)o.weight_decay * w[j];
}

/* One row of the table meets its gradient g; x is the sum of squares where that is kept, else null. */
static void update(int64_t i, real *g, real *x, int64_t t, int64_t occurrences, bool first_round)
{
    real *w = table + i * D;
    static real *own = NULL;
    static int64_t room = 0;
    if (room < D) own = (real *)must(realloc(own, (size_t)(room = D) * sizeof *own));
    if (o.weight_decay && !o.l2 && !o.whole) {
        double shrink = 1 - rate(&h, t) * o.weight_decay;
        if (o.lazy) {
            shrink = power_int(shrink, t - decayed_at[i]);
            decayed_at[i] = t;
        }
        for (int64_t j = 0; j < D; j++) w[j] *= (real)shrink;
    }
#ifndef STORES_DECAY
    add_decay(w, g);
#endif
    if (!x) {
        x = own;
        for (int64_t j = 0; j < D; j++) x[j] = g[j] * g[j];
    }
    row_of_table(&h, i, D, w, g, x, t, occurrences, first_round, work);
    if (o.max_norm == o.max_norm) clip(w, (real)o.max_norm);
}

#ifdef REPLAYS
static void catch_up(int64_t i, int64_t until)
{
    for (int64_t t = state.settled_at[i] + 1; t <= until; t++) {
        memset(sums, 0, (size_t)D * sizeof *sums);
        update(i, sums, NULL, t, 0, true);
    }
}
#endif

#ifdef REMEMBERS
static struct memory memory;

static void memory_begin(void)
{
    const int64_t room = (int64_t)h.capacity + 1;
    memory.items = (struct item *)must(realloc(memory.items, (size_t)room * sizeof(struct item)));
    memory.seen = (struct item *)must(realloc(memory.seen, (size_t)room * sizeof(struct item)));
    memory.kept = (real *)must(realloc(memory.kept, (size_t)(room * N * D) * sizeof(real)));
    memory.length = 0;
    for (int64_t k = 0; k < room; k++) memory.items[k].place = k;
}

/* Every row of the table along the aggregate of its gradient and the buffer. */
static void recall(int64_t count, const int64_t *rows, const real *grads, const int64_t *times)
{
    double *room = (double *)must(malloc((size_t)(count + D) * sizeof *room));
    real *g = (real *)must(malloc((size_t)(2 * D) * sizeof *g)), *d = g + D;
    memory_offer(&h, &memory, memory_norm(count, D, grads, room), T);
    for (int64_t i = 0, k = 0; i < N; i++) {
        const bool here = k < count && rows[k] == i;
        for (int64_t j = 0; j < D; j++) g[j] = here ? grads[k * D + j] : 0;
#ifdef STORES_DECAY
        add_decay(table + i * D, g);
#endif
        memory_row(&h, &memory, N * D, i * D, D, g, d);
        update(i, d, NULL, T, here ? times[k] : 0, true);
        k += here;
    }
    free(room), free(g);
}
#endif

/* One wave: distinct rows, ascending, with one gradient each. */
static void wave(int64_t count, const int64_t *rows, real *grads, real *squared, const int64_t *times, bool first)
{
    if (o.per_batch && count) {
        real *norms = (real *)must(malloc((size_t)count * sizeof *norms));
        for (int64_t k = 0; k < count; k++) norms[k] = squared_norm(grads + k * D);
        const real norm = sqrt_real(fold(norms, count));
        if (norm > (real)o.clip) {
            const real factor = (real)o.clip / norm;
            for (int64_t k = 0; k < count * D; k++) grads[k] *= factor;
        }
        free(norms);
    }
    if (!o.all) {
        for (int64_t k = 0; k < count; k++)
            update(rows[k], grads + k * D, squared ? squared + k * D : NULL, T, times[k], first);
        return;
    }
#ifdef REMEMBERS
    recall(count, rows, grads, times);
    return;
#endif
    real *zero = (real *)must(calloc((size_t)D, sizeof *zero));
    for (int64_t i = 0, k = 0; i < N; i++) {
        if (k < count && rows[k] == i) {
            update(i, grads + k * D, squared ? squared + k * D : NULL, T, times[k], true);
            k++;
        } else {
            memset(sums, 0, (size_t)D * sizeof *sums);
            memset(zero, 0, (size_t)D * sizeof *zero);
            update(i, sums, squared ? zero : NULL, T, 0, true);
        }
    }
    free(zero);
}

struct occurrence { int64_t row, place; };

static int by_row(const void *a, const void *b)
{
    const struct occurrence *x = (const struct occurrence *)a, *y = (const struct occurrence *)b;
    if (x->row != y->row) return x->row < y->row ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

/* Occurrences from .. to of a row as one gradient, and the sum of their squares; whether it moves. */
static bool combine(const struct occurrence *order, const real *grads, int64_t from, int64_t to,
                    int64_t count, real *sum, real *square)
{
    bool moves = false;
    for (int64_t j = 0; j < D; j++) {
        sum[j] = grads[order[from].place * D + j];
        square[j] = sum[j] * sum[j];
        for (int64_t n = from + 1; n < to; n++) {
            const real g = grads[order[n].place * D + j];
            sum[j] = sum[j] + g;
            square[j] = square[j] + g * g;
        }
        if (!strcmp(o.duplicates, "mean")) sum[j] = sum[j] / (real)count;
        if (!strcmp(o.duplicates, "sqrt_count")) sum[j] = sum[j] / sqrt_real((real)count);
        moves |= sum[j] != 0;
    }
    return moves;
}

/* A batch: grads (B, D) are used up. */
static void step(int64_t B, const int64_t *rows, real *grads)
{
    struct occurrence *order = (struct occurrence *)must(malloc((size_t)(B + 1) * sizeof *order));
    int64_t *touched = (int64_t *)must(malloc((size_t)(B + 1) * sizeof *touched));
    int64_t *times = (int64_t *)must(malloc((size_t)(B + 1) * sizeof *times));
    real *total = (real *)must(malloc((size_t)(B * D + 1) * sizeof *total));
    real *squared = (real *)must(malloc((size_t)(B * D + 1) * sizeof *squared));
    int64_t kept = 0, most = 0;
    bool seen = false;
    const char *how = o.duplicates;
    const bool sequential = !strcmp(how, "sequential"), keeps = !strcmp(how, "squares");
    for (int64_t b = 0; b < B; b++) {
        real *g = grads + b * D;
        bool moves = false, finite = true;
        if (rows[b] == o.padding) continue;
        for (int64_t j = 0; j < D; j++) finite &= g[j] - g[j] == 0; /* NaN and infinity are not */
        if (o.skip && !finite) continue;
        if (o.maximize) for (int64_t j = 0; j < D; j++) g[j] = -g[j];
        if (o.clip == o.clip && !o.per_row && !o.per_batch) clip(g, (real)o.clip);
        for (int64_t j = 0; j < D; j++) moves |= g[j] != 0;
        if (sequential && o.nonzero && !moves) continue;
        order[kept].row = rows[b];
        order[kept++].place = b;
    }
    qsort(order, (size_t)kept, sizeof *order, by_row);
    for (int64_t k = 0, run = 0; k < kept; k++) {
        run = k && order[k].row == order[k - 1].row ? run + 1 : 1;
        if (run > most) most = run;
    }
    bool empty = true; /* no row of it moves */
    for (int64_t k = 0, end; k < kept; k = end) {
        for (end = k; end < kept && order[end].row == order[k].row; end++) {}
        const int64_t last = !strcmp(how, "last") ? end - 1 : k, to = !strcmp(how, "first") ? k + 1 : end;
        empty &= o.nonzero && !sequential && !combine(order, grads, last, to, end - k, total, squared);
    }
    if (!empty || !o.ignore_empty) {
#ifndef REPLAYS
        T++;
#else
        for (int64_t k = 0; k < kept; k++)
            if (!k || order[k].row != order[k - 1].row) catch_up(order[k].row, T);
        T++;
#endif
        if (o.weight_decay && !o.l2 && o.whole) {
            const real shrink = (real)(1 - rate(&h, T) * o.weight_decay);
            for (int64_t k = 0; k < N * D; k++) table[k] *= shrink;
        }
        for (int64_t pass = 0; pass < (sequential ? most : 1); pass++) {
            int64_t count = 0;
            for (int64_t k = 0, end; k < kept; k = end) {
                real *sum = total + count * D, *square = squared + count * D;
                bool moves;
                for (end = k; end < kept && order[end].row == order[k].row; end++) {}
                int64_t from = k, to = end;
                if (sequential) from = k + pass, to = from + 1;
                if (!strcmp(how, "first")) to = k + 1;
                if (!strcmp(how, "last")) from = end - 1;
                if (from >= end) continue;
                moves = combine(order, grads, from, to, end - k, sum, square);
                if (o.nonzero && !moves) continue;
                if (o.per_row) clip(sum, (real)o.clip);
                touched[count] = order[k].row;
                times[count++] = sequential ? 1 : end - k;
            }
            wave(count, touched, total, keeps ? squared : NULL, times, pass == 0);
            seen = true;
        }
        if (!seen && o.all) wave(0, touched, total, NULL, times, true);
    }
    free(order), free(touched), free(times), free(total), free(squared);
}

/* The table as a reader sees it: rows that were left behind are brought up to now, in a copy. */
static real *shown(void)
{
    static real *seen = NULL;
    static int64_t room = 0;
    if (room < N * D) seen = (real *)must(realloc(seen, (size_t)(room = N * D) * sizeof *seen));
    memcpy(seen, table, (size_t)(N * D) * sizeof *seen);
    if (o.weight_decay && !o.l2 && o.lazy)
        for (int64_t i = 0; i < N; i++) {
            const real shrink = (real)power_int(1 - rate(&h, T) * o.weight_decay, T - decayed_at[i]);
            for (int64_t j = 0; j < D; j++) seen[i * D + j] *= shrink;
        }
#ifdef REPLAYS
    real *kept = table;
    state_keep(N, D);
    table = seen;
    for (int64_t i = 0; i < N; i++) catch_up(i, T);
    table = kept;
    state_restore(N, D);
#endif
    return seen;
}

static void answer(long t)
{
    int64_t changed = 0;
    const real *seen = shown();
    for (int64_t i = 0; i < N; i++) changed += !!memcmp(seen + i * D, told + i * D, (size_t)D * sizeof *seen);
    printf("step %ld %ld\n", t, (long)changed);
    for (int64_t i = 0; i < N; i++) {
        if (!memcmp(seen + i * D, told + i * D, (size_t)D * sizeof *seen)) continue;
        printf("%ld", (long)i);
        for (int64_t j = 0; j < D; j++) printf(" %a", (double)seen[i * D + j]);
        printf("\n");
    }
    memcpy(told, seen, (size_t)(N * D) * sizeof *seen);
    fflush(stdout);
}

static real number(void)
{
    double x;
    if (scanf("%la", &x) != 1) exit(1);
    return (real)x;
}

/* An option that belongs to every rule; 0 if it is none of these. */
static int common(const char *name, const char *value)
{
    const double x = strcmp(value, "none") ? strtod(value, NULL) : NAN;
    const int on = !strcmp(value, "true");
    if (!strcmp(name, "duplicates")) strcpy(o.duplicates, value);
    else if (!strcmp(name, "rows")) o.all = !strcmp(value, "all"), o.nonzero = !strcmp(value, "nonzero");
    else if (!strcmp(name, "maximize")) o.maximize = on;
    else if (!strcmp(name, "count_empty")) o.ignore_empty = !on;
    else if (!strcmp(name, "clip")) o.clip = x;
    else if (!strcmp(name, "clip_scope")) o.per_row = !strcmp(value, "row"), o.per_batch = !strcmp(value, "batch");
    else if (!strcmp(name, "max_norm")) o.max_norm = x;
    else if (!strcmp(name, "padding_row")) o.padding = x == x ? (int64_t)x : -1;
    else if (!strcmp(name, "weight_decay")) o.weight_decay = x;
    else if (!strcmp(name, "decay")) o.l2 = !strcmp(value, "l2");
    else if (!strcmp(name, "decay_rows")) o.lazy = !strcmp(value, "lazy"), o.whole = !strcmp(value, "all");
    else if (!strcmp(name, "nonfinite")) o.skip = !strcmp(value, "skip");
    else return 0;
    return 1;
}

/* Read a header; 0 at the end of the input. `refused` is what this export was not made for. */
static int header(char *refused)
{
    char word[64], name[64], value[64];
    int version;
    long n, d;
    refused[0] = '\0';
    memset(&o, 0, sizeof o);
    o.clip = o.max_norm = NAN;
    o.padding = -1;
    begin_options(&h);
    if (scanf(" freqopt-crosscheck %d", &version) != 1) return 0;
    if (scanf(" rule %63s dtype %63s", word, name) != 2) return 0;
    if (strcmp(name, sizeof(real) == 4 ? "float32" : "float64")) strcpy(refused, name);
    static double *given[8];
    static char given_name[8][64];
    int givens = 0;
    while (scanf("%63s %63s", word, name) == 2 && strcmp(word, "table")) {
        if (scanf("%63s", value) != 1) return 0;
        if (!strcmp(word, "given")) {
            const long count = strtol(value, NULL, 10);
            given[givens] = (double *)must(realloc(given[givens], (size_t)count * sizeof **given));
            strcpy(given_name[givens], name);
            for (long k = 0; k < count; k++)
                if (scanf("%la", &given[givens][k]) != 1) return 0;
            givens = (givens + 1) % 8;
            continue;
        }
        const int known = common(name, value) | set_option(&h, name, value);
        const int fits = option_fits(name, value);
        if (!fits || (!known && !strcmp(word, "option"))) strcpy(refused, name);
    }
    n = strtol(name, NULL, 10);
    if (scanf("%ld", &d) != 1) return 0;
    if (o.clip != o.clip) o.per_row = o.per_batch = 0;
    N = n, D = d, T = 0;
    table = (real *)must(realloc(table, (size_t)(N * D) * sizeof *table));
    told = (real *)must(realloc(told, (size_t)(N * D) * sizeof *told));
    sums = (real *)must(realloc(sums, (size_t)D * sizeof *sums));
    work = (real *)must(realloc(work, (size_t)D * sizeof *work));
    free(decayed_at);
    decayed_at = (int64_t *)must(calloc((size_t)N, sizeof *decayed_at));
    for (int64_t k = 0; k < N * D; k++) told[k] = table[k] = number();
    state_begin(N, D);
#ifdef REMEMBERS
    memory_begin();
#endif
    for (int k = 0; k < givens; k++) take_given(given_name[k], given[k], N);
    return 1;
}

int main(void)
{
    char refused[64], word[16];
    while (header(refused)) {
        if (refused[0]) {
            printf("unsupported %s\n", refused);
            fflush(stdout);
            continue;
        }
        printf("ready\n");
        fflush(stdout);
        while (scanf("%15s", word) == 1 && !strcmp(word, "step")) {
            long t, B;
            if (scanf("%ld %ld", &t, &B) != 2) return 1;
            int64_t *rows = (int64_t *)must(malloc((size_t)(B + 1) * sizeof *rows));
            real *grads = (real *)must(malloc((size_t)(B * D + 1) * sizeof *grads));
            for (long b = 0; b < B; b++) {
                long row;
                if (scanf("%ld", &row) != 1) return 1;
                rows[b] = row;
                for (int64_t j = 0; j < D; j++) grads[b * D + j] = number();
            }
            step(B, rows, grads);
            answer(t);
            free(rows), free(grads);
        }
    }
    return 0;
}
