// The whole loop: one group takes one simulation through many steps. A problem's file defines
// `Problem`, `draw` and `gradients` (docs/backends.md); the rule is that of the fused step.
#pragma once

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
    const RowAxes a = row_axes(h, t);
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

// Rows that a lazy rule left behind are brought up to the present before they are read.
DEVICE void catch_up_step(const Group& group, const Part& part, const double* h, real* work) {
    const Table table = {part.weights, part.size, int(part.width), part.slots, part.decayed_at};
    for (i64 p = 0; p < part.occurrences.count; p++)
        if (part.occurrences.begins(p))
            catch_up(group, table, part.occurrences.row(p), h, *part.t, work);
    group.sync();
}

// Step s of those drawn ahead; false before one that is refused.
DEVICE bool take_step(const Group& group, const Problem& problem, const Run& run,
                      const Read* tables, const Part* parts, i64 s, void* scratch) {
    for (int k = 0; k < TABLES; k++)
        sort_rows(group, tables[k].occurrences, tables[k].rows + s * tables[k].occurrences.count);
#if ROW(settled_at)
    for (int k = 0; k < PARTS; k++) catch_up_step(group, parts[k], run.h, (real*)scratch);
#endif
    for (int k = 0; LAYERED && k < TABLES; k++) collapse(group, tables[k], s, run.work);
    gradients(group, problem, run, tables, s, scratch);
    group.sync();
    for (int k = 0; MOVEMENT && k < TABLES; k++) note(group, tables[k], s);
    for (int k = 0; LAYERED && k < TABLES; k++) split(group, tables[k], s, run.work);
    i64 distinct[PARTS];
    for (int k = 0; k < PARTS; k++) {
        distinct[k] = admit_step(group, parts[k], run.h);
        if (distinct[k] < 0) return false;
    }
    for (int k = 0; k < PARTS; k++) collect(group, parts[k], distinct[k], run.h, scratch);
    double norm = 0.0;
    for (int k = 0; CRITICAL && k < PARTS; k++) norm += *parts[k].norm;
    for (int k = 0; k < PARTS; k++) {
        const double used = SYNCED ? norm : CRITICAL ? *parts[k].norm : 0.0;
        advance(group, parts[k], distinct[k], run.h, used, (real*)scratch);
    }
    group.sync();
    for (int k = 0; MOVEMENT && k < TABLES; k++) {
        if (LAYERED) collapse(group, tables[k], s, run.work);
        add_movement(group, tables[k], s, (double*)scratch);
    }
    group.sync();
    return true;
}

// Take every simulation to `until` steps, or to the step that it refuses.
ENTRY loop(const Run* runs, const Read* all_tables, const Part* all_parts, i64 count, i64 until,
           const Problem* problem, i64 widest) {
    const Group group;
    void* const shared = group.scratch<double>(widest * (CRITICAL ? 2 : 1));
    for (i64 number = group.number; number < count; number += group.groups) {
        const Run run = runs[number];
        void* const scratch = run.scratch ? run.scratch : shared;
        const Read* const tables = all_tables + number * TABLES;
        const Part* const parts = all_parts + number * PARTS;
        i64 t = *run.step;
        for (bool going = true; going && t < until;) {
            const i64 drawn = until - t < AHEAD ? until - t : AHEAD;
            draw(group, *problem, run, tables, t, drawn, scratch);
            group.sync();
            for (i64 s = 0; going && s < drawn; s++) {
                going = take_step(group, *problem, run, tables, parts, s, scratch);
                t += going;
            }
        }
        if (group.lane == 0) *run.step = t;
        group.sync();
    }
}
