// Row arithmetic in the declared order of summation (freqopt/streams/fold.py).
#pragma once

// Sum of work[0 .. width), which the group has written and which is used up.
template <class T> DEVICE T fold(const Group& group, T* work, int width) {
    int half = 1;
    while (2 * half < width) half *= 2;
    group.sync();
    for (int j = half + group.lane; j < width; j += LANES) work[j - half] += work[j];
    group.sync();
    while (half > 1) {
        half /= 2;
        for (int j = group.lane; j < half; j += LANES) work[j] += work[j + half];
        group.sync();
    }
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
