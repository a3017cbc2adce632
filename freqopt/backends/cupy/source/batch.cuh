// The batch of a step for one array: what `admit`, a sort and `combine` do for the fused step.
#pragma once

DEVICE Batch batch_of(const Part& part) {
    return {part.grads, part.order, part.starts, part.sums, part.squares, part.norms, part.alive};
}

// Whether the occurrences of a step are finite; those that are to be used, in the order of their
// rows. Returns the number of distinct rows, -1 to refuse.
DEVICE i64 admit_step(const Group& group, const Part& part, const double* h) {
    const Occurrences& step = part.occurrences;
    const i64 width = part.width, padding = isnan(h[H_padding_row]) ? -1 : i64(h[H_padding_row]);
    i64 count = 0, kept = 0, last = -1;
    for (i64 p = 0; p < step.count; p++) {
        const i64 b = step.number(p), row = step.row(p);
        if (row == padding) continue;
        if (!IS(nonfinite, propagate)) {
            bool infinite = false;
            for (i64 j = group.lane; j < width; j += LANES)
                infinite |= !isfinite(part.grads[b * width + j]);
            if (group.any(infinite)) {
                if (IS(nonfinite, raise)) return -1;
                continue;
            }
        }
        if (group.lane == 0) {
            part.order[kept] = b;
            if (row != last) part.touched[count] = row, part.starts[count] = kept;
        }
        count += row != last;
        kept++;
        last = row;
    }
    if (group.lane == 0) part.starts[count] = kept;
    group.sync();
    return count;
}

// Scale the items of each round down to a norm of at most `limit`: freqopt/optimizers/_batch.py. A
// round has the next item that moves of every row.
DEVICE void clip_rounds(const Group& group, const Part& part, i64 count, real limit) {
    i64 moving = 0;
    for (i64 u = 0; u < count; u++) {
        const i64 end = SEQUENTIAL ? part.starts[u + 1] : u + 1;
        i64 round = 0;
        for (i64 item = SEQUENTIAL ? part.starts[u] : u; item < end; item++) {
            if (IS(rows, nonzero) && !part.alive[item]) continue;
            if (group.lane == 0) part.rounds[moving] = round << part.occurrences.shift | item;
            round++, moving++;
        }
    }
    sort(group, part.rounds, moving);
    const Occurrences items = {part.rounds, moving, part.occurrences.shift};
    real* const squares = part.norms + part.occurrences.count;
    for (i64 begin = 0, end; begin < moving; begin = end) {
        for (end = begin; end < moving && (end == begin || !items.begins(end)); end++)
            if (group.lane == 0) squares[end - begin] = part.norms[items.number(end)];
        const real factor = clip_factor(fold(group, squares, int(end - begin)), limit);
        for (i64 k = begin; factor != 1 && k < end; k++)
            scale(group, part.sums + items.number(k) * part.width, factor, int(part.width));
    }
    group.sync();
}

// One gradient for each of the `count` rows; with a fixed-memory rule also its norm.
DEVICE void collect(const Group& group, const Part& part, i64 count, const double* h,
                    void* scratch) {
    const Batch batch = batch_of(part);
    const i64 items = SEQUENTIAL ? part.starts[count] : count;
    for (i64 item = 0; item < items; item++)
        combine_item(group, batch, item, part.width, h[H_clip], (real*)scratch);
    group.sync();
    if (HAS(clip) && IS(clip_scope, batch)) clip_rounds(group, part, count, h[H_clip]);
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
