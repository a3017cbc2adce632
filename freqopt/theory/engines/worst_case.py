"""Exact worst cases over a class of functions, by semidefinite programming (PEPit, Clarabel).

A finite number of steps of a first-order method on every L-smooth (mu-strongly) convex function of
every dimension is one convex programme in the Gram matrix of its iterates and gradients. Where the
class of quadratics is too small to falsify a constant, this class is not. Values are those of the
solver, right to about 1e-5; nothing here is a certificate. Random visits: `engines.chain`.

PEPit is an optional dependency: the extra `theory`.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

ACCURACY = 1e-4
"""What is allowed for the solver when its value is compared with a bound."""


def _solve(programme: Any) -> float:
    with warnings.catch_warnings():
        # "Solution may be inaccurate": by less than ACCURACY on every value known in closed form.
        warnings.simplefilter("ignore", UserWarning)
        return float(programme.solve(wrapper="cvxpy", solver="CLARABEL", verbose=0))


def _begin(mu: float, L: float) -> tuple[Any, Any, Any]:
    """(programme, function, minimiser) for the class F(mu, L)."""
    from PEPit import PEP
    from PEPit.functions import SmoothConvexFunction, SmoothStronglyConvexFunction

    programme = PEP()
    f = (
        programme.declare_function(SmoothStronglyConvexFunction, mu=mu, L=L)
        if mu > 0
        else programme.declare_function(SmoothConvexFunction, L=L)
    )
    return programme, f, f.stationary_point()


def with_memory(
    directions: Sequence[dict[int, float]], alpha: float, mu: float, L: float = 1.0
) -> float:
    """Worst (f(x_N) - f*)/(f(x_0) - f*) where step t moves by -alpha sum_s weight_s grad f(x_s)."""
    programme, f, best = _begin(mu, L)
    x = programme.set_initial_point()
    programme.set_initial_condition(f(x) - f(best) <= 1)
    gradients: list[Any] = []
    for weights in directions:
        gradients.append(f.gradient(x))
        for s, weight in weights.items():
            x = x - alpha * weight * gradients[s]
    programme.set_performance_metric(f(x) - f(best))
    return _solve(programme)


def patterns(steps: int, age: int) -> Iterator[tuple[int, ...]]:
    """Every choice of one past gradient per step, at most `age` old: delays (d_0, .., d_{N-1})."""
    return itertools.product(*(range(min(t, age) + 1) for t in range(steps)))


def critical_gradient(
    steps: int, alpha: float, mu: float, decay: float = 0.7, kappa: float = 1.0, share: float = 1.0
) -> tuple[float, str]:
    """Worst (f_N - f*)/(f_0 - f*) of the rule SGD_C with capacity 1, over all its branches; L = 1.

    Whether the new gradient replaces the stored one, |g_t| > decay^(age) |g_s|, is a linear
    condition on the Gram matrix, so each branch is one programme.

    Parameters
    ----------
    share : float
        1 for the aggregation "sum" (g + kappa stored), 1/2 for "mean".

    Returns
    -------
    (value, branch), the branch as a word of r (replaced) and k (kept)
    """
    worst = (0.0, "")
    for branch in itertools.product("rk", repeat=max(0, steps - 2)):
        programme, f, best = _begin(mu, 1.0)
        x = programme.set_initial_point()
        programme.set_initial_condition(f(x) - f(best) <= 1)
        stored, age = f.gradient(x), 0
        x = x - alpha * stored  # the buffer is empty at the first step
        for choice in (*branch, ""):  # what is stored after the last step does not matter
            gradient, age = f.gradient(x), age + 1
            x = x - alpha * share * (gradient + kappa * stored)
            threshold = decay ** (2 * age) * stored**2
            if choice == "r":
                programme.add_constraint(gradient**2 >= threshold)
                stored, age = gradient, 0
            elif choice == "k":
                programme.add_constraint(gradient**2 <= threshold)
        programme.set_performance_metric(f(x) - f(best))
        worst = max(worst, (_solve(programme), "".join(branch)))
    return worst
