// Skip-gram with negative sampling, freqopt/problems/sgns.py. A sample has PARTNERS contexts: the
// pair's own, then the negatives.

#define TABLES 2

struct Problem {
    Pairs pairs;
    Law noise;
};

DEVICE void draw(const Group& group, const Problem& problem, const Run& run, const Read* tables,
                 i64 first, i64 count, void* scratch) {
    i64 *const centres = tables[0].rows, *const contexts = tables[1].rows;
    draw_pairs(group, problem.pairs, run, first, count, centres, contexts, PARTNERS);
    const i64 k = PARTNERS - 1, each = run.batch * k;
    const Key key = {run.seed, run.run, PURPOSE_negatives};
    for (i64 n = group.lane; n < count * each; n += LANES)
        contexts[n / k * PARTNERS + 1 + n % k] =
            token(problem.noise, key, u64(first + n / each), u64(n % each));
}

// Slope * u for a partner; for the centre the fold of slope * v over its partners.
DEVICE void gradients(const Group& group, const Problem& problem, const Run& run,
                      const Read* tables, i64 s, void* scratch) {
    const i64 batch = run.batch, width = tables->width;
    real *const products = (real*)scratch, *const terms = run.work;  // (width,), (PARTNERS, width)
    for (i64 b = 0; b < batch; b++) {
        const real* const u = tables[0].row(s, b);
        for (i64 m = 0; m < PARTNERS; m++) {
            const i64 n = b * PARTNERS + m;
            const real* const v = tables[1].row(s, n);
            for (i64 j = group.lane; j < width; j += LANES) products[j] = u[j] * v[j];
            const real score = fold(group, products, int(width));
            const real away = real(elementary::sigmoid(double(m == 0 ? -score : score)));
            const real slope = (m == 0 ? -away : away) / real(batch);
            for (i64 j = group.lane; j < width; j += LANES) {
                tables[1].grads[n * width + j] = slope * u[j];
                terms[m * width + j] = slope * v[j];
            }
        }
        fold_rows(group, terms, PARTNERS, int(width));
        for (i64 j = group.lane; j < width; j += LANES) tables[0].grads[b * width + j] = terms[j];
        group.sync();  // the terms are read
    }
}
