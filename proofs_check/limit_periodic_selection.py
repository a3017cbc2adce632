r"""LIMIT-PERIODIC: divergence at large steps under periodic selection

Source
    derived here (docs/theory/memory.md, LIMIT-PERIODIC).
Problem
    f = x^2/2 (mu = L = 1), and f = 0.05 x^2 for the second part.
Algorithm
    x_{t+1} = x_t - eta g_{t-d_t} with the delays d_t repeated periodically, at most K.
Assumptions
    one-dimensional quadratics, as tame as functions get.
Statement
    At eta = 1.02, 0.6, 0.45 for K = 1, 2, 3 the patterns (0,1), (0,1,2,2), (0,1,2,3,3,3) diverge.
    Just below (0.9, 0.55, 0.39) every selection converges: M2. Keeping the first gradient for ever,
    or negative weights, diverges at a step at which gradient descent converges.
Beware
    "Converges no matter which gradients are kept and how they are combined" is false without a
    step tied to K, bounded age and a positive total weight.
Checks
    trajectories in rationals: growth by a factor over a hundred periods.
Literature
    Together with M2 the stability limit is bracketed within 13 % for K = 1, 2 and 3.
"""

from fractions import Fraction

from freqopt.theory import Case, Claim, Mutant, Theorem

PATTERNS = {
    "K = 1": (Fraction(102, 100), (0, 1)),
    "K = 2": (Fraction(6, 10), (0, 1, 2, 2)),
    "K = 3": (Fraction(45, 100), (0, 1, 2, 3, 3, 3)),
}


def window_growth(eta, delays, periods):
    """Largest |x| in the last period over the largest in the first, exactly."""
    x = [Fraction(1)]
    for t in range(periods * len(delays)):
        stale = x[max(0, t - delays[t % len(delays)])]
        x.append(x[t] - eta * stale)
    span = len(delays) + 1
    return max(map(abs, x[-span:])) / max(map(abs, x[:span]))


def weighted_growth(weights, steps):
    """|x_T| of f = 0.05 x^2, eta = 1/2, direction sum of weight x gradient (index or age)."""
    x, gradients = [Fraction(1)], []
    for t in range(steps):
        gradients.append(x[t] / 10)
        x.append(x[t] - sum((w * gradients[i] for i, w in weights(t)), Fraction(0)) / 2)
    return abs(x[-1])


def theorem(shrink=1, growth=2, delays=None, last=1):
    """Parts: factor of the steps; the growth claimed; the delays; weight of the other scheme."""

    def patterns(quick):
        for name, (eta, pattern) in PATTERNS.items():
            chosen = pattern if delays is None else delays
            found = window_growth(eta * shrink, chosen, 40 if quick else 100)
            yield Case(f"{name}, eta = {float(eta * shrink):.3g}, delays {chosen}", growth=found)

    def schemes(quick):
        yield Case("the first gradient for ever", size=weighted_growth(lambda t: [(0, last)], 400))
        minus = lambda t: [(t, Fraction(1, 2)), (max(0, t - 1), -last * Fraction(3, 2))]  # noqa: E731
        yield Case("weights 1/2 and -3/2", size=weighted_growth(minus, 400))

    return Theorem(
        claims=(
            Claim(
                "growth",
                lambda c: c.growth,
                lambda c: Fraction(growth),
                "lower",
                patterns,
            ),
            Claim("other combinations", lambda c: c.size, lambda c: Fraction(10), "lower", schemes),
        ),
    )


MUTANTS = {
    "the certified steps": Mutant("statement", shrink=Fraction(85, 100)),
    "no delay": Mutant("statement", delays=(0,)),
    "growth 10^20": Mutant("statement", growth=10**20),
    "a tenth of the weight": Mutant("statement", last=Fraction(1, 20)),
}
