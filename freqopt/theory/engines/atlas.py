"""The stored certificates: which claims, and the command that makes them anew.

    python -m freqopt.theory.engines.atlas proofs_check/certificates

Every file is checked by `freqopt.theory.certificate` in each run of `verify`; making them needs
cvxpy and Clarabel and takes a minute.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from freqopt.theory.engines.certify import (
    Method,
    fastest,
    heavy_ball,
    noise_gain,
    search,
    selection,
)


@dataclass(frozen=True)
class Cell:
    """One claim to certify.

    Attributes
    ----------
    name : stem of the file
    method : what converges
    make : () -> certificate text, or None
    """

    name: str
    method: Method
    make: Callable[[], str | None]


TENTH, HALF, ONE = Fraction(1, 10), Fraction(1, 2), Fraction(1)
LARGEST = {1: "9/10", 2: "11/20", 3: "39/100", 4: "3/10", 5: "1/4"}
"""K -> a step close to the largest one that can be certified at kappa = 10."""


def cells() -> Iterator[Cell]:
    """Every claim of the atlas; L = 1 throughout, so mu = 1/kappa."""
    for K in (1, 2, 3):
        for kappa in (2, 10, 50, 200):
            yield _paced(K, kappa)
    for K in (4, 5):
        for kappa in (10, 50):
            yield _paced(K, kappa)
    for K, step in LARGEST.items():
        method = Method(TENTH, ONE, K, selection(K, Fraction(step)))
        yield Cell(f"largest_step_K{K}", method, _at(method, Fraction("99999/100000")))
    for K in (1, 2):
        wide = selection(K, Fraction(1, 100), Fraction(2, 5))
        blown_up = selection(K, Fraction(1, 5), Fraction(3, 10), spread=TENTH)
        for name, vertices in (("wide", wide), ("blown_up", blown_up)):
            method = Method(TENTH, ONE, K, vertices)
            yield Cell(f"steps_{name}_K{K}", method, _best(method))
    for K in (1, 2):
        for tenths in (3, 5):
            method = Method(TENTH, ONE, K, heavy_ball(K, HALF / (K + 1), tenths * TENTH))
            yield Cell(f"momentum_K{K}_beta{tenths}", method, _best(method))
    for K in (0, 1, 2):
        method = Method(TENTH, ONE, K, selection(K, HALF / (K + 1)))
        yield Cell(f"noise_K{K}", method, _noise(method, pace(method, HALF)))


def pace(method: Method, share: Fraction) -> Fraction:
    """The rho whose 1 - rho is `share` of gradient descent's, at the step 1/(2(K+1))."""
    descent = (1 - HALF / (method.K + 1) * method.mu) ** 2
    return 1 - share * (1 - descent)


def _paced(K: int, kappa: int) -> Cell:
    """At 99.98 % of gradient descent's rate, or at 99 % of it."""
    method = Method(Fraction(1, kappa), ONE, K, selection(K, HALF / (K + 1)))

    def make() -> str | None:
        all_but_rounding = search(method, pace(method, Fraction("4999/5000")))
        return all_but_rounding or search(method, pace(method, Fraction("99/100")))

    return Cell(f"selection_K{K}_kappa{kappa}", method, make)


def _at(method: Method, rho: Fraction) -> Callable[[], str | None]:
    return lambda: search(method, rho)


def _best(method: Method) -> Callable[[], str | None]:
    def make() -> str | None:
        rho = fastest(method)
        if rho is None:
            return None
        return search(method, Fraction(math.ceil((rho + 2e-4) * 10**5), 10**5))

    return make


def _noise(method: Method, rho: Fraction) -> Callable[[], str | None]:
    def make() -> str | None:
        tau = noise_gain(method, rho)
        return None if tau is None else search(method, rho, tau)

    return make


def write(folder: Path) -> None:
    """Make every certificate and store it; stop at the first that is not found."""
    folder.mkdir(parents=True, exist_ok=True)
    for cell in cells():
        text = cell.make()
        if text is None:
            sys.exit(f"{cell.name}: no certificate was found")
        (folder / f"{cell.name}.json").write_text(text, encoding="ascii")
        sys.stdout.write(f"{cell.name}: {len(text)} bytes\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
