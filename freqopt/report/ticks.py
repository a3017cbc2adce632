"""Ticks that are read without a calculation: 0.3, not 3 x 10^-1; powers where they are short."""

from __future__ import annotations

import math
from typing import Any

STEPS = {1.0: (1, 1.5, 2, 3, 4, 5, 7), 1.7: (1, 2, 5), 2.6: (1, 3), 4.5: (1,)}
"""Decades that an axis covers at most -> the ticks in each."""
SHORT = 0.4
"""Decades of an axis whose ticks are at equal distances."""
PLAIN = (1e-4, 1e6)
"""Between these a number is written out."""


def plain_ticks(axis: Any) -> None:
    """Give a logarithmic axis plain ticks; one that has ticks of its own keeps them.

    Parameters
    ----------
    axis : matplotlib.axis.Axis
        Of a picture that is drawn but for its ticks.
    """
    from matplotlib.ticker import (
        FixedFormatter,
        FixedLocator,
        LogLocator,
        MaxNLocator,
        NullFormatter,
    )

    low, high = sorted(axis.get_view_interval())
    if axis.get_scale() != "log" or type(axis.get_major_locator()) is not LogLocator or low <= 0:
        return
    axis.set_minor_formatter(NullFormatter())
    decades = math.log10(high / low)
    inside = next((ticks for most, ticks in STEPS.items() if decades <= most), None)
    if inside is None:
        return  # 10^-6, 10^-3, 1: Matplotlib's own
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    ticks = [c * 10.0**k for k in range(first, last + 1) for c in inside]
    if decades <= SHORT:
        ticks = [float(t) for t in MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high)]
    ticks = [tick for tick in ticks if low <= tick <= high]
    if len(ticks) > 1:
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_major_formatter(FixedFormatter([written(tick) for tick in ticks]))


def written(tick: float) -> str:
    """A number of one or two digits as a label."""
    if PLAIN[0] <= tick < PLAIN[1]:
        return f"{tick:,.6g}"
    power = math.floor(math.log10(tick) + 1e-9)
    factor = tick / 10.0**power
    head = "" if math.isclose(factor, 1) else rf"{factor:g} \times "
    return f"${head}10^{{{power}}}$"
