"""A small picture of a curve as SVG, for notebooks: a line, and the values at its ends."""

from __future__ import annotations

import math
from collections.abc import Sequence

WIDTH, HEIGHT, MARGIN = 260, 90, 6


def sketch(steps: Sequence[float], values: Sequence[float]) -> str:
    """A curve as an SVG element: steps, and values if all are positive, on logarithmic scales.

    Parameters
    ----------
    steps, values : sequences of equal length
        Points whose value is not finite are left out.

    Returns
    -------
    str
        Empty if no two points are left.
    """
    points = [(s, v) for s, v in zip(steps, values, strict=True) if math.isfinite(v)]
    if len(points) < 2:
        return ""
    steep = all(v > 0 for _, v in points)
    xs = _spread([math.log1p(s) for s, _ in points], WIDTH)
    ys = _spread([-math.log(v) if steep else -v for _, v in points], HEIGHT)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    first, last = points[0][1], points[-1][1]
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="from {first:.3g} to {last:.3g}"><polyline points="{line}" fill="none" '
        'stroke="currentColor"/></svg>'
    )


def _spread(numbers: list[float], size: int) -> list[float]:
    """Numbers onto [MARGIN, size - MARGIN], in their order."""
    low, high = min(numbers), max(numbers)
    scale = (size - 2 * MARGIN) / (high - low) if high > low else 0.0
    return [MARGIN + (n - low) * scale for n in numbers]
