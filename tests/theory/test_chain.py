"""The chain of visits: all visit patterns enumerated, a scenario tree, closed forms, bad input."""

import csv
import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from freqopt.errors import TheoryError
from freqopt.optimizers import rules
from freqopt.theory import Context, Word
from freqopt.theory.engines.chain import projected, rows, steps
from freqopt.theory.engines.chain import worst as engine
from freqopt.theory.engines.chain.gram import NoValueError, Programme, product
from freqopt.theory.engines.chain.replay import replayed
from freqopt.theory.engines.chain.tokens import Chain, Mean
from freqopt.theory.engines.chain.visits import by_visits, occupation, patterns
from freqopt.theory.engines.chain.worst import worst
from freqopt.theory.examine import absent

pytest.importorskip("clarabel", reason="worst cases need the extra 'theory'")


def random_cases():
    rng = np.random.default_rng(23)
    for i in range(24):
        steps, p = int(rng.integers(1, 6)), float(rng.choice([1.0, rng.uniform(0.05, 0.95)]))
        eta, size = float(rng.uniform(0.1, 1.0)), float(rng.uniform(0.2, 2.0))
        kind = ("bounded", "smooth", "noisy", "strongly convex")[i % 4]
        given = {
            "bounded": {"gamma2": size},
            "smooth": {"L": 1.0},
            "noisy": {"L": 1.0, "sigma2": size, "noisy": True},
            "strongly convex": {"mu": 0.3, "gamma2": size},
        }[kind]
        if kind == "noisy":
            steps = min(steps, 4)  # 3^(T - 1) paths
        law = rng.dirichlet(np.ones(steps)) if i % 3 == 0 else np.full(steps, 1 / steps)
        yield pytest.param(steps, p, eta, law, given, id=f"{kind} {i}, T = {steps}, p = {p:.2f}")


def both_sides(steps, p, eta, law, given):
    """(enumerated value of the worst function under SGD, upper value of the programme)."""
    found = worst(Chain(tuple(occupation(steps, p, law)), (eta,) * (steps - 1), **given))
    return replayed(found, rules["sgd"](lr=eta), p, law)[0], found.upper


@pytest.mark.parametrize(("steps", "p", "eta", "law", "given"), list(random_cases()))
def test_all_visit_patterns_of_the_real_rule_on_the_worst_function(steps, p, eta, law, given):
    """What SGD does on a function that is written down = the chain's value = the upper bound."""
    enumerated, upper = both_sides(steps, p, eta, law, given)
    assert enumerated == pytest.approx(upper, rel=1e-5)
    assert enumerated <= upper


class TestPlantedMistakes:
    """What the test above would say of an engine with a mistake in it."""

    @pytest.fixture(autouse=True)
    def _nothing_remembered(self):
        worst.cache_clear()
        yield
        worst.cache_clear()

    def noticed(self):
        return any(self.wrong(*case.values) for case in random_cases())

    def wrong(self, steps, p, eta, law, given):
        try:
            enumerated, upper = both_sides(steps, p, eta, law, given)
        except (NoValueError, TheoryError):  # no function, or a row where the chain has none
            return True
        return enumerated != pytest.approx(upper, rel=1e-5)

    def test_none(self):
        assert not self.noticed()

    @pytest.mark.parametrize("row", range(4))  # those of x_0, and some of x_1
    def test_a_dropped_interpolation_inequality(self, monkeypatch, row):
        whole = Programme.interpolate

        def dropped(programme, points, mu, L):
            whole(programme, points, mu, L)
            if row < len(programme.rows):
                form, values, _ = programme.rows[row]
                programme.rows[row] = (0 * form, 0 * values, 1.0)

        monkeypatch.setattr(Programme, "interpolate", dropped)
        assert self.noticed()

    def test_a_wrong_weight(self, monkeypatch):
        """The visit of the present step counted in."""
        right = occupation

        def shifted(steps, p, law):
            return right(steps + 1, p, [0.0, *law])[1:]

        monkeypatch.setitem(globals(), "occupation", shifted)
        assert self.noticed()

    def test_noise_that_is_not_orthogonal_to_the_past(self, monkeypatch):
        monkeypatch.setattr(Programme, "orthogonal", lambda programme, a, b: None)
        monkeypatch.setattr(engine._Built, "repaired", lambda built, vectors: vectors)
        assert self.noticed()

    def test_noise_whose_images_fit_no_function(self, monkeypatch):
        monkeypatch.setattr(engine, "_reflectable", lambda programme, *rest: None)
        assert self.noticed()


@pytest.mark.parametrize(("steps", "p"), [(2, 1.0), (2, 0.5), (3, 1.0), (3, 0.5)])
def test_the_averaged_iterate_equals_the_scenario_tree(steps, p):
    pytest.importorskip("PEPit", reason="the tree needs the extra 'theory'")
    from tests.theory.scenario_tree import scenario_tree

    chain = Chain(
        (0.0,) * steps, (1.0,) * (steps - 1), L=1.0, sigma2=0.09, noisy=True,
        means=patterns(steps, p),
    )  # fmt: skip
    found, tree = worst(chain), scenario_tree(steps, p, 1.0, 0.09)
    assert found.lower == pytest.approx(tree, abs=1e-5)
    assert found.upper == pytest.approx(tree, abs=1e-5)


@pytest.mark.parametrize(("steps", "eta"), [(1, 1.0), (4, 1.0), (12, 0.25)])
def test_gradient_descent_has_its_known_worst_case(steps, eta):
    """Averaged iterate: R^2/(2 eta T) at eta = 1/L; T/(T + 3) of it at eta = 1/(4L)."""
    share = 1.0 if eta == 1.0 else steps / (steps + 3)
    chain = Chain((0.0,) * steps, (eta,) * (steps - 1), L=1.0, means=patterns(steps, 1.0))
    assert worst(chain).lower == pytest.approx(share / (2 * eta * steps), rel=1e-5)


def test_the_averaged_iterate_is_between_its_two_bounds():
    steps, p = 4, 0.3
    weights, zeros = tuple(occupation(steps, p)), (0.0,) * steps
    eta = (1 / np.sqrt(steps * p),) * (steps - 1)
    met, averaged, random = (
        worst(Chain(w, eta, gamma2=1.0, means=means))
        for w, means in ((zeros, by_visits(steps, p)), (zeros, patterns(steps, p)), (weights, ()))
    )
    assert met.upper < averaged.lower < averaged.upper < random.lower
    law = np.full(steps, 1 / steps)
    on_paths = replayed(averaged, rules["sgd"](lr=eta[0]), p, law)[1]
    assert on_paths == pytest.approx(averaged.lower, rel=1e-9)


def test_bounded_noise_adds_nothing_to_a_bounded_second_moment():
    weights, eta = tuple(occupation(4, 0.5)), (0.7,) * 3
    without, noisy = (worst(Chain(weights, eta, gamma2=1.0, noisy=n)) for n in (False, True))
    assert noisy.upper == pytest.approx(without.lower, rel=1e-5)


def test_what_is_left_out_of_a_long_chain_is_bounded():
    whole = Chain(tuple(occupation(12, 0.3)), (0.5,) * 11, gamma2=1.0)
    short = whole.trimmed(1e-2)
    assert short.visits < whole.visits
    assert worst(short).lower < worst(whole.trimmed()).lower <= worst(short).upper


def test_a_row_is_projected_onto_the_set():
    """By variational inequality: x is the nearest point of the hull to y."""
    weights, steps = occupation(4, 1.0), 3 / np.sqrt(np.arange(1, 4))
    programme = projected.projected(weights, steps)
    vectors, values = programme.feasible(programme.solve(weights))
    x = [vectors[:, 0]]
    for n in range(3):
        y = x[-1] - steps[n] * vectors[:, 1 + n]
        x.append(y - vectors[:, 5 + n])
        assert np.linalg.norm(y - x[-1]) > 1e-3  # the projection does something
        assert all((y - x[-1]) @ (z - x[-1]) <= 1e-12 for z in [*x, 0 * y])
    slopes, corners = vectors.T[1:5], np.array(x)
    heights = values + corners @ slopes.T - np.sum(slopes * corners, axis=1)  # [row, piece]
    assert weights @ np.maximum(heights.max(axis=1), 0) == pytest.approx(weights @ values)


class TestBestSteps:
    """The stored table, and what its weights and classes are."""

    @pytest.fixture
    def stored(self):
        with (Path(__file__).parents[2] / "proofs_check" / "best_steps.csv").open() as file:
            return list(csv.DictReader(file))

    def test_two_of_the_rows_searched_again(self, stored):
        stored = {float(r["lambda"]): r for r in stored if r["theorem"] == "FA-15"}
        searches = {s.expected: s for s in steps.searches() if s.theorem == "FA-15"}
        for visits in (0.4, 1.0):
            made = searches[visits].row()
            e, value = float(made["best_e"]), float(made["upper"])
            assert e == pytest.approx(float(stored[visits]["best_e"]), rel=0.02)  # flat there
            for name in ("lower", "upper"):
                assert float(made[name]) == pytest.approx(float(stored[visits][name]), rel=1e-5)
            capped = searches[visits].upper(1.0) / value - 1
            assert capped == pytest.approx(float(stored[visits]["loss_capped"]), abs=1e-5)
        assert max(float(row["loss_seen"]) for row in stored.values()) < 0.003
        assert max(float(row["loss_capped"]) for row in stored.values()) < 0.013

    def test_every_theorem_at_a_small_lambda(self, stored):
        """Both sides are computed again, and steps beside the best are worse."""
        stored = {(r["theorem"], float(r["lambda"])): r for r in stored}
        small = {"FA-19, p = 1": 3}
        searches = [s for s in steps.searches() if s.expected == small.get(s.theorem, 0.4)]
        assert len(searches) == len({s.theorem for s in steps.searches()}) == 8
        for search in searches:
            row = stored[search.theorem, search.expected]
            e, upper = float(row["best_e"]), float(row["upper"])
            assert search.upper(e) == pytest.approx(upper, rel=1e-5)
            assert min(search.upper(e * 1.1), search.upper(e / 1.1)) > upper
            lower = search.lower(float(row["e_of_lower"] or e))
            assert lower == pytest.approx(float(row["lower"]), rel=1e-5)

    def test_the_sides_meet_or_the_band_is_said(self, stored):
        for row in stored:
            lower, upper = float(row["lower"]), float(row["upper"])
            assert lower <= upper
            assert upper - lower < (0.25 if row["e_of_lower"] else 5e-4) * upper
        again = steps.with_exponents(stored)
        assert [row["exponent"] for row in again] == [row["exponent"] for row in stored]

    def test_the_weights_of_a_law_that_grows(self):
        T, visits = 400, 2.0
        law = 2 * np.arange(1.0, T + 1) / (T * (T + 1))
        rare = steps.growing(visits)[:6]  # the limit is off by n^2/T
        assert rare == pytest.approx(T * occupation(T, visits / T, law)[:6], rel=0.02)

    def test_a_projected_strongly_convex_chain(self):
        """At the theorem's step the sharper bound, even with |g| <= 1 on all of the hull."""
        T = 3
        weights, fall = occupation(T, 1.0, [1 / 6, 1 / 3, 1 / 2]), 2 / np.arange(2.0, T + 1)
        for everywhere in (False, True):
            sides = projected.bracket(weights, fall, 1.0, everywhere=everywhere)
            assert sides == pytest.approx(2 * [23 / 72], rel=1e-6)
        on_hull, upper = projected.bracket(weights, fall / 2, 1.0, everywhere=True)
        assert on_hull < 0.95 * upper
        # Without a projection a long step leads to where no function of the class has a row.
        free = Chain(tuple(weights), tuple(2 * fall), mu=1.0, R2=None, gamma2=1.0)
        assert worst(free).upper < 0.95 * projected.bracket(weights, 2 * fall, 1.0)[0]


class TestASolverThatFails:
    CHAIN = Chain(tuple(occupation(3, 0.5)), (0.8, 0.8), gamma2=1.0)

    def listed(self):
        worst.cache_clear()
        yield rows.row("T = 3", rows.RANDOM, 1.0, self.CHAIN)

    @pytest.mark.parametrize("status", ["PrimalInfeasible", "NumericalError", "Unsolved"])
    def test_its_word_is_said_and_its_numbers_are_not_used(self, monkeypatch, status):
        import clarabel

        class Answer:
            x = z = np.zeros(1)

        Answer.status = status

        class Broken:
            def __init__(self, *given):
                pass

            def solve(self):
                return Answer

        monkeypatch.setattr(clarabel, "DefaultSolver", Broken)
        verdict = rows.judged(self.listed)
        assert verdict.word is Word.UNPROVED
        assert verdict.measured is None
        assert status in verdict.note

    def test_a_slightly_infeasible_point_is_no_bound(self, monkeypatch):
        """Off by 1e-3: the upper value stays above the truth, and no function is made of it."""
        honest, truth = Programme.solve, worst(self.CHAIN).lower

        def inaccurate(programme, weights, accuracy=1e-9):
            found = honest(programme, weights, accuracy)
            noise = np.random.default_rng(0)
            return replace(
                found,
                values=found.values + 1e-3,
                multipliers=found.multipliers + 1e-3 * noise.normal(size=len(programme.rows)),
            )

        worst.cache_clear()
        monkeypatch.setattr(Programme, "solve", inaccurate)
        try:
            found = worst(self.CHAIN)
        except NoValueError:
            pass
        else:
            assert found.lower <= truth * (1 + 1e-8)
            assert found.upper >= truth
        finally:
            worst.cache_clear()

    def test_without_the_extra_the_rows_are_listed_as_not_verified(self, monkeypatch):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        assert "clarabel" in absent(rows.check("every function", self.listed), Context())


@pytest.mark.parametrize(
    ("shares", "word"),
    [
        ((0.5, 0.5), Word.EXACT),
        ((0.99, 0.99), Word.TIGHT),
        ((1.001, 1.001), Word.REFUTED),
        ((0.9, 1.1), Word.UNPROVED),
        ((0.5, 0.6), Word.UNPROVED),
    ],
)
def test_verdicts(shares, word):
    row = rows.Row("a case", rows.RANDOM, 2.0, *(2 * share for share in shares))
    assert rows.judged(lambda: [row]).word is word


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"weights": (1.0, 1.0), "steps": (1.0, 1.0)}, "one step less"),
        ({"weights": (1.0, np.nan), "gamma2": 1.0}, "not a number"),
        ({"L": np.inf}, "gamma"),
        ({"mu": 2.0, "L": 1.0}, "mu < L"),
        ({"R2": None, "L": 1.0}, "start distance"),
    ],
)
def test_a_chain_that_has_no_worst_case_is_refused(given, said):
    with pytest.raises(TheoryError, match=said):
        Chain(**{"weights": (1.0, 0.5), "steps": (1.0,), **given})


def test_a_mean_that_is_a_row_is_that_row():
    chain = Chain((0.5,), (), gamma2=1.0, means=(Mean(0.25, (1.0,)),))
    assert worst(chain).lower == pytest.approx(0.75, rel=1e-6)


def test_a_frequency_must_be_one():
    with pytest.raises(TheoryError, match="0 < p <= 1"):
        occupation(3, 0.0)


def test_upper_needs_no_honest_multipliers():
    """Weak duality for arbitrary ones: max F_0 over |x_0|^2 <= 1, |g_0|^2 <= 1 is 1."""
    built = engine._built(Chain((1.0,), (), gamma2=1.0), signs=False)
    found = built.programme.solve(built.weights)
    rng = np.random.default_rng(1)
    for _ in range(50):
        wild = found.multipliers + rng.normal(size=4) * rng.choice([1e-6, 1])
        changed = replace(found, multipliers=wild)
        assert built.programme.upper(built.weights, changed, 2.0) >= 1 - 1e-12


def test_forms_are_inner_products():
    a, b, v = np.random.default_rng(2).normal(size=(3, 4))
    assert v @ product(a, b) @ v == pytest.approx((a @ v) * (b @ v))
