// The factorisation machine of freqopt/problems/factorisation_machine.py. Column 0 of a row is its
// linear weight.

#define TABLES 2

struct Problem {
    const i64* features;  // (n, FIELDS): rows of the training samples
    const double* y;      // (n,)
    i64 size;             // n
    double l2;
};

// Samples: y (AHEAD, B).
DEVICE void draw(const Group& group, const Problem& problem, const Run& run, const Read* tables,
                 i64 first, i64 count, void* scratch) {
    double* const y = (double*)run.samples;
    const Key key = {run.seed, run.run, PURPOSE_rows};
    for (i64 k = group.lane; k < count * run.batch; k += LANES) {
        const u64 word = word_at(key, u64(first + k / run.batch), u64(k % run.batch));
        const i64 sample = index(word, problem.size);
        for (i64 f = 0; f < FIELDS; f++)
            tables[0].rows[k * FIELDS + f] = problem.features[sample * FIELDS + f];
        tables[1].rows[k] = 0;
        y[k] = problem.y[sample];
    }
}

DEVICE void gradients(const Group& group, const Problem& problem, const Run& run,
                      const Read* tables, i64 s, void* scratch) {
    const i64 batch = run.batch, wide = tables->width, width = wide - 1;
    const double* const y = (const double*)run.samples + s * batch;
    const real bias = *tables[1].row(s, 0), l2 = problem.l2, size = batch;
    // factors and their squares (FIELDS, width), weights (FIELDS,), the columns' parts of (1)
    real *const factors = run.work, *const squares = factors + FIELDS * width;
    real *const weights = squares + FIELDS * width, *const columns = weights + FIELDS;
    for (i64 b = 0; b < batch; b++) {
        for (i64 k = group.lane; k < FIELDS * wide; k += LANES) {
            const i64 f = k / wide, c = k % wide - 1;
            const real x = tables[0].row(s, b * FIELDS + f)[1 + c];
            if (c < 0) weights[f] = x;
            else factors[f * width + c] = x, squares[f * width + c] = x * x;
        }
        fold_rows(group, factors, FIELDS, int(width));
        fold_rows(group, squares, FIELDS, int(width));
        for (i64 c = group.lane; c < width; c += LANES)
            columns[c] = factors[c] * factors[c] - squares[c];
        const real linear = bias + fold(group, weights, FIELDS);
        const real score = linear + fold(group, columns, int(width)) / real(2);               // (1)
        const real each = slope(score, real(y[b]));
        if (group.lane == 0) tables[1].grads[b] = each / size;
        for (i64 k = group.lane; k < FIELDS * wide; k += LANES) {
            const i64 f = k / wide, c = k % wide - 1;
            const real x = tables[0].row(s, b * FIELDS + f)[1 + c];
            const real along = c < 0 ? each : each * (factors[c] - x);
            tables[0].grads[(b * FIELDS + f) * wide + 1 + c] = (along + l2 * x) / size;
        }
        group.sync();  // the factors are read
    }
}
