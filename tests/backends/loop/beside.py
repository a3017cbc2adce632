"""A simulation taken through the compiled loop beside the reference's."""

from __future__ import annotations

from typing import Any

import freqopt
from freqopt.backends import Simulation
from freqopt.backends.numba import NumbaBackend
from freqopt.backends.numpy import NumpyBackend

from ..compared import same


def two(problem: dict[str, Any], rule: dict[str, Any], **options: Any) -> list[Simulation]:
    """The same simulation twice, before its first step."""
    return [
        Simulation.begin(freqopt.problem(**problem), freqopt.rule(**rule), **options)
        for _ in range(2)
    ]


def compare(found: Simulation, expected: Simulation) -> None:
    """Everything that steps change, bit for bit."""
    assert found.step == expected.step
    for name, array in expected.parameters.items():
        assert same(found.parameters[name], array), f"table {name} after {expected.step} steps"
        for slot, values in expected.states[name].items():
            assert same(found.states[name][slot], values), f"slot {slot} of table {name}"
    for name, sums in (expected.movement or {}).items():
        for what in ("moved", "pushed", "visits"):
            assert same(getattr(found.movement[name], what), getattr(sums, what)), what


def agree(
    problem: dict[str, Any], rule: dict[str, Any], stops: tuple[int, ...], **options: Any
) -> None:
    """Both loops up to each of the stops, compared at the last."""
    found, expected = two(problem, rule, steps=stops[-1], **options)
    backend = NumbaBackend(patience=0)
    for stop in stops:
        backend.advance(found, stop)
    NumpyBackend().advance(expected, stops[-1])
    compare(found, expected)
