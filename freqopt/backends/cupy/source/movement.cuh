// The sums of freqopt/backends/_movement.py, kept up in the loop.
#pragma once

// Keep what the step is about to change: the distinct rows, and their gradients added up.
DEVICE void note(const Group& group, const Part& part, const i64* rows) {
    const i64 m = part.occurrences, width = part.width;
    for (i64 b = group.lane; b < m; b += LANES) {
        i64 a = 0;
        while (rows[a] != rows[b]) a++;
        part.first[b] = a;
    }
    group.sync();
    for (i64 b = 0; b < m; b++) {
        const i64 a = part.first[b];
        for (i64 j = group.lane; j < width; j += LANES) {
            const double before = a == b ? 0.0 : part.total[a * width + j];
            part.total[a * width + j] = before + double(part.grads[b * width + j]);
            if (a == b) part.before[b * width + j] = part.weights[rows[b] * width + j];
        }
    }
}

// `Movement.add` of the rows that were noted, after the step.
DEVICE void add_movement(const Group& group, const Part& part, const i64* rows, double* work) {
    const i64 width = part.width;
    for (i64 b = 0; b < part.occurrences; b++) {
        if (part.first[b] != b) continue;
        for (i64 j = group.lane; j < width; j += LANES) {
            const double after = part.weights[rows[b] * width + j];
            const double change = after - double(part.before[b * width + j]);
            work[j] = change * change;
        }
        const double moved = sqrt(fold(group, work, int(width)));
        for (i64 j = group.lane; j < width; j += LANES) {
            const double total = part.total[b * width + j];
            work[j] = total * total;
        }
        const double pushed = sqrt(fold(group, work, int(width)));
        if (group.lane > 0) continue;
        part.moved[rows[b]] += moved;
        part.pushed[rows[b]] += pushed;
        part.visits[rows[b]] += 1;
    }
}
