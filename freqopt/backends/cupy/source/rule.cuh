// What every rule's equations are written with.
#pragma once

enum Statistic { NONE, SUM, LARGEST };

struct Visit {
    i64 t;            // batches seen, the present one included
    i64 occurrences;  // of the row in the batch; 0 for a row that is updated but absent
    bool first_wave;  // false for the second and later occurrences with duplicates = "sequential"
    int width;
};

// Learning rate of batch t >= 1.
DEVICE double rate(const double* h, i64 t) {
    const double slowed = 1 + (t - 1) * h[H_lr_decay];
    return h[H_lr] / (IS(lr_decay_law, inverse_sqrt) ? sqrt(slowed) : slowed);
}
