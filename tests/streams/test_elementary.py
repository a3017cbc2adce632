"""The elementary functions against mpmath, with the measured largest error as the bound."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from freqopt.errors import FreqoptError
from freqopt.streams import Stream, elementary
from freqopt.streams._arithmetic import product_error
from freqopt.streams._trigonometry import HALF_PI, TWO_OVER_PI

mpmath.mp.prec = 160
SPECIAL = np.array([-np.inf, -1.0, -0.0, 0.0, 1.0, np.inf, np.nan])
nan, inf = np.nan, np.inf


def linear(low: float, high: float, n: int = 5000) -> NDArray[np.float64]:
    return low + (high - low) * Stream(1, 0, f"linear {low} {high}").uniform(0, n)


def logarithmic(low: float, high: float, n: int = 5000) -> NDArray[np.float64]:
    """10^low .. 10^high (made with NumPy's power: the points need no fixed bits)."""
    return 10.0 ** linear(low, high, n)


def worst_ulp(
    got: NDArray[np.float64], true: Callable[..., Any], *points: NDArray[np.float64]
) -> float:
    """Largest error in units in the last place of the correctly rounded result."""
    worst = 0.0
    for value, *arguments in zip(got.tolist(), *(p.tolist() for p in points), strict=True):
        exact = true(*(mpmath.mpf(a) for a in arguments))
        rounded = float(exact)
        if value != rounded:
            ulp = np.spacing(min(abs(rounded), np.finfo(float).max))
            worst = max(worst, float(abs(exact - value) / ulp))
    return worst


def true_sigmoid(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


def true_softplus(x: Any) -> Any:
    return mpmath.log1p(mpmath.exp(x)) if x < 100 else x + mpmath.exp(-x)


ANGLES = [linear(-(2.0**20), 2.0**20), linear(-4, 4), linear(-0.8, 0.8)]
NEAR_ROOTS = np.round(linear(1, 2**20 / np.pi * 2 - 1)) * (np.pi / 2)
EXPONENTS = [linear(-746, 710), linear(-1, 1), linear(-40, 40), linear(-745.2, -708.3)]
CASES = [
    # function, truth, 20,000 points, bound = the largest error found, rounded up (ulp)
    ("exp", mpmath.exp, EXPONENTS, 0.63),
    ("expm1", mpmath.expm1, [*EXPONENTS[:3], logarithmic(-300, 0)], 1.06),
    ("log", mpmath.log, [logarithmic(-323.3, 308), linear(0, 2), 1 + linear(-1e-3, 1e-3),
                         linear(0.5, 1.5)], 0.53),
    ("log1p", mpmath.log1p, [logarithmic(-320, 308), linear(-1, 1), -logarithmic(-20, 0),
                             logarithmic(-17, -1)], 0.66),
    ("sin", mpmath.sin, [*ANGLES, NEAR_ROOTS], 0.75),
    ("cos", mpmath.cos, [*ANGLES, NEAR_ROOTS], 0.74),
    ("sigmoid", true_sigmoid, [linear(-740, 740), linear(-5, 5), linear(-40, 40),
                               linear(-1, 1)], 1.83),
    ("softplus", true_softplus, [linear(-740, 740), linear(-5, 5), linear(-40, 40),
                                 linear(-1, 1)], 1.33),
]  # fmt: skip


@pytest.mark.parametrize(("name", "true", "parts", "bound"), CASES, ids=[c[0] for c in CASES])
def test_accuracy(
    name: str, true: Callable[..., Any], parts: list[NDArray[np.float64]], bound: float
) -> None:
    points = np.concatenate(parts)
    assert points.size == 20_000
    worst = worst_ulp(getattr(elementary, name)(points), true, points)
    assert bound - 0.02 < worst <= bound  # a stale bound is an error too


POWERS = [
    # the Zipf weights k^-s up to k = 10^9; the whole range of x; large exponents
    (np.round(logarithmic(0, 9)), linear(-3, 0), 0.62),
    (logarithmic(-300, 300), linear(-1.02, 1.02), 0.61),
    (logarithmic(-3, 3), linear(-10, 10), 0.60),
    (linear(0.7, 1.4), linear(-1500, 1500), 23.4),
]


@pytest.mark.parametrize(("x", "y", "bound"), POWERS, ids=["zipf", "range", "moderate", "large"])
def test_accuracy_of_power(x: NDArray[np.float64], y: NDArray[np.float64], bound: float) -> None:
    worst = worst_ulp(elementary.power(x, y), mpmath.power, x, y)
    assert bound - 0.02 < worst <= bound


def test_exact_powers() -> None:
    assert (elementary.power(np.arange(1.0, 1000.0), 2.0) == np.arange(1.0, 1000.0) ** 2).all()
    assert (elementary.power(np.arange(1.0, 1000.0), 0.0) == 1.0).all()
    assert (elementary.power(np.arange(1.0, 1000.0), 1.0) == np.arange(1.0, 1000.0)).all()


SPECIAL_VALUES = {
    "exp": [0, np.exp(-1.0), 1, 1, np.exp(1.0), inf, nan],
    "expm1": [-1, np.expm1(-1.0), 0, 0, np.expm1(1.0), inf, nan],
    "log": [nan, nan, -inf, -inf, 0, inf, nan],
    "log1p": [nan, -inf, 0, 0, np.log(2.0), inf, nan],
    "sigmoid": [0, 1 / (1 + np.e), 0.5, 0.5, 1 / (1 + np.exp(-1.0)), 1, nan],
    "softplus": [0, np.log1p(np.exp(-1)), np.log(2.0), np.log(2.0), np.log1p(np.e), inf, nan],
    "sin": [nan, np.sin(-1.0), 0, 0, np.sin(1.0), nan, nan],
    "cos": [nan, np.cos(1.0), 1, 1, np.cos(1.0), nan, nan],
}


@pytest.mark.parametrize("name", SPECIAL_VALUES)
def test_special_values(name: str) -> None:
    got = getattr(elementary, name)(SPECIAL)
    # 4 ulp: NumPy's own value at +-1 is the reference here, the exact cases have no error
    np.testing.assert_allclose(got, SPECIAL_VALUES[name], rtol=4 * 2.0**-53, atol=0)


def test_exp_at_the_ends_of_its_range() -> None:
    largest, smallest = 709.782712893384, -745.1332191019411
    ends = np.array([largest, np.nextafter(largest, inf), smallest, np.nextafter(smallest, -inf)])
    assert elementary.exp(ends).tolist() == [float(mpmath.exp(largest)), inf, 5e-324, 0.0]


def test_power_at_the_edges() -> None:
    x = np.array([0.0, 0.0, 0.0, inf, inf, inf, -1.0, 1.0, 2.0, 0.5, 2.0, nan, 2.0])
    y = np.array([0.0, 1.0, -1.0, 0.0, 1.0, -1.0, 2.0, inf, inf, inf, -inf, 1.0, nan])
    expected = [1, 0, inf, 1, inf, 0, nan, 1, inf, 0, 0, nan, nan]
    np.testing.assert_array_equal(elementary.power(x, y), expected)


def test_scalars_shapes_and_float32() -> None:
    assert isinstance(elementary.exp(1.0), float)
    assert elementary.exp(1.0) == elementary.exp(np.array([1.0]))[0]
    assert elementary.exp(np.ones((2, 3, 0))).shape == (2, 3, 0)
    assert elementary.power(np.ones((4, 1)), np.ones(3)).shape == (4, 3)
    x = linear(0.1, 5).astype(np.float32)
    for name in SPECIAL_VALUES:
        narrow = getattr(elementary, name)(x)
        assert narrow.dtype == np.float32
        assert (narrow == getattr(elementary, name)(x.astype(np.float64)).astype(np.float32)).all()
    assert elementary.power(x, 0.5).dtype == np.float32
    assert elementary.exp(np.float32(100.0)) == np.float32(inf)


def test_blocks_do_not_change_bits() -> None:
    x = linear(-50, 50, 20_001).reshape(3, -1)
    whole = elementary.exp(x)
    assert all((whole[i, ::7] == elementary.exp(x[i, ::7])).all() for i in range(3))


def test_angles_out_of_range_are_refused() -> None:
    assert np.isfinite(elementary.sin(-(2.0**20)))
    for function in (elementary.sin, elementary.cos):
        with pytest.raises(FreqoptError, match=r"argument -1\.04858e\+06.*lower the learning rate"):
            function(np.array([0.0, inf, -1048577.0]))


def test_constants_are_parts_of_pi_and_log_2() -> None:
    assert abs(sum(map(mpmath.mpf, HALF_PI)) - mpmath.pi / 2) < 2.0**-156
    assert abs(mpmath.mpf(elementary.LN2_HI) + elementary.LN2_LO - mpmath.log(2)) < 2.0**-98
    assert float(2 / mpmath.pi) == TWO_OVER_PI
    assert float(1 / mpmath.log(2)) == elementary.INV_LN2
    assert all(float(part * (2**20 - 1)) == mpmath.mpf(part) * (2**20 - 1) for part in HALF_PI[:3])
    assert mpmath.mpf(elementary.LN2_HI) * 2047 == elementary.LN2_HI * 2047


def test_product_error_is_exact() -> None:
    x, y = linear(-3, 3), linear(0, 1e9)
    for a, b, error in zip(x, y, product_error(x, y, x * y), strict=True):
        assert mpmath.mpf(a) * mpmath.mpf(b) == mpmath.mpf(a * b) + mpmath.mpf(error)


def power_by_definition(base: float, n: int) -> float:
    result = 1.0
    while n:
        if n & 1:
            result *= base
        base *= base
        n >>= 1
    return result


@pytest.mark.parametrize("base", [0.9, 0.999, -0.5, 1.0, 1.5, 0.0])
def test_integer_power_in_its_declared_order(base: float) -> None:
    n = np.array([[0, 1, 2, 3], [7, 1000, 123_456_789, 2**62 + 1]])
    expected = [[power_by_definition(base, int(k)) for k in row] for row in n]
    assert elementary.integer_power(base, n).tolist() == expected
    assert [[elementary.integer_power(base, int(k)) for k in row] for row in n] == expected
    assert n[1, 1] == 1000  # the exponents are not consumed


@pytest.mark.parametrize("n", [-1, np.array([3, -2])])
def test_integer_power_refuses_negative_exponents(n: Any) -> None:
    with pytest.raises(FreqoptError, match=r"exponent -[12]; it must be >= 0"):
        elementary.integer_power(0.5, n)
