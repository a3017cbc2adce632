// What the loop holds of a simulation, in memory of its own.
#pragma once

struct Read {  // one table, as the problem reads it
    i64 size, width;               // N, d
    i64* rows;                     // (AHEAD, M): rows of M occurrences in each step drawn ahead
    Occurrences occurrences;       // of the step that is taken
    real* weights;                 // (N, width); of two layers the M rows that the step reads
    real* grads;                   // (M, width)
    const real *first, *second;    // W1 (N, inner), W2 (inner, width - columns); null: plain table
    const real* beside;            // (N, columns): before W
    i64 inner, columns;
    real *of_first, *of_second;    // (M, inner), (inner, width - columns): gradients; null: frozen
    real* of_beside;               // (M, columns)
    double *moved, *pushed;        // (N,) each, and what follows, where movement is kept up
    i64* visits;                   // (N,)
    double* total;                 // (M, width)
    real* before;                  // (M, width)

    // What occurrence n of step s reads.
    DEVICE const real* row(i64 s, i64 n) const {
        return weights + (LAYERED && first ? n : rows[s * occurrences.count + n]) * width;
    }
};

struct Part {  // one array that the rule moves: a plain table, or a layer
    real* weights;                 // (N, width)
    i64 size, width;
    const u64* slots;              // addresses of the slots' arrays
    i64 *decayed_at, *t;
    Occurrences occurrences;       // M of them
    real* grads;                   // (M, width)
    real *sums, *squares;          // (M, width) each
    i64 *order, *starts, *touched, *alive, *rounds;  // (M,), (M + 1,), (M,), (M,), (M,)
    real* norms;                   // (2, M)
    double *squares_wide, *norm;   // (M,), (1,), of a fixed-memory rule
    i64* entry_of;                 // (N,), all -1, where every row is updated; else null
};

struct Run {
    u64 seed, run;
    i64 batch;
    const double* h;
    i64* step;        // steps taken
    void* samples;    // the problem's, drawn ahead
    real* work;       // the problem's, for one gradient, and the layers'
    void* scratch;    // the group's, where shared memory is too small for a row; else null
};
