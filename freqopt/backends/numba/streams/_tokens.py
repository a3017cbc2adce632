"""Tokens of a distribution in bulk: `TokenDistribution.draw`, compiled and on several threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.backends.numba.jit._compile import entry
from freqopt.backends.numba.streams._law import draws, find_law
from freqopt.backends.numba.streams._philox import Key
from freqopt.backends.numba.threads import _team
from freqopt.errors import SamplerError
from freqopt.streams import Stream, TokenDistribution, purpose_id

_made: dict[str, Callable[..., None]] = {}


def draw_tokens(
    law: TokenDistribution, stream: Stream, first: int, count: int, n: int, *, threads: int = 1
) -> NDArray[np.int64]:
    """Tokens 0 .. n-1 of the steps first .. first + count - 1, as `law.draw` gives them.

    Parameters
    ----------
    law : TokenDistribution
        One of `freqopt.streams`.
    stream : Stream
    first, count, n : int
    threads : int
        Threads that share the steps; the tokens do not depend on it.

    Returns
    -------
    int64 (count, n)

    Raises
    ------
    BackendError
        The law has no kernel.
    SamplerError
        A negative number.

    Examples
    --------
    >>> from freqopt.streams import BoundedZipf
    >>> law, stream = BoundedZipf(1.0, 10**6), Stream(seed=1, run=0, purpose="tokens")
    >>> tokens = draw_tokens(law, stream, first=0, count=3, n=5)
    >>> bool((tokens == law.draw(stream, np.arange(3), 5)).all())
    True
    """
    if min(first, count, n) < 0 or threads < 1:
        raise SamplerError(
            f"first = {first}, count = {count}, n = {n}, threads = {threads}: the first three "
            "must be >= 0, and there must be a thread"
        )
    found = find_law(law)
    if found.key not in _made:
        _made[found.key] = _compiled(draws(found), found.key)
    fill, out = _made[found.key], np.empty((count, n), np.int64)
    words = tuple(np.uint64(w) for w in (stream.seed, stream.run, purpose_id(stream.purpose)))
    threads = min(threads, max(count, 1))
    _team.team.run(fill, (threads, *words, first, out, found.data), threads)
    return out


def _compiled(draw: Callable[..., None], key: str) -> Callable[..., None]:
    @entry(f"tokens {key}")
    def fill(
        part: int, parts: int, seed: Any, run: Any, purpose: Any, first: int, out: Any, data: Any
    ) -> None:
        count, n = out.shape
        start, stop = count * part // parts, count * (part + 1) // parts
        draw(Key(seed, run, purpose), first + start, stop - start, n, out[start:stop], data)

    return fill
