"""The ratings that the loop's tests are run on."""

from __future__ import annotations

import pytest

from .twins import RATINGS


@pytest.fixture(scope="session", autouse=True)
def ratings(tmp_path_factory):
    """A small file of ratings."""
    file = tmp_path_factory.mktemp("ratings") / "ratings.dat"
    seen = ((n * 7 % 11, n * n % 13) for n in range(143))
    pairs = dict.fromkeys(seen)
    file.write_text(
        "".join(f"{u + 1}::{i + 1}::{1 + (u * i) % 5}::{n}\n" for n, (u, i) in enumerate(pairs))
    )
    RATINGS["path"] = str(file)
