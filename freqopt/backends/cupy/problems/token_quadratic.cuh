// The quadratics of freqopt/problems/token_quadratic.py.

#define TABLES 1

struct Problem {
    Law tokens;
    const double *optimum, *noises, *curvatures;  // (N, d), (N,), (N,)
};

// Samples: z (AHEAD, B * d).
DEVICE void draw(const Group& group, const Problem& problem, const Run& run, const Read* tables,
                 i64 first, i64 count, void* scratch) {
    const i64 batch = run.batch, numbers = batch * tables->width;
    double* const z = (double*)run.samples;
    draw_tokens(group, problem.tokens, {run.seed, run.run, PURPOSE_tokens}, first, count, batch,
                tables->rows);
    const Key key = {run.seed, run.run, PURPOSE_noise};
    for (i64 k = group.lane; k < count * numbers; k += LANES) {
        const u64 step = first + k / numbers, j = k % numbers;
        if (TWO_POINT)  // sign j % 64 of word j / 64; a set bit is +1
            z[k] = word_at(key, step, j / 64) >> (j % 64) & 1 ? 1.0 : -1.0;
        else
            z[k] = normal(word_at(key, step, j));
    }
}

// lambda_k (theta_k - a_k - sigma_k z) / B.
DEVICE void gradients(const Group& group, const Problem& problem, const Run& run,
                      const Read* tables, i64 s, void* scratch) {
    const i64 width = tables->width, batch = run.batch;
    const double* const z = (const double*)run.samples + s * batch * width;
    for (i64 b = 0; b < batch; b++) {
        const i64 k = tables->rows[s * batch + b];
        const real* const row = tables->row(s, b);
        const real curvature = problem.curvatures[k];
        const double sigma = problem.noises[k];
        for (i64 j = group.lane; j < width; j += LANES) {
            const real noise = sigma * z[b * width + j];
            const real residual = row[j] - real(problem.optimum[k * width + j]) - noise;
            tables->grads[b * width + j] = curvature * residual / real(batch);
        }
    }
}
