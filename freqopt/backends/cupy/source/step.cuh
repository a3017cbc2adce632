// The fused step: freqopt/optimizers/_batch.py and Rule.advance on a GPU.
//
//   admit    is every occurrence in range, finite, wanted? Its key sorts by row, then occurrence
//   combine  one gradient for each row (for each occurrence, with duplicates = "sequential")
//   apply    each row of the batch, or of the table, meets its gradient
//
// Between admit and combine the keys are sorted, so the occurrences of a row stand together in
// their order, whatever the grid: sums run in that order, and no bit depends on the launch.
#pragma once

constexpr bool SEQUENTIAL = IS(duplicates, sequential);
constexpr bool PICKS = SEQUENTIAL || IS(duplicates, first) || IS(duplicates, last);
constexpr bool CLIPS_OCCURRENCES = HAS(clip) && IS(clip_scope, occurrence);
constexpr int AHEAD_OF_SUM = 16;
// Whether every item's gradient is written down; else a single occurrence is read where it came.
constexpr bool STORED = HAS(maximize) || HAS(clip) || OWN_SQUARES;
enum { FIRST_OUTSIDE, FIRST_INFINITE, DISTINCT, IN_ORDER };  // first such occurrences; rows; occurrences
constexpr i64 DROPPED = 0x7fffffffffffffffll;

ENTRY admit(const i64* rows, const real* grads, i64 batch, i64 size, i64 width, i64 padding,
            i64 shift, i64* keys, i64* counts) {
    const Group group;
    for (i64 b = group.number; b < batch; b += group.groups) {
        const i64 row = rows[b];
        const bool inside = 0 <= row && row < size;
        bool kept = inside && row != padding, infinite = false;
        if (kept && !IS(nonfinite, propagate)) {
            for (int j = group.lane; j < width; j += LANES)
                infinite |= !isfinite(grads[b * width + j]);
            infinite = group.any(infinite);
            kept = !infinite;
        }
        if (group.lane == 0) {
            if (!inside) lower(&counts[FIRST_OUTSIDE], b);
            if (infinite) lower(&counts[FIRST_INFINITE], b);
            keys[b] = kept ? row << shift | b : DROPPED;
        }
    }
}

// Sorted keys become occurrences `order`, the distinct rows `touched`, and where each one's begin;
// through[b]: distinct rows among the keys 0 .. b.
ENTRY segment(const i64* keys, const i64* through, i64 batch, i64 shift, i64* order, i64* touched,
              i64* starts, i64* counts) {
    const Group group;
    for (i64 b = group.number; b < batch; b += group.groups) {
        const i64 row = keys[b] >> shift, u = through[b] - 1;
        if (keys[b] == DROPPED || group.lane > 0) continue;
        order[b] = keys[b] & ((1ll << shift) - 1);
        if (b == 0 || keys[b - 1] >> shift != row) touched[u] = row, starts[u] = b;
        if (b == batch - 1 || keys[b + 1] == DROPPED)
            starts[u + 1] = b + 1, counts[DISTINCT] = u + 1, counts[IN_ORDER] = b + 1;
    }
}

// A batch on its way: order (K,), the kept occurrences by row; starts (U + 1,), where each row's
// begin in it. An item is a row, or with duplicates = "sequential" an occurrence in that order.
struct Batch {
    const real* grads;  // (B, width)
    const i64 *order, *starts;
    real *sums, *squares;          // of every item: (items, width)
    real* norms;                   // (K,): of the items; factors of the occurrences
    i64* alive;                    // (items,)
};

DEVICE void combine_item(const Group& group, const Batch& batch, i64 item, i64 width, double clip,
                         real* work) {
    const i64 *const order = batch.order, *const starts = batch.starts;
    real* const squares = batch.squares;
    i64 begin = SEQUENTIAL ? item : starts[item], end = SEQUENTIAL ? item + 1 : starts[item + 1];
    const i64 count = end - begin;
    if (IS(duplicates, first)) end = begin + 1;
    if (IS(duplicates, last)) begin = end - 1;
    const bool stored = STORED || end - begin > 1;
    real* const sum = batch.sums + item * width;
    if (CLIPS_OCCURRENCES) {
        for (i64 k = begin; k < end; k++) {
            const real* const g = batch.grads + order[k] * width;
            const real factor = clip_factor(squared_norm(group, g, work, width), real(clip));
            if (group.lane == 0) batch.norms[k] = factor;
        }
        group.sync();
    }
    // The sum of a column stays in registers. AHEAD_OF_SUM gradients are asked for at once, so that a
    // row of many occurrences waits for memory less often; they are added one by one, in order.
    if (stored) FOR_COLUMNS(j, group, width) {
        Pack total = {}, squared = {};
        auto add = [&](i64 k, Pack p) {
            for (int v = 0; v < VECTOR; v++) {
                if (HAS(maximize)) p.x[v] = -p.x[v];
                if (CLIPS_OCCURRENCES) p.x[v] *= batch.norms[k];
                const real square = p.x[v] * p.x[v];
                total.x[v] = k > begin ? total.x[v] + p.x[v] : p.x[v];
                if (OWN_SQUARES) squared.x[v] = k > begin ? squared.x[v] + square : square;
            }
        };
        i64 k = begin;
        for (; k + AHEAD_OF_SUM <= end; k += AHEAD_OF_SUM) {
            i64 at[AHEAD_OF_SUM];
            Pack p[AHEAD_OF_SUM];
#pragma unroll
            for (int n = 0; n < AHEAD_OF_SUM; n++) at[n] = order[k + n] * width;
#pragma unroll
            for (int n = 0; n < AHEAD_OF_SUM; n++) p[n] = load(batch.grads + at[n], j);
            loaded();
#pragma unroll
            for (int n = 0; n < AHEAD_OF_SUM; n++) add(k + n, p[n]);
        }
        for (; k < end; k++) add(k, load(batch.grads + order[k] * width, j));
        store(sum, j, total);
        if (OWN_SQUARES) store(squares + item * width, j, squared);
    }
    const real* const g = stored ? sum : batch.grads + order[begin] * width;
    if (count > 1 && (IS(duplicates, mean) || IS(duplicates, sqrt_count))) {
        const real divisor = IS(duplicates, mean) ? real(count) : sqrt(real(count));
        FOR_COLUMNS(j, group, width) {
            Pack p = load(sum, j);
            for (int v = 0; v < VECTOR; v++) p.x[v] /= divisor;
            store(sum, j, p);
        }
    }
    if (IS(rows, nonzero)) {
        bool moves = false;
        FOR_COLUMNS(j, group, width) {
            const Pack p = load(g, j);
            for (int v = 0; v < VECTOR; v++) moves |= p.x[v] != 0;
        }
        moves = group.any(moves);
        if (group.lane == 0) batch.alive[item] = moves;
    }
    if (HAS(clip) && !IS(clip_scope, occurrence)) {
        const real square = squared_norm(group, sum, work, width);
        if (IS(clip_scope, row)) scale(group, sum, clip_factor(square, real(clip)), width);
        if (IS(clip_scope, batch) && group.lane == 0) batch.norms[item] = square;
    }
}

ENTRY combine(const real* grads, const i64* order, const i64* starts, i64 items, i64 width,
              double clip, real* sums, real* squares, real* norms, i64* alive) {
    const Group group;
    const Batch batch = {grads, order, starts, sums, squares, norms, alive};
    real* const work = group.scratch<real>(width);
    for (i64 item = group.spread; item < items; item += group.groups)
        combine_item(group, batch, item, width, clip, work);
}

// Multiply the stored gradient of each item by a factor: the clipping of a whole batch.
ENTRY shorten(i64 items, i64 width, const real* factors, real* sums) {
    const Group group;
    for (i64 item = group.number; item < items; item += group.groups)
        scale(group, sums + item * width, factors[item], width);
}

// Bring row i up to the batches seen so far: the steps or the decay that a lazy rule owes it.
DEVICE void catch_up(const Group& group, const Table& table, i64 i, const double* h, i64 seen,
                   real* work) {
#if ROW(settled_at)
    for (i64 t = load_row_state(table.slots, i).own_settled_at + 1; t <= seen; t++) {
        update(group, table, i, nullptr, nullptr, {t, 0, true, table.width}, scalars(h, t),
               row_axes(h, t), work);
        group.sync();
    }
#endif
    if (SHRINKS_LAZILY) {
        const real factor = integer_power(row_axes(h, seen).shrink_once, seen - table.decayed_at[i]);
        scale(group, table.rows + i * table.width, factor, table.width);
        group.sync();
        if (group.lane == 0) table.decayed_at[i] = seen;
        group.sync();
    }
}

// Let some rows catch up, or all where `which` is null.
ENTRY catch_up_rows(real* rows, i64 width, const u64* slots, i64* decayed_at, const i64* which,
                  i64 count, const double* h, i64 seen) {
    const Group group;
    const Table table = {rows, 0, (int)width, slots, decayed_at};
    real* const work = group.scratch<real>(width);
    for (i64 k = group.number; k < count; k += group.groups)
        catch_up(group, table, which ? which[k] : k, h, seen, work);
}

// The combined gradient of row u of the batch, or of its n-th item with duplicates = "sequential".
DEVICE const real* gradient_of(const Batch& batch, i64 u, i64 n, i64 width) {
    const i64 begin = batch.starts[u], end = batch.starts[u + 1];
    if (STORED || (!PICKS && end - begin > 1))
        return batch.sums + (SEQUENTIAL ? begin + n : u) * width;
    return batch.grads + batch.order[IS(duplicates, last) ? end - 1 : begin + n] * width;
}

#if CRITICAL
// Squared norms of the batch's rows; `offer` adds them up and decides about the gradient.
ENTRY measure(const real* grads, const i64* order, const i64* starts, i64 items, i64 width,
              real* sums, double* norms) {
    const Group group;
    const Batch batch = {grads, order, starts, sums};
    double* const work = group.scratch<double>(width);
    for (i64 u = group.number; u < items; u += group.groups) {
        const double square = wide_norm(group, gradient_of(batch, u, 0, width), work, width);
        if (group.lane == 0) norms[u] = square;
    }
}

ENTRY decide(double* norms, i64 items, const u64* slots, const double* h, i64 t) {
    const Group group;
    if (group.number > 0) return;
    const double norm = items > 0 ? sqrt(fold(group, norms, int(items))) : 0.0;
    if (group.lane == 0) offer(slots, h, norm, t);
}
#endif

// Row i of the table meets its gradient: row u of the batch, none for u < 0.
DEVICE void apply_row(const Group& group, const Table& table, const Batch& batch, i64 i, i64 u,
                      const double* h, i64 t, const Scalars& c, const RowAxes& a, real* work) {
    const int width = table.width;
#if ROW(settled_at)
    catch_up(group, table, i, h, t - 1, work);
#endif
#if CRITICAL
    real* const direction = work + width;
    recall_row(group, table, i, u < 0 ? nullptr : gradient_of(batch, u, 0, width), h, direction);
    const i64 here = u < 0 ? 0 : batch.starts[u + 1] - batch.starts[u];
    update(group, table, i, direction, nullptr, {t, here, true, width}, c, a, work);
    return;
#endif
    if (u < 0) {
        update(group, table, i, nullptr, nullptr, {t, 0, true, width}, c, a, work);
        return;
    }
    const i64 begin = batch.starts[u], end = batch.starts[u + 1];
    const i64 items = SEQUENTIAL ? end - begin : 1;
    bool first_round = true;
    for (i64 n = 0; n < items; n++) {
        const i64 item = SEQUENTIAL ? begin + n : u;
        if (IS(rows, nonzero) && !batch.alive[item]) continue;
        const real* const g = gradient_of(batch, u, n, width);
        const Visit visit = {t, SEQUENTIAL ? 1 : end - begin, first_round, width};
        const real* const squares = OWN_SQUARES ? batch.squares + item * width : nullptr;
        update(group, table, i, g, squares, visit, c, a, work);
        group.sync();  // the row as the next occurrence finds it
        first_round = false;
    }
}

// touched (count,): the batch's rows. entry_of (N,): which of them a row of the table is, -1 for
// none; null unless every row is updated.
ENTRY apply(real* rows, i64 size, i64 width, const u64* slots, i64* decayed_at, const real* grads,
            const i64* touched, const i64* order, const i64* starts, i64 count, const i64* entry_of,
            real* sums, real* squares, i64* alive, const double* h, i64 t) {
    const Group group;
    const Table table = {rows, size, (int)width, slots, decayed_at};
    const Batch batch = {grads, order, starts, sums, squares, nullptr, alive};
    real* const work = group.scratch<real>(width * (CRITICAL ? 2 : 1));
    const Scalars c = scalars(h, t);
    const RowAxes a = row_axes(h, t);
    const i64 visited = IS(rows, all) ? size : count;
    for (i64 k = group.number; k < visited; k += group.groups) {
        const i64 i = IS(rows, all) ? k : touched[k], u = IS(rows, all) ? entry_of[k] : k;
        apply_row(group, table, batch, i, u, h, t, c, a, work);
    }
}

// Multiply every row of the table: decoupled decay with decay_rows = "all".
ENTRY shrink(real* rows, i64 size, i64 width, double factor) {
    const Group group;
    for (i64 i = group.number; i < size; i += group.groups)
        scale(group, rows + i * width, real(factor), width);
}
