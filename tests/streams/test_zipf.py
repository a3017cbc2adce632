"""The bounded Zipf sampler against exact probabilities, near and far, and its wrong neighbours."""

from typing import Any

import mpmath
import numpy as np
import pytest

from freqopt.errors import SamplerError
from freqopt.streams import BoundedZipf, Stream
from freqopt.streams.zipf import Tail

EXPONENTS = [0.0, 0.5, 1.0, 1.05, 1.2, 2.0]


def sum_of_powers(first: int, last: int, s: float) -> Any:
    """first^-s + ... + last^-s to 40 digits, by the Hurwitz zeta function."""
    with mpmath.workdps(40):
        if s == 1:
            return mpmath.digamma(last + 1) - mpmath.digamma(first)
        return mpmath.zeta(mpmath.mpf(s), first) - mpmath.zeta(mpmath.mpf(s), last + 1)


def sum_of_growing_powers(last: int, t: float) -> Any:
    """1 + 2^t + ... + last^t, t >= 0, by Euler-Maclaurin (mpmath's zeta takes minutes here)."""
    with mpmath.workdps(40):
        t, a, b = mpmath.mpf(t), mpmath.mpf(1000), mpmath.mpf(last)
        total = mpmath.fsum(mpmath.mpf(k) ** t for k in range(1, 1000))
        total += (b ** (t + 1) - a ** (t + 1)) / (t + 1) + (a**t + b**t) / 2
        for m in (1, 3, 5):
            derivative = [mpmath.ff(t, m) * x ** (t - m) for x in (b, a)]
            total += (
                mpmath.bernoulli(m + 1) / mpmath.factorial(m + 1) * (derivative[0] - derivative[1])
            )
        return total


@pytest.mark.parametrize("size", [1, 2, 1000, 65_535, 65_536, 65_600, 10**6, 10**9, 2**32])
@pytest.mark.parametrize("s", [0.0, 0.1, 0.5, 0.9, 1.0, 1.0 + 1e-9, 1.05, 1.5, 2.0, 5.0])
def test_normaliser_and_head_mass(s: float, size: int) -> None:
    law = BoundedZipf(s, size)
    exact = sum_of_powers(1, size, s)
    assert abs(law.normaliser / exact - 1) < 1e-15  # measured 6.4e-16
    beyond = sum_of_powers(65_536, size, s) / exact if size > 65_535 else 0
    assert abs((1 - law.head_mass) - beyond) < 4e-16


@pytest.mark.parametrize("s", EXPONENTS)
def test_probabilities(s: float) -> None:
    law = BoundedZipf(s, 1000)
    norm = sum_of_powers(1, 1000, s)
    exact = [float(mpmath.power(k, -s) / norm) for k in range(1, 1001)]
    np.testing.assert_allclose(law.probabilities(), exact, rtol=1e-15)  # 4 roundings
    assert law.probability(np.array([[999, 0]])).tolist() == [[*law.probabilities()[[999, 0]]]]


@pytest.mark.parametrize("s", EXPONENTS)
def test_draws_from_the_table(s: float, accepts: Any) -> None:
    draws = BoundedZipf(s, 50).draw(Stream(1, 0, "zipf"), 0, 1_000_000)
    assert accepts(draws, BoundedZipf(s, 50).probabilities())
    assert not accepts(draws, BoundedZipf(s + 0.02, 50).probabilities())
    if s > 0:
        assert not accepts(draws, np.full(50, 0.02))


@pytest.mark.parametrize("head", [1, 3, 10])
@pytest.mark.parametrize("s", EXPONENTS)
def test_draws_from_the_tail(s: float, head: int, accepts: Any) -> None:
    draws = BoundedZipf(s, 60, head=head).draw(Stream(2, 0, "zipf"), 0, 500_000)
    assert accepts(draws, BoundedZipf(s, 60).probabilities())
    assert not accepts(draws, BoundedZipf(s + 0.02, 60).probabilities())


@pytest.mark.parametrize("head", [1, 2, 5])
@pytest.mark.parametrize("s", [0.5, 1.0, 1.05, 2.0, 5.0])
def test_tail_is_exact_on_a_grid_of_words(s: float, head: int) -> None:
    # 2^20 equally spaced words: each rank gets its share to within a few grid points
    words = np.arange(2**20, dtype=np.uint64) << np.uint64(44)
    tail = Tail(s, head, 40)
    rank, accepted = tail.propose(words)
    counts = np.bincount(rank[accepted].astype(int), minlength=41)[head + 1 :]
    assert counts.size == 40 - head
    weights = np.arange(head + 1.0, 41.0) ** -s
    expected = weights / weights.sum() * accepted.sum()
    assert np.abs(counts - expected).max() < 4
    # without the second look the shares are wrong: the test can tell
    tail.surely_accepted = np.float64(1.0)
    rank, accepted = tail.propose(words)
    assert accepted.all()
    everything = np.bincount(rank.astype(int), minlength=41)[head + 1 :]
    assert np.abs(everything - weights / weights.sum() * 2**20).max() > 20


@pytest.mark.parametrize("head", [1, 5, 100])
@pytest.mark.parametrize("s", EXPONENTS)
def test_quick_acceptance_changes_nothing(s: float, head: int) -> None:
    words = Stream(3, 0, "zipf").words(0, 200_000)
    tail = Tail(s, head, 10**6)
    quick = tail.propose(words)
    tail.surely_accepted = np.float64(-1.0)  # a second look at every point
    thorough = tail.propose(words)
    assert (quick[0] == thorough[0]).all()
    assert (quick[1] == thorough[1]).all()


@pytest.mark.parametrize("size", [10**6, 10**9])
@pytest.mark.parametrize("s", [0.5, 1.0, 1.05, 1.2])
def test_large_sizes_by_rank_and_by_range(s: float, size: int, accepts: Any) -> None:
    draws = BoundedZipf(s, size).draw(Stream(4, 0, "zipf"), np.arange(10), 100_000).reshape(-1)
    assert draws.min() >= 0
    assert draws.max() < size
    # ranks 1-20 one by one, then ranges up to the end, some inside the tail, one around its start
    edges = [*range(1, 21), 100, 10_000, 65_536, 66_536, 80_000, 100_000, 400_000, 800_000]
    edges += [10**7, 10**8, 9 * 10**8] if size == 10**9 else []
    exact = [
        float(sum_of_powers(a, b - 1, s) / sum_of_powers(1, size, s))
        for a, b in zip(edges, [*edges[1:], size + 1], strict=True)
    ]
    bins = np.searchsorted(edges, draws + 1, side="right") - 1
    head_bins = np.array(exact)
    if s == 0.5:  # single head ranks are too rare at N = 10^9: one bin for all of them
        bins, head_bins = np.maximum(bins - 20, 0), np.append(sum(exact[:21]), exact[21:])
    assert accepts(bins, head_bins)


@pytest.mark.parametrize("size", [10**6, 10**9])
@pytest.mark.parametrize("s", [0.0, 0.5, 1.0, 1.05])
def test_mean_rank_at_large_sizes(s: float, size: int) -> None:
    draws = BoundedZipf(s, size).draw(Stream(5, 0, "zipf"), 0, 400_000)
    norm = sum_of_powers(1, size, s)
    first = sum_of_powers(1, size, s - 1) if s > 1 else sum_of_growing_powers(size, 1 - s)
    mean = float(first / norm)
    spread = float(mpmath.sqrt(sum_of_growing_powers(size, 2 - s) / norm - mean**2))
    z = ((draws + 1).mean() - mean) / (spread / np.sqrt(draws.size))
    assert abs(z) < 4
    other = BoundedZipf(s + 0.02, size).draw(Stream(5, 0, "zipf"), 0, 400_000)
    assert abs((other + 1).mean() - mean) / (spread / np.sqrt(draws.size)) > 4


@pytest.mark.parametrize("head", [2, 65_535])
def test_a_step_alone_equals_its_row_in_an_array_of_steps(head: int) -> None:
    law, stream = BoundedZipf(1.05, 10**6, head=head), Stream(6, 1, "zipf")
    steps = np.array([40, 3, 2**63 - 1, 3])
    together = law.draw(stream, steps, 1001)
    assert together.shape == (4, 1001)
    assert together.dtype == np.int64
    for row, step in zip(together, steps.tolist(), strict=True):
        assert row.tolist() == law.draw(stream, step, 1001).tolist()
    assert together[1].tolist() == together[3].tolist() != together[0].tolist()
    assert law.draw(stream, 3, 7).tolist() == together[1, :7].tolist()


def test_draw_j_reads_word_j_of_trial_0_1_2_until_accepted() -> None:
    law, stream, n = BoundedZipf(2.0, 40, head=1), Stream(8, 0, "zipf"), 100_000
    tokens = law.table.draw(stream.words(5, n))
    waiting = tokens == 1  # the table's "tail"
    trials = [int(waiting.sum())]
    while waiting.any():
        rank, accepted = law.tail.propose(stream.words(5, n, trial=len(trials)))
        tokens = np.where(waiting & accepted, rank - 1, tokens)
        waiting &= ~accepted
        trials.append(int(waiting.sum()))
    assert law.draw(stream, 5, n).tolist() == tokens.tolist()
    assert trials[0] > trials[1] > trials[2] > 0  # some draws need a third trial


def test_one_token_and_one_tail_rank() -> None:
    assert BoundedZipf(1.3, 1).draw(Stream(1, 0, "zipf"), 0, 9).tolist() == [0] * 9
    assert BoundedZipf(1.3, 1).probabilities().tolist() == [1.0]
    edge = BoundedZipf(0.0, 65_536).draw(Stream(1, 0, "zipf"), 0, 1_000_000)
    assert edge.max() == 65_535  # about 15 of the draws are the one rank of the tail
    assert 2 <= (edge == 65_535).sum() <= 40
    steep = BoundedZipf(1000.0, 10**9).draw(Stream(1, 0, "zipf"), 0, 1000)
    assert not steep.any()
    assert BoundedZipf(1.05, 10**9).draw(Stream(1, 0, "zipf"), 0, 0).shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"exponent": -0.1}, r"exponent must be a number in \[0, 1000\]; got -0\.1"),
        ({"exponent": np.nan}, "got nan"),
        ({"exponent": "1"}, "got '1'"),
        ({"exponent": True}, "got True"),
        ({"size": 0}, r"number of tokens must be an integer in \[1, 4294967296\]; got 0"),
        ({"size": 1e6}, r"got 1000000\.0"),
        ({"size": 2**32 + 1}, "got 4294967297"),
        ({"head": 0}, r"number of head ranks must be an integer in \[1, 65535\]; got 0"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SamplerError, match=message):
        BoundedZipf(**({"exponent": 1.0, "size": 10} | arguments))


def test_bad_questions_are_refused() -> None:
    law = BoundedZipf(1.0, 10**9)
    with pytest.raises(SamplerError, match=r"would list 1000000000 numbers.*probability\(token\)"):
        law.probabilities()
    with pytest.raises(SamplerError, match=r"integers in \[0, 1000000000\).*from -1 to 3"):
        law.probability(np.array([3, -1]))
    with pytest.raises(SamplerError, match="got dtype float64"):
        law.probability(np.array([1.0]))
