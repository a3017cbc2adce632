// Random numbers of freqopt/streams for one word at a time: Philox 4x64-10, transforms, token laws.
#pragma once

struct Key {
    u64 seed, run, purpose;
};
struct Block {
    u64 x[4];
};

DEVICE Block philox(const Key& key, u64 number, u64 step, u64 trial) {
    u64 k0 = key.seed, k1 = key.run;
    u64 x0 = number, x1 = step, x2 = key.purpose, x3 = trial;
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        if (round > 0) k0 += PHILOX_W0, k1 += PHILOX_W1;
        const u64 high0 = high_product(x0, PHILOX_M0), low0 = x0 * PHILOX_M0;
        const u64 high1 = high_product(x2, PHILOX_M1), low1 = x2 * PHILOX_M1;
        x0 = high1 ^ x1 ^ k0, x1 = low1, x2 = high0 ^ x3 ^ k1, x3 = low0;
    }
    return {{x0, x1, x2, x3}};
}

DEVICE u64 word_at(const Key& key, u64 step, u64 position, u64 trial = 0) {
    return philox(key, position >> 2, step, trial).x[position & 3];
}

DEVICE double uniform(u64 word) { return double(i64(word >> 11)) * (1.0 / 9007199254740992.0); }
DEVICE double open_uniform(u64 word) {
    return (double(i64(word >> 12)) + 0.5) * (1.0 / 4503599627370496.0);
}

DEVICE i64 index(u64 word, i64 n) { return i64(high_product(word, n)); }  // in [0, n)

DEVICE double normal(u64 word) {  // PPND16, freqopt/streams/transforms.py
    const double centre[2][8] = NORMAL_CENTRE, tail[2][8] = NORMAL_TAIL, far[2][8] = NORMAL_FAR_TAIL;
    const double u = open_uniform(word), q = u - 0.5;
    if (fabs(q) <= 0.425) {
        const double x = 0.180625 - q * q;
        return q * (horner(x, centre[0]) / horner(x, centre[1]));
    }
    const double r = sqrt(-elementary::log(u < 1.0 - u ? u : 1.0 - u));
    const double size = r <= 5.0 ? horner(r - 1.6, tail[0]) / horner(r - 1.6, tail[1])
                                 : horner(r - 5.0, far[0]) / horner(r - 5.0, far[1]);
    return q < 0.0 ? -size : size;
}

// A law of tokens: an alias table (threshold and alias side by side), with a Zipf tail beyond the
// value `head` of the table where there is one; or an exponential tail by inversion.
struct Law {
    const u64* buckets;
    i64 size, head;
    double tail[8];
};
enum Tail { EXPONENT, ONE_MINUS_S, FIRST, LAST, START, LOWEST, SPREAD, SURELY_ACCEPTED };
enum Inversion { RATE, WHOLE, MOST };

DEVICE i64 from_tail(const Law& law, const Key& key, u64 step, u64 position) {
    const double* const z = law.tail;
    for (u64 trial = 1;; trial++) {
        const double area = z[LOWEST] + open_uniform(word_at(key, step, position, trial)) * z[SPREAD];
        const bool harmonic = z[ONE_MINUS_S] == 0.0;
        const double x =
            z[START] * elementary::exp(harmonic ? area : elementary::log1p(z[ONE_MINUS_S] * area) /
                                                         z[ONE_MINUS_S]);
        double rank = rint(x);
        rank = rank < z[FIRST] ? z[FIRST] : rank > z[LAST] ? z[LAST] : rank;
        if (rank - x <= z[SURELY_ACCEPTED]) return i64(rank) - 1;
        const double ratio = elementary::log1p((rank + 0.5 - z[START]) / z[START]);
        const double whole = harmonic ? ratio : elementary::expm1(z[ONE_MINUS_S] * ratio) /
                                                z[ONE_MINUS_S];
        const double tile = elementary::power(rank / z[START], -z[EXPONENT]) / z[START];
        if (area >= whole - tile) return i64(rank) - 1;
    }
}

DEVICE i64 token(const Law& law, const Key& key, u64 step, u64 position) {
    const u64 word = word_at(key, step, position);
    if (law.size == 0) {
        const double depth =
            floor(-elementary::log1p(open_uniform(word) * law.tail[WHOLE]) / law.tail[RATE]);
        return i64(depth < law.tail[MOST] ? depth : law.tail[MOST]);
    }
    const u64 own = high_product(word, law.size), rest = word * u64(law.size);
    const i64 value = i64(rest < law.buckets[2 * own] ? own : law.buckets[2 * own + 1]);
    return value == law.head ? from_tail(law, key, step, position) : value;
}

// Tokens 0 .. n-1 of `count` steps from `first` on, (count, n), `apart` places from one to the
// next: the lanes share them.
DEVICE void draw_tokens(const Group& group, const Law& law, const Key& key, i64 first, i64 count,
                        i64 n, i64* out, i64 apart = 1) {
    for (i64 k = group.lane; k < count * n; k += LANES)
        out[k * apart] = token(law, key, u64(first + k / n), u64(k % n));
}
