// The pairs of freqopt/problems/pair.py: two scores, three losses.

#define TABLES 2

struct Problem {
    Pairs pairs;
    const double *best_u, *best_v;  // (N, d), (M, d)
    double noise, root, one_over_root;
};

template <class T> DEVICE T score(const Group& group, const T* u, const T* v, i64 width, double root,
                                  T* work) {
    for (i64 j = group.lane; j < width; j += LANES) work[j] = IS_DOT ? u[j] * v[j] : u[j] + v[j];
    const T total = fold(group, work, int(width));
    return IS_DOT ? total : total / T(root);
}

// Samples: y (AHEAD, B).
DEVICE void draw(const Group& group, const Problem& problem, const Run& run, const Read* tables,
                 i64 first, i64 count, void* scratch) {
    const i64 batch = run.batch, width = tables->width;
    double* const y = (double*)run.samples;
    i64 *const i = tables[0].rows, *const j = tables[1].rows;
    draw_pairs(group, problem.pairs, run, first, count, i, j);
    group.sync();
    const Key labels = {run.seed, run.run, PURPOSE_labels};
    for (i64 k = 0; k < count * batch; k++) {
        const double planted = score(group, problem.best_u + i[k] * width,
                                     problem.best_v + j[k] * width, width, problem.root,
                                     (double*)scratch);
        const u64 word = word_at(labels, u64(first + k / batch), u64(k % batch));
        if (group.lane == 0) y[k] = label(planted, problem.noise, word);
    }
}

// l'(s; y) ds/du / B and l'(s; y) ds/dv / B.
DEVICE void gradients(const Group& group, const Problem& problem, const Run& run,
                      const Read* tables, i64 s, void* scratch) {
    const i64 batch = run.batch, width = tables->width;
    const double* const y = (const double*)run.samples + s * batch;
    for (i64 b = 0; b < batch; b++) {
        const real* const u = tables[0].row(s, b);
        const real* const v = tables[1].row(s, b);
        const real at = score(group, u, v, width, problem.root, (real*)scratch);
        const real each = slope(at, real(y[b])) / real(batch);
        const real even = each * real(problem.one_over_root);
        for (i64 j = group.lane; j < width; j += LANES) {
            tables[0].grads[b * width + j] = IS_DOT ? each * v[j] : even;
            tables[1].grads[b * width + j] = IS_DOT ? each * u[j] : even;
        }
    }
}
