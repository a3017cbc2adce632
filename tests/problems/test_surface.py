import mpmath
import numpy as np
import pytest
from problem_checks import (
    check_differences,
    check_enumeration,
    check_float32,
    check_mpmath,
    check_reentry,
    one_step,
    random_tables,
    refused,
)

from freqopt.problems import problems

Surface = problems["surface"]
NAMES = ["beale", "goldstein_price", "six_hump_camel", "official_camel"]


def mp_value(name, x, y):
    """The textbook formulas, as printed."""
    m = mpmath.mpf
    if name == "beale":
        return (
            (m("1.5") - x + x * y) ** 2
            + (m("2.25") - x + x * y**2) ** 2
            + (m("2.625") - x + x * y**3) ** 2
        )
    if name == "goldstein_price":
        return (1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)) * (
            30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
        )
    if name == "six_hump_camel":
        return (4 - m("2.1") * x**2 + x**4 / 3) * x**2 + x * y + (-4 + 4 * y**2) * y**2
    return 4 - m("2.1") * x**2 + x**6 / 3 + x * y + 4 * (y**2 - 1) * y**2


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_derivatives(name):
    problem = Surface(surface=name)
    for seed in range(3):
        tables, samples = random_tables(problem, 1.0, seed), one_step(problem)
        # The surfaces reach 1e5, so that rounding in f of 1e-11 is divided by h = 1e-5.
        scale = max(1.0, abs(problem.objective(tables)))
        small = Surface(surface=name)
        np.testing.assert_allclose(
            np.concatenate([g.ravel() for g in small.gradient(tables).values()]),
            _differences(small, tables),
            rtol=1e-6,
            atol=1e-8 * scale,
        )
        # Coefficients such as 2.1 are the nearest doubles; Goldstein-Price cancels some digits.
        check_mpmath(
            problem,
            tables,
            samples,
            lambda rows, _: mp_value(name, rows["x"][0][0], rows["y"][0][0]),
            rtol=1e-11 if name == "goldstein_price" else 1e-13,
        )
    if name != "goldstein_price":
        check_differences(problem, random_tables(problem), one_step(problem))


def _differences(problem, tables, h=1e-5):
    out = []
    for name in "xy":
        side = [problem.objective({**tables, name: tables[name] + sign * h}) for sign in (1, -1)]
        out.append((side[0] - side[1]) / (2 * h))
    return out


@pytest.mark.parametrize("name", NAMES)
def test_constants(name):
    problem = Surface(surface=name)
    sample = {"x": np.int64(0), "y": np.int64(0)}
    deviation = check_enumeration(problem, problem.start(0, 0), [(1.0, sample)])
    assert deviation == {"x": [0.0], "y": [0.0]} == problem.constants.deviation
    best = problem.constants.optimum
    # The minimiser is exact to 1e-16: the gradient there is its curvature times that.
    for gradient in problem.gradient(best).values():
        assert abs(gradient[0, 0]) < 1e-13
    assert problem.objective(best) == pytest.approx(
        problem.constants.optimum_value,
        abs=1e-15,  # an ulp or two of terms as large as 4
    )
    # No point of a fine grid lies lower.
    x, y = np.meshgrid(np.linspace(-4, 4, 801), np.linspace(-4, 4, 801))
    grid = problem._landscape.value(x, y)
    assert grid.min() >= problem.constants.optimum_value - 1e-12
    assert grid.min() < problem.constants.optimum_value + 1e-2
    for a, b in problem._landscape.minimisers:
        assert problem._landscape.value(a, b) == pytest.approx(
            problem.constants.optimum_value, abs=1e-15
        )


# Loss after 10, 100 and 1000 steps of gradient descent by the official code, and its final point:
# section 9.1 of the fixed-memory notes.
OFFICIAL = {
    "beale": (1e-3, 14.203125, (11.1170257, 3.03409659, 0.0887815236), (2.46192937, 0.32997999)),
    "goldstein_price": (
        1e-5,
        278,
        (167.252232, 39.0543839, 30.0005675),
        (-0.601148714, -0.398903709),
    ),
    "official_camel": (
        1e-4,
        366.85,
        (199.661508, 24.2341976, 1.89509995),
        (1.23515588, 0.735558744),
    ),
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_gradient_descent_as_published(name):
    """To all printed digits: 9 of them, half a unit in the last is 5e-9 relative."""
    rate, first, losses, last = OFFICIAL[name]
    problem = Surface(surface=name)
    tables = problem.start(0, 0)
    assert problem.objective(tables) == pytest.approx(first, abs=5e-3 if first == 366.85 else 1e-12)
    at = {}
    for step in range(1, 1001):
        sparse = problem.gradients(tables, one_step(problem, step, batch=1))
        tables = {k: tables[k] - rate * sparse[k][1] for k in tables}
        at[step] = problem.objective(tables)
    assert [at[n] for n in (10, 100, 1000)] == pytest.approx(list(losses), rel=5e-9)
    assert [tables[k][0, 0] for k in "xy"] == pytest.approx(list(last), rel=5e-9)


def test_draws_starts_and_float32():
    problem = Surface(surface="six_hump_camel")
    check_reentry(problem)
    check_float32(problem, one_step(problem))
    assert problem.start(1, 2)["x"] == [[3.0]]
    assert Surface(begin=(1.5, -2)).start(0, 0)["y"] == [[-2.0]]
    single = problem.gradients(problem.start(0, 0), one_step(problem, batch=1))
    four = problem.gradients(problem.start(0, 0), one_step(problem, batch=4))
    assert four["x"][1].shape == (4, 1)
    assert four["x"][1].sum() == single["x"][1].sum()


def test_bad_parameters():
    refused(lambda: Surface(surface="rosenbrock"), "beale")
    refused(lambda: Surface(begin=(1.0,)), "begin")
    refused(lambda: Surface(begin=(1.0, float("nan"))), "begin")
