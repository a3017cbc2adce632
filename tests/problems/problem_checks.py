"""Checks that every problem must pass. Each raises AssertionError with the worst case first."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from scipy.special import ndtri

from freqopt.errors import ProblemError

# False-alarm probability of one statistical check, all its comparisons together. With some 50 such
# checks in this folder a change of random bits would break one of them in 200 by chance.
LEVEL = 1e-4


def random_tables(problem, scale=0.7, seed=0, dtype=np.float64):
    """Tables with N(0, scale^2) entries (any point will do, so NumPy's own generator is fine)."""
    rng = np.random.default_rng(seed)
    return {
        name: (scale * rng.standard_normal(shape)).astype(dtype)
        for name, shape in problem.shapes.items()
    }


def one_step(problem, step=3, batch=5, seed=1, run=2):
    """The samples of one step, fields (B, ...)."""
    return {k: v[0] for k, v in problem.draw(seed, run, np.array([step]), batch).items()}


def repeated(samples, copies):
    """The same batch `copies` times."""
    return {k: np.concatenate([v] * copies) for k, v in samples.items()}


def dense(problem, sparse):
    """A sparse gradient as full float64 tables: occurrences added."""
    out = {name: np.zeros(shape) for name, shape in problem.shapes.items()}
    for name, (rows, grads) in sparse.items():
        np.add.at(out[name], rows, grads.astype(np.float64))
    return out


def differences(function, tables, h=1e-5):
    """Central differences of a function of the tables, entry by entry."""
    out = {}
    for name, table in tables.items():
        out[name] = np.zeros(table.shape)
        for where in np.ndindex(table.shape):
            side = []
            for sign in (1, -1):
                moved = {k: v.copy() for k, v in tables.items()}
                moved[name][where] += sign * h
                side.append(function(moved))
            out[name][where] = (side[0] - side[1]) / (2 * h)
    return out


def assert_tables_close(actual, expected, rtol, atol):
    assert set(actual) == set(expected)
    for name in expected:
        np.testing.assert_allclose(actual[name], expected[name], rtol=rtol, atol=atol, err_msg=name)


def check_differences(problem, tables, samples):
    """`gradients` and `gradient` against central differences of `losses` and `objective`.

    h = 1e-5: truncation h^2 |f'''| / 6 ~ 1e-10 and rounding eps |f| / h ~ 1e-11 |f|.
    """
    mean = differences(lambda t: float(np.mean(problem.losses(t, samples))), tables)
    assert_tables_close(dense(problem, problem.gradients(tables, samples)), mean, 1e-7, 1e-8)
    assert_tables_close(
        problem.gradient(tables), differences(problem.objective, tables), 1e-7, 1e-8
    )


def check_mpmath(problem, tables, samples, loss, rtol=1e-13):
    """Losses and gradients of single samples against `loss`, a 50-digit transcription.

    loss(rows, sample) takes rows[name] -> list of lists of mpf and one sample's fields.
    """
    with mpmath.workdps(50):
        wide = {n: [[mpmath.mpf(float(x)) for x in row] for row in t] for n, t in tables.items()}
        for b in range(len(next(iter(samples.values())))):
            sample = {k: v[b] for k, v in samples.items()}
            alone = {k: v[b : b + 1] for k, v in samples.items()}
            exact = loss(wide, sample)
            assert float(problem.losses(tables, alone)[0]) == pytest.approx(float(exact), rel=rtol)
            gradient = dense(problem, problem.gradients(tables, alone))
            for name, rows in wide.items():
                largest = np.abs(gradient[name]).max()
                for k, row in enumerate(rows):
                    for c, x in enumerate(row):

                        def moved(value, row=row, c=c, sample=sample):
                            old, row[c] = row[c], value
                            try:
                                return loss(wide, sample)
                            finally:
                                row[c] = old

                        slope = float(mpmath.diff(moved, x))
                        assert gradient[name][k, c] == pytest.approx(
                            slope, rel=rtol, abs=rtol * (largest + 1e-30)
                        ), (name, k, c)


def check_enumeration(problem, tables, outcomes, rtol=1e-12):
    """f, its gradient, p_k and s_k against a list of (probability, one sample's fields)."""
    f, chance = 0.0, 0.0
    mean = {n: np.zeros(s) for n, s in problem.shapes.items()}
    second = {n: np.zeros(s[0]) for n, s in problem.shapes.items()}
    p = {n: np.zeros(s[0]) for n, s in problem.shapes.items()}
    for probability, sample in outcomes:
        alone = {k: np.asarray(v)[None] for k, v in sample.items()}
        chance += probability
        f += probability * float(problem.losses(tables, alone)[0])
        sparse = problem.gradients(tables, alone)
        gradient = dense(problem, sparse)
        for name, (rows, _) in sparse.items():
            mean[name] += probability * gradient[name]
            second[name] += probability * (gradient[name] ** 2).sum(axis=1)
            p[name][np.unique(rows)] += probability
    assert chance == pytest.approx(1.0, rel=1e-12)
    assert problem.objective(tables) == pytest.approx(f, rel=rtol)
    assert_tables_close(problem.gradient(tables), mean, rtol, rtol)
    assert_tables_close(problem.constants.frequency, p, rtol, 0)
    return {
        n: np.sqrt(np.maximum(second[n] / p[n] - ((mean[n] / p[n][:, None]) ** 2).sum(axis=1), 0))
        for n in p
    }


def check_sampling(problem, tables, steps=400, batch=250):
    """Means of sampled losses and gradients against `objective` and `gradient`: z-tests.

    The level is LEVEL over all comparisons together (Bonferroni). Rows expected fewer than 25
    times are left out, because the normal approximation needs visits.
    """
    drawn = problem.draw(11, 0, np.arange(steps), batch)
    loss = np.zeros(steps)
    batches = []
    for t in range(steps):
        samples = {k: v[t] for k, v in drawn.items()}
        loss[t] = np.mean(problem.losses(tables, samples))
        batches.append(dense(problem, problem.gradients(tables, samples)))
    exact = problem.gradient(tables)
    z = [(loss.mean() - problem.objective(tables)) / (loss.std(ddof=1) / math.sqrt(steps))]
    for name, p in problem.constants.frequency.items():
        often = p * steps * batch >= 25
        g = np.stack([b[name][often] for b in batches])
        error = g.std(axis=0, ddof=1) / math.sqrt(steps)
        # A gradient without noise must agree to rounding; it has no z-score.
        noisy = error > 1e-14
        off = g.mean(axis=0) - exact[name][often]
        np.testing.assert_allclose(off[~noisy], 0, atol=1e-13)
        z.extend(off[noisy] / error[noisy])
    limit = -ndtri(LEVEL / (2 * len(z)))
    assert np.abs(z).max() < limit, (np.abs(z).max(), limit, len(z))


def check_frequencies(problem, field_of_table, steps=200, batch=500):
    """Drawn tokens against p_k: largest |z| over tokens, level LEVEL (one row per sample)."""
    drawn = problem.draw(5, 1, np.arange(steps), batch)
    n = steps * batch
    for name, field in field_of_table.items():
        p = problem.constants.frequency[name]
        seen = np.bincount(drawn[field].reshape(-1), minlength=p.size)
        assert seen[p == 0].sum() == 0
        often = (p * n >= 25) & (p < 1)
        z = (seen - n * p)[often] / np.sqrt(n * p * (1 - p))[often]
        assert np.abs(z).max(initial=0) < -ndtri(LEVEL / (2 * p.size))


def check_reentry(problem, batch=4):
    """Step 5 alone is row 5 of steps 0..9, to the bit, and steps, runs and seeds differ."""
    ten = problem.draw(3, 7, np.arange(10), batch)
    five = problem.draw(3, 7, np.array([5]), batch)
    assert set(ten) == set(five)
    for name, values in five.items():
        assert values.shape[:2] == (1, batch)
        np.testing.assert_array_equal(values[0], ten[name][5], err_msg=name)


def check_float32(problem, samples, scale=0.7, rtol=2e-5):
    """Gradients of float32 tables are float32 and near those in float64.

    rtol is relative to the largest entry: a few dozen roundings of 6e-8 and their cancellation.
    """
    wide = random_tables(problem, scale)
    narrow = {name: table.astype(np.float32) for name, table in wide.items()}
    exact = problem.gradients({k: v.astype(np.float64) for k, v in narrow.items()}, samples)
    for name, (rows, grads) in problem.gradients(narrow, samples).items():
        assert grads.dtype == np.float32
        assert rows.dtype == np.int64
        assert grads.shape == (rows.size, problem.shapes[name][1])
        largest = np.abs(exact[name][1]).max()
        np.testing.assert_array_equal(rows, exact[name][0])
        np.testing.assert_allclose(grads, exact[name][1], atol=rtol * largest)
    assert problem.losses(narrow, samples).dtype == np.float64
    for name, table in problem.start(0, 0, np.float32).items():
        assert table.dtype == np.float32
        assert table.shape == problem.shapes[name]


def refused(build, *parts):
    """The one-line message of the ProblemError that `build` must raise."""
    with pytest.raises(ProblemError) as caught:
        build()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message, message
    return message
