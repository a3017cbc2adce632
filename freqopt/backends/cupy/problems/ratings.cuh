// The ratings of freqopt/problems/ratings.py. Column 0 of a row is the bias.

#define TABLES 2

struct Problem {
    const i64 *users, *items;  // (n,): the training ratings
    const double* y;           // (n,)
    i64 size;                  // n
    double centre, l2;
};

// Samples: y (AHEAD, B).
DEVICE void draw(const Group& group, const Problem& problem, const Run& run, const Read* tables,
                 i64 first, i64 count, void* scratch) {
    double* const y = (double*)run.samples;
    const Key key = {run.seed, run.run, PURPOSE_ratings};
    for (i64 k = group.lane; k < count * run.batch; k += LANES) {
        const u64 word = word_at(key, u64(first + k / run.batch), u64(k % run.batch));
        const i64 rating = index(word, problem.size);
        tables[0].rows[k] = problem.users[rating];
        tables[1].rows[k] = problem.items[rating];
        y[k] = problem.y[rating];
    }
}

// (slope * partner + l2 * row) / B; a bias has the partner 1.
DEVICE void gradients(const Group& group, const Problem& problem, const Run& run,
                      const Read* tables, i64 s, void* scratch) {
    const i64 batch = run.batch, width = tables->width;
    const double* const y = (const double*)run.samples + s * batch;
    const real l2 = problem.l2, size = batch;
    real* const work = (real*)scratch;
    for (i64 b = 0; b < batch; b++) {
        const real* const u = tables[0].row(s, b);
        const real* const v = tables[1].row(s, b);
        for (i64 j = 1 + group.lane; j < width; j += LANES) work[j - 1] = u[j] * v[j];
        const real dot = fold(group, work, int(width) - 1);
        const real each = slope(real(problem.centre) + u[0] + v[0] + dot, real(y[b]));  // (1)
        for (i64 j = group.lane; j < width; j += LANES) {
            const real of_u = j == 0 ? each : each * v[j], of_v = j == 0 ? each : each * u[j];
            tables[0].grads[b * width + j] = (of_u + l2 * u[j]) / size;
            tables[1].grads[b * width + j] = (of_v + l2 * v[j]) / size;
        }
    }
}
