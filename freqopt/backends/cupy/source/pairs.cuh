// The laws of a pair of rows (i, j), freqopt/problems/_pairs.py. LAW says which.
#pragma once

enum PairLaw { PRODUCT, OBSERVED, TOPICS };

struct Pairs {
    Law law, other;          // of i and j; of the observed pair
    const i64 *of_i, *of_j;  // (P,): the observed pairs
    double coherence;
    i64 topics;
};

// Pairs of `count` steps from `first` on, (count, batch); `apart` places from one j to the next.
DEVICE void draw_pairs(const Group& group, const Pairs& pairs, const Run& run, i64 first, i64 count,
                       i64* i, i64* j, i64 apart = 1) {
    const i64 batch = run.batch;
    if (LAW == OBSERVED) {
        draw_tokens(group, pairs.law, {run.seed, run.run, PURPOSE_pairs}, first, count, batch, i);
        for (i64 k = group.lane; k < count * batch; k += LANES) {
            const i64 pair = i[k];
            i[k] = pairs.of_i[pair], j[k * apart] = pairs.of_j[pair];
        }
        return;
    }
    draw_tokens(group, pairs.law, {run.seed, run.run, PURPOSE_u}, first, count, batch, i);
    draw_tokens(group, pairs.other, {run.seed, run.run, PURPOSE_v}, first, count, batch, j, apart);
    if (LAW != TOPICS) return;
    const Key key = {run.seed, run.run, PURPOSE_topic};
    for (i64 k = group.lane; k < count * batch; k += LANES) {
        const u64 word = word_at(key, u64(first + k / batch), u64(k % batch));
        if (uniform(word) < pairs.coherence)  // the member of i's topic in j's group
            j[k * apart] += i[k] % pairs.topics - j[k * apart] % pairs.topics;
    }
}
