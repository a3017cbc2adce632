"""The stream format, pinned: these words and draws may never change, on any machine or version.

The words were cross-checked against `numpy.random.Philox` when they were written down, and are
again here; the draws follow from the words through fixed-order arithmetic alone. A change here
makes every stored result of every study unrepeatable.
"""

import hashlib

import numpy as np
import pytest

from freqopt.streams import (
    BoundedZipf,
    ExponentialTail,
    Stream,
    TokenCounts,
    TokenDistribution,
    elementary,
    purpose_id,
    transforms,
)

STREAM = Stream(seed=20_261_122, run=3, purpose="tokens")
STEP = 7
WORDS = [
    0x9D4EF49B59BC6244,
    0x9F001CE9EA387BA0,
    0xCDF1FE52F65EF913,
    0x259C529B4337EA79,
    0xDE8C5A98B2911808,
    0xE0E8C50C4F6E26B4,
]


def test_words() -> None:
    assert purpose_id("tokens") == 102702363319803589
    assert STREAM.words(STEP, 6).tolist() == WORDS
    key = np.array([20_261_122, 3], dtype=np.uint64)
    before = np.array([2**64 - 1, STEP - 1, purpose_id("tokens"), 0], dtype=np.uint64)
    assert np.random.Philox(key=key, counter=before).random_raw(6).tolist() == WORDS
    assert STREAM.words(2**40, 2, trial=1).tolist() == [0xA4AFD57F045AC8A3, 0x3D2BFF522D2CE533]


def test_transforms() -> None:
    hexadecimal = {
        "uniform": ["0x1.3a9de936b378cp-1", "0x1.3e0039d3d470fp-1", "0x1.9be3fca5ecbdfp-1"],
        "normal": [
            "0x1.2a03e84e71255p-2",
            "0x1.3bc28109bf28cp-2",
            "0x1.b725ce4133531p-1",
            "-0x1.0cbc69bd460e2p+0",
            "0x1.1f8bb4ac71503p+0",
            "0x1.2af37b46da4aap+0",
        ],
        "exponential": ["0x1.f2a807a6f6f20p-2", "0x1.e7b37207ba0cap-2", "0x1.bd93b82267f3bp-3"],
    }
    for name, values in hexadecimal.items():
        drawn = getattr(STREAM, name)(STEP, len(values))
        assert [x.hex() for x in drawn.tolist()] == values
    normals = STREAM.normal(STEP, 100_000).astype("<f8").tobytes()
    assert hashlib.sha256(normals).hexdigest()[:16] == "5192bc493a558eb4"
    assert transforms.index(STREAM.words(STEP, 6), 1000).tolist() == [614, 621, 804, 146, 869, 878]


DRAWS = [
    (BoundedZipf(1.05, 1000), [3, 621, 13, 0, 22, 23, 231, 82]),
    (BoundedZipf(1.05, 10**6), [69, 75, 980, 9628, 146113, 632888, 0, 0]),
    (BoundedZipf(1.0, 10**9), [73214380, 20074351, 26047885, 0, 1279598, 217237937, 5, 0]),
    (
        BoundedZipf(0.5, 10**9),
        [534065997, 357077806, 389854114, 405339507, 98654584, 710293031, 225578412, 4090468],
    ),
    (BoundedZipf(1.05, 50, head=3), [23, 15, 17, 0, 7, 31, 0, 0]),
    (ExponentialTail(0.01, 1000), [39, 40, 80, 147, 102, 106, 231, 82]),
    (
        ExponentialTail(1e-6, 10**9),
        [953177, 970471, 1632060, 158897, 2035073, 2108267, 263058, 85223],
    ),
    (TokenCounts([5, 0, 1, 90, 4]), [3, 3, 4, 3, 3, 3, 3, 3]),
]


@pytest.mark.parametrize(("law", "tokens"), DRAWS)
def test_draws(law: TokenDistribution, tokens: list[int]) -> None:
    assert law.draw(STREAM, STEP, 8).tolist() == tokens


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("exp", "64e5979c4b76bc95"),
        ("expm1", "13b4905f38100387"),
        ("log", "83fa20aba66d0e23"),
        ("log1p", "cc8be5068d96cbed"),
        ("sigmoid", "9d522602cdb0c303"),
        ("softplus", "a2157054fd0868a2"),
        ("sin", "965239a35fb91590"),
        ("cos", "8b5d96e53ec896ac"),
        ("power", "07a7566b375a762f"),
    ],
)
def test_bits_of_the_elementary_functions(name: str, digest: str) -> None:
    # 10,000 results as little-endian float64; x in [-40, 40), for the logarithms [2^-53, 1)
    u = STREAM.uniform(0, 10_000)
    x = u + 2.0**-53 if name in ("log", "log1p", "power") else 80.0 * u - 40.0
    function = getattr(elementary, name)
    y = function(x, -1.05) if name == "power" else function(x)
    assert hashlib.sha256(y.astype("<f8").tobytes()).hexdigest()[:16] == digest
