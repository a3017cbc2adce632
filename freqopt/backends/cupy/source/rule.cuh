// What every rule's equations are written with.
#pragma once

enum Statistic { NONE, SUM, LARGEST };

struct Visit {
    i64 t;            // batches seen, the present one included
    i64 occurrences;  // of the row in the batch; 0 for a row that is updated but absent
    bool first_round;  // false for the second and later occurrences with duplicates = "sequential"
    int width;
};

// Learning rate of batch t >= 1.
DEVICE double rate(const double* h, i64 t) {
    const double lr = h[H_lr], d = h[H_lr_decay], x = (t - 1) * d;
    if (IS(lr_decay_law, inverse) || d == 0) return lr / (1 + x);
    if (IS(lr_decay_law, inverse_sqrt)) return lr / sqrt(1 + x);
    if (IS(lr_decay_law, step)) return lr * power_of_two(-i64(x < 60.0 ? x : 60.0));
    if (IS(lr_decay_law, warmup)) return lr * (t * d < 1.0 ? t * d : 1.0);
    const double last = 1 - d > 0.0 ? 1 - d : 0.0, left = 1 - (x < last ? x : last);
    if (IS(lr_decay_law, linear)) return lr * left;
    const double root = elementary::sin(0.5 * 3.141592653589793 * left);
    return lr * (root * root);
}
