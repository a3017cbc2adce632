// SGD: equations (1) to (4) of freqopt/optimizers/sgd.py; with PLAIN no momentum, whatever the state.
#pragma once

#ifndef PLAIN
#define PLAIN false
#endif

constexpr Statistic STATISTIC = NONE;
constexpr bool UNDAMPED_FIRST =
    HAS(momentum) && HAS(dampening) && IS(first_buffer, undamped);

struct Scalars {
    double lr, mu, enters;
};
struct Row {
    bool first;
};

DEVICE Scalars scalars(const double* h, i64 t) {
    return {rate(h, t), h[H_momentum], 1 - h[H_dampening]};
}

DEVICE Row row(const Scalars& c, RowState& s, const Visit& visit, real total) {
#if ROW(started)
    const bool first = s.started == 0;
    if (!PLAIN) s.started = 1;
    return {first};
#else
    return {false};
#endif
}

DEVICE real term(real g, real x) { return 0; }

DEVICE real element(const Scalars& c, const Row& r, real w, real g, real x, ElementState& e) {
    const real lr = c.lr, mu = c.mu, enters = c.enters;
#if ELEMENT(b)
    if (PLAIN) return w - lr * g;
    const bool inside = IS(rate_place, inside);
    const real step = inside ? lr * g : g;
    const real kept = UNDAMPED_FIRST && r.first ? step : enters * step;
    e.b = mu * e.b + kept;                                          // (2), (4)
    const real ahead = HAS(nesterov) ? step + mu * e.b : e.b;       // (3)
    return inside ? w - ahead : w - lr * ahead;
#else
    return w - lr * g;                                              // (1)
#endif
}
