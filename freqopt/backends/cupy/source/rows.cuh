// Row arithmetic in the declared order of summation (freqopt/streams/fold.py).
#pragma once

// Sum of `count` rows, which the group has written one behind the other and which are used up; it
// is left in the first. Columns do not meet, so rows are added as if they were one long row.
template <class T> DEVICE void fold_rows(const Group& group, T* work, int count, int width) {
    int half = 1;
    while (2 * half < count) half *= 2;
    const int upper = half * width;
    group.sync();
    for (int j = upper + group.lane; j < count * width; j += LANES) work[j - upper] += work[j];
    group.sync();
    while (half > 1) {
        half /= 2;
        for (int j = group.lane; j < half * width; j += LANES) work[j] += work[j + half * width];
        group.sync();
    }
}

// Sum of work[0 .. width), which the group has written and which is used up.
template <class T> DEVICE T fold(const Group& group, T* work, int width) {
    fold_rows(group, work, width, 1);
    const T total = work[0];
    group.sync();
    return total;
}

// Largest of work[0 .. width), NaN if there is one.
DEVICE real largest(const Group& group, real* work, int width) {
    group.sync();
    real most = work[0];
    for (int j = 1; j < width; j++)
        if (work[j] > most || isnan(work[j])) most = work[j];
    group.sync();
    return most;
}

DEVICE real squared_norm(const Group& group, const real* row, real* work, int width) {
    FOR_COLUMNS(j, group, width) {
        const Pack p = load(row, j);
        for (int v = 0; v < VECTOR; v++) work[j + v] = p.x[v] * p.x[v];
    }
    return fold(group, work, width);
}

// What a row of that squared norm is multiplied by to have at most norm `limit`; 1 for nothing.
DEVICE real clip_factor(real square, real limit) {
    const real norm = sqrt(square);
    return norm > limit ? limit / norm : real(1);
}

DEVICE void scale(const Group& group, real* row, real factor, int width) {
    FOR_COLUMNS(j, group, width) {
        Pack p = load(row, j);
        for (int v = 0; v < VECTOR; v++) p.x[v] *= factor;
        store(row, j, p);
    }
}
