"""One step of a token in exact rationals, for every T: the vertices of a step, one "not sampled".

A step goes to vertex v with chance pi_v. What a theorem sums over steps is one inequality
    sum_v pi_v E V(vertex v) <= V + (what the theorem allows),
a form in the vectors of the step and the values of F. It is certified as in `certificate`: right
side minus left side minus a non-negative combination of interpolation inequalities has no values
left and is a positive semidefinite form, in Fractions. Vectors of mean zero given the past (noise)
are orthogonal to those known before it, so what multiplies their products may be anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product

from freqopt.theory.certificate import (
    Form,
    RefusedError,
    add,
    combine,
    need,
    quadratic,
    semidefinite,
)
from freqopt.theory.verdict import Verdict, Word

Vector = list[Fraction]


@dataclass(frozen=True)
class OneStep:
    """The claim and the proof, over basis vectors numbered from 0.

    Attributes
    ----------
    size : int
        Number of basis vectors.
    slack : form
        Right side minus left side, as far as it is quadratic.
    values : of F at each point but the minimiser's
        Right side minus left side, as far as it is values of F.
    points : i -> (x, gradient); -1 is the minimiser
    multipliers : "i,j" -> rational, of the inequality of that pair
    mu, L : Fraction
        Of the class; mu = -L where F need not be convex, L absent where it need not be smooth.
    uncorrelated : pair of basis vectors whose product has mean 0 -> any rational
        Its coefficient in the form is free, and is set to that.
    """

    size: int
    slack: Form
    values: Sequence[Fraction]
    points: Mapping[int, tuple[Vector, Vector]]
    multipliers: Mapping[str, Fraction]
    mu: Fraction
    L: Fraction | None
    uncorrelated: Mapping[tuple[int, int], Fraction] = field(default_factory=dict)


def prove(step: OneStep) -> None:
    """RefusedError, saying which condition fails, unless the certificate proves the claim."""
    if step.L is None:
        form, values = _rough(step)
    else:
        written = {pair: str(Fraction(m)) for pair, m in step.multipliers.items()}
        form, values = combine(written, step.points, step.mu, step.L)
    need(list(step.values) == values, "values of F that cancel")
    whole = add(form, (1, step.slack))
    for (i, j), chosen in step.uncorrelated.items():
        whole[i][j] = whole[j][i] = chosen
    semidefinite(whole, "the slack")


def _rough(step: OneStep) -> tuple[Form, list[Fraction]]:
    """As `combine` for L = infinity: f_i >= f_j + <g_j, dx> + mu |dx|^2/2."""
    form = [[Fraction(0)] * step.size for _ in range(step.size)]
    values = dict.fromkeys(step.points, Fraction(0))
    for pair, m in step.multipliers.items():
        need(m >= 0, "no negative multiplier")
        i, j = map(int, pair.split(","))
        values[i], values[j] = values[i] + m, values[j] - m
        (xi, _), (xj, gj) = step.points[i], step.points[j]
        dx = [a - b for a, b in zip(xi, xj, strict=True)]
        inner = quadratic([[Fraction(0), m / 2], [m / 2, m * step.mu / 2]], [gj, dx])
        form = add(form, (1, inner))
    return form, [value for i, value in values.items() if i >= 0]


def square(vector: Vector, weight: Fraction = Fraction(1)) -> Form:
    """The form of weight times |vector|^2."""
    return [[weight * a * b for b in vector] for a in vector]


def moved(before: Vector, vertices: Iterable[tuple[Fraction, Vector]]) -> Form:
    """|before|^2 - sum_v pi_v |vertex|^2; the chances sum to 1."""
    vertices = list(vertices)
    need(sum(chance for chance, _ in vertices) == 1, "chances that sum to 1")
    return add(square(before), *((-chance, square(vertex)) for chance, vertex in vertices))


def verdict(cases: Iterable[tuple[str, OneStep]]) -> Verdict:
    """CERTIFIED if every case is proved; else the first that is not."""
    count = 0
    for name, case in cases:
        try:
            prove(case)
        except RefusedError as refused:
            note = f"no certificate: {refused}"
            return Verdict("", "", "", Word.UNPROVED, kind="certificate", witness=name, note=note)
        count += 1
    note = f"{count} steps in exact rationals, each for every T"
    return Verdict("", "", "", Word.CERTIFIED, kind="certificate", note=note)


def grid(**values: Iterable[str]) -> list[dict[str, Fraction]]:
    """Every combination of the values given as texts, '3/10'."""
    names = list(values)
    return [
        dict(zip(names, map(Fraction, chosen), strict=True)) for chosen in product(*values.values())
    ]
