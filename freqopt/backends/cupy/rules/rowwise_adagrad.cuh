// Row-wise AdaGrad: equations (1) to (4) of freqopt/optimizers/rowwise_adagrad.py.

constexpr Statistic STATISTIC = IS(statistic, max_square) ? LARGEST : SUM;

struct Scalars {
    double step, epsilon, rho, weight;
};
struct Row {
    real den;
};

DEVICE Scalars scalars(const double* h, i64 t) {
    const double weight = sqrt(double(t + 1));
    const double lr = rate(h, t);
    return {IS(law, weighted) ? lr * weight : lr, h[H_epsilon], h[H_rho], weight};
}

DEVICE real term(real g, real x) { return IS(statistic, square_of_mean) ? g : x; }

DEVICE real statistic(real total, int width) {
    if (IS(statistic, mean_square)) return total / real(width);                               // (1)
    if (IS(statistic, square_of_mean)) return (total / real(width)) * (total / real(width));  // (1b)
    return IS(statistic, norm) ? sqrt(total) : total;                                 // (1a), (1b)
}

DEVICE Row row(const Scalars& c, RowState& s, const Visit& visit, real total) {
    const real x = statistic(total, visit.width), before = s.s, epsilon = c.epsilon;
    if (IS(law, mean)) s.s = real(c.rho) * before + real(1 - c.rho) * x;                      // (2a)
    if (IS(law, weighted)) s.s = before + real(c.weight) * x;                                 // (2b)
    if (IS(law, sum)) s.s = before + x;                                                       // (2)
    const real used = IS(order, use_first) ? before : s.s;
    if (IS(epsilon_place, inside_guarded) && used == 0) return {0};
    if (IS(epsilon_place, outside)) return {sqrt(used) + epsilon};                            // (4)
    if (IS(epsilon_place, cube_root))
        return {real(elementary::power(used, 1.0 / 3)) + epsilon};                            // (4b)
    return {sqrt(used + epsilon)};                                                            // (4a)
}

DEVICE real element(const Scalars& c, const Row& r, real w, real g, real x, ElementState& e) {
    return w - real(c.step) * quotient(g, r.den, r.den == 0);                                 // (3)
}
