"""The exponential tail against exact probabilities, from the table and by inversion."""

from typing import Any

import mpmath
import numpy as np
import pytest

from freqopt.errors import SamplerError
from freqopt.streams import ExponentialTail, Stream


@pytest.mark.parametrize("rate", [1e-300, 1e-9, 0.01, 0.3, 2.0, 40.0])
@pytest.mark.parametrize("size", [1, 2, 500])
def test_probabilities(rate: float, size: int) -> None:
    with mpmath.workprec(200):
        weights = [mpmath.exp(-mpmath.mpf(rate) * k) for k in range(size)]
        exact = [float(w / mpmath.fsum(weights)) for w in weights]
    law = ExponentialTail(rate, size)
    # e^-x has the rounding of x = rate k as relative error: x 2^-53, plus 5 roundings
    np.testing.assert_allclose(
        law.probabilities(), exact, rtol=(rate * size + 5) * 2.0**-53, atol=5e-324
    )
    if size > 1:
        pair = law.probability(np.array([1, 0]))
        assert pair.tolist() == law.probabilities()[[1, 0]].tolist()


@pytest.mark.parametrize(("rate", "size"), [(0.1, 30), (1e-4, 20), (1.0, 8)])
def test_draws_from_the_table(rate: float, size: int, accepts: Any) -> None:
    draws = ExponentialTail(rate, size).draw(Stream(1, 0, "tail"), 0, 500_000)
    assert accepts(draws, ExponentialTail(rate, size).probabilities())
    assert not accepts(draws, ExponentialTail(rate + 0.02, size).probabilities())


@pytest.mark.parametrize(
    ("rate", "size"), [(1e-4, 65_536), (1e-5, 65_536), (1e-3, 10**9), (1e-9, 10**9), (3e-10, 2**32)]
)
def test_draws_by_inversion(rate: float, size: int, accepts: Any) -> None:
    law = ExponentialTail(rate, size)
    assert law.table is None
    draws = law.draw(Stream(2, 0, "tail"), np.arange(5), 100_000).reshape(-1)
    assert 0 <= draws.min() <= draws.max() < size
    edges = np.floor(min(size, 7 / rate) * np.arange(40) / 40)
    for scale, right in [(1.0, True), (1.2, False)]:
        below = [mpmath.expm1(-rate * scale * e) for e in [*edges.tolist(), float(size)]]
        exact = np.array([float(p / below[-1]) for p in np.diff(below)])
        bins = np.searchsorted(edges, draws, side="right") - 1
        assert accepts(bins, exact) == right


def test_first_tokens_by_inversion(accepts: Any) -> None:
    # where single tokens are common, floor() must cut at the right place
    draws = ExponentialTail(0.5, 10**6).draw(Stream(3, 0, "tail"), 0, 500_000)
    exact = np.append(ExponentialTail(0.5, 10**6).probability(np.arange(15)), np.exp(-7.5))
    assert accepts(np.minimum(draws, 15), exact)
    assert not accepts(np.minimum(draws + 1, 15), exact)


def test_inversion_of_equal_shares() -> None:
    # at a vanishing rate token k has the words from k 2^44 on, and these are their middles
    law = ExponentialTail(1e-300, 2**20)
    middles = (np.arange(2**20, dtype=np.uint64) << np.uint64(44)) + np.uint64(2**43)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stream, "words", lambda self, step, n: middles)
        draws = law.draw(Stream(0, 0, "tail"), 0, 2**20)
    assert (draws == np.arange(2**20)).all()


def test_steep_and_flat() -> None:
    stream = Stream(1, 0, "tail")
    assert not ExponentialTail(746.0, 100).draw(stream, 0, 1000).any()
    assert not ExponentialTail(746.0, 10**9).draw(stream, 0, 1000).any()
    assert ExponentialTail(2.0, 1).draw(stream, 0, 3).tolist() == [0, 0, 0]


@pytest.mark.parametrize("size", [100, 10**6])
def test_a_step_alone_equals_its_row_in_an_array_of_steps(size: int) -> None:
    law, stream = ExponentialTail(0.01, size), Stream(6, 1, "tail")
    together = law.draw(stream, np.array([9, 2]), 11)
    assert together.tolist() == [law.draw(stream, step, 11).tolist() for step in (9, 2)]
    assert together.dtype == np.int64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rate": 0.0}, r"rate must be a number in \[1e-300, 746\]; got 0\.0"),
        ({"rate": -1.0}, r"got -1\.0"),
        ({"rate": np.inf}, "got inf"),
        ({"size": 0}, "number of tokens must be an integer"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SamplerError, match=message):
        ExponentialTail(**({"rate": 1.0, "size": 10} | arguments))
