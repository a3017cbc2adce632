// The logistic regression of freqopt/problems/softmax_regression.py: every sample has every row.

#define TABLES 1

struct Problem {
    const double* features;  // (n, N)
    const i64* classes;      // (n,)
    i64 size;                // n
    double l2;
};

// Samples: number of the example, i64 (AHEAD, B).
DEVICE void draw(const Group& group, const Problem& problem, const Run& run, const Read* tables,
                 i64 first, i64 count, void* scratch) {
    const i64 batch = run.batch, numbers = batch * tables->size;
    i64* const example = (i64*)run.samples;
    const Key key = {run.seed, run.run, PURPOSE_examples};
    for (i64 k = group.lane; k < count * batch; k += LANES)
        example[k] = index(word_at(key, u64(first + k / batch), u64(k % batch)), problem.size);
    for (i64 k = group.lane; k < count * numbers; k += LANES) tables->rows[k] = k % tables->size;
}

// Logits q (width,) become probabilities.
DEVICE void softmax(const Group& group, real* q, real* work, int width) {
    const real top = largest(group, q, width);
    for (int j = group.lane; j < width; j += LANES)
        q[j] = work[j] = real(elementary::exp(double(q[j] - top)));
    const real total = fold(group, work, width);
    for (int j = group.lane; j < width; j += LANES) q[j] /= total;
    group.sync();
}

// (x_k (q - e_c) + l2 W_k) / B.
DEVICE void gradients(const Group& group, const Problem& problem, const Run& run,
                      const Read* tables, i64 s, void* scratch) {
    const i64 batch = run.batch, width = tables->width, rows = tables->size;
    const i64* const example = (const i64*)run.samples + s * batch;
    const real *const W = tables->row(s, 0), l2 = problem.l2, size = batch;
    real* const q = run.work;  // (N, width): terms of the logits, which are left in the first row
    for (i64 b = 0; b < batch; b++) {
        const double* const x = problem.features + example[b] * rows;
        for (i64 k = group.lane; k < rows * width; k += LANES) q[k] = real(x[k / width]) * W[k];
        fold_rows(group, q, int(rows), int(width));
        softmax(group, q, (real*)scratch, int(width));
        if (group.lane == 0) q[problem.classes[example[b]]] -= real(1);
        group.sync();
        for (i64 k = group.lane; k < rows * width; k += LANES)
            tables->grads[b * rows * width + k] =
                (real(x[k / width]) * q[k % width] + l2 * W[k]) / size;
        group.sync();  // q is read
    }
}
