// The update of one row: the axes common to all rules, in their one place, around a rule's equations.
// A rule's kernel defines `Scalars`, `Row`, `scalars`, `row`, `term` and `element` (_kernel.py);
// `ElementState` and `RowState` have its slots by name.
#pragma once

struct RowAxes {
    real shrink;  // decoupled weight decay of an updated row
    double shrink_once;
    real l2, max_norm;
};

DEVICE RowAxes row_axes(const double* h, i64 t) {
    const double shrink = 1 - rate(h, t) * h[H_weight_decay];
    return {real(shrink), shrink, real(h[H_weight_decay]), real(h[H_max_norm])};
}

constexpr bool DECOUPLED = HAS(weight_decay) && IS(decay, decoupled);
constexpr bool SHRINKS = DECOUPLED && IS(decay_rows, updated);
constexpr bool SHRINKS_LAZILY = DECOUPLED && IS(decay_rows, lazy);
constexpr bool ADDS_DECAY = HAS(weight_decay) && IS(decay, l2) && !STORES_DECAY;
constexpr bool OWN_SQUARES = IS(duplicates, squares);

struct Table {
    real* rows;       // (N, width)
    i64 size;         // N
    int width;
    const u64* slots;  // addresses of the slots' arrays
    i64* decayed_at;   // (N,) or null
};

// g and squares: combined gradient and sum of squares of the row; null for zero.
DEVICE void update(const Group& group, const Table& table, i64 i, const real* g, const real* squares,
                   const Visit& visit, const Scalars& c, const RowAxes& a, real* work) {
    const int width = table.width;
    real* const w = table.rows + i * width;
    real shrink = a.shrink;
    if (SHRINKS_LAZILY) shrink = real(integer_power(a.shrink_once, visit.t - table.decayed_at[i]));

    auto weights = [&](int j) {
        Pack p = load(w, j);
        if (SHRINKS || SHRINKS_LAZILY)
            for (int v = 0; v < VECTOR; v++) p.x[v] *= shrink;
        return p;
    };
    auto gradient = [&](int j, const Pack& p) {
        Pack q = {};
        if (g) q = load(g, j);
        if (ADDS_DECAY)
            for (int v = 0; v < VECTOR; v++) q.x[v] = q.x[v] + a.l2 * p.x[v];
        return q;
    };
    auto square = [&](int j, const Pack& q) {
        Pack x = {};
        if (OWN_SQUARES && squares) x = load(squares, j);
        if (!OWN_SQUARES)
            for (int v = 0; v < VECTOR; v++) x.x[v] = q.x[v] * q.x[v];
        return x;
    };

    real total = 0;
    if (STATISTIC != NONE) {
        FOR_COLUMNS(j, group, width) {
            const Pack q = gradient(j, weights(j)), x = square(j, q);
            for (int v = 0; v < VECTOR; v++) work[j + v] = term(q.x[v], x.x[v]);
        }
        total = STATISTIC == SUM ? fold(group, work, width) : largest(group, work, width);
    }
    RowState s = load_row_state(table.slots, i);
    const Row r = row(c, s, visit, total);
    group.sync();  // every lane has read the row's state
    if (group.lane == 0) {
        store_row_state(table.slots, i, s);
        if (SHRINKS_LAZILY) table.decayed_at[i] = visit.t;
    }

    FOR_COLUMNS(j, group, width) {
        Pack p = weights(j);
        const Pack q = gradient(j, p), x = square(j, q);
        ElementPack e = load_element_state(table.slots, i * width + j);
        for (int v = 0; v < VECTOR; v++)
            p.x[v] = element(c, r, p.x[v], q.x[v], x.x[v], e.of[v]);
        store(w, j, p);
        store_element_state(table.slots, i * width + j, e);
    }
    if (HAS(max_norm)) {
        const real factor = clip_factor(squared_norm(group, w, work, width), a.max_norm);
        if (factor != 1) scale(group, w, factor, width);
    }
}

