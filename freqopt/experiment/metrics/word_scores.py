"""Word vectors against what people say: WordSim-353, SimLex-999 and analogies."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from freqopt.data.word_tests import Known, packaged
from freqopt.errors import DataError, Notice, StudyError
from freqopt.experiment.metrics._metric import Checkpoint, Metric, Reading

LEAST = 30
"""Of fewer pairs or questions that are known a score says nothing, and is not recorded."""


class WordScores(Metric):
    """`wordsim353`, `simlex999` and `analogies` of the centres' vectors of `sgns` on a text.

    Without the tests, which the extra word2vec brings, nothing is recorded, and that is said.
    """

    diverged = math.nan

    def measure(self, at: Checkpoint) -> Iterator[Reading]:
        """One reading per test of which something is known."""
        pairs = getattr(at.problem, "pairs", None)
        words = getattr(pairs, "words", None)
        if words is None or "centres" not in at.tables:
            raise StudyError(
                f"metric word_scores is for problem sgns on a text, not for {at.problem.name()}; "
                "leave it out, or choose pairs of kind corpus or passes"
            )
        try:
            similar, analogies = _packaged()
        except DataError as error:
            warnings.warn(f"no word_scores are recorded: {error}", Notice, stacklevel=2)
            return
        known = Known(words, np.asarray(at.tables["centres"][np.arange(len(words))]))
        scores = {name: known.similarity(test) for name, test in similar.items()}
        scores["analogies"] = known.analogies(analogies)
        for name, score in scores.items():
            if score.known >= LEAST:
                yield Reading(name, score.value)


@cache
def _packaged() -> Any:
    return packaged()
