"""A programme in a Gram matrix, and what may be concluded from a point that a solver returns.

Unknown are vectors v_1 .. v_N of any dimension, through G = (<v_i, v_j>), and values F_1 .. F_M of
a function. Maximised is a weighted sum of the values under rows <A, G> + <a, F> <= limit.

The solver is not believed. From its multipliers an upper bound is made that is true whatever they
are (weak duality, after a repair); from its vectors and a strictly feasible point, vectors are made
whose every row is evaluated again and holds with room to spare. Rounding of float64, of the order
of 1e-14, is all that is not accounted for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from freqopt.errors import TheoryError
from freqopt.typing import Doubles

MIXES = tuple(2.0**k for k in range(-27, -3))
"""Shares of the strictly feasible point that are tried, smallest first."""


class NoValueError(TheoryError):
    """The solver returned nothing that a bound could be made of."""


class Point(NamedTuple):
    """One evaluation of the function: coefficients of x and of a gradient there, index of F."""

    x: Doubles
    g: Doubles
    value: int | None
    """None for the minimiser, whose value is 0."""


@dataclass(frozen=True)
class Solution:
    """What the solver returned; `status` in its own word."""

    status: str
    gram: Doubles
    values: Doubles
    multipliers: Doubles
    free: Doubles

    @property
    def root(self) -> Doubles:
        """Vectors, as columns, whose Gram matrix is the solver's without its negative part."""
        eigenvalues, axes = np.linalg.eigh(self.gram)
        return np.asarray((axes * np.sqrt(np.maximum(eigenvalues, 0.0))).T)


@dataclass
class Programme:
    """Rows over N vectors and M values.

    Attributes
    ----------
    vectors, values : int
    rows : list of (A, a, limit), <A, G> + <a, F> <= limit
    zeros : list of A, <A, G> = 0
    """

    vectors: int
    values: int
    rows: list[tuple[Doubles, Doubles, float]] = field(default_factory=list)
    zeros: list[Doubles] = field(default_factory=list)
    _star: dict[tuple[int, int], int] = field(default_factory=dict)

    def unit(self, i: int) -> Doubles:
        """The i-th vector."""
        return np.eye(self.vectors)[i]

    def at_most(self, form: Doubles, limit: float = 0.0, values: Doubles | None = None) -> None:
        """<form, G> + <values, F> <= limit."""
        given = np.zeros(self.values) if values is None else values
        self.rows.append((form, given, limit))

    def orthogonal(self, a: Doubles, b: Doubles) -> None:
        """<a, b> = 0."""
        self.zeros.append(product(a, b))

    def interpolate(self, points: Sequence[Point], mu: float, L: float) -> None:
        """Some f in F(mu, L) with f(0) = 0 = min f has these values and gradients: all pairs.

        f_i >= f_j + <g_j, x_i - x_j> + |dg|^2/(2L) + mu/(2 (1 - mu/L)) |dx - dg/L|^2.
        """
        zero = np.zeros(self.vectors)
        every = [*points, Point(zero, zero, None)]
        for i, (xi, gi, fi) in enumerate(every):
            for j, (xj, gj, fj) in enumerate(every):
                if i == j:
                    continue
                dx, dg = xi - xj, gi - gj
                form = product(gj, dx) + product(dg, dg) / (2 * L)
                bent = dx - dg / L
                form = form + product(bent, bent) * mu / (2 * (1 - mu / L))
                values = np.zeros(self.values)
                for index, sign in ((fj, 1.0), (fi, -1.0)):
                    if index is not None:
                        values[index] += sign
                if fi is None or fj is None:
                    self._star[fi if fj is None else fj, -1 if fj is None else 1] = len(self.rows)  # type: ignore[index]
                self.rows.append((form, values, 0.0))

    def solve(self, weights: Doubles, accuracy: float = 1e-9) -> Solution:
        """Maximise <weights, F> with Clarabel.

        Raises
        ------
        NoValueError
            If the solver gives up, or says that there is no greatest value.
        """
        import clarabel
        from scipy import sparse

        n = self.vectors
        low = np.tril_indices(n)  # row by row: the upper triangle, column by column
        scale = np.where(low[0] == low[1], 1.0, np.sqrt(2.0))
        forms = np.array([A[low] for A, _, _ in self.rows]) * scale
        zeros = np.array([A[low] for A in self.zeros]).reshape(-1, len(scale)) * scale
        values = np.array([a for _, a, _ in self.rows])
        matrix = sparse.bmat(
            [
                [sparse.csc_matrix(zeros), None],
                [sparse.csc_matrix(forms), sparse.csc_matrix(values)],
                [-sparse.identity(len(scale)), None],
            ],
            format="csc",
        )
        limits = np.concatenate(
            [np.zeros(len(zeros)), [limit for _, _, limit in self.rows], np.zeros(len(scale))]
        )
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.max_threads = 1
        settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = accuracy
        unit = weights.max()  # the solver's tolerances are absolute
        cost = np.concatenate([np.zeros(len(scale)), -weights / unit])
        nothing = sparse.csc_matrix((len(cost), len(cost)))
        cones = [
            clarabel.ZeroConeT(len(zeros)),
            clarabel.NonnegativeConeT(len(self.rows)),
            clarabel.PSDTriangleConeT(n),
        ]
        answer = clarabel.DefaultSolver(nothing, cost, matrix, limits, cones, settings).solve()
        status = str(answer.status)
        x, z = np.array(answer.x), unit * np.array(answer.z)
        usable = status in ("Solved", "AlmostSolved", "InsufficientProgress", "MaxIterations")
        if not usable or not (np.isfinite(x).all() and np.isfinite(z).all()):
            raise NoValueError(
                f"the solver answered {status!r} on {n} vectors and {len(self.rows)} rows, expected"
                " 'Solved'; no bound is made of that: change the horizon or the step a little"
            )
        gram = np.zeros((n, n))
        gram[low] = x[: len(scale)] / scale
        gram = gram + np.tril(gram, -1).T
        split = len(zeros) + len(self.rows)
        return Solution(status, gram, x[len(scale) :], z[len(zeros) : split], z[: len(zeros)])

    def upper(self, weights: Doubles, found: Solution, trace: float) -> float:
        """An upper bound of the maximum, for any multipliers whatever.

        Negative ones are dropped; the values' coefficients are made to cancel through the rows of
        the minimiser; a negative direction of what is left costs at most that much times the trace.

        Parameters
        ----------
        trace : float
            What the trace of G cannot exceed on the feasible set.
        """
        used = np.maximum(found.multipliers, 0.0)
        missing = weights - sum(m * a for m, (_, a, _) in zip(used, self.rows, strict=True))
        for i, amount in enumerate(missing):
            used[self._star[i, 1 if amount > 0 else -1]] += abs(amount)
        slack = sum(m * A for m, (A, _, _) in zip(used, self.rows, strict=True))
        slack = slack + sum(m * A for m, A in zip(found.free, self.zeros, strict=True))
        least = float(np.linalg.eigvalsh(slack)[0])
        price = sum(m * limit for m, (_, _, limit) in zip(used, self.rows, strict=True))
        return float(price + max(0.0, -least) * trace)

    def feasible(
        self, found: Solution, repair: Callable[[Doubles], Doubles] = lambda vectors: vectors
    ) -> tuple[Doubles, Doubles]:
        """Vectors (as columns) and values that meet every row, near those of the solver.

        They are mixed with as little as it takes of a point that meets every row with room.

        Parameters
        ----------
        repair : vectors -> vectors
            Restores what has to hold exactly: the `zeros`.

        Raises
        ------
        NoValueError
            If no mixture meets every row.
        """
        roomy = self._centre()
        for mix in MIXES:
            vectors = np.vstack([np.sqrt(1 - mix) * found.root, np.sqrt(mix) * roomy.root])
            vectors = repair(vectors)
            values = (1 - mix) * found.values + mix * roomy.values[:-1]
            if self.room(vectors, values) > 0:
                return vectors, values
        raise NoValueError(
            f"no function could be made of the solver's point ({found.status}): it violates rows "
            "by more than mixing with a strictly feasible one mends; no lower bound is made of it"
        )

    def _centre(self) -> Solution:
        """The point of the most room, room as one more value."""
        wider = Programme(self.vectors, self.values + 1, zeros=self.zeros)
        wider.rows = [(A, np.append(a, 1.0), limit) for A, a, limit in self.rows]
        return wider.solve(np.eye(self.values + 1)[-1])

    def room(self, vectors: Doubles, values: Doubles) -> float:
        """The least slack of a row; negative where one is violated, or a zero is not one."""
        gram = vectors.T @ vectors
        scale = max(1.0, float(np.abs(gram).max()))
        if any(abs(np.vdot(A, gram)) > 1e-12 * scale for A in self.zeros):
            return -np.inf
        return min(float(limit - np.vdot(A, gram) - a @ values) for A, a, limit in self.rows)


def product(a: Doubles, b: Doubles) -> Doubles:
    """The form whose value is <a, b>."""
    outer: Any = np.outer(a, b)
    return (outer + outer.T) / 2
