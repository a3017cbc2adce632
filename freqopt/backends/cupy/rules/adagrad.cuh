// AdaGrad: equations (1) and (2) of freqopt/optimizers/adagrad.py.

constexpr Statistic STATISTIC = NONE;

struct Scalars {
    double lr, epsilon, rho, weight;
};
struct Row {};

DEVICE Scalars scalars(const double* h, i64 t) {
    return {rate(h, t), h[H_epsilon], h[H_rho], sqrt(double(t + 1))};
}

DEVICE Row row(const Scalars& c, RowState& s, const Visit& visit, real total) { return {}; }

DEVICE real term(real g, real x) { return 0; }

DEVICE real element(const Scalars& c, const Row& r, real w, real g, real x, ElementState& e) {
    const real before = e.v, epsilon = c.epsilon;
    if (IS(law, mean)) e.v = real(c.rho) * before + real(1 - c.rho) * x;                      // (1')
    if (IS(law, weighted)) e.v = before + real(c.weight) * x;                                // (1'')
    if (IS(law, sum)) e.v = before + x;                                                       // (1)
    const real used = IS(order, use_first) ? before : e.v;
    const real den = IS(epsilon_place, outside) ? sqrt(used) + epsilon : sqrt(used + epsilon);
    const bool still = IS(epsilon_place, inside_guarded) && used == 0;
    return w - real(c.lr) * quotient(g, den, still);                                          // (2)
}
