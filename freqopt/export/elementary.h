/* Elementary functions with the same bits on every machine: freqopt/streams/elementary.py, where the
   methods and their errors are stated. + - * / and sqrt alone, so no library's pow enters. */

DEVICE double from_bits(int64_t bits) { double x; memcpy(&x, &bits, 8); return x; }
DEVICE int64_t to_bits(double x) { int64_t bits; memcpy(&bits, &x, 8); return bits; }
DEVICE double power_of_two(int64_t k) { return from_bits((k + 1023) << 52); }

DEVICE double horner(double x, const double *series, int n)
{
    double total = x * series[n - 1] + series[n - 2];
    for (int k = n - 3; k >= 0; k--) total = total * x + series[k];
    return total;
}
#define HORNER(x, series) horner(x, series, (int)(sizeof(series) / sizeof *(series)))

DEVICE double scale_by_two(double x, int64_t k) /* x 2^k, rounded once */
{
    const int64_t half = k >> 1;
    return x * power_of_two(half) * power_of_two(k - half);
}

DEVICE double product_error(double x, double y, double xy) /* Dekker */
{
    const double x_cut = 134217729.0 * x, y_cut = 134217729.0 * y;
    const double x_hi = x_cut - (x_cut - x), y_hi = y_cut - (y_cut - y);
    const double x_lo = x - x_hi, y_lo = y - y_hi;
    return x_lo * y_lo - (((xy - x_hi * y_hi) - x_lo * y_hi) - x_hi * y_lo);
}

DEVICE int64_t exp_parts(double hi, double lo, double *t, double *rest) /* 2^k (t + rest) */
{
    if (hi < -746.0) hi = -746.0;
    if (hi > 710.0) hi = 710.0;
    const double series[] = EXP_SERIES;
    const double k = rint(hi * INV_LN2);
    const double exact = hi - k * LN2_HI, small = lo - k * LN2_LO;
    const double r = exact + small, r_lo = (exact - r) + small;
    *t = 1.0 + r;
    const double t_lo = (1.0 - *t) + r;
    *rest = t_lo + (r_lo + r * r * HORNER(r, series));
    return isnan(k) ? 0 : (int64_t)k;
}

DEVICE void log_parts(double x, double *high, double *low) /* high + low = log x, 0 < x < inf */
{
    const double series[] = LOG_SERIES;
    const int64_t shift = x < power_of_two(-1022) ? 54 : 0;
    const int64_t bits = to_bits(x * power_of_two(shift));
    double m = from_bits((bits & ((1LL << 52) - 1)) | (1022LL << 52));
    double k = (double)((bits >> 52 & 0x7ff) - 1022 - shift);
    if (m < SQRT_HALF) {
        m = 2.0 * m;
        k = k - 1.0;
    }
    const double f = m - 1.0, d = m + 1.0, d_lo = m - (d - 1.0);
    const double s = f / d, sd = s * d;
    const double s_lo = (((f - sd) - product_error(s, d, sd)) - s * d_lo) / d;
    const double z = s * s, tail = 2.0 * s_lo + s * z * HORNER(z, series);
    const double head = k * LN2_HI, hi = head + 2.0 * s;
    const double lo = ((head - hi) + 2.0 * s) + (k * LN2_LO + tail);
    *high = hi + lo;
    *low = (hi - *high) + lo;
}

DEVICE double log_limits(double x, double inside)
{
    if (x > 0.0 && x < INFINITY) return inside;
    if (x == INFINITY) return INFINITY;
    return x == 0.0 ? -INFINITY : NAN;
}

DEVICE double elementary_exp(double x)
{
    double t, rest;
    const int64_t k = exp_parts(x, 0.0, &t, &rest);
    return scale_by_two(t + rest, k);
}

DEVICE double elementary_expm1(double x)
{
    double t, rest;
    const int64_t k = exp_parts(x, 0.0, &t, &rest);
    return (scale_by_two(t, k) - 1.0) + scale_by_two(rest, k);
}

DEVICE double elementary_log(double x)
{
    double hi, lo;
    log_parts(x, &hi, &lo);
    return log_limits(x, hi);
}

DEVICE double elementary_log1p(double x)
{
    double hi, lo;
    const double u = 1.0 + x, x_part = u - 1.0;
    const double lost = (1.0 - (u - x_part)) + (x - x_part);
    log_parts(u, &hi, &lo);
    return log_limits(u, hi + (lo + lost / u));
}

DEVICE double elementary_sigmoid(double x)
{
    const double e = elementary_exp(-fabs(x));
    return (x >= 0.0 ? 1.0 : e) / (1.0 + e);
}

DEVICE double elementary_softplus(double x)
{
    return (x > 0.0 || isnan(x) ? x : 0.0) + elementary_log1p(elementary_exp(-fabs(x)));
}

DEVICE double elementary_power(double x, double y) /* x >= 0 */
{
    double hi, lo, t, rest;
    if (y == 0.0 && x >= 0.0) return 1.0;
    log_parts(x, &hi, &lo);
    hi = log_limits(x, hi);
    const double most = power_of_two(66);
    y = y < -most ? -most : y > most ? most : y;
    const double product = y * hi;
    const double left = product_error(y, hi, product) + y * lo;
    const int64_t k = exp_parts(product, fabs(product) < 746.0 ? left : 0.0, &t, &rest);
    return scale_by_two(t + rest, k);
}

DEVICE double difference(double a, double b, double *lost) /* Knuth: a - b = d + lost */
{
    const double d = a - b, v = a - d;
    *lost = (a - (d + v)) + (v - b);
    return d;
}

DEVICE double elementary_sin(double x) /* |x| <= 2^20, else NaN */
{
    const double half_pi[] = HALF_PI, sines[] = SIN_SERIES, cosines[] = COS_SERIES;
    if (!(fabs(x) <= 1048576.0)) return NAN;
    const double k = rint(x * TWO_OVER_PI);
    double error_1, error_2;
    double r = difference(x - k * half_pi[0], k * half_pi[1], &error_1);
    r = difference(r, k * half_pi[2], &error_2);
    const double small = (error_1 + error_2) - k * half_pi[3], exact = r;
    r = r + small;
    const double r_lo = (exact - r) + small, z = r * r;
    const double half = 0.5 * z, w = 1.0 - half;
    const double sine = r + (r_lo * (1.0 - half) + r * z * HORNER(z, sines));
    const double cosine = w + (((1.0 - w) - half) + (z * z * HORNER(z, cosines) - r * r_lo));
    const double value = (int64_t)k & 1 ? cosine : sine;
    return (int64_t)k & 2 ? -value : value;
}
