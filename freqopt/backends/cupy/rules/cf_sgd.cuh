// CF-SGD: equations (1) and (2) of freqopt/optimizers/cf_sgd.py. Rates are double, rounded once.

constexpr Statistic STATISTIC = NONE;

struct Scalars {
    double lr, epsilon, scale, horizon, samples, seen, fade, cap;
};
struct Row {
    real eta;
};

DEVICE Scalars scalars(const double* h, i64 t) {
    double samples = 1.0, seen = double(t);
    if (IS(unit, occurrence)) {                                                             // (6.6)
        samples = HAS(batch) ? h[H_batch] : 1.0;
        seen = (IS(current, included) ? t : t - 1) * samples;
        if (IS(current, one)) seen = seen + 1;
    }
    return {
        rate(h, t),
        h[H_epsilon],
        h[H_scale],
        h[H_horizon],
        samples,
        seen > 1.0 ? seen : 1.0,
        IS(counter, decayed) ? elementary::power(2.0, -1 / h[H_halflife]) : 1.0,
        IS(cap, smoothness) ? 1 / (4 * h[H_smoothness]) : infinity(),
    };
}

DEVICE Row row(const Scalars& c, RowState& s, const Visit& visit, real total) {
    i64 here = visit.occurrences;
    if (!IS(unit, occurrence)) here = visit.occurrences > 0 && visit.first_wave;
    auto before = s.c;
#if ROW(seen_at)
    before = integer_power(c.fade, s.c > 0 ? visit.t - s.seen_at : 0) * s.c;
    if (here > 0) {
        s.c = here + before;
        s.seen_at = visit.t;
    }
#else
    if (IS(counter, raw)) s.c = s.c + here;                                                   // (1)
    if (IS(counter, presence) && here > 0) s.c = 1;
#endif
    double x = double(IS(current, included) ? s.c : IS(current, one) ? before + 1 : before);
    if (!IS(form, anytime)) {
        x = x / c.seen;
        x = (IS(form, horizon) ? c.horizon * x : x) / c.samples;                     // (6.2), (6.6)
    }
    double eta = c.lr / (sqrt(c.scale * x) + c.epsilon);
    eta = c.cap < eta ? c.cap : eta;                                                          // (2)
    return {visit.occurrences == 0 ? real(0) : real(eta)};  // an absent row of rows = "all" stays
}

DEVICE real term(real g, real x) { return 0; }

DEVICE real element(const Scalars& c, const Row& r, real w, real g, real x, ElementState& e) {
    return w - r.eta * g;
}
