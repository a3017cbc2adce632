"""The fold against its definition, written as a loop over Python floats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqopt.streams import fold


def folded_by_definition(values: list[float]) -> float:
    padded = 1
    while padded < len(values):
        padded *= 2
    half = padded // 2
    while len(values) > 1:
        upper = values[half:]
        values = [v + upper[i] if i < len(upper) else v for i, v in enumerate(values[:half])]
        half //= 2
    return values[0]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=70))
def test_equals_its_definition_bit_for_bit(values: list[float]) -> None:
    assert fold(np.array(values)) == folded_by_definition(values)


def test_order_is_upper_half_onto_lower_half() -> None:
    # (1e16 - 1e16) + 1 = 1; from left to right the 1 would be lost: 0
    assert fold(np.array([1e16, 1.0, -1e16])) == 1.0
    # five numbers: h = 4 first, so x0 + x4
    assert fold(np.array([1e16, 1.0, 0.0, 0.0, -1e16])) == 1.0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("shape", [(3, 5, 2), (1, 7, 4), (8, 1, 9)])
def test_every_axis_and_dtype(shape: tuple[int, ...], axis: int, dtype: type) -> None:
    x = (np.arange(np.prod(shape)) ** 2 % 101 / 7.0).reshape(shape).astype(dtype)
    before = x.copy()
    result = fold(x, axis=axis)
    assert result.dtype == dtype
    lanes = np.moveaxis(x, axis, -1)
    assert result.shape == lanes.shape[:-1]
    for place in np.ndindex(result.shape):
        assert result[place] == folded_by_definition(list(lanes[place]))
    assert (x == before).all()


def test_result_is_not_a_view_of_the_input() -> None:
    x = np.ones((3, 1))
    fold(x)[0] = 9.0
    assert (x == 1.0).all()


def test_one_axis_gives_a_scalar_and_no_element_gives_zero() -> None:
    assert isinstance(fold(np.array([2.0, 3.0])), np.float64)
    assert isinstance(fold(np.array([], dtype=np.float32)), np.float32)
    assert fold(np.zeros((4, 0))).tolist() == [0.0, 0.0, 0.0, 0.0]
