"""What the captions of the papers' studies state is what the plotted data show."""

from pathlib import Path

import numpy as np

from freqopt.report.figure import FigureFile

FIGURES = Path(__file__).parents[2] / "figures"


def caption(name, rows, columns):
    """A figure's caption of some rows."""
    cells = dict(zip(columns.split(), map(np.array, zip(*rows, strict=True)), strict=True))
    return FigureFile.read(FIGURES / f"{name}.py").caption(cells)


def test_fixed_memory_is_compared_where_it_moves_as_far():
    """SGD_C's .5 at .01 stands beside SGD's .52 at .02; beyond SGD's best rate nothing counts."""
    rows = [
        ("clean labels", "SGD", 0.01, 0.01, 2.0, 0.0),
        ("clean labels", "SGD", 0.02, 0.02, 0.52, 0.0),
        ("clean labels", "SGD", 0.04, 0.04, 0.6, 0.0),
        ("clean labels", "SGD_C", 0.01, 0.02, 0.5, 3.0),
        ("clean labels", "SGD_C", 0.02, 0.04, 9.0, 3.0),
        ("clean labels", "FIFO", 0.01, 0.02, 0.52, 3.0),
        ("Zipf table", "SGD", 0.1, 0.1, 0.4, 0.0),
        ("Zipf table", "SGD", 0.2, 0.2, 0.5, 0.0),
        ("Zipf table", "FA-SGD", 0.1, 0.1, 0.3, 0.0),
        ("Zipf table", "SGD_C, decay .99, C = 5", 0.1, 0.2, 0.2, 14.0),
        ("Zipf table", "SGD_C, decay .99, C = 5", 0.2, 0.4, 0.9, 99.0),
    ]
    assert caption("fixed_memory", rows, "panel rule rate moved gap age") == (
        "At the nominal rate 0.01 SGD_C has a gap 4.0 times smaller than SGD; against (1 + kappa) "
        "times the rate it is within 4 % of SGD up to SGD's best, and FIFO within 0 %. On the "
        "Zipfian table five gradients kept with decay .99 are 14 steps old where the gap is "
        "least, 0.50 times SGD's least; FA-SGD's is 0.75 times."
    )


def test_mlet_at_the_plain_rate_at_its_own_and_tuned():
    """A rate at which runs diverged has no value and is no best one."""
    nan, start = float("nan"), "plain, start of k = 16"
    rows = [
        ("rate", "SGD, plain", 4, 1.0, 0.70, 0.7),
        ("rate", "SGD, plain", 4, 2.0, 0.75, 0.7),
        ("rate", "SGD, MLET k = 64", 4, 1.0, 0.76, 0.7),
        ("rate", "SGD, MLET k = 64", 4, 2.0, nan, nan),
        ("gain", "plain", 4, 0.0, 0.0, 0.0),
        ("gain", start, 4, 0.0, 0.001, -0.001),
        ("gain", "MLET k = 64", 4, 0.0, 0.002, 0.0005),
        ("gain", "MLET k = 64", 4, 1.0, 0.9, 0.9),
    ]
    found = caption("mlet", [*rows[:3], ("rate", "SGD, MLET k = 64", 4, 2.0, 0.72, 0.7), *rows[4:]],
                    "panel rule dimension x y low")  # fmt: skip
    assert "by -0.0300 in one epoch, at its own best rate it changes it by +0.0100" in found
    assert "the most is +0.0020 (MLET k = 64)" in found
    assert "the start of k = 16 has +0.0010" in found
    assert found.endswith("interval: MLET k = 64.")
    diverged = caption("mlet", rows, "panel rule dimension x y low")
    assert "MLET with k = 64 diverges in one epoch, at its own best rate it" in diverged


def test_cube_counts_where_a_schedule_alone_is_ahead():
    falling = "SGD, falling rate"
    rows = [
        (1e3, 1e4, 1.0, 0.0, "FA-SGD", 0.999),
        (1e3, 1e4, 1.0, 0.0, falling, 1.2),
        (1e3, 1e4, 1.0, 0.5, "FA-SGD", 1.1),
        (1e3, 1e4, 1.0, 0.5, falling, 1.2),
        (1e3, 1e4, 1.0, 2.0, "FA-SGD", 6.0),
        (1e3, 1e4, 1.0, 2.0, falling, 1.5),
    ]
    assert caption("speedup_cube", rows, "size steps noise exponent rule factor") == (
        "FA-SGD needs up to 6 times fewer steps than tuned SGD (exponent 2, N = 1000, T = 10000); "
        "SGD with a falling rate, which knows no frequencies, is ahead of it in 1 of 2 settings "
        "with unequal tokens. With equal tokens FA-SGD is SGD, within 0.1 %."
    )


def test_which_rules_have_the_frequency_aware_slope():
    rows = [
        ("A", "above", -0.45), ("A", "below", -0.58), ("A", "items", -0.7),
        ("B", "above", -0.5), ("B", "below", -0.1), ("B", "items", -0.41),
        ("C", "above", 0.0), ("C", "below", 0.0), ("C", "items", 0.0),
    ]  # fmt: skip
    assert caption("effective_rate_slopes", rows, "rule part slope") == (
        "Slope -1/2 within .1 at every frequency: A; only above 1 - beta2 = 0.01: B; on "
        "MovieLens' items: B."
    )


def test_notches_and_epochs():
    """B's best rate is its larger one, so it has no notch above; A gets worse in epoch 2."""
    rows = [
        ("SGD", 1.0, 1, 0.10), ("SGD", 2.0, 1, 0.13), ("SGD", 1.0, 2, 0.08),
        ("A", 1.0, 1, 0.05), ("A", 2.0, 1, 0.25), ("A", 1.0, 2, 0.06), ("A", 2.0, 2, 0.01),
        ("B", 1.0, 1, 0.09), ("B", 2.0, 1, 0.07), ("B", 2.0, 2, 0.07),
    ]  # fmt: skip
    low = [(*row, row[-1]) for row in rows]
    assert caption("clicks", low, "rule rate epoch excess low") == (
        "After one epoch A is nearest to the Bayes log loss, 0.0500 above it, SGD 0.1000. One "
        "notch above the best rate costs SGD 0.0300 and A 0.2000. Worse after the last epoch than "
        "before: A."
    )


def test_cube_s_grids_are_the_exact_optimum():
    """Against the project's own recursion and search, for FA-SGD and tuned SGD at one point."""
    from scipy.optimize import brentq

    from freqopt.theory.scaling import groups, online

    cube = FigureFile.read(FIGURES / "speedup_cube.py")
    curves = cube.data.__globals__["gaps"](groups.coarser(groups.zipf(1.5, 300), 0.03), 1.0, 1e4)
    first = cube.data.__globals__["first"]
    law = groups.zipf(1.5, 300)
    target = online.power_law_rule(law, 1e4, q=0.0)[0]
    exact = brentq(lambda t: online.power_law_rule(law, t, q=0.5)[0] - target, 100, 1e4, rtol=1e-4)
    assert abs(first(curves["FA-SGD"], target) / exact - 1) < 5e-3
    steps, gap = curves["SGD"]
    assert 0 <= gap[-1] / target - 1 < 1e-3, "the least over a grid is above the least"
    assert steps[-1] == 1e4
