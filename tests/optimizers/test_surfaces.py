"""Plain and fixed-memory rules on the test surfaces of the official notebook (MEM section 9.1).

Two scalar tables x and y in one group, so that the shared norm is |g_x| + |g_y|. Everything is
compared to all nine printed digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from freqopt.optimizers import Rule, rules
from freqopt.optimizers._group import step_group

Function = Callable[[float, float], float]
Gradient = Callable[[float, float], tuple[float, float]]


def beale(x: float, y: float) -> float:
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def beale_gradient(x: float, y: float) -> tuple[float, float]:
    a, b, c = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
    return (
        2 * (a * (y - 1) + b * (y**2 - 1) + c * (y**3 - 1)),
        2 * x * (a + 2 * b * y + 3 * c * y**2),
    )


def goldstein_price(x: float, y: float) -> float:
    p = 19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2
    q = 18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2
    return (1 + (x + y + 1) ** 2 * p) * (30 + (2 * x - 3 * y) ** 2 * q)


def goldstein_price_gradient(x: float, y: float) -> tuple[float, float]:
    s, u = x + y + 1, 2 * x - 3 * y
    p = 19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2
    q = 18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2
    first, second = 1 + s**2 * p, 30 + u**2 * q
    both = 2 * s * p + s**2 * (6 * x + 6 * y - 14)  # the first factor's two derivatives are equal
    return (
        both * second + first * (4 * u * q + u**2 * (24 * x - 36 * y - 32)),
        both * second + first * (-6 * u * q + u**2 * (54 * y - 36 * x + 48)),
    )


def camel(x: float, y: float) -> float:
    """The notebook's formula; the textbook's six-hump camel is another one (Q12)."""
    return 4 - 2.1 * x**2 + x**6 / 3 + x * y + 4 * (y**2 - 1) * y**2


def camel_gradient(x: float, y: float) -> tuple[float, float]:
    return -4.2 * x + 2 * x**5 + y, x + 16 * y**3 - 8 * y


@dataclass(frozen=True)
class Surface:
    value: Function
    gradient: Gradient
    lr: float
    start: tuple[float, float]


SURFACES = {
    "beale": Surface(beale, beale_gradient, 1e-3, (0.75, 1.0)),
    "goldstein_price": Surface(goldstein_price, goldstein_price_gradient, 1e-5, (-1.0, 0.0)),
    "camel": Surface(camel, camel_gradient, 1e-4, (3.0, 2.5)),
}
MEMORY = {"capacity": 5, "priority_decay": 0.7}
RULES = {
    "SGD": ("sgd", {}),
    "SGD_C": ("sgd_c", MEMORY),
    "SGDM": ("sgd", {"momentum": 0.9}),
    "SGDM_C": ("sgdm_c", MEMORY),
    "RMSprop": ("rmsprop", {}),
    "RMSprop_C": ("rmsprop_c", MEMORY),
    "Adam": ("adam", {}),
    "Adam_C": ("adam_c", MEMORY),
}

# Rule, surface, loss after 10, 100 and 1000 steps, final x and y.
PRINTED = """
SGD        beale            11.1170257 3.03409659 0.0887815236     2.46192937    0.32997999
SGD_C      beale            9.26318011 1.18137682 0.0206025302     2.699264      0.414287761
SGDM       beale            6.34406516 0.0856239247 3.98431665e-5  2.98436266    0.496070229
SGDM_C     beale            4.57078864 0.531911511 0.295505723     2.61589777    0.515051898
RMSprop    beale            13.1353532 9.82085639 0.686719936      1.91025768    0.167713791
RMSprop_C  beale            13.1299034 9.76831949 0.663352421      1.92209051    0.169394531
Adam       beale            13.9951349 12.0465729 0.965076373      1.90614949    0.327304173
Adam_C     beale            13.9951327 12.0435908 0.951004194      1.91104395    0.327151465
SGD        goldstein_price  167.252232 39.0543839 30.0005675       -0.601148714  -0.398903709
SGD_C      goldstein_price  110.026875 31.5011163 30               -0.600010543  -0.399989934
SGDM       goldstein_price  43.2036093 30.6784085 30               -0.6          -0.4
SGDM_C     goldstein_price  32.1213894 3.28724063 3                0             -1
RMSprop    goldstein_price  277.089969 274.37853 258.432695        -0.988809656  -0.0111903436
RMSprop_C  goldstein_price  277.089849 274.378651 258.432957       -0.988809811  -0.0111901894
Adam       goldstein_price  277.820049 276.206209 260.647983       -0.990109986  -0.00989001414
Adam_C     goldstein_price  277.820048 276.206196 260.647959       -0.990109972  -0.00989002803
SGD        camel            199.661508 24.2341976 1.89509995       1.23515588    0.735558744
SGD_C      camel            122.66486 8.29853556 1.76583282        1.17581431    0.649979162
SGDM       camel            34.8175121 2.50214777 1.75891757       1.16377238    0.618374441
SGDM_C     camel            4.86977938 2.91950898 1.75891757       -1.16377572   -0.618363503
RMSprop    camel            363.278916 352.785023 294.683191       2.88920264    2.38880045
RMSprop_C  camel            363.277512 352.786424 294.685911       2.88920767    2.38880415
Adam       camel            366.141685 359.834065 303.214718       2.90354542    2.4026637
Adam_C     camel            366.141672 359.833913 303.214595       2.90354526    2.40266342
"""
ROWS = [line.split() for line in PRINTED.strip().split("\n")]
COUNTS = {"beale": (1814, 176), "goldstein_price": (1838, 152), "camel": (1968, 22)}  # SGDM_C


def descend(rule: Rule, surface: Surface) -> tuple[list[float], list[float], tuple[int, ...]]:
    """Losses after 10, 100, 1000 steps, the final point, accepted and rejected of both tables."""
    tables = {k: np.array([[v]]) for k, v in zip("xy", surface.start, strict=True)}
    states = {k: rule.init(table) for k, table in tables.items()}
    losses = []
    for t in range(1, 1001):
        point = (float(tables["x"][0, 0]), float(tables["y"][0, 0]))
        g = dict(zip("xy", surface.gradient(*point), strict=True))
        step_group(rule, tables, states, {k: (np.array([0]), np.array([[g[k]]])) for k in "xy"})
        if t in (10, 100, 1000):
            losses.append(surface.value(float(tables["x"][0, 0]), float(tables["y"][0, 0])))
    counts = tuple(
        sum(int(s[key]) for s in states.values()) if key in states["x"] else 0
        for key in ("accepted", "rejected")
    )
    return losses, [float(tables[k][0, 0]) for k in "xy"], counts


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(row[:2]))
def test_official_losses_and_points(row: list[str]) -> None:
    official, surface_name = row[:2]
    surface = SURFACES[surface_name]
    name, options = RULES[official]
    rule = rules[name](**{"rows": "all", "lr": surface.lr, **options})
    losses, point, counts = descend(rule, surface)
    assert [float(f"{loss:.9g}") for loss in losses] == [float(x) for x in row[2:5]]
    # The printed 0 of SGDM_C on Goldstein-Price is "0 (to 1e-14)".
    shown = [0.0 if abs(x) < 1e-14 else float(f"{x:.9g}") for x in point]
    assert shown == [float(x) for x in row[5:]]
    if official.endswith("_C"):
        assert counts == (COUNTS[surface_name] if official == "SGDM_C" else (1990, 0))


@pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)
def test_gradients_are_the_functions_derivatives(surface: Surface) -> None:
    x, y = surface.start
    h = 1e-5  # central difference: error about h^2 f''' = 1e-10 relative, rounding 1e-16 / h
    by_x = (surface.value(x + h, y) - surface.value(x - h, y)) / (2 * h)
    by_y = (surface.value(x, y + h) - surface.value(x, y - h)) / (2 * h)
    assert surface.gradient(x, y) == pytest.approx((by_x, by_y), rel=1e-6, abs=1e-6)
