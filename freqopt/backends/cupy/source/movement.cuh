// The sums of freqopt/backends/_movement.py, kept up in the loop. What belongs to a row is kept at
// the place of its first occurrence in the sorted order.
#pragma once

// Keep what step s is about to change: the distinct rows, and their gradients added up.
DEVICE void note(const Group& group, const Read& table, i64 s) {
    const Occurrences& step = table.occurrences;
    const i64 width = table.width;
    i64 at = 0;
    for (i64 p = 0; p < step.count; p++) {
        const i64 b = step.number(p);
        const bool begins = step.begins(p);
        const real* const row = table.row(s, b);
        if (begins) at = p;
        for (i64 j = group.lane; j < width; j += LANES) {
            const double before = begins ? 0.0 : table.total[at * width + j];
            table.total[at * width + j] = before + double(table.grads[b * width + j]);
            if (begins) table.before[p * width + j] = row[j];
        }
    }
}

// `Movement.add` of the rows that were noted, after the step.
DEVICE void add_movement(const Group& group, const Read& table, i64 s, double* work) {
    const Occurrences& step = table.occurrences;
    const i64 width = table.width;
    for (i64 p = 0; p < step.count; p++) {
        if (!step.begins(p)) continue;
        const real* const row = table.row(s, step.number(p));
        for (i64 j = group.lane; j < width; j += LANES) {
            const double change = double(row[j]) - double(table.before[p * width + j]);
            work[j] = change * change;
        }
        const double moved = sqrt(fold(group, work, int(width)));
        for (i64 j = group.lane; j < width; j += LANES) {
            const double total = table.total[p * width + j];
            work[j] = total * total;
        }
        const double pushed = sqrt(fold(group, work, int(width)));
        if (group.lane > 0) continue;
        table.moved[step.row(p)] += moved;
        table.pushed[step.row(p)] += pushed;
        table.visits[step.row(p)] += 1;
    }
}
