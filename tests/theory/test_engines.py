"""Comparison, witness, adversary, moments, enumeration, ledger: each can say both yes and no."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from freqopt.errors import TheoryError
from freqopt.optimizers.cf_sgd import CFSGD
from freqopt.optimizers.fa_sgd import FASGD
from freqopt.optimizers.sgd import SGD
from freqopt.optimizers.sgd_c import SGDC
from freqopt.problems.pair import Pair
from freqopt.problems.token_quadratic import TokenQuadratic
from freqopt.streams import Stream, fold
from freqopt.theory import (
    Assumption,
    Bound,
    Case,
    Claim,
    Context,
    Hypothesis,
    Search,
    Step,
    Telescope,
    Theorem,
    Word,
    total,
)
from freqopt.theory.engines import adversary, exact, sides, witness
from freqopt.theory.engines.averages import expected_gap
from freqopt.theory.engines.enumeration import expectation, walk
from freqopt.theory.engines.ledger import check_descent
from freqopt.theory.engines.moments import check_moments
from freqopt.theory.exact import specified
from freqopt.theory.exact.absolute import AbsolutePairs
from freqopt.theory.exact.ensemble import Ensemble
from freqopt.theory.exact.outcomes import outcomes
from freqopt.theory.exact.tokens import Tokens
from freqopt.theory.form import check_form

PAIR = Pair(
    pairs={"kind": "counts", "counts": ((5, 2), (2, 0))},
    dimension=1, score="sum", loss="cosine", noise=0.5, spread=1.0,
)  # fmt: skip
QUADRATIC = TokenQuadratic(tokens={"kind": "counts", "counts": (5, 2)}, dimension=1, noise=0.5)


def claim(measured, bound, kind="upper", **more):
    return Claim("c", lambda c: measured, lambda c: bound, kind, lambda quick: [Case("x")], **more)


def compared(made):
    return sides.compare(made, sides.evaluate(made, Case("x")))


@pytest.mark.parametrize(
    ("kind", "measured", "bound", "violated"),
    [
        ("upper", 1.0, 1.0, False),
        ("upper", 1.0 + 1e-8, 1.0, True),
        ("upper", 0.0, 0.0, False),
        ("upper", 1e-300, 0.0, True),
        ("upper", -1.0, 0.0, False),
        ("lower", 1.0, 1.0, False),
        ("lower", 0.9, 1.0, True),
        ("equal", 1.0, 1.0 + 1e-10, False),
        ("equal", 1.0, 1.0 + 1e-8, True),
        ("equal", np.array([1.0, 2.0]), np.array([1.0, 2.1]), True),
        ("upper", np.array([1.0, 2.0]), 2.0, False),
        ("upper", Fraction(1, 3), Fraction(1, 3), False),
        ("upper", Fraction(1, 3) + Fraction(1, 10**30), Fraction(1, 3), True),
        (
            "equal",
            [Fraction(1), Fraction(2)],
            [Fraction(1), Fraction(2) + Fraction(1, 10**40)],
            True,
        ),
        ("lower", [Fraction(2)], [Fraction(1)], False),
    ],
)
def test_comparison(kind, measured, bound, violated):
    assert compared(claim(measured, bound, kind)).violated is violated


@pytest.mark.parametrize(
    ("measured", "bound", "told"),
    [
        (np.nan, 1.0, "measured side is NaN"),
        (1.0, np.nan, "bound is NaN"),
        (np.array([1.0, np.nan]), 1.0, "NaN"),
        (1.0, np.inf, "bound is infinite"),
        (-np.inf, 1.0, "measured side is infinite"),
        (np.zeros(0), 1.0, "has no value"),
        (1.0, [], "has no value"),
    ],
)
def test_what_is_no_finite_number_is_an_error_and_not_a_verdict(measured, bound, told):
    with pytest.raises(TheoryError, match=told):
        compared(claim(measured, bound))


def test_a_letter_without_its_sign_is_an_error():
    x = sp.Symbol("x", positive=True)
    made = Claim("c", lambda c: 0.0, Bound(sp.sqrt(x**2)), instances=lambda q: [Case("y", x=-2.0)])
    with pytest.raises(TheoryError, match="x is declared non-negative and is -2"):
        list(exact.run(Theorem(claims=(made,)), Context()))


@pytest.mark.parametrize("tolerance", [10, 0.5, -1, np.nan, np.inf])
def test_a_tolerance_that_passes_anything_is_refused(tolerance):
    with pytest.raises(TheoryError, match="would pass anything"):
        claim(5.0, 1.0, tolerance=tolerance)


def test_a_claim_that_measures_its_bound_is_refused():
    def value(i):
        return i.x

    with pytest.raises(TheoryError, match="measures its own bound"):
        Claim("c", value, value, "equal")


def test_a_search_that_tries_nothing_is_refused():
    for given in ({"dimension": 0}, {"dimension": 2, "effort": 0.0}):
        with pytest.raises(TheoryError, match="tries nothing"):
            Search(make=lambda x: Case("x"), **given)
    for name in ("the same", "point {}"):  # what only the name tells apart is one as well
        space = Search(2, lambda x, name=name: Case(name.format(x[0])))
        made = Claim("c", lambda c: 0.5, lambda c: 1.0, search=space)
        with pytest.raises(TheoryError, match="have one outcome"):
            list(adversary.run(Theorem(claims=(made,)), Context()))


def test_an_assumption_looks_at_the_instance_or_is_declared():
    with pytest.raises(TheoryError, match="does not look at the instance"):
        Assumption("H1", lambda i: True)
    with pytest.raises(TheoryError, match="does not look at the instance"):
        Assumption("H1")
    Assumption("H1", how="declared")
    Assumption("H1", lambda i: all(k < i.K for k in range(3)))


@pytest.mark.parametrize(
    "given", [(False,), [False], iter(()), "no", 0.0, None, np.array([True, False]), lambda: False]
)
def test_an_assumption_is_true_or_false(given):
    made = Theorem(assumptions=(Assumption("H1", lambda i: given if i.K else 0),), claims=(CLAIM,))
    with pytest.raises(TheoryError, match="expected True or False"):
        list(exact.run(made, Context()))


CLAIM = Claim("c", lambda c: 0.5, lambda c: 1.0, instances=lambda quick: [Case("one", K=1)])


@pytest.mark.parametrize(
    ("measured", "bound", "told"),
    [
        (lambda c: {}["key"], lambda c: 1.0, "measured side cannot be computed: KeyError"),
        (lambda c: 1.0, lambda c: (-2) ** 0.5, "bound is not real"),
        (lambda c: 1.0, lambda c: max([]), "bound cannot be computed: ValueError"),
        (lambda c: 1.0, Bound(sp.zoo), "bound cannot be computed: KeyError"),
        (
            lambda c: [Fraction(1)] * 3,
            lambda c: [Fraction(2)] * 2,
            r"\(3,\) values .* \(2,\) on 'x'",
        ),
        (lambda c: np.ones(3), lambda c: np.ones(2), r"\(3,\) values .* \(2,\) on 'x'"),
    ],
)
def test_what_a_side_raises_names_claim_and_instance(measured, bound, told):
    made = Claim("c", measured, bound, instances=lambda quick: [Case("x")])
    with pytest.raises(TheoryError, match=f"claim 'c'.*{told}"):
        list(exact.run(Theorem(claims=(made,)), Context()))


def test_what_is_called_trivial_is_true():
    for kind, trivial, holds in (
        ("upper", 0.4, False),
        ("upper", 0.6, True),
        ("lower", 0.6, False),
    ):
        made = claim(0.5, 0.5, kind, trivial=lambda c, value=trivial: value)
        (verdict,) = exact.run(Theorem(claims=(made,)), Context())
        assert (verdict.word is Word.REFUTED) is not holds
        assert ("`trivial` is not true on x" in verdict.note) is not holds
    space = Search(1, lambda x: Case("x", value=x[0]))
    made = Claim("c", lambda c: c.value, lambda c: 1.0, search=space, trivial=lambda c: 0.9)
    (verdict,) = adversary.run(Theorem(claims=(made,)), Context())
    assert verdict.word is Word.REFUTED
    assert "`trivial` is not true" in verdict.note


@pytest.mark.parametrize(("kind", "bound"), [("upper", 1e300), ("upper", 501), ("lower", -1e300)])
def test_a_bound_that_nothing_comes_near_says_nothing(kind, bound):
    (verdict,) = exact.run(Theorem(claims=(claim(0.5, bound, kind),)), Context())
    assert verdict.word is Word.VACUOUS
    assert verdict.failed
    assert "a thousandth of the bound" in verdict.note
    assert compared(claim(0.0, 0.0)).ratio == 0.0  # nothing of nothing is attained
    (verdict,) = exact.run(Theorem(claims=(claim(0.0, 0.0),)), Context())
    assert verdict.word is not Word.VACUOUS


def test_one_instance_given_often_is_one():
    made = replace(CLAIM, instances=lambda quick: [Case("one")] * 30)
    (verdict,) = exact.run(Theorem(claims=(made,)), Context())
    assert verdict.note == "1 instance"


def test_an_equality_with_a_tolerance_is_approximate():
    (verdict,) = exact.run(Theorem(claims=(claim(1.0, 1.02, "equal", tolerance=0.03),)), Context())
    assert verdict.word is Word.APPROXIMATE
    assert "within 0.03" in verdict.note


T = sp.Symbol("T", nonnegative=True)
RATES = {
    "the rate of the bound": (lambda t: 0.9**t, Word.TIGHT),
    "twice the rate: close at the start only": (lambda t: 0.9 ** (2 * t), Word.EXACT),
}


@pytest.mark.parametrize("rate", RATES)
def test_tight_is_a_matter_of_the_rate_and_not_of_the_start(rate):
    measured, word = RATES[rate]
    times = np.arange(0.0, 60.0)
    made = Claim(
        "c", lambda c: measured(c.T), Bound(sp.Float(0.9) ** T),
        instances=lambda quick: [Case("x", T=times)],
    )  # fmt: skip
    (verdict,) = exact.run(Theorem(claims=(made,)), Context())
    assert verdict.word is word
    assert verdict.ratio == 1.0
    still = replace(made, bound=Bound(sp.Integer(1)), trivial=lambda c: 1.0)  # no rate at all
    (verdict,) = exact.run(Theorem(claims=(still,)), Context())
    assert (verdict.word, verdict.failed) == (Word.VACUOUS, True)


def test_vacuous_instances_take_no_part_in_the_word():
    cases = [Case("vacuous and attained", x=1.0, top=1.0), Case("says something", x=0.2, top=1.0)]
    made = Claim(
        "c", lambda c: c.x if c.x == 1 else 0.1, lambda c: c.x,
        instances=lambda quick: cases, trivial=lambda c: c.top,
    )  # fmt: skip
    (verdict,) = exact.run(Theorem(claims=(made,)), Context())
    assert (verdict.word, verdict.ratio, verdict.vacuity) == (Word.EXACT, 0.5, 0.5)
    assert "says something on 1" in verdict.note


def test_a_bound_that_says_nothing_is_vacuous():
    def words(trivial):
        made = claim(0.5, 2.0, trivial=lambda c: trivial)
        (verdict,) = exact.run(Theorem(claims=(made,)), Context())
        return verdict.word, verdict.vacuity

    assert words(1.0) == (Word.VACUOUS, 1.0)
    assert words(3.0) == (Word.EXACT, 0.0)


def proof(step, *hypotheses, instances=()):
    """Why the step is not proved, or ""."""
    made = Claim("c", lambda c: 0.0, lambda c: 1.0, instances=lambda quick: instances)
    theorem = Theorem(claims=(made,), hypotheses=hypotheses, steps=(step,))
    (verdict,) = witness.run(theorem, Context())
    return verdict.note if verdict.word is Word.UNPROVED else ""


real, x, y = sp.Symbol("real", real=True), *sp.symbols("x y", positive=True)
FALSE_STEPS = {
    "2 <= 1": Step("s", sp.Integer(2), sp.Integer(1), ((1, (sp.Integer(-1),)),)),
    "x <= 0": Step("s", x, sp.Integer(0), ((1, (-x,)),)),
    "x^2 <= x": Step("s", x**2, x, ((1, (x - x**2,)),)),
    "an odd power": Step("s", sp.Integer(0), real**3, ((1, (real**3,)),)),
    "a letter of no sign": Step("s", sp.Integer(0), sp.Symbol("z"), ((1, (sp.Symbol("z"),)),)),
    "an even power of i": Step("s", sp.Integer(0), sp.I**2, ((1, (sp.I**2,)),)),
    "a sum of negative terms": Step("s", total(x), sp.Integer(0), ((1, (total(-x),)),)),
    "two negative factors": Step("s", x, x * y, ((1, (1 - y, -x)),)),
}


@pytest.mark.parametrize("step", FALSE_STEPS.values(), ids=FALSE_STEPS)
def test_no_witness_has_a_factor_whose_sign_nothing_shows(step):
    assert "nothing shows that" in proof(step)


SQUARE = Step("s", y * x**2, y * x + y, ((1, (y, x, 1 - x)), (1, (y,))))
SMALL = Hypothesis("x <= 1", 1 - x)


def test_a_hypothesis_counts_if_it_is_evaluated_and_holds():
    assert "evaluated on no instance" in proof(SQUARE, SMALL)
    assert proof(SQUARE, SMALL, instances=[Case("a", x=0.5, y=1.0)]) == ""
    wrong = [Case("a", x=0.5, y=1.0), Case("b", x=1.5, y=1.0)]
    assert "x <= 1 fails on b" in proof(SQUARE, SMALL, instances=wrong)
    nearly = [Case("a", x=0.5, y=1.0), Case("b", x=1 + 1e-8, y=1.0)]
    assert "x <= 1 fails on b" in proof(SQUARE, SMALL, instances=nearly)
    elsewhere = Hypothesis("x <= 1", 1 - x, cases=lambda quick: [Case("a", x=0.5)])
    assert "x <= 1 fails on b" in proof(SQUARE, elsewhere, instances=wrong)
    assert proof(SQUARE, elsewhere, instances=[Case("no x", y=1.0)]) == ""
    (verdict,) = witness.run(Theorem(hypotheses=(elsewhere,), steps=(SQUARE,)), Context())
    assert verdict.note.endswith("by the hypotheses x <= 1 (1 instances)")
    with pytest.raises(TheoryError, match="is a condition of 'd', which is no claim"):
        proof(SQUARE, replace(SMALL, of=("d",)))


def test_a_hypothesis_may_be_a_condition_of_some_claims():
    def claims(name, x):
        return Claim(name, lambda c: 0.5, lambda c: 1.0, instances=lambda q: [Case(name, x=x)])

    both = (claims("small", 0.5), claims("large", 1.5))
    for of, proved in (((), False), (("small",), True), (("large",), False)):
        given = Theorem(claims=both, hypotheses=(replace(SMALL, of=of),), steps=(SQUARE,))
        (verdict,) = witness.run(given, Context())
        assert (verdict.word is Word.CERTIFIED) is proved, of


@pytest.mark.parametrize(
    ("hypothesis", "told"),
    [
        (Hypothesis("h", -x - 1, cases=lambda q: [Case("a", x=-2.0)]), "x is declared non-neg"),
        (Hypothesis("h", -x - 1, lambda i: {"x": -2.0}), "x is declared non-negative and is -2"),
        (Hypothesis("h", 2 - x, lambda i: {"x": 1.0}), "the letter x another value than 'a' has"),
        (Hypothesis("h", 1 / x - 2, cases=lambda q: [Case("a", x=0.0)]), "fails on a"),
        (Hypothesis("h", 3 - x, cases=lambda q: [Case("a", x=np.zeros(0))]), "has no value"),
    ],
)
def test_a_hypothesis_is_evaluated_where_its_letters_have_their_signs(hypothesis, told):
    quantity = hypothesis.quantity
    step = Step("s", sp.Integer(0), quantity + y, ((1, (quantity,)), (1, (y,))))
    if told.startswith("the letter x another"):
        with pytest.raises(TheoryError, match=told):
            proof(step, hypothesis, instances=[Case("a", x=1.5, y=1.0)])
    else:
        has_own = () if hypothesis.cases else [Case("a", y=1.0)]
        assert told in proof(step, hypothesis, instances=has_own)


def test_the_hypotheses_of_a_step_hold_together():
    low, high = 1 - x, x - 2
    step = Step("s", sp.Integer(1), y, ((1, (y,)), (1, (low,)), (1, (high,))))  # false at y = 0
    one = Hypothesis("x <= 1", low, cases=lambda quick: [Case("a", x=0.5)])
    two = Hypothesis("x >= 2", high, cases=lambda quick: [Case("b", x=3.0)])
    assert "the hypothesis x >= 2 fails on a" in proof(step, one, two)
    other = Hypothesis("y <= 1", 1 - y, cases=lambda quick: [Case("c", y=0.5)])
    apart = Step("s", sp.Integer(0), low + 1 - y, ((1, (low,)), (1, (1 - y,))))
    assert "no instance gives the letters of all" in proof(apart, one, other)
    assert proof(apart, one, replace(other, cases=lambda quick: [Case("c", x=0.1, y=0.5)])) == ""


@pytest.mark.parametrize("quantity", [x - x**2, 3 * (x - x**2), 1 - x, (1 - x) ** 3, 1 / x - 1])
def test_a_hypothesis_that_is_the_step_proves_nothing(quantity):
    step = Step("s", x**2, x, ((x * (1 - x) / quantity, (quantity,)),))
    if not sp.simplify(step.witness[0][0]).is_positive:
        step = replace(step, witness=((1, (x - x**2,)),))
    given = Hypothesis("h", quantity)
    assert proof(step, given, instances=[Case("a", x=0.5)])


def test_a_hypothesis_that_the_theorem_assumes_may_be_what_a_step_needs_and_no_more():
    """Descent by half a step is the condition x <= 1 itself, which the theorem states."""
    step, given = Step("s", x**2, x, ((1, (x, 1 - x)),)), Hypothesis("x <= 1", 1 - x)
    made = Claim("c", lambda c: 0.5, lambda c: 1.0, instances=lambda q: [Case("a", x=0.5)])
    for assumption, proved in (
        (Assumption("x <= 1", lambda i: i.x <= 1), True),
        (Assumption("x <= 2", lambda i: i.x <= 2), False),
        (Assumption("x <= 1", how="declared"), False),
    ):
        theorem = Theorem((made,), (assumption,), (given,), (step,))
        (verdict,) = witness.run(theorem, Context())
        assert (verdict.word is Word.CERTIFIED) is proved, assumption


def test_a_hypothesis_is_no_stronger_than_the_assumptions():
    """x <= 1 holds on the instances that are listed; the theorem is about x <= 2."""
    assumed = Assumption("x <= 2", lambda i: i.x <= 2)
    for most, proved in ((3.0, False), (1.0, True)):
        made = Claim(
            "c", lambda c: 0.5, lambda c: 1.0, instances=lambda q: [Case("a", x=0.5, y=1.0)],
            search=Search(1, lambda u, most=most: Case("s", x=most * u[0], y=1.0)),
        )  # fmt: skip
        (verdict,) = witness.run(Theorem((made,), (assumed,), (SMALL,), (SQUARE,)), Context())
        assert (verdict.word is Word.CERTIFIED) is proved, most


def test_letters_of_the_proof_have_their_signs_on_every_instance():
    made = Claim("c", lambda c: 0.5, lambda c: 1.0, instances=lambda q: [Case("a", x=-2.0)])
    step = Step("s", x, x + x**3, ((1, (x**3,)),))
    with pytest.raises(TheoryError, match="x is declared non-negative and is -2"):
        list(exact.run(Theorem((made,), steps=(step,)), Context()))


def test_a_witness_proves_only_its_own_inequality():
    a, b = sp.symbols("a b", positive=True)
    squares = ((sp.Integer(1), ((a - b) ** 2,)),)
    assert proof(Step("s", 2 * a * b, a**2 + b**2, squares)) == ""
    assert "does not add up" in proof(Step("s", 3 * a * b, a**2 + b**2, squares))
    turned = Step("s", a**2 + b**2, 2 * a * b, ((sp.Integer(-1), ((a - b) ** 2,)),))
    assert "is not positive" in proof(turned)
    (verdict,) = witness.run(Theorem(steps=(Step("bad", a, b, ()),)), Context())
    assert verdict.word is Word.UNPROVED
    assert verdict.note.startswith("bad: no valid witness")


def test_the_adversary_finds_a_corner():
    def space(height):
        return Search(3, lambda x: Case("corner", value=float(np.prod(x)) * height))

    def verdict(height):
        made = Claim("c", lambda c: c.value, lambda c: 1.0, search=space(height))
        return next(iter(adversary.run(Theorem(claims=(made,)), Context())))

    assert verdict(1.05).word is Word.REFUTED
    assert verdict(0.99).word is Word.TIGHT
    assert verdict(0.5).word is Word.UNREFUTED


COUNTS = {"kind": "counts", "counts": ((3, 1), (1, 2))}
PROBLEMS = (
    PAIR,
    QUADRATIC,
    Pair(dimension=2, loss="logistic", pairs=COUNTS),
    Pair(dimension=2, loss="squared", score="sum", pairs=COUNTS),
)


@pytest.mark.parametrize("problem", PROBLEMS, ids=["cosine", "quadratic", "logistic", "squared"])
def test_outcomes_have_the_problems_own_gradient_and_objective(problem):
    law, tables = outcomes(problem), problem.start(0, 0)
    assert law.probability.sum() == pytest.approx(1, rel=1e-14)
    assert law.probability @ problem.losses(tables, law.samples) == pytest.approx(
        problem.objective(tables), rel=1e-12
    )
    ensemble = Ensemble(problem, SGD(lr=1.0), tables, len(law))
    ensemble.step(law.samples)
    for name, gradient in problem.gradient(tables).items():
        moved = np.tensordot(law.probability, ensemble.values(name) - tables[name], axes=1)
        np.testing.assert_allclose(moved, -gradient, atol=1e-14)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("make", [
    lambda: SGD(lr=0.1, momentum=0.5),
    lambda: CFSGD(lr=0.3, horizon=9, smoothness=2.0),
    lambda: FASGD(lr=0.3, horizon=9, smoothness=2.0, max_norm=0.4),
])  # fmt: skip
def test_an_ensemble_is_its_members_run_one_by_one(make, batch):
    law, stream, copies = outcomes(PAIR), Stream(1, 0, "ensemble"), 4
    stacked = Ensemble(PAIR, make(), PAIR.start(0, 0), copies)
    drawn = [law.batched(batch).draw(stream, t, copies) for t in range(6)]
    for samples in drawn:
        stacked.step(samples, batch)
    for s in range(copies):
        single = Ensemble(PAIR, make(), PAIR.start(0, 0), 1)
        for samples in drawn:
            own = {k: v[s * batch : (s + 1) * batch] for k, v in samples.items()}
            single.step(own, batch)
        for name in "uv":
            # The stacked gradient is divided by 4 B and multiplied back: exact for powers of two.
            np.testing.assert_allclose(single.values(name)[0], stacked.values(name)[s], rtol=1e-14)


def test_a_rule_that_couples_rows_is_refused():
    with pytest.raises(TheoryError, match="couples rows"):
        Ensemble(QUADRATIC, SGDC(lr=0.1), QUADRATIC.start(0, 0), 2)


def test_enumeration_equals_the_closed_form_for_every_batch():
    start, steps, eta = QUADRATIC.start(0, 0), 3, 0.3
    for batch in (1, 2):
        law = outcomes(QUADRATIC).batched(batch)
        begin = Ensemble(QUADRATIC, SGD(lr=eta), start, 1)
        errors = {"e": lambda run: fold((run.values("tokens") - QUADRATIC.optimum) ** 2)}
        found = expectation(begin, law, steps, errors)["e"]
        tokens = Tokens(
            "t", QUADRATIC.probabilities, QUADRATIC.curvatures,
            (QUADRATIC.curvatures * QUADRATIC.noises) ** 2,
            fold((start["tokens"] - QUADRATIC.optimum) ** 2), np.full(2, eta), steps, batch=batch,
        )  # fmt: skip
        np.testing.assert_allclose(found[-1], tokens.last(), rtol=1e-13)
        np.testing.assert_allclose(np.mean(found[:-1], axis=0), tokens.mean(), rtol=1e-13)
        if batch == 1:
            weight = QUADRATIC.probabilities / 2  # curvature 1

            def gap(tables, weight=weight):
                return np.sum(weight * (tables["tokens"] - QUADRATIC.optimum)[..., 0] ** 2, axis=1)

            exactly = float(np.sum(tokens.p * tokens.curvature * tokens.average()) / 2)
            assert expected_gap(begin, law, steps, gap) == pytest.approx(exactly, rel=1e-13)


def test_too_many_paths_are_refused():
    begin = Ensemble(PAIR, SGD(lr=0.1), PAIR.start(0, 0), 1)
    with pytest.raises(TheoryError, match="paths, more"):
        next(walk(begin, outcomes(PAIR), 40))


def test_moment_identities_tell_the_right_step_from_a_wrong_one():
    def verdict(eta):
        make = lambda: Ensemble(PAIR, SGD(lr=0.1), PAIR.start(0, 0), 1)  # noqa: E731
        return check_moments(make, outcomes(PAIR), specified.sgd(eta), steps=3, paths=2, seed=0)

    assert verdict(0.1).word is Word.EXACT
    assert verdict(0.1).measured < 1e-14
    assert verdict(0.1 * (1 + 1e-9)).word is Word.REFUTED


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_step_that_is_no_number_is_not_the_step_that_the_theory_specifies(wrong):
    """NaN is not larger than what is allowed, and passed for exact."""

    class Broken(SGD):
        def update(self, w, g, s):
            return super().update(w, g, s) if s.t == 1 else np.full_like(w, wrong)

    make = lambda: Ensemble(PAIR, Broken(lr=0.1), PAIR.start(0, 0), 1)  # noqa: E731
    with np.errstate(invalid="ignore"):
        found = check_moments(make, outcomes(PAIR), specified.sgd(0.1), steps=2, paths=1, seed=0)
    assert found.word is Word.REFUTED
    assert found.witness.endswith("step 2")
    assert "not finite" in found.note
    assert found.measured is None  # `examine` refuses a verdict with a number that is none


def test_the_ledger_multiplies_up_and_notices_a_large_step():
    def verdict(rate):
        begin = Ensemble(PAIR, SGD(lr=rate), PAIR.optimum, 1)
        return check_descent(begin, outcomes(PAIR), specified.sgd(0.1), 3)

    right = verdict(0.1)
    assert right.word is Word.EXACT
    factors = [factor for _, factor in right.ledger]
    assert all(factor >= 1 for factor in factors)
    assert factors[:3] == sorted(factors[:3])
    assert verdict(0.25).word is Word.REFUTED


def test_absolute_pairs_know_their_gap():
    problem = AbsolutePairs(pairs={"counts": ((3, 1), (1, 2))}, optimum_size=0.5, noise=0.2)
    law = outcomes(problem)
    tables = {"u": np.array([[0.35], [-0.1]]), "v": np.array([[0.9], [-1.9]])}
    score = tables["u"][law.samples["u"], 0] + tables["v"][law.samples["v"], 0]
    by_hand = law.probability @ np.abs(score - law.samples["y"]) - 0.2
    stacked = {name: table[None] for name, table in tables.items()}
    assert problem.gaps(stacked)[0] == pytest.approx(by_hand, rel=1e-14)
    best = {name: table[None] for name, table in problem.optimum.items()}
    assert problem.gaps(best)[0] == pytest.approx(0, abs=1e-15)
    ensemble = Ensemble(problem, SGD(lr=1.0), tables, len(law))
    ensemble.step(law.samples)
    moved = np.tensordot(law.probability, ensemble.values("u") - tables["u"], axes=1)
    for row in range(2):  # between its kinks the loss is linear
        higher = {**stacked, "u": tables["u"][None] + 1e-3 * np.eye(2)[row][None, :, None]}
        slope = (problem.gaps(higher) - problem.gaps(stacked))[0] / 1e-3
        assert moved[row, 0] == pytest.approx(-slope, abs=1e-12)


def summed(cost=1, weight=1, gain=1, use=1):
    """v' <= v - 2 g + c for g, c >= 0, summed, and the last step (1/T) sum g <= v_1/(2T) + c/2."""
    t, T = sp.symbols("t T", positive=True)
    c, S = sp.symbols("c S", nonnegative=True)
    g, v = (sp.Function(name, nonnegative=True)(t) for name in "gv")
    now, fall = sp.symbols("now fall", nonnegative=True)
    square = sp.Symbol("s", real=True)
    one = Step("one step", now - 2 * fall + c - square**2, now - 2 * fall + c, ((1, (square**2,)),))
    after = {now: v, fall: g, square: sp.sqrt(v - 2 * g + c - v.subs(t, t + 1))}
    telescope = Telescope("the sum", "one step", t, T, after, v, gain * 2 * g, cost * c, S, weight)
    last = Step(
        "output", S / (2 * T), v.subs(t, 1) / (2 * T) + use * c / 2,
        ((1, (1 / (2 * T), telescope.quantity)), (1, (1 / (2 * T), v.subs(t, T + 1)))),
    )  # fmt: skip
    (verdict,) = witness.run(Theorem(steps=(one, last), sums=(telescope,)), Context())
    return verdict


def test_a_telescoping_sum_is_part_of_the_chain():
    assert summed().word is Word.CERTIFIED
    assert "summed" in summed().note
    for wrong in ({"cost": 0}, {"weight": -1}, {"gain": 2}, {"use": 0}):
        assert summed(**wrong).word is Word.UNPROVED, wrong


def test_a_sum_rests_on_the_hypotheses_of_its_step():
    """That c <= 1 was used in the step, so c >= 2 may not be used after its sum."""
    time, end = sp.symbols("t T", positive=True)
    a, (b, c, sum_) = sp.Symbol("a", real=True), sp.symbols("b c S", nonnegative=True)
    g, v = (sp.Function(name, nonnegative=True)(time) for name in "gv")
    one = Step("one", -b, a**2 * (1 - c), ((1, (a**2, 1 - c)), (1, (b,))))
    where = {b: sp.Integer(0), a: sp.sqrt((v - v.subs(time, time + 1) + c - g) / (1 - c))}
    telescope = Telescope("sum", "one", time, end, where, v, g, c, sum_)
    right = telescope.quantity + sum_ + c - 2
    last = Step("last", sum_, right, ((1, (telescope.quantity,)), (1, (c - 2,))))
    low = Hypothesis("c <= 1", 1 - c, cases=lambda quick: [Case("a", c=0.5)])
    high = Hypothesis("c >= 2", c - 2, cases=lambda quick: [Case("b", c=3.0)])
    made = Theorem(hypotheses=(low, high), steps=(one, last), sums=(telescope,))
    (verdict,) = witness.run(made, Context())
    assert verdict.word is Word.UNPROVED
    assert verdict.note.startswith("last: the hypothesis c >= 2 fails on a")


def test_a_sum_puts_in_what_has_the_letters_sign():
    """0 <= g says nothing of g = -t."""
    time, end = sp.symbols("t T", positive=True)
    g = sp.Symbol("g", nonnegative=True)
    one = Step("one", sp.Integer(0), g, ((1, (g,)),))
    telescope = Telescope("sum", "one", time, end, {g: -1}, -time, sp.Integer(0), sp.Integer(0), g)
    last = Step("last", g, telescope.quantity + g, ((1, (telescope.quantity,)),))
    (verdict,) = witness.run(Theorem(steps=(one, last), sums=(telescope,)), Context())
    assert "the step has g >= 0, and -1 is negative" in verdict.note


def test_what_is_called_sharper_is_no_bound_below_the_measured_side():
    for sharper, holds in ((0.4, False), (0.6, True)):
        made = claim(0.5, 1.0, sharper=lambda c, value=sharper: value)
        (verdict,) = exact.run(Theorem(claims=(made,)), Context())
        assert ("`sharper` is not true on x" in verdict.note) is not holds


def test_an_inequality_has_no_tolerance_but_rounding():
    with pytest.raises(TheoryError, match="write the factor into its bound"):
        claim(1.3, 1.0, tolerance=0.49)


STEP = Step("s", sp.Integer(0), x, ((1, (x,)),))
NEGATIVE = sp.Symbol("n", negative=True)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({"claims": (CLAIM, CLAIM)}, "two claims are called 'c'"),
        ({"hypotheses": (SMALL, replace(SMALL, quantity=x))}, "two hypotheses are called"),
        ({"steps": (STEP, STEP)}, "two steps are called 's'"),
        ({"claims": (CLAIM,), "allowed": {"d": "why"}}, "`allowed` names 'd', which is no row"),
        ({"steps": (Step("n", NEGATIVE, 0, ((1, (-NEGATIVE,)),)),)}, "n is declared negative"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(made, told):
    with pytest.raises(TheoryError, match=told):
        check_form(Theorem(**made))
