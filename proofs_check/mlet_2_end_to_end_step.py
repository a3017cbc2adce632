r"""MLET-2: the exact end-to-end update of one step

Source
    stated in the paper: (2) of Deng and others, Enhancing
    Cross-Category Learning in Recommendation Systems with Multi-Layer Embedding Training,
    PMLR 222 (2024), pages 263-278,
    there without the term of second order in the step, which is kept here.
Problem
    W = W1 W2, G = dL/dW.
Algorithm
    SGD on both layers at once, W1' = W1 - e1 G W2', W2' = W2 - e2 W1' G, from the old values.
Assumptions
    plain SGD, both gradients at the old values.
Statement
    W' = W - [e2 W1 W1' G + e1 G W2' W2] + e1 e2 G W' G, exactly, at any step size.
Checks
    identity in rationals; the project's factorised table with the SGD rule.
Literature
    The second-order term needs only W and G.
"""

from fractions import Fraction

from freqopt.optimizers.sgd import SGD
from freqopt.theory import Claim, Mutant, Theorem
from freqopt.theory.exact.factorised import entries, jacobi, random_factors, with_rule


def theorem(step=jacobi, rule_step=None, second=1, first=1):
    """Parts: the step, in rationals and of the project; factors of the e1 e2 and the e1 term."""
    real = rule_step or with_rule()

    def moved(by):
        def left(i):
            W1, W2 = by(i.first, i.second, i.gradient, i.rate1, i.rate2)
            return entries(W1.dot(W2))

        return left

    def formula(i):
        W, G = i.product, i.gradient
        own = i.rate2 * i.first.dot(i.first.T).dot(G)
        other = first * i.rate1 * G.dot(i.second.T.dot(i.second))
        return entries(W - own - other + second * i.rate1 * i.rate2 * G.dot(W.T.dot(G)))

    return Theorem(
        claims=(
            Claim(
                "in rationals",
                moved(step),
                formula,
                "equal",
                lambda quick: random_factors(20 if quick else 200),
            ),
            Claim(
                "the factorised table",
                moved(real),
                formula,
                "equal",
                lambda quick: (i.floats() for i in random_factors(20, seed=2)),
                tolerance=1e-9,  # entries up to 10^5, cancellation in W - own - other
            ),
        )
    )


def gauss_seidel(W1, W2, G, e1, e2):
    new = W1 - e1 * G.dot(W2.T)
    return new, W2 - e2 * new.T.dot(G)


def no_chain_rule(W1, W2, G, e1, e2):
    return W1 - e1 * G.dot(W2.T), W2


def half_gradient(W1, W2, G, e1, e2):
    return jacobi(W1, W2, G, e1 / 2, e2)


MUTANTS = {
    "Gauss-Seidel": Mutant("implementation", step=gauss_seidel),
    "W2 without its gradient": Mutant("implementation", step=no_chain_rule),
    "half the gradient of W1": Mutant("implementation", step=half_gradient),
    "the e1 e2 term dropped": Mutant("statement", second=0),
    "a factor 1.01": Mutant("statement", first=Fraction(101, 100)),
    "the table with momentum": Mutant(
        "implementation",
        rule_step=with_rule(
            lambda rate: SGD(lr=rate, momentum=0.5, dampening=0.5, first_buffer="damped")
        ),
    ),
}
