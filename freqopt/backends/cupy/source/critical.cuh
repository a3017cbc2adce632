// The fixed-memory rules: freqopt/optimizers/_critical.py, whose equation numbers stand here.
//
//   offer   one group decides what the buffer takes, and writes a plan of how slots move
//   recall  every number of the table meets the same number of each slot, after that plan
//
// The gradient is dense: a row that is not in the batch has gradient zero, and meets the buffer too.
#pragma once

#if CRITICAL

constexpr i64 OWN = CAPACITY, KEPT = CAPACITY + 1;  // a slot's number for the new gradient, a register

constexpr bool TOTALS = IS(aggregation, sum) || IS(aggregation, mid) || IS(aggregation, mean);
constexpr bool LEAST = IS(aggregation, min) || IS(aggregation, min_mean);
constexpr bool MIDDLE = IS(aggregation, median) || IS(aggregation, median_mean);
constexpr bool HALVED = IS(aggregation, mid) || IS(aggregation, min_mean) ||
                        IS(aggregation, median_mean) || IS(aggregation, max_mean);

struct Plan {
    i64 old, now, chosen, count, moves;  // slots before, in the aggregate; which; slots after
    i64 aggregated[CAPACITY + 1];        // slots of the aggregate
    i64 target[2 * CAPACITY], source[2 * CAPACITY];  // one after the other
};

DEVICE bool below(const double* ranks, i64 a, i64 b) { return ranks[a] < ranks[b]; }

// Place of the stored item that counts as the smallest.
DEVICE i64 smallest(const double* ranks, const i64* slots, i64 count) {
    i64 least = 0;
    if (IS(threshold, minimum))
        for (i64 k = 1; k < count; k++)
            if (below(ranks, slots[k], slots[least])) least = k;
    return least;
}

// Place of the upper median, equal priorities in order.
DEVICE i64 median(const double* ranks, const i64* slots, i64 count) {
    i64 places[CAPACITY + 1] = {};
    for (i64 k = 0; k < count; k++) {
        i64 at = k;
        for (; at > 0 && below(ranks, slots[k], slots[places[at - 1]]); at--)
            places[at] = places[at - 1];
        places[at] = k;
    }
    return places[count / 2];
}

// CPython's heapq.heapify: every parent, from the last one, down to a leaf and up again.
DEVICE void heapify(const double* ranks, i64* slots, i64 count) {
    for (i64 parent = count / 2 - 1; parent >= 0; parent--) {
        const i64 item = slots[parent];
        i64 at = parent;
        while (2 * at + 1 < count) {
            i64 child = 2 * at + 1;
            if (child + 1 < count && !below(ranks, slots[child], slots[child + 1])) child++;
            slots[at] = slots[child];
            at = child;
        }
        for (; at > parent && below(ranks, item, slots[(at - 1) / 2]); at = (at - 1) / 2)
            slots[at] = slots[(at - 1) / 2];
        slots[at] = item;
    }
}

// How slots move so that slot k holds what stays[k] held: no slot is written before it is read.
DEVICE void plan_moves(Plan& plan, const i64* stays, i64 count) {
    bool waits[CAPACITY + 1] = {}, done[CAPACITY + 1] = {};  // somebody is to read slot k
    for (i64 k = 0; k < count; k++)
        if (stays[k] != k) waits[stays[k]] = true;
    i64 moves = 0;
    auto move = [&](i64 target, i64 source) {
        plan.target[moves] = target;
        plan.source[moves++] = source;
    };
    for (i64 k = 0; k < count; k++)
        if (!waits[k] && stays[k] != k)  // a chain: from the slot that nobody reads
            for (i64 at = k; at < count; at = stays[at]) {
                move(at, stays[at]);
                done[at] = true;
            }
    for (i64 k = 0; k < count; k++)
        if (!done[k] && stays[k] != k) {  // a circle
            move(KEPT, k);
            i64 at = k;
            for (; stays[at] != k; at = stays[at]) {
                move(at, stays[at]);
                done[at] = true;
            }
            move(at, KEPT);
            done[at] = true;
        }
    plan.moves = moves;
}

// Equation (2) for the gradient of batch t, whose norm that is; priorities, born and counts are
// those after the step. By one lane.
DEVICE void offer(const u64* slots, const double* h, double norm, i64 t) {
    Plan& plan = *(Plan*)slots[SLOT_plan];
    double* const priorities = (double*)slots[SLOT_priorities];
    i64 *const born = (i64*)slots[SLOT_born], *const length = (i64*)slots[SLOT_length];
    double ranks[CAPACITY + 1];
    i64 stays[CAPACITY + 2], births[CAPACITY + 1];
    i64* const aggregated = plan.aggregated;
    const i64 old = *length;
    i64 count = 0;
    for (i64 k = 0; k < old; k++) {
        ranks[k] = priorities[k];
        if (!HAS(max_age) || double(t - born[k]) <= h[H_max_age])
            aggregated[count] = stays[count] = k, count++;
    }
    i64 now = count;
    ranks[OWN] = norm;
    if (IS(policy, fifo)) ranks[OWN] = double(t);
    if (IS(policy, bottom)) ranks[OWN] = norm != 0 ? 1 / norm : infinity();
    const bool full = count == CAPACITY;
    bool taken = true;
    if (full && HAS(acceptance_test)) {
        taken = below(ranks, stays[smallest(ranks, stays, count)], OWN);
        *(i64*)slots[taken ? SLOT_accepted : SLOT_rejected] += 1;
    }
    if (taken) {
        if (full && IS(policy, random)) {
            const Key key = {slots[SLOT_seed], slots[SLOT_run], PURPOSE_critical_buffer};
            stays[index(word_at(key, t, 0), count)] = OWN;
        } else {
            stays[count++] = OWN;
        }
        i64 kept = 0;
        for (i64 k = 0; k < count; k++)
            if (ranks[stays[k]] >= 0) stays[kept++] = stays[k];  // a NaN priority leaves
        count = kept;
        heapify(ranks, stays, count);
        if (count > CAPACITY) {
            for (i64 k = 0; k < CAPACITY; k++) stays[k] = stays[k + 1];
            count = CAPACITY;
        }
    }
    if (!IS(insertion, after)) {
        for (i64 k = 0; k < count; k++) aggregated[k] = stays[k];
        now = count;
    }
    i64 place = 0;
    if (now > 0 && LEAST) place = smallest(ranks, aggregated, now);
    if (now > 0 && MIDDLE) place = median(ranks, aggregated, now);
    if (!TOTALS && !LEAST && !MIDDLE)
        for (i64 k = 1; k < now; k++)
            if (below(ranks, aggregated[place], aggregated[k])) place = k;
    plan.old = old, plan.now = now, plan.count = count;
    plan.chosen = now > 0 ? aggregated[place] : 0;
    plan_moves(plan, stays, count);

    for (i64 k = 0; k < count; k++) births[k] = stays[k] == OWN ? t : born[stays[k]];
    for (i64 k = 0; k < CAPACITY; k++) {
        born[k] = k < count ? births[k] : 0;
        priorities[k] = k < count ? ranks[stays[k]] : 0.0;
        if (!IS(policy, fifo)) priorities[k] *= h[H_priority_decay];                          // (3)
    }
    *length = count;
}

// Equation (1) for one number g of the gradient; `buffer` is its place in slot 0, and slots are
// `apart` numbers from each other. Afterwards the slots are those after the step.
DEVICE real recall(const Plan& plan, real* buffer, i64 apart, real g, real factor) {
    real stored = g, direction = g, total = 0;
    if (plan.now > 0 && TOTALS) {
        for (i64 k = 0; k < plan.now; k++) {
            const i64 slot = plan.aggregated[k];
            const real one = slot == OWN ? g : buffer[slot * apart];
            total = k == 0 ? one : total + one;
        }
        const real now = plan.now;
        if (IS(insertion, buffer_only))
            direction = factor * (IS(aggregation, sum) ? total : total / now);
        else if (IS(aggregation, mean))
            direction = (g + factor * total) / (now + 1);
        else
            direction = g + factor * (total / now);
    }
    if (plan.now > 0 && !TOTALS) {
        const bool own = plan.chosen == OWN;
        real* const at = buffer + plan.chosen * apart;
        const real recalled = factor * (own ? g : *at);
        if (HAS(kappa_in_place) && own) stored = recalled;
        if (HAS(kappa_in_place) && !own) *at = recalled;
        direction = g + recalled;
    }
    if (plan.now > 0 && HALVED) direction = direction / 2;

    real kept = 0;
    for (i64 n = 0; n < plan.moves; n++) {
        const i64 from = plan.source[n], to = plan.target[n];
        const real moved = from == OWN ? stored : from == KEPT ? kept : buffer[from * apart];
        if (to == KEPT) kept = moved;
        else buffer[to * apart] = moved;
    }
    for (i64 k = plan.count; k < plan.old; k++) buffer[k * apart] = 0;
    return direction;
}

// The aggregate of row i into `direction`; its gradient is g, null for zero. A lane writes what it
// alone will read (FOR_COLUMNS of `update`), so lanes need not meet.
DEVICE void recall_row(const Group& group, const Table& table, i64 i, const real* g,
                       const double* h, real* direction) {
    const Plan& plan = *(const Plan*)table.slots[SLOT_plan];
    const real factor = KAPPA_IS_A_SWITCH ? 1.0 : h[H_kappa];
    const real decay = from_bits(i64(table.slots[SLOT_decay]));
    real* const buffer = (real*)table.slots[SLOT_buffer];
    FOR_COLUMNS(first, group, table.width) {
        for (int j = first; j < first + VECTOR; j++) {
            const i64 at = i * table.width + j;
            real x = g ? g[j] : real(0);
            if (STORES_DECAY) x = x + decay * table.rows[at];
            direction[j] = recall(plan, buffer + at, table.size * table.width, x, factor);
        }
    }
}

// Squared norm, in double, of a row.
DEVICE double wide_norm(const Group& group, const real* g, double* work, i64 width) {
    for (i64 j = group.lane; j < width; j += LANES) work[j] = double(g[j]) * double(g[j]);
    return fold(group, work, int(width));
}

#endif
