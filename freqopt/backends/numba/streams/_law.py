"""What a token distribution is to the compiler, and how one is found."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple

from freqopt.backends.numba.jit._compile import inlined
from freqopt.backends.numba.streams._philox import each_word
from freqopt.errors import BackendError
from freqopt.streams import TokenDistribution

_made: dict[str, Callable[..., None]] = {}


class Law(NamedTuple):
    """A distribution as one compiled pure function and the numbers it looks things up in.

    Attributes
    ----------
    key : str
        Name of the code: laws with one key differ in their data only.
    data : tuple of arrays and numbers
    token : (word, key, step, position, data) -> int
        The token that a word gives; the word's address is for those that need more words.
    """

    key: str
    data: tuple[Any, ...]
    token: Callable[..., Any]


def find_law(law: TokenDistribution) -> Law:
    """The compiled form of a distribution of `freqopt.streams`.

    Raises
    ------
    BackendError
        If it has no file beside this one.
    """
    module = type(law).__module__
    name = f"{__package__}.{module.rsplit('.', 1)[-1]}"
    if not module.startswith("freqopt.streams.") or importlib.util.find_spec(name) is None:
        raise BackendError(f"the token law {type(law).__name__} has no Numba kernel")
    found: Law = importlib.import_module(name).law(law)
    return found


def draws(law: Law) -> Callable[..., None]:
    """`TokenDistribution.draw` as a compiled loop, see `each_word`."""
    key, token = law.key, law.token
    if key not in _made:

        @inlined
        def draw(s: int, j: int, word: Any, key: Any, step: int, out: Any, data: Any) -> None:
            out[s, j] = token(word, key, step, j, data)

        _made[key] = each_word(draw)
    return _made[key]
