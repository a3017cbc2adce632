// The whole loop: one group takes one simulation through many steps. A problem's file defines
// `Problem`, `draw` and `gradients` (docs/backends.md); the rule is that of the fused step.
#pragma once

// Whether the occurrences of a step are finite; those that are to be used are sorted by row, as
// `admit` and a sort do it for the fused step. Returns the number of distinct rows, -1 to refuse.
DEVICE i64 admit_step(const Group& group, const Part& part, const i64* rows, const double* h) {
    const i64 m = part.occurrences, width = part.width;
    const i64 padding = isnan(h[H_padding_row]) ? -1 : i64(h[H_padding_row]);
    bool refused = false;
    if (!IS(nonfinite, propagate)) {
        for (i64 b = 0; b < m; b++) {
            bool infinite = false;
            for (i64 j = group.lane; j < width; j += LANES)
                infinite |= !isfinite(part.grads[b * width + j]);
            infinite = group.any(infinite) && rows[b] != padding;
            if (group.lane == 0) part.alive[b] = !infinite;
            refused |= infinite;
        }
        if (IS(nonfinite, raise) && refused) return -1;
    }
    group.sync();
    for (i64 b = group.lane; b < m; b += LANES) {  // first occurrence of the row; m for dropped ones
        const bool kept = rows[b] != padding && (IS(nonfinite, propagate) || part.alive[b]);
        i64 a = 0;
        while (rows[a] != rows[b] || !(IS(nonfinite, propagate) || part.alive[a])) {
            if (a == b) break;
            a++;
        }
        part.leader[b] = kept ? a : m;
    }
    group.sync();
    for (i64 b = group.lane; b < m; b += LANES) {
        const i64 mine = part.leader[b];
        i64 place = 0, row = 0;
        for (i64 a = 0; a < m; a++) {
            if (part.leader[a] == m) continue;
            place += rows[a] < rows[b] || (rows[a] == rows[b] && a < b);
            row += part.leader[a] == a && rows[a] < rows[b];
        }
        if (mine < m) part.order[place] = b;
        if (mine == b) {
            part.starts[row] = place;
            part.touched[row] = rows[b];
        }
    }
    i64 count = 0, kept = 0;
    for (i64 b = 0; b < m; b++) {
        count += part.leader[b] == b;
        kept += part.leader[b] < m;
    }
    group.sync();
    if (group.lane == 0) part.starts[count] = kept;
    group.sync();
    return count;
}

// Scale the items of each wave down to a norm of at most `limit`: freqopt/optimizers/_batch.py.
DEVICE void clip_waves(const Group& group, const Part& part, i64 count, real limit) {
    real* const squares = part.norms + part.occurrences;
    for (i64 wave = 0;; wave++) {
        i64 moving = 0;
        for (i64 u = 0; u < count; u++) {
            const i64 end = SEQUENTIAL ? part.starts[u + 1] : u + 1;
            i64 before = 0;
            for (i64 item = SEQUENTIAL ? part.starts[u] : u; item < end; item++) {
                if (IS(rows, nonzero) && !part.alive[item]) continue;
                if (before++ != wave) continue;
                if (group.lane == 0) {
                    squares[moving] = part.norms[item];
                    part.leader[moving] = item;
                }
                moving++;
            }
        }
        if (moving == 0) return;
        const real factor = clip_factor(fold(group, squares, int(moving)), limit);
        for (i64 k = 0; factor != 1 && k < moving; k++)
            scale(group, part.sums + part.leader[k] * part.width, factor, int(part.width));
        group.sync();
    }
}

DEVICE Batch batch_of(const Part& part) {
    return {part.grads, part.order, part.starts, part.sums, part.squares, part.norms, part.alive};
}

// One gradient for each of the `count` rows; with a fixed-memory rule also its norm.
DEVICE void collect(const Group& group, const Part& part, i64 count, const double* h,
                    void* scratch) {
    const Batch batch = batch_of(part);
    const i64 items = SEQUENTIAL ? part.starts[count] : count;
    for (i64 item = 0; item < items; item++)
        combine_item(group, batch, item, part.width, h[H_clip], (real*)scratch);
    group.sync();
    if (HAS(clip) && IS(clip_scope, batch)) clip_waves(group, part, count, h[H_clip]);
#if CRITICAL
    for (i64 u = 0; u < count; u++) {
        const real* const g = gradient_of(batch, u, 0, part.width);
        const double square = wide_norm(group, g, (double*)scratch, part.width);
        if (group.lane == 0) part.squares_wide[u] = square;
    }
    const double norm = count > 0 ? sqrt(fold(group, part.squares_wide, int(count))) : 0.0;
    if (group.lane == 0) *part.norm = norm;
    group.sync();
#endif
}

// `norm`: of the gradient, or the sum of the tables' with a fixed-memory rule that is synced.
DEVICE void advance(const Group& group, const Part& part, i64 count, const double* h, double norm,
                    real* work) {
    const Table table = {part.weights, part.size, int(part.width), part.slots, part.decayed_at};
    const Batch batch = batch_of(part);
    const i64 items = SEQUENTIAL ? part.starts[count] : count;
    if (!HAS(count_empty)) {
        bool empty = true;
        for (i64 item = 0; item < items; item++) empty &= IS(rows, nonzero) && !part.alive[item];
        if (empty) return;
    }
    const i64 t = *part.t + 1;
    const Scalars c = scalars(h, t);
    const Around a = around(h, t);
    group.sync();
    if (group.lane == 0) {
        *part.t = t;
#if CRITICAL
        offer(part.slots, h, norm, t);
#endif
    }
    if (DECOUPLED && IS(decay_rows, all))
        for (i64 i = 0; i < part.size; i++)
            scale(group, part.weights + i * part.width, a.shrink, int(part.width));
    group.sync();
    if (!IS(rows, all)) {
        for (i64 u = 0; u < count; u++)
            apply_row(group, table, batch, part.touched[u], u, h, t, c, a, work);
        return;
    }
    for (i64 u = group.lane; u < count; u += LANES) part.entry_of[part.touched[u]] = u;
    group.sync();
    for (i64 i = 0; i < part.size; i++)
        apply_row(group, table, batch, i, part.entry_of[i], h, t, c, a, work);
    group.sync();
    for (i64 u = group.lane; u < count; u += LANES) part.entry_of[part.touched[u]] = -1;
    group.sync();
}

// Take every simulation to `until` steps, or to the step that it refuses.
ENTRY loop(const Run* runs, const Part* all_parts, i64 count, i64 until, const Problem* problem,
           i64 widest) {
    const Group group;
    void* const scratch = group.scratch<double>(widest * (CRITICAL ? 2 : 1));
    for (i64 number = group.number; number < count; number += group.groups) {
        const Run run = runs[number];
        const Part* const parts = all_parts + number * TABLES;
        i64 t = *run.step;
        bool going = true;
        while (going && t < until) {
            const i64 drawn = until - t < AHEAD ? until - t : AHEAD;
            draw(group, *problem, run, parts, t, drawn, scratch);
            group.sync();
            for (i64 s = 0; going && s < drawn; s++) {
#if ROW(settled_at)
                for (int k = 0; k < TABLES; k++)
                    for (i64 b = 0; b < parts[k].occurrences; b++) {
                        const Part& part = parts[k];
                        const Table table = {part.weights, part.size, int(part.width), part.slots,
                                             part.decayed_at};
                        const i64 row = part.rows[s * part.occurrences + b];
                        settle(group, table, row, run.h, *part.t, (real*)scratch);
                    }
                group.sync();
#endif
                gradients(group, *problem, run, parts, s, scratch);
                group.sync();
                i64 distinct[TABLES];
                for (int k = 0; k < TABLES; k++) {
                    const i64* const rows = parts[k].rows + s * parts[k].occurrences;
                    if (MOVEMENT) note(group, parts[k], rows);
                    distinct[k] = admit_step(group, parts[k], rows, run.h);
                    going &= distinct[k] >= 0;
                }
                if (!going) break;
                for (int k = 0; k < TABLES; k++)
                    collect(group, parts[k], distinct[k], run.h, scratch);
                double norm = 0.0;
                for (int k = 0; CRITICAL && k < TABLES; k++) norm += *parts[k].norm;
                for (int k = 0; k < TABLES; k++) {
                    const double used = SYNCED ? norm : CRITICAL ? *parts[k].norm : 0.0;
                    advance(group, parts[k], distinct[k], run.h, used, (real*)scratch);
                }
                group.sync();
                for (int k = 0; MOVEMENT && k < TABLES; k++) {
                    const i64* const rows = parts[k].rows + s * parts[k].occurrences;
                    add_movement(group, parts[k], rows, (double*)scratch);
                    group.sync();
                }
                t++;
            }
        }
        if (group.lane == 0) *run.step = t;
        group.sync();
    }
}
