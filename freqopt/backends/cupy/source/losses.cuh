// The losses of freqopt/problems/_losses.py for one score: labels and slopes.
#pragma once

enum Loss { SQUARED, LOGISTIC, COSINE };

DEVICE double label(double planted, double noise, u64 word) {
    if (LOSS == LOGISTIC) return uniform(word) < elementary::sigmoid(planted) ? 1.0 : 0.0;
    return word >> 63 ? planted + noise : planted - noise;
}

DEVICE real slope(real s, real y) {
    if (LOSS == SQUARED) return s - y;
    if (LOSS == COSINE) return real(elementary::sin(double(s - y)));
    const real sign = real(1) - real(2) * y;
    return sign * real(elementary::sigmoid(double(sign * s)));
}
