// Tables kept as two layers, W = W1 W2: freqopt/tables/factorised.py, whose equation number stands
// here. Products are folded in `work`, (max(M, inner) width,); there a lane writes what it alone
// has read.
#pragma once

// The rows of W that step s reads.
DEVICE void collapse(const Group& group, const Read& table, i64 s, real* work) {
    if (!table.first) return;
    const int inner = table.inner, columns = table.columns, width = table.width - columns;
    const i64 m = table.occurrences.count;
    for (i64 n = 0; n < m; n++) {
        const real* const of_row = table.first + table.rows[s * m + n] * inner;
        for (int k = group.lane; k < inner * width; k += LANES)
            work[k] = of_row[k / width] * table.second[k];
        fold_rows(group, work, inner, width);
        real* const out = table.weights + n * table.width;
        for (int j = group.lane; j < columns; j += LANES)
            out[j] = table.beside[table.rows[s * m + n] * columns + j];
        for (int j = group.lane; j < width; j += LANES) out[columns + j] = work[j];
    }
    group.sync();
}

// The gradients of the layers, at their present values, from those of the rows.          // (6.1)
DEVICE void split(const Group& group, const Read& table, i64 s, real* work) {
    if (!table.first) return;
    const int inner = table.inner, columns = table.columns, width = table.width - columns;
    const int m = table.occurrences.count;
    for (int k = group.lane; k < m * columns; k += LANES)
        table.of_beside[k] = table.grads[i64(k / columns) * table.width + k % columns];
    for (int n = 0; table.of_first && n < m; n++) {  // G W2^T
        const real* const g = table.grads + i64(n) * table.width + columns;
        for (int k = group.lane; k < width * inner; k += LANES)
            work[k] = g[k / inner] * table.second[k % inner * width + k / inner];
        fold_rows(group, work, width, inner);
        for (int u = group.lane; u < inner; u += LANES) table.of_first[i64(n) * inner + u] = work[u];
    }
    for (int u = 0; table.of_second && u < inner; u++) {  // W1^T G
        for (int k = group.lane; k < m * width; k += LANES)
            work[k] = table.first[table.rows[s * m + k / width] * inner + u] *
                      table.grads[i64(k / width) * table.width + columns + k % width];
        fold_rows(group, work, m, width);
        for (int j = group.lane; j < width; j += LANES) table.of_second[u * width + j] = work[j];
    }
    group.sync();
}
