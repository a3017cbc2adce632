"""Ticks of logarithmic axes, as they are read."""

import matplotlib.pyplot as plt
import pytest

from freqopt.report.ticks import plain_ticks


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.25, 0.8, ["0.3", "0.4", "0.5", "0.7"]),
        (0.95, 1.3, ["1", "1.1", "1.2", "1.3"]),
        (8, 250, ["10", "20", "50", "100", "200"]),
        (200, 40_000, ["300", "1,000", "3,000", "10,000", "30,000"]),
        (2e-9, 2e-7, ["$3 \\times 10^{-9}$", "$10^{-8}$", "$3 \\times 10^{-8}$", "$10^{-7}$"]),
    ],
)
def test_numbers_are_written_out(low, high, labels):
    _, axes = plt.subplots()
    axes.set(yscale="log", ylim=(low, high))
    plain_ticks(axes.yaxis)
    axes.figure.canvas.draw()
    assert [tick.get_text() for tick in axes.get_yticklabels()] == labels
    assert not any(tick.get_text() for tick in axes.get_yticklabels(minor=True))
    plt.close("all")


def test_what_is_not_logarithmic_or_has_its_own_ticks_is_left_alone():
    _, (linear, own, wide) = plt.subplots(3)
    own.set(yscale="log", ylim=(1, 100))
    own.set_yticks([7], ["seven"])
    wide.set(yscale="log", ylim=(1e-9, 1e3))
    before = type(wide.yaxis.get_major_locator())
    for axes in (linear, own, wide):
        plain_ticks(axes.yaxis)
    assert [tick.get_text() for tick in own.get_yticklabels()] == ["seven"]
    assert type(wide.yaxis.get_major_locator()) is before
    assert len(linear.get_yticks()) > 2
    plt.close("all")
