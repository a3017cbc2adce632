"""Compiled draws: the tokens, transforms and samples of the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import freqopt
from freqopt.backends.numba.jit._compile import entry
from freqopt.backends.numba.problems._kernel import find_problem
from freqopt.backends.numba.streams import _transforms, _trigonometry
from freqopt.backends.numba.streams._tokens import draw_tokens
from freqopt.errors import BackendError, SamplerError
from freqopt.streams import (
    BoundedZipf,
    ExponentialTail,
    Stream,
    TokenCounts,
    elementary,
    transforms,
)

from ..compared import same

LAWS = {
    "zipf in the table": BoundedZipf(1.2, 100),
    "zipf beyond the table": BoundedZipf(0.7, 10**9),
    "harmonic": BoundedZipf(1.0, 10**6, head=50),
    "steep, with rejections": BoundedZipf(2.5, 10**6, head=1),
    "uniform": BoundedZipf(0.0, 10**5),
    "exponential in the table": ExponentialTail(0.1, 300),
    "exponential beyond the table": ExponentialTail(1e-5, 10**6),
    "counts": TokenCounts([5, 0, 3, 3, 1]),
}


@pytest.mark.parametrize("law", LAWS)
def test_tokens(law: str) -> None:
    stream, first = Stream(2**64 - 1, 7, "tokens"), 2**40 + 3
    for count, n in ((300, 1), (7, 30), (2, 401)):  # many blocks of words, across steps and within
        expected = LAWS[law].draw(stream, np.arange(first, first + count), n)
        assert same(draw_tokens(LAWS[law], stream, first, count, n), expected)
        assert same(draw_tokens(LAWS[law], stream, first, count, n, threads=3), expected)


def test_tokens_refuse() -> None:
    stream = Stream(0, 0, "tokens")
    with pytest.raises(SamplerError, match="must be >= 0"):
        draw_tokens(LAWS["counts"], stream, 0, -1, 1)

    class Home(BoundedZipf):
        """A user's own law."""

    with pytest.raises(BackendError, match="Home"):
        draw_tokens(Home(1.0, 5), stream, 0, 1, 1)


def _each(function: Callable[..., Any], values: np.ndarray) -> np.ndarray:
    """A compiled function of one number, of many."""

    @entry(f"each {function.py_func.__qualname__} {values.dtype}")
    def fill(out: Any, given: Any) -> None:
        for k in range(given.size):
            out[k] = function(given[k])

    out = np.empty(values.size)
    fill(out, values)
    return out


def test_sine() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=20_000) * 10 ** rng.uniform(-12, 5, 20_000)
    quarters = np.arange(-2000, 2000) * (np.pi / 2)
    x = np.concatenate([x, quarters, np.nextafter(quarters, 9e9), [0.0, -0.0, 2.0**20, -(2.0**20)]])
    assert same(_each(_trigonometry.sin, x), elementary.sin(x))
    beyond = np.array([np.nextafter(2.0**20, 9e9), -1e300, np.inf, np.nan])
    assert np.isnan(_each(_trigonometry.sin, beyond)).all()


@pytest.mark.parametrize("name", ["uniform", "open_uniform", "normal"])
def test_transforms(name: str) -> None:
    words = np.random.default_rng(2).integers(0, 2**64, 20_000, np.uint64)
    small = words >> np.uint64(44)  # far out in the tails
    words = np.concatenate([words, small, ~small, np.array([0, 2**64 - 1], np.uint64)])
    assert same(_each(getattr(_transforms, name), words), getattr(transforms, name)(words))


SMALL = {"kind": "zipf", "exponent": 1.1, "size": 60}
PAIRS = {
    "product": {
        "kind": "product",
        "u": SMALL,
        "v": {"kind": "exponential", "rate": 0.1, "size": 9},
    },
    "topics": {"kind": "topics", "tokens": SMALL, "topics": 6},
    "counts": {"kind": "counts", "counts": [[3, 0, 5], [2, 2, 0]]},
}
PROBLEMS: dict[str, dict[str, Any]] = {
    "signs": {"name": "token_quadratic", "tokens": SMALL, "dimension": 70},
    "normals": {"name": "token_quadratic", "noise_law": "normal"},
    **{
        f"{kind}, {loss}": {"name": "pair", "pairs": pairs, "loss": loss}
        for (kind, pairs), loss in zip(
            PAIRS.items(), ("squared", "logistic", "cosine"), strict=True
        )
    },
    "negatives": {"name": "sgns", "pairs": PAIRS["topics"], "negatives": 3},
    "rows": {"name": "factorisation_machine"},
    "examples": {"name": "softmax_regression"},
    "nothing": {"name": "surface"},
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", PROBLEMS)
def test_samples(name: str, batch: int) -> None:
    problem = freqopt.problem(**PROBLEMS[name])
    kernel = find_problem(problem, np.float64)
    draw = kernel.draw

    @entry(f"samples {kernel.key}")
    def fill(data: Any, first: int, count: int, batch: int, samples: Any) -> None:
        draw(data, np.uint64(5), np.uint64(2), first, count, batch, samples)

    samples = {f.name: np.zeros((90, batch * f.width), f.dtype) for f in kernel.fields}
    fill(kernel.data, 33, 90, batch, tuple(samples.values()))
    for field, expected in problem.draw(5, 2, np.arange(33, 33 + 90), batch).items():
        assert same(samples[field], expected.reshape(90, -1)), field
