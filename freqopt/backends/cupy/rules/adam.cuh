// Adam: equations (1) to (7) of freqopt/optimizers/adam.py, and with SCHEDULED those of nadam.py.
#pragma once

#ifndef SCHEDULED
#define SCHEDULED 0
#endif

constexpr bool BY_ROW = IS(statistic, row_mean);
constexpr Statistic STATISTIC = BY_ROW ? SUM : NONE;
constexpr bool CORRECTS_M = IS(bias_correction, both) || IS(bias_correction, first);
constexpr bool CORRECTS_V = IS(bias_correction, both) || IS(bias_correction, second);
constexpr bool CORRECTED = IS(amsgrad, corrected), KEEPS_LARGEST = CORRECTED || IS(amsgrad, raw);
constexpr bool HAT = IS(epsilon_place, eps_hat) || IS(epsilon_place, eps_hat_inside);
constexpr bool TWO_EPSILONS = IS(epsilon_place, inside_and_outside);
constexpr bool OUTSIDE = IS(epsilon_place, outside);
constexpr bool ADDS_OUTSIDE = OUTSIDE || IS(epsilon_place, eps_hat) || TWO_EPSILONS;
constexpr bool DIVIDES_INSIDE = IS(epsilon_place, inside) || TWO_EPSILONS;
constexpr bool ADDS_INSIDE = DIVIDES_INSIDE || IS(epsilon_place, eps_hat_inside);

struct Weights {  // what belongs to a step index k
    double on_m, on_g, mu, mu_next, c2;
};
struct Scalars {
    double lr, beta1, beta2, epsilon, inner, psi;
    Weights weights;
};
struct Row {
    real on_m, on_g, c2, root_c2, den;
};

DEVICE Weights weights_at(double lr, double beta1, double beta2, double psi, i64 k) {
    const double c1 = CORRECTS_M ? 1 - integer_power(beta1, k) : 1.0;
    const double c1_next = CORRECTS_M ? 1 - integer_power(beta1, k + 1) : 1.0;
    const double c2 = CORRECTS_V ? 1 - integer_power(beta2, k) : 1.0;                         // (3)
    if (HAT) lr = lr * sqrt(c2);                                                       // (5a), (5b)
    if (SCHEDULED) {
        const double mu = beta1 * (1 - elementary::power(0.96, k * psi) / 2);
        const double mu_next = beta1 * (1 - elementary::power(0.96, (k + 1) * psi) / 2);
        return {lr * mu_next, lr * (1 - mu), mu, mu_next, c2};
    }
    if (HAS(nesterov)) return {lr * beta1 / c1_next, lr * (1 - beta1) / c1, 0, 0, c2};        // (7)
    return {lr / c1, 0, 0, 0, c2};                                                            // (6)
}

DEVICE Scalars scalars(const double* h, i64 t) {
#if SCHEDULED
    const double psi = h[H_momentum_decay];
#else
    const double psi = 0;
#endif
    const double lr = rate(h, t), inner = TWO_EPSILONS ? h[H_epsilon_root] : h[H_epsilon];
    const double beta1 = h[H_beta1], beta2 = h[H_beta2];
    return {lr, beta1, beta2, h[H_epsilon], inner, psi, weights_at(lr, beta1, beta2, psi, t)};
}

DEVICE real larger(real vmax, real v, real c2) {
    const real seen = CORRECTED ? v / c2 : v;
    return vmax >= seen || isnan(vmax) ? vmax : seen;                                         // (4)
}

DEVICE real denominator(real u, real c2, real root_c2, const Scalars& c) {
    if (DIVIDES_INSIDE && !CORRECTED) u = u / c2;
    if (ADDS_INSIDE) u = u + real(c.inner);                                      // (5b), (5c), (5d)
    real den = sqrt(u);
    if (OUTSIDE && !CORRECTED) den = den / root_c2;
    return ADDS_OUTSIDE ? den + real(c.epsilon) : den;                            // (5), (5a), (5d)
}

DEVICE Row row(const Scalars& c, RowState& s, const Visit& visit, real total) {
    Weights at = c.weights;
#if ROW(settled_at)
    s.settled_at = visit.t;
#endif
#if ROW(visits)
    s.visits += visit.first_wave;
    at = weights_at(c.lr, c.beta1, c.beta2, c.psi, s.visits);
#endif
#if ROW(product)
    if (visit.first_wave) s.product = s.product * at.mu;
    if (CORRECTS_M) {
        at.on_m = at.on_m / (1 - s.product * at.mu_next);
        at.on_g = at.on_g / (1 - s.product);
    }
#endif
    const real c2 = at.c2, root_c2 = sqrt(at.c2);
    real den = 0;
#if ROW(v)
    s.v = real(c.beta2) * s.v + real(1 - c.beta2) * (total / real(visit.width));              // (2)
    real u = s.v;
#if ROW(vmax)
    u = s.vmax = larger(s.vmax, s.v, c2);
#endif
    den = denominator(u, c2, root_c2, c);
#endif
    return {real(at.on_m), real(at.on_g), c2, root_c2, den};
}

DEVICE real term(real g, real x) { return x; }

DEVICE real element(const Scalars& c, const Row& r, real w, real g, real x, ElementState& e) {
    real den = r.den;
    e.m = real(c.beta1) * e.m + real(1 - c.beta1) * g;                                        // (1)
#if ELEMENT(v)
    e.v = real(c.beta2) * e.v + real(1 - c.beta2) * x;                                        // (2)
    real u = e.v;
#if ELEMENT(vmax)
    u = e.vmax = larger(e.vmax, e.v, r.c2);
#endif
    den = denominator(u, r.c2, r.root_c2, c);
#endif
    real ahead = r.on_m * e.m;
    if (HAS(nesterov)) ahead = ahead + r.on_g * g;                                            // (7)
    return w - quotient(ahead, den, false);                                                   // (6)
}
