// FA-SGD: equation (6.1) of freqopt/optimizers/fa_sgd.py. Rates are double, rounded once.

constexpr Statistic STATISTIC = NONE;

struct Scalars {
    double scale, exponent, four_l, one_over_b;
};
struct Row {
    real eta;
};

DEVICE Scalars scalars(const double* h, i64 t) {
    const double samples = HAS(batch) ? h[H_batch] : 1.0;
    double scale = rate(h, t);
    if (IS(form, horizon)) scale = scale * sqrt(samples / h[H_horizon]);
    return {scale, h[H_exponent], 4 * h[H_smoothness], 1 / samples};
}

DEVICE Row row(const Scalars& c, RowState& s, const Visit& visit, real total) {
    const double p = s.frequency;
    double eta = c.scale / (c.exponent == 0.5 ? sqrt(p) : elementary::power(p, c.exponent));
    if (HAS(smoothness) && !IS(cap, none)) {                                         // (6.1), (6.5)
        const double cap = 1 / (IS(cap, frequency) ? c.four_l * (p + c.one_over_b) : c.four_l);
        eta = cap < eta ? cap : eta;                                                        // (6.4)
    }
    return {real(eta)};
}

DEVICE real term(real g, real x) { return 0; }

DEVICE real element(const Scalars& c, const Row& r, real w, real g, real x, ElementState& e) {
    return w - r.eta * g;                                                                   // (6.1)
}
