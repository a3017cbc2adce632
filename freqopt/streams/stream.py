"""A stream: random numbers addressed by (seed, run, purpose, step), never by history.

The word at an address depends on the address alone. So any step of any run can be re-entered
without replaying what came before, and no draw depends on thread count, chunking, backend or
order of execution. The address of a block of four 64-bit words of Philox 4x64-10 is

    key     = (seed, run)
    counter = (block, step, purpose, trial)

Word j of a step is word j % 4 of block j // 4. The purpose is a name, hashed, so there is no list
of purposes to keep; `trial` numbers the attempts of a rejection sampler.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import SamplerError
from freqopt.streams import transforms
from freqopt.streams.philox import Words, philox
from freqopt.typing import Doubles

Steps: TypeAlias = int | NDArray[np.integer]


def purpose_id(name: str) -> int:
    """The first 8 bytes of SHA-256 of the UTF-8 name, little endian: 64 bits of the counter.

    Parameters
    ----------
    name : str

    Returns
    -------
    int
        In [0, 2^64).
    """
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


@dataclass(frozen=True)
class Stream:
    """Random numbers of one purpose in one run of one study.

    Parameters
    ----------
    seed, run : int
        In [0, 2^64). Streams that differ in any of seed, run and purpose are independent.
    purpose : str
        What the numbers are for: "tokens", "noise", ...

    Raises
    ------
    SamplerError
        A seed, run or step that is no integer in [0, 2^64), an empty purpose, a negative count.

    Notes
    -----
    In every method `step` is one integer, giving shape (n,), or an integer array of shape (S,),
    giving shape (S, n) whose row s is what `step[s]` alone gives. A call costs about 0.2 ms, and
    40 ns a word beyond that: ask for many steps at once.

    Examples
    --------
    >>> tokens = Stream(seed=1, run=0, purpose="tokens")
    >>> bool((tokens.words(np.arange(9), 5)[7] == tokens.words(7, 5)).all())
    True
    """

    seed: int
    run: int
    purpose: str

    def __post_init__(self) -> None:
        _check_word("seed", self.seed)
        _check_word("run", self.run)
        if not isinstance(self.purpose, str) or not self.purpose:
            raise SamplerError(
                f"A stream's purpose is a non-empty name such as 'tokens'; got {self.purpose!r}."
            )

    def words(self, step: Steps, n: int, trial: int = 0) -> Words:
        """Words 0 .. n-1 of each step: uint64, shape (n,) or (S, n).

        Parameters
        ----------
        step : int or integer array (S,)
            Steps, from 0.
        n : int
            Words of each step, from 0 to 2^48 - 1.
        trial : int
            Attempt of a rejection sampler, from 0.

        Returns
        -------
        uint64 (n,), or (S, n) for an array of steps

        Raises
        ------
        SamplerError
            A step, trial or count that is no integer >= 0.
        MemoryError
            n >= 2^48.
        """
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
            raise SamplerError(f"The number of draws must be an integer >= 0; got {n!r}.")
        if n >= 2**48:  # beyond that NumPy has other errors than for memory
            raise MemoryError(f"{n} random numbers at once")
        steps = _as_words("step", step)
        blocks = np.arange((int(n) + 3) // 4, dtype=np.uint64)
        out = self._blocks(blocks, steps[..., np.newaxis], trial)
        return out.reshape((*steps.shape, 4 * len(blocks)))[..., :n]

    def words_at(self, step: Steps, position: NDArray[np.integer], trial: int = 0) -> Words:
        """Word `position` of `step`: single words at scattered places; the two broadcast.

        Parameters
        ----------
        step : int or integer array (S,)
            Steps, from 0.
        position : integer array (S,)
            Place of the word within its step, from 0.
        trial : int
            Attempt of a rejection sampler, from 0.

        Returns
        -------
        uint64 (S,)

        Raises
        ------
        SamplerError
            A step, position or trial that is no integer, or negative.
        """
        places = _as_words("position", position)
        out = self._blocks(places >> np.uint64(2), _as_words("step", step), trial)
        lane = np.broadcast_to(places & np.uint64(3), out.shape[:-1]).astype(np.int64)
        return np.take_along_axis(out, lane[..., np.newaxis], axis=-1)[..., 0]

    def uniform(self, step: Steps, n: int) -> Doubles:
        """Uniform in [0, 1), 53 bits.

        Parameters
        ----------
        step : int or integer array (S,)
        n : int
            Numbers of each step.

        Returns
        -------
        float64 (n,), or (S, n) for an array of steps
        """
        return transforms.uniform(self.words(step, n))

    def normal(self, step: Steps, n: int) -> Doubles:
        """Standard normal.

        Parameters
        ----------
        step : int or integer array (S,)
        n : int
            Numbers of each step.

        Returns
        -------
        float64 (n,), or (S, n) for an array of steps
        """
        return transforms.normal(self.words(step, n))

    def exponential(self, step: Steps, n: int) -> Doubles:
        """Exponential with mean 1.

        Parameters
        ----------
        step : int or integer array (S,)
        n : int
            Numbers of each step.

        Returns
        -------
        float64 (n,), or (S, n) for an array of steps
        """
        return transforms.exponential(self.words(step, n))

    def _blocks(self, block: Words, step: Words, trial: int) -> Words:
        _check_word("trial", trial)
        purpose, attempt, seed, run = (
            np.array(part, dtype=np.uint64)
            for part in (purpose_id(self.purpose), trial, self.seed, self.run)
        )
        return philox(block, step, purpose, attempt, seed, run)


def words(seed: int, run: int, purpose: str, step: Steps, n: int, trial: int = 0) -> Words:
    """`Stream(seed, run, purpose).words(step, n, trial)`.

    Parameters
    ----------
    seed, run : int
        In [0, 2^64).
    purpose : str
        Not empty.
    step : int or integer array (S,)
    n : int
        Words of each step.
    trial : int
        Attempt of a rejection sampler, from 0.

    Returns
    -------
    uint64 (n,), or (S, n) for an array of steps
    """
    return Stream(seed, run, purpose).words(step, n, trial)


def _check_word(name: str, value: int) -> None:
    integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not integer or not 0 <= value < 2**64:
        raise SamplerError(f"The {name} must be an integer in [0, 2^64); got {value!r}.")


def _as_words(name: str, value: Steps) -> Words:
    if not isinstance(value, np.ndarray):
        _check_word(name, value)
    elif value.dtype.kind not in "iu" or value.ndim > 1 or (value < 0).any():
        raise SamplerError(
            f"An array of {name}s must be one-dimensional, of integers >= 0; got shape "
            f"{value.shape}, dtype {value.dtype}, smallest {value.min() if value.size else 'none'}."
        )
    return np.asarray(value, dtype=np.uint64)
