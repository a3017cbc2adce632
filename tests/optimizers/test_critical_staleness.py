"""How old a stored gradient gets: MEM-6 to MEM-9 (derived), and the age cap."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqopt.optimizers import rules

Snapshot = tuple[float, dict[int, float], dict[int, float]]


def memory(norms: Sequence[float], **options: Any) -> Iterator[Snapshot]:
    """Norm of each step, and the buffer (step -> priority) before and after it."""
    rule = rules["sgd_c"](**options)
    table = np.zeros((1, 1))
    state = rule.init(table)

    def items() -> dict[int, float]:
        length = int(state["length"])
        born, priorities = state["born"][:length], state["priorities"][:length]
        return dict(zip(born.tolist(), priorities.tolist(), strict=True))

    for norm in norms:
        before = items()
        rule.step(table, state, np.array([0]), np.array([[float(norm)]]))
        yield norm, before, items()


def largest_delay(norms: Sequence[float], **options: Any) -> int:
    """K: the largest delay that an aggregate used."""
    steps = enumerate(memory(norms, **options), 1)
    return max((t - min(before) for t, (_, before, _) in steps if before), default=0)


def critical_age(ratio: float, decay: float) -> int:
    """D': the first age at which the largest norm has decayed below the smallest."""
    return math.floor(math.log(ratio) / math.log(1 / decay)) + 1


@st.composite
def bands(draw: st.DrawFn) -> tuple[list[float], int, float, float]:
    """Norms in [1, R] with many equal to an end of the band; C; lambda; R."""
    capacity, decay = draw(st.sampled_from([1, 2, 3, 5])), draw(st.sampled_from([0.5, 0.7, 0.9]))
    ratio = draw(st.sampled_from([1.0, 2.0, 10.0, 30.0]))
    norm = st.one_of(st.just(1.0), st.just(ratio), st.floats(1.0, ratio))
    return draw(st.lists(norm, min_size=10, max_size=60)), capacity, decay, ratio


@settings(max_examples=100)
@given(bands())
def test_mem_6_eviction_order(band: tuple[list[float], int, float, float]) -> None:
    """A stored gradient is gone after the C-th larger norm that met a full buffer."""
    norms, capacity, decay, _ = band
    larger: Counter[int] = Counter()
    options = {"capacity": capacity, "priority_decay": decay, "threshold": "minimum"}
    for norm, before, after in memory(norms, **options):
        if len(before) == capacity:
            larger.update(born for born, priority in before.items() if norm > priority)
        assert all(larger[born] < capacity for born in after)


@settings(max_examples=100)
@given(bands())
def test_mem_7_and_mem_8_bounds(band: tuple[list[float], int, float, float]) -> None:
    norms, capacity, decay, ratio = band
    options = {"capacity": capacity, "priority_decay": decay}
    age = critical_age(ratio, decay)
    ideal = largest_delay(norms, threshold="minimum", **options)
    assert ideal <= capacity + age - 1  # (6.1)
    official = largest_delay(norms, threshold="slot0", **options)
    assert official <= (capacity + 1) * age - 1  # (6.2)


@pytest.mark.parametrize(
    ("capacity", "decay", "ratio", "bound"),
    [(10, 0.7, 10, 16), (10, 0.7, 1000, 29), (10, 0.99, 10, 239)],
)
def test_mem_7_is_attained(capacity: int, decay: float, ratio: float, bound: int) -> None:
    """One large norm among ones, once the buffer is full."""
    norms = [1.0] * capacity + [ratio] + [1.0] * (bound + 5)
    assert capacity + critical_age(ratio, decay) - 1 == bound  # (6.1), the published example
    options = {"capacity": capacity, "priority_decay": decay, "threshold": "minimum"}
    assert largest_delay(norms, **options) == bound


def test_the_official_threshold_exceeds_the_ideal_bound() -> None:
    """C = 3, lambda = 0.7, R = 10: delay 12 where (6.1) allows 9 and (6.2) 27."""
    norms = [3, 3, 10, 10, 3, 1.5, 1.5, 1, 9, 1, 4.5, 3, 2, 1.5, 1, 9]
    options = {"capacity": 3, "priority_decay": 0.7}
    assert largest_delay(norms, threshold="slot0", **options) == 12
    assert largest_delay(norms, threshold="minimum", **options) == 8


def test_mem_9_a_stuck_buffer() -> None:
    """Norms 0.65^t against decay 0.7: after 400 steps the first three gradients are still there."""
    options = {"capacity": 3, "priority_decay": 0.7}
    *_, (_, _, after) = memory([0.65**t for t in range(400)], **options)
    assert sorted(401 - born for born in after) == [398, 399, 400]


@pytest.mark.parametrize("insertion", ["after", "before"])
@pytest.mark.parametrize("max_age", [1, 4, 20])
def test_the_age_cap_bounds_every_delay(max_age: int, insertion: str) -> None:
    """With the same norms; the oldest aggregated gradient has exactly the largest age."""
    norms = [0.65**t for t in range(100)]
    options = {"capacity": 3, "priority_decay": 0.7, "max_age": max_age, "insertion": insertion}
    used = []
    for t, (_, before, after) in enumerate(memory(norms, **options), 1):
        assert all(t - born <= max_age for born in after)
        used += [t - born for born in before if born in after]
    assert max(used) == max_age
