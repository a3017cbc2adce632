// The occurrences of a step by row, and those of a row in their order: duplicates stand together.
#pragma once

struct Occurrences {
    i64* keys;         // (M,): row << shift | occurrence, ascending
    i64 count, shift;  // M; the bits of M

    DEVICE i64 row(i64 p) const { return keys[p] >> shift; }
    DEVICE i64 number(i64 p) const { return keys[p] & ((1ll << shift) - 1); }
    DEVICE bool begins(i64 p) const { return p == 0 || row(p) != row(p - 1); }
};

// Sort keys that the group has written. A bitonic network whose comparators all put the smaller key
// first: places from n on, which would hold infinity, never move and are left out.
DEVICE void sort(const Group& group, i64* keys, i64 n) {
    for (i64 half = 1; half < n; half *= 2)
        for (i64 apart = half; apart > 0; apart /= 2) {
            group.sync();
            for (i64 k = group.lane;; k += LANES) {
                const i64 low = 2 * k - (k & (apart - 1));
                if (low >= n) break;
                const i64 high = apart == half ? low ^ (2 * half - 1) : low + apart;
                if (high >= n) continue;
                const i64 a = keys[low], b = keys[high];
                if (b < a) keys[low] = b, keys[high] = a;
            }
        }
    group.sync();
}

DEVICE void sort_rows(const Group& group, const Occurrences& step, const i64* rows) {
    for (i64 b = group.lane; b < step.count; b += LANES) step.keys[b] = rows[b] << step.shift | b;
    sort(group, step.keys, step.count);
}
