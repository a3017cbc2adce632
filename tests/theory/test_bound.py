import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from freqopt.errors import TheoryError
from freqopt.theory import Bound, Case, Claim, total
from freqopt.theory.engines.sides import compare, evaluate
from freqopt.theory.symbols import Delta, L, T, eta, p, sigma2


def test_one_expression_gives_float_exact_and_latex():
    bound = Bound(sp.Rational(8, 7) * (Delta + L / 2 * T * total(p**2 * sigma2 * eta**2)))
    fractions = {
        "p": [Fraction(3, 4), Fraction(1, 4)],
        "sigma2": [Fraction(1, 3), Fraction(2)],
        "eta": [Fraction(1, 8), Fraction(1, 4)],
        "T": 5,
        "L": 1,
        "Delta": Fraction(7, 3),
    }
    floats = {
        k: np.array(v, float) if isinstance(v, list) else float(v) for k, v in fractions.items()
    }
    by_hand = Fraction(8, 7) * (
        Fraction(7, 3)
        + Fraction(5, 2) * (Fraction(9, 16) * Fraction(1, 3) / 64 + Fraction(1, 16) * 2 / 16)
    )
    assert bound.exact(fractions) == by_hand
    assert bound(floats) == pytest.approx(float(by_hand), rel=1e-15)
    assert r"\sum_k" in bound.latex


def test_a_letter_without_total_is_one_value_per_token():
    bound = Bound(sp.sqrt(p) * Delta)
    assert bound({"p": np.array([0.25, 0.5625]), "Delta": 2.0}) == pytest.approx([1.0, 1.5])
    assert bound.exact({"p": [Fraction(1, 4), Fraction(9, 16)], "Delta": 2}) == [1, Fraction(3, 2)]


def test_an_irrational_value_is_exact_too():
    """A mutant with another power, n^(3/2), stopped with an error and was no mutant."""
    root = Bound(sp.sqrt(p) * Delta).exact({"p": Fraction(1, 2), "Delta": 3})
    assert root == 3 / sp.sqrt(2)
    near = Fraction(math.isqrt(9 * 2 ** (2 * 99 - 1)), 2**99)  # below it by less than 2^-99
    for kind, holds in (("upper", near), ("lower", near + Fraction(1, 2**99))):
        claim = Claim("c", lambda case: case.left, lambda case: case.right, kind=kind)
        for left in (near, near + Fraction(1, 2**99)):
            sides = evaluate(claim, Case("i", left=left, right=root))
            assert compare(claim, sides).violated is (left != holds)
    equal = Claim("c", lambda case: case.left, lambda case: case.right, kind="equal")
    assert compare(equal, evaluate(equal, Case("i", left=near, right=root))).violated
    assert not compare(equal, evaluate(equal, Case("i", left=root, right=root))).violated


def test_what_has_no_exact_form_is_refused():
    with pytest.raises(TheoryError, match="no exact form"):
        Bound(sp.sqrt(p)).exact({"p": Fraction(-1, 2)})
    with pytest.raises(TheoryError, match="no exact form"):
        Bound(sp.log(p)).exact({"p": Fraction(1, 2)})


def test_a_missing_letter_is_named():
    with pytest.raises(TheoryError, match="needs 'Delta'"):
        Bound(Delta * T)({"T": 3})


def test_whole_numbers_of_numpy_do_not_wrap_around():
    """10^10 squared is no int64; what came out was below 0, and a false lower bound held."""
    for count in (10**10, np.int64(10**10), np.array([10**10])):
        assert np.all(Bound(T**2)({"T": count}) == 1e20)
