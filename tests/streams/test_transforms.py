"""Which bits of a word each transform uses, and how accurate the normal is."""

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest

from freqopt.errors import SamplerError
from freqopt.streams import Stream, transforms

LAST = 2**64 - 1
ENDS = np.array([0, LAST], dtype=np.uint64)


def as_words(*values: int) -> NDArray[np.uint64]:
    return np.array(values, dtype=np.uint64)


def test_uniform_uses_the_upper_53_bits() -> None:
    assert transforms.uniform(ENDS).tolist() == [0.0, 1.0 - 2.0**-53]
    assert transforms.uniform(as_words(2**11 - 1, 2**11)).tolist() == [0.0, 2.0**-53]


def test_open_uniform_uses_the_upper_52_bits() -> None:
    assert transforms.open_uniform(ENDS).tolist() == [2.0**-53, 1.0 - 2.0**-53]
    assert transforms.open_uniform(as_words(2**12 - 1, 2**12)).tolist() == [2.0**-53, 3 * 2.0**-53]


def test_open_uniform_is_symmetric() -> None:
    words = Stream(1, 0, "w").words(0, 10_000)
    assert (transforms.open_uniform(~words) == 1.0 - transforms.open_uniform(words)).all()
    assert (transforms.normal(~words) == -transforms.normal(words)).all()


def test_index_uses_the_whole_word() -> None:
    assert transforms.index(ENDS, 10).tolist() == [0, 9]
    assert transforms.index(ENDS, 1).tolist() == [0, 0]
    assert transforms.index(ENDS, 2**63 - 1).tolist() == [0, 2**63 - 2]
    border = 2**64 // 3 + 1  # the first word of index 1 of 3
    assert transforms.index(as_words(border - 1, border), 3).tolist() == [0, 1]


@pytest.mark.parametrize("n", [0, -1, 2**63])
def test_index_refuses_impossible_ranges(n: int) -> None:
    with pytest.raises(SamplerError, match=r"n must be in \[1, 2\^63\)"):
        transforms.index(ENDS, n)


def test_exponential_ends() -> None:
    # word 0 gives -log 2^-53 = 53 log 2, the last word -log(1 - 2^-53) = 2^-53 (1 + 2^-54)
    assert transforms.exponential(ENDS).tolist() == [36.7368005696771, 2.0**-53]


def test_normal_ends_and_centre() -> None:
    z = transforms.normal(as_words(0, LAST, 2**63, 2**63 - 1))
    assert z[0] == -z[1] == pytest.approx(-8.209536151601387, rel=1e-15)
    assert z[2] == -z[3] == pytest.approx(2.0**-53 * np.sqrt(2 * np.pi), rel=1e-15)


def test_normal_accuracy() -> None:
    stream = Stream(1, 0, "accuracy")
    tail = np.exp(-36.7 * stream.uniform(0, 5000))
    centre = 0.5 + np.exp(-30 * stream.uniform(1, 1000)) * 0.49
    u = np.concatenate([stream.uniform(2, 5000) + 2.0**-54, tail, 1 - tail[tail > 1e-15], centre])
    worst = 0.0
    with mpmath.workprec(200):
        for p, z in zip(u.tolist(), transforms.inverse_normal(u).tolist(), strict=True):
            exact = mpmath.mpf(z)  # one Newton step from z: its length is the error of z
            error = (mpmath.ncdf(exact) - p) / mpmath.npdf(exact)
            worst = max(worst, float(abs(error / exact)))
    assert 7e-16 < worst < 8e-16  # measured; transforms.py states 1e-15


@pytest.mark.parametrize(("name", "law"), [("normal", "norm"), ("exponential", "expon")])
def test_distribution(name: str, law: str) -> None:
    stream = Stream(11, 0, "distribution")
    x = getattr(stream, name)(0, 200_000)
    assert kstest(x, law).pvalue > 1e-4
    assert kstest(x * 1.03, law).pvalue < 1e-8  # 3 % too wide is noticed
    assert kstest(stream.uniform(0, 200_000), "uniform").pvalue > 1e-4
