// What the loop holds of a simulation, in memory of its own.
#pragma once

struct Part {  // one table
    real* weights;  // (N, width)
    i64 size, width;
    const u64* slots;  // addresses of the slots' arrays
    i64 *decayed_at, *t;
    i64* rows;                     // (AHEAD, M): rows of M occurrences in each step drawn ahead
    i64 occurrences;               // M
    real* grads;                   // (M, width)
    real *sums, *squares;          // (M, width) each
    i64 *order, *starts, *touched, *alive, *leader;  // (M,), (M + 1,), (M,), (M,), (M,)
    real* norms;                   // (2, M)
    double *squares_wide, *norm;   // (M,), (1,), of a fixed-memory rule
    i64* entry_of;                 // (N,), all -1, where every row is updated; else null
    double *moved, *pushed;        // (N,) each, and what follows, where movement is kept up
    i64 *visits, *first;           // (N,), (M,)
    double* total;                 // (M, width)
    real* before;                  // (M, width)
};

struct Run {
    u64 seed, run;
    i64 batch;
    const double* h;
    i64* step;        // steps taken
    void* samples;    // the problem's, drawn ahead
    real* work;       // the problem's, for one gradient
};

