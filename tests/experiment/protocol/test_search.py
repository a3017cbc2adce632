"""Equal budgets, extension until the best is interior, and what is said where it is not."""

import math

import pytest

from freqopt.experiment.protocol.search import Search, scanned


def searched(function, rounds, axes=1, schedules=1, first=(0,)):
    search, asked = Search(axes, schedules, first), []
    for count in rounds:
        asked += search.propose(count - len(asked))
        search.scores = {trial: function(*trial) for trial in asked}
    return search, asked


def test_the_search_walks_to_a_minimum_far_from_its_start():
    search, asked = searched(lambda k, _: (k[0] - 6) ** 2, range(3, 22, 2))
    assert search.best == ((6,), 0)
    assert search.edges() == []
    assert len(asked) == len(set(asked)) == 21


@pytest.mark.parametrize("factor", [2.0, 3.0, 10.0])
def test_a_plateau_round_the_start_is_left(factor):
    """Neighbours of the start are all equal, and slightly better where it leads nowhere."""

    def plateau(places, _):
        lr = factor ** places[0]
        return (
            0.7 - 1e-4 * places[1]
            if lr < 5
            else 0.5 + abs(math.log(lr / 40)) / 99 + places[1] ** 2 / 9
        )

    at = scanned(4, factor)
    assert at[:3] == (0, -at[2], at[2])
    near, _ = searched(plateau, [5, 9, 13, 17], axes=2)
    far, asked = searched(plateau, [5, 9, 13, 17, 21], axes=2, first=at)
    assert near.scores[near.best] > 0.69 or factor > 5  # it walks along the other axis
    assert far.scores[far.best] < 0.515
    assert 0 not in far.edges()
    assert len(asked) == len(set(asked)) == 21
    assert len(Search(2, 1, at).propose(3)) == 3


def test_a_best_at_an_edge_is_said():
    search, _ = searched(lambda k, _: (k[0] - 6) ** 2, [3, 5, 7])
    assert search.edges() == [0]
    search, _ = searched(lambda k, _: (k[0] - 0) ** 2 + (k[1] - 3) ** 2, [5, 9], axes=2)
    assert 1 in search.edges()


def test_where_all_diverge_rates_fall_and_no_side_is_safe():
    search, _ = searched(lambda k, _: math.inf if k[0] > -4 else -k[0], range(3, 14, 2))
    assert search.best == ((-4,), 0)
    assert searched(lambda *_: math.inf, [3])[0].edges() == [0]


@pytest.mark.parametrize("schedules", [1, 3])
def test_every_schedule_is_tried_at_the_best_numbers(schedules):
    search, asked = searched(lambda k, s: (k[0] - 1) ** 2 - s / 9, [4, 8, 16], schedules=schedules)
    assert search.best == ((1,), schedules - 1)
    assert {((1,), s) for s in range(schedules)} <= set(asked)
    assert len(asked) == 16


@pytest.mark.parametrize(("step", "edges"), [(5e-5, []), (2e-4, [1])])
def test_an_axis_that_is_flat_has_no_edge_and_the_rate_is_never_flat(step, edges):
    search, _ = searched(lambda k, _: k[0] ** 2 + 1 + step * k[1], [5], axes=2)
    assert search.best == ((0, -1), 0)
    search.scores |= {((side, -1), 0): 9.0 for side in (-1, 1)}
    assert search.edges() == edges
    assert searched(lambda k, _: 1 + step * k[0], [3])[0].edges() == [0]


def test_a_flat_axis_is_not_walked_along():
    """The sides of the rate are looked at instead, and there is an end."""
    search, asked = searched(lambda k, _: k[0] ** 2 + 1 + 5e-5 * k[1], [5, 9, 13], axes=2)
    assert search.best == ((0, -1), 0)
    assert search.edges() == []
    assert {places[1] for places, _ in asked} == {-1, 0, 1}
