// The test surfaces of freqopt/problems/surface.py. SURFACE says which; nothing is random.

#define TABLES 2

struct Problem {};

enum { BEALE, GOLDSTEIN_PRICE, SIX_HUMP_CAMEL, OFFICIAL_CAMEL };

DEVICE void slopes(real x, real y, real& along_x, real& along_y) {
    if (SURFACE == BEALE) {
        const real a = real(1.5) - x + x * y, b = real(2.25) - x + x * y * y;
        const real c = real(2.625) - x + x * y * y * y;
        along_x = 2 * a * (y - 1) + 2 * b * (y * y - 1) + 2 * c * (y * y * y - 1);
        along_y = 2 * a * x + 4 * b * x * y + 6 * c * x * y * y;
    }
    if (SURFACE == GOLDSTEIN_PRICE) {
        const real s = x + y + 1, t = 2 * x - 3 * y;
        const real P = 19 - 14 * x + 3 * x * x - 14 * y + 6 * x * y + 3 * y * y;
        const real Q = 18 - 32 * x + 12 * x * x + 48 * y - 36 * x * y + 27 * y * y;
        const real first = 1 + s * s * P, second = 30 + t * t * Q;
        const real first_xy = 2 * s * P + s * s * (-14 + 6 * x + 6 * y);
        const real second_x = 4 * t * Q + t * t * (-32 + 24 * x - 36 * y);
        const real second_y = -6 * t * Q + t * t * (48 - 36 * x + 54 * y);
        along_x = first_xy * second + first * second_x;
        along_y = first_xy * second + first * second_y;
    }
    if (SURFACE == SIX_HUMP_CAMEL) {
        along_x = 8 * x - real(8.4) * x * x * x + 2 * x * x * x * x * x + y;
        along_y = x - 8 * y + 16 * y * y * y;
    }
    if (SURFACE == OFFICIAL_CAMEL) {
        along_x = real(-4.2) * x + 2 * x * x * x * x * x + y;
        along_y = x - 8 * y + 16 * y * y * y;
    }
}

DEVICE void draw(const Group& group, const Problem& problem, const Run& run, const Read* tables,
                 i64 first, i64 count, void* scratch) {
    for (i64 k = group.lane; k < count * run.batch; k += LANES)
        tables[0].rows[k] = tables[1].rows[k] = 0;
}

// df/dx and df/dy over B, B times.
DEVICE void gradients(const Group& group, const Problem& problem, const Run& run,
                      const Read* tables, i64 s, void* scratch) {
    real along_x = 0, along_y = 0;
    slopes(*tables[0].row(s, 0), *tables[1].row(s, 0), along_x, along_y);
    for (i64 b = group.lane; b < run.batch; b += LANES) {
        tables[0].grads[b] = along_x / real(run.batch);
        tables[1].grads[b] = along_y / real(run.batch);
    }
}
