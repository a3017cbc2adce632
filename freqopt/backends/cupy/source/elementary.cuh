// The elementary functions of freqopt/streams/elementary.py for one number, line by line: there the
// methods and their errors are stated. double in, double out. Coefficients come from that module.
#pragma once

DEVICE double integer_power(double base, i64 n) {
    double result = 1.0;
    for (; n > 0; n >>= 1) {
        if (n & 1) result *= base;
        base *= base;
    }
    return result;
}

template <int N> DEVICE double horner(double x, const double (&series)[N]) {
    double total = x * series[N - 1] + series[N - 2];
    for (int n = N - 3; n >= 0; n--) total = total * x + series[n];
    return total;
}

DEVICE double power_of_two(i64 k) { return from_bits((k + 1023) << 52); }

DEVICE double scale_by_two(double x, i64 k) {  // x 2^k, rounded once
    const i64 half = k >> 1;
    return x * power_of_two(half) * power_of_two(k - half);
}

DEVICE double product_error(double x, double y, double xy) {  // Dekker
    const double splitter = 134217729.0;                         // 2^27 + 1
    const double x_cut = splitter * x, y_cut = splitter * y;
    const double x_hi = x_cut - (x_cut - x), y_hi = y_cut - (y_cut - y);
    const double x_lo = x - x_hi, y_lo = y - y_hi;
    return x_lo * y_lo - (((xy - x_hi * y_hi) - x_lo * y_hi) - x_hi * y_lo);
}

struct ExpParts {
    i64 k;
    double t, rest;
};

DEVICE ExpParts exp_parts(double hi, double lo) {  // e^(hi + lo) = 2^k (t + rest)
    if (hi < -746.0) hi = -746.0;
    if (hi > 710.0) hi = 710.0;
    const double series[] = EXP_SERIES;
    const double k = rint(hi * INV_LN2);
    const double exact = hi - k * LN2_HI;
    const double small = lo - k * LN2_LO;
    const double r = exact + small;
    const double r_lo = (exact - r) + small;
    const double t = 1.0 + r;
    const double t_lo = (1.0 - t) + r;
    return {isnan(k) ? 0 : (i64)k, t, t_lo + (r_lo + r * r * horner(r, series))};
}

struct LogParts {
    double hi, lo;
};

DEVICE LogParts log_parts(double x) {  // hi + lo = log x, for 0 < x < inf
    const double series[] = LOG_SERIES;
    const i64 shift = x < power_of_two(-1022) ? 54 : 0;
    const i64 bits = to_bits(x * power_of_two(shift));
    double m = from_bits((bits & ((1ll << 52) - 1)) | (1022ll << 52));
    double k = (double)((bits >> 52 & 0x7ff) - 1022 - shift);
    if (m < SQRT_HALF) {
        m = 2.0 * m;
        k = k - 1.0;
    }
    const double f = m - 1.0;
    const double d = m + 1.0;
    const double d_lo = m - (d - 1.0);
    const double s = f / d;
    const double sd = s * d;
    const double s_lo = (((f - sd) - product_error(s, d, sd)) - s * d_lo) / d;
    const double z = s * s;
    const double tail = 2.0 * s_lo + s * z * horner(z, series);
    const double head = k * LN2_HI;
    const double hi = head + 2.0 * s;
    const double lo = ((head - hi) + 2.0 * s) + (k * LN2_LO + tail);
    const double total = hi + lo;
    return {total, (hi - total) + lo};
}

DEVICE double log_limits(double x, double inside) {
    if (x > 0.0 && x < infinity()) return inside;
    if (x == infinity()) return infinity();
    return x == 0.0 ? -infinity() : not_a_number();
}

namespace elementary {

DEVICE double exp(double x) {
    const ExpParts e = exp_parts(x, 0.0);
    return scale_by_two(e.t + e.rest, e.k);
}

DEVICE double expm1(double x) {
    const ExpParts e = exp_parts(x, 0.0);
    return (scale_by_two(e.t, e.k) - 1.0) + scale_by_two(e.rest, e.k);
}

DEVICE double log(double x) { return log_limits(x, log_parts(x).hi); }

DEVICE double log1p(double x) {
    const double u = 1.0 + x;
    const double x_part = u - 1.0;
    const double lost = (1.0 - (u - x_part)) + (x - x_part);
    const LogParts l = log_parts(u);
    return log_limits(u, l.hi + (l.lo + lost / u));
}

DEVICE double sigmoid(double x) {
    const double e = exp(-fabs(x));
    return (x >= 0.0 ? 1.0 : e) / (1.0 + e);
}

DEVICE double softplus(double x) {
    return (x > 0.0 || isnan(x) ? x : 0.0) + log1p(exp(-fabs(x)));
}

DEVICE double power(double x, double y) {  // x >= 0
    if (y == 0.0 && x >= 0.0) return 1.0;
    const LogParts l = log_parts(x);
    const double hi = log_limits(x, l.hi), most = power_of_two(66);
    y = y < -most ? -most : y > most ? most : y;
    const double product = y * hi;
    const double rest = product_error(y, hi, product) + y * l.lo;
    const ExpParts e = exp_parts(product, fabs(product) < 746.0 ? rest : 0.0);
    return scale_by_two(e.t + e.rest, e.k);
}

DEVICE double difference(double a, double b, double* lost) {  // Knuth: a - b = d + lost
    const double d = a - b, v = a - d;
    *lost = (a - (d + v)) + (v - b);
    return d;
}

DEVICE double sin(double x) {  // |x| <= 2^20, else NaN
    const double half_pi[] = HALF_PI, sines[] = SIN_SERIES, cosines[] = COS_SERIES;
    if (!(fabs(x) <= power_of_two(20))) return not_a_number();
    const double k = rint(x * TWO_OVER_PI);
    double error_1, error_2;
    double r = difference(x - k * half_pi[0], k * half_pi[1], &error_1);
    r = difference(r, k * half_pi[2], &error_2);
    const double small = (error_1 + error_2) - k * half_pi[3], exact = r;
    r = r + small;
    const double r_lo = (exact - r) + small, z = r * r;
    double value;
    if (i64(k) & 1) {
        const double half = 0.5 * z, w = 1.0 - half;
        value = w + (((1.0 - w) - half) + (z * z * horner(z, cosines) - r * r_lo));
    } else {
        value = r + (r_lo * (1.0 - 0.5 * z) + r * z * horner(z, sines));
    }
    return i64(k) & 2 ? -value : value;
}

}  // namespace elementary
