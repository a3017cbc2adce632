"""Every path of a few steps, with its probability: expectations without sampling.

The rule is a real one, stepped through its public `step`. All paths of length t are the copies of
one ensemble, so a quarter of a million paths cost a few array operations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import TheoryError
from freqopt.streams import fold
from freqopt.theory.exact.ensemble import Ensemble
from freqopt.theory.exact.outcomes import Outcomes

LIMIT = 4_000_000
"""Most paths that are held at once."""


def walk(
    begin: Ensemble, law: Outcomes, steps: int
) -> Iterator[tuple[NDArray[np.float64], Ensemble]]:
    """The law of the state before each step and after the last: (probabilities, copies).

    Parameters
    ----------
    begin : Ensemble of one copy
    law : Outcomes
        Of one step; steps are independent.
    steps : int
        T: T + 1 pairs are yielded.

    Raises
    ------
    TheoryError
        If there are more than `LIMIT` paths.
    """
    if len(law) ** steps > LIMIT:
        raise TheoryError(
            f"{len(law)} outcomes in {steps} steps make {float(len(law)) ** steps:.2g} paths, more "
            f"than {LIMIT:,}; take fewer steps or a smaller problem"
        )
    probability, ensemble = np.ones(1), begin
    yield probability, ensemble
    for _ in range(steps):
        copies = ensemble.copies
        ensemble = ensemble.repeated(len(law))
        ensemble.step(law.tiled(copies), law.batch)
        probability = np.outer(probability, law.probability).ravel()
        yield probability, ensemble


def expectation(
    begin: Ensemble, law: Outcomes, steps: int, what: Mapping[str, Any]
) -> dict[str, list[NDArray[np.float64]]]:
    """Exact expectations along the walk.

    Parameters
    ----------
    what : name -> function of an ensemble giving one value, or array, per copy

    Returns
    -------
    name -> T + 1 expectations
    """
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in what}
    for probability, ensemble in walk(begin, law, steps):
        for name, function in what.items():
            values = np.asarray(function(ensemble))
            found[name].append(np.tensordot(probability, values, axes=1))
    return found


def random_iterate(begin: Ensemble, law: Outcomes, steps: int, power: int) -> NDArray[np.float64]:
    """E |grad_k f(Theta^tau)|^power, tau uniform on the first T iterates, all tables in order."""

    def norms(ensemble: Ensemble) -> NDArray[np.float64]:
        copies = (
            {name: ensemble.values(name)[s] for name in ensemble.tables}
            for s in range(ensemble.copies)
        )
        gradients = (ensemble.problem.gradient(tables) for tables in copies)
        return (
            np.array(
                [np.concatenate([np.sqrt(fold(g**2)) for g in each.values()]) for each in gradients]
            )
            ** power
        )

    # The state after the last step is none of the first T iterates.
    return np.mean(expectation(begin, law, steps - 1, {"norms": norms})["norms"], axis=0)
