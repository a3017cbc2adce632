"""A lazy token as a scenario tree, noise +-v at every node: an oracle for the chain (PEPit)."""

import warnings

from PEPit import PEP, Point
from PEPit.functions import SmoothConvexFunction


def scenario_tree(steps, p, eta, sigma2):
    """Worst p (E F(mean of theta_0 .. theta_{T-1}) - F*), F convex and 1-smooth, |theta_0| <= 1."""
    programme = PEP()
    f = programme.declare_function(SmoothConvexFunction, L=1.0)
    best, start = f.stationary_point(), programme.set_initial_point()
    programme.set_initial_condition((start - best) ** 2 <= 1)
    level = [(1.0, start, start)]  # probability, iterate, sum of the iterates of the path
    for _ in range(steps - 1):
        grown = []
        for chance, x, total in level:
            if p < 1:
                grown.append((chance * (1 - p), x, total + x))
            gradient, noise = f.gradient(x), Point()
            programme.add_constraint(noise**2 <= sigma2)
            for sign in (1, -1):
                y = x - eta * (gradient + sign * noise)
                grown.append((chance * p / 2, y, total + y))
        level = grown
    expected = sum(chance * f(total / steps) for chance, _, total in level)
    programme.set_performance_metric(p * (expected - f(best)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return float(programme.solve(wrapper="cvxpy", solver="CLARABEL", verbose=0))
