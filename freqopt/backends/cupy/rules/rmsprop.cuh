// RMSprop: equations (1) to (8) of freqopt/optimizers/rmsprop.py.

constexpr Statistic STATISTIC = NONE;

struct Scalars {
    double lr, rho, epsilon, mu, correction;
};
struct Row {};

DEVICE Scalars scalars(const double* h, i64 t) {
    const double correction = HAS(bias_correction) ? 1 - integer_power(h[H_rho], t) : 1.0;
    return {rate(h, t), h[H_rho], h[H_epsilon], h[H_momentum], correction};
}

DEVICE Row row(const Scalars& c, RowState& s, const Visit& visit, real total) { return {}; }

DEVICE real term(real g, real x) { return 0; }

DEVICE real element(const Scalars& c, const Row& r, real w, real g, real x, ElementState& e) {
    const real lr = c.lr, keep = c.rho, enter = 1 - c.rho, epsilon = c.epsilon, mu = c.mu;
    const real correction = c.correction;
    e.v = keep * e.v + enter * x;                                                             // (1)
    real u = HAS(bias_correction) ? e.v / correction : e.v;
#if ELEMENT(a)
    e.a = keep * e.a + enter * g;                                                             // (2)
    const real mean = HAS(bias_correction) ? e.a / correction : e.a;
    u = u - mean * mean;
    u = u < 0 ? real(0) : u;                                                                  // (3)
#endif
    const real den = IS(epsilon_place, outside) ? sqrt(u) + epsilon : sqrt(u + epsilon);
    real step = quotient(g, den, false);                                                      // (4)
#if ELEMENT(b)
    const bool inside = IS(rate_place, inside);
    step = inside ? lr * step : step;
    e.b = mu * e.b + step;                                                               // (6), (7)
    const real move = HAS(nesterov) ? step + mu * e.b : e.b;                                  // (8)
    return inside ? w - move : w - lr * move;
#else
    return w - lr * step;                                                                     // (5)
#endif
}
