"""Equal budgets, extension until the best is interior, and what is said where it is not."""

import math

import pytest

from freqopt.experiment.protocol.search import Search


def searched(function, rounds, axes=1, schedules=1):
    search, asked = Search(axes, schedules), []
    for count in rounds:
        asked += search.propose(count - len(asked))
        search.scores = {trial: function(*trial) for trial in asked}
    return search, asked


def test_the_search_walks_to_a_minimum_far_from_its_start():
    search, asked = searched(lambda k, _: (k[0] - 6) ** 2, range(3, 22, 2))
    assert search.best == ((6,), 0)
    assert search.edges() == []
    assert len(asked) == len(set(asked)) == 21


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
