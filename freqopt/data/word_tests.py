"""Word vectors against what people say: similarity of pairs, and analogies.

**Similarity.** A test is pairs of words with a human score. Of the pairs whose words are both
known, Spearman's rank correlation of the scores with the cosines of the vectors (ties get mean
ranks).

**Analogies.** A question is four words, "a is to b as c is to d". The answer is the known word,
other than a, b and c, whose unit vector has the largest product with b/|b| - a/|a| + c/|c|
(3CosAdd); what is scored is the share of right answers among the questions of which all words are
known.

Known are the words of a vocabulary in the order of frequency, for analogies its first `restrict`
ones. Words are compared in capitals, and of two that become one the commoner counts, as in gensim's
`evaluate_word_pairs` and `evaluate_word_analogies`.

**Files.** gensim's wheel carries wordsim353.tsv, simlex999.txt and questions-words.txt (the extra
`word2vec`); it is located, not imported. A pair and its score stand in a line, separated by
tabs; four words in a line, below `: section`.

**Order of sums.** Products come from the machine's matrix multiplication: scores depend on the
order of cosines only, and so on the machine only where two agree to a few units in the 15th digit.

**Sources** Finkelstein et al., *Placing search in context: the concept revisited*, ACM TOIS 20(1),
2002 (WordSim-353); Hill, Reichart & Korhonen, *SimLex-999*, Computational Linguistics 41(4), 2015;
Mikolov, Chen, Corrado & Dean, *Efficient estimation of word representations in vector space*, 2013.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from freqopt._install import install
from freqopt.data.packages import package_file
from freqopt.data.parsing.faults import bad_line, shown
from freqopt.data.parsing.lines import lines
from freqopt.errors import DataError
from freqopt.typing import Doubles, Floats, Integers

INSTALL = install("word2vec")
FOLDER = "test/test_data"
SIMILARITY = {
    "wordsim353": (
        "wordsim353.tsv", "f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d",
    ),
    "simlex999": (
        "simlex999.txt", "d5e0501971478a511430ee880bd0121e94ac701ba86d90544d83e6d2ba3db05d",
    ),
}  # fmt: skip
ANALOGIES = (
    "questions-words.txt", "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36",
)  # fmt: skip
RESTRICT = 30_000
"""Words that an analogy may be answered with."""
BLOCK = 256
"""Questions that are answered at a time."""


class Score(NamedTuple):
    """What a test gives.

    Attributes
    ----------
    value : float
        Rank correlation, or share of right answers; NaN if too little is known.
    known : int
        Pairs or questions of which all words are known.
    asked : int
        All of them.
    """

    value: float
    known: int
    asked: int


class Similarity(NamedTuple):
    """Pairs of words and human scores, float64 (n,)."""

    pairs: list[tuple[str, str]]
    scores: Doubles


def read_similarity(path: str | Path, *, encoding: str = "utf-8") -> Similarity:
    """Read a table of two words and a score, separated by tabs; `#` begins a comment.

    Parameters
    ----------
    path
        The file.
    encoding
        Of its text.

    Raises
    ------
    DataError
        The file is missing, or a line is something else.
    """
    pairs, scores = [], []
    for number, line in lines(path, encoding):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("\t")]
        try:
            one, other, score = fields[0], fields[1], float(fields[2])
        except (IndexError, ValueError):
            score = math.nan
        if len(fields) != 3 or not (math.isfinite(score) and fields[0] and fields[1]):
            raise bad_line(
                path, number, shown(line), "word<TAB>word<TAB>score", "Correct the line."
            )
        pairs.append((one, other))
        scores.append(score)
    return Similarity(pairs, np.array(scores))


def read_analogies(path: str | Path, *, encoding: str = "utf-8") -> list[tuple[str, str, str, str]]:
    """Read questions of four words; lines `: section` and blank lines are passed over.

    Parameters
    ----------
    path
        The file.
    encoding
        Of its text.

    Raises
    ------
    DataError
        The file is missing, or a line is something else.
    """
    found = []
    for number, line in lines(path, encoding):
        if not line.strip() or line.startswith(":"):
            continue
        words = line.split()
        if len(words) != 4:
            raise bad_line(
                path, number, shown(line), "four words, or : and a section's name",
                "Correct the line.",
            )  # fmt: skip
        found.append((words[0], words[1], words[2], words[3]))
    return found


def packaged() -> tuple[dict[str, Similarity], list[tuple[str, str, str, str]]]:
    """The tests that gensim's wheel carries: similarity by name, and analogies.

    Raises
    ------
    DataError
        gensim is not installed, or carries other files.
    """
    similar = {
        name: read_similarity(package_file("gensim", f"{FOLDER}/{file}", sha256, INSTALL))
        for name, (file, sha256) in SIMILARITY.items()
    }
    file, sha256 = ANALOGIES
    return similar, read_analogies(package_file("gensim", f"{FOLDER}/{file}", sha256, INSTALL))


class Known:
    """Unit vectors of a vocabulary.

    Parameters
    ----------
    words : sequence of str
        In the order of frequency.
    vectors : float32 or float64 (N, d)
        Of these words, or of more.

    Raises
    ------
    DataError
        Fewer vectors than words.
    """

    def __init__(self, words: Sequence[str], vectors: Floats) -> None:
        if len(vectors) < len(words):
            raise DataError(
                f"{len(words)} words have {len(vectors)} vectors; expected one each. Give the "
                "vocabulary that the vectors were trained with."
            )
        rows = np.asarray(vectors[: len(words)], np.float64)
        norms = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
        self.unit = rows / np.where(norms > 0, norms, 1.0)
        self._place: dict[str, int] = {}
        for k, word in enumerate(words):
            self._place.setdefault(word.upper(), k)

    def places(
        self, groups: Sequence[tuple[str, ...]], restrict: int | None = None
    ) -> tuple[Integers, Integers]:
        """Numbers of the groups of which all words are known, and their words' rows (n, m)."""
        found = [[self._place.get(word.upper(), -1) for word in group] for group in groups]
        rows = np.array(found, np.int64).reshape(len(groups), -1)
        last = len(self.unit) if restrict is None else restrict
        known = np.flatnonzero(((rows >= 0) & (rows < last)).all(axis=1) & bool(rows.size))
        return known, rows[known]

    def similarity(self, test: Similarity) -> Score:
        """Spearman's correlation of cosines and human scores.

        Parameters
        ----------
        test : Similarity

        Returns
        -------
        Score
            NaN where fewer than 3 pairs are known, or all scores agree.
        """
        from scipy.stats import spearmanr

        known, rows = self.places(test.pairs)
        asked, human = len(test.pairs), test.scores[known]
        if known.size < 3:
            return Score(math.nan, known.size, asked)
        cosines = (self.unit[rows[:, 0]] * self.unit[rows[:, 1]]).sum(axis=1)
        level = np.ptp(cosines) == 0 or np.ptp(human) == 0
        finite = bool(np.isfinite(cosines).all())
        value = float(spearmanr(cosines, human)[0]) if finite and not level else math.nan
        return Score(value, known.size, asked)

    def analogies(
        self, questions: Sequence[tuple[str, str, str, str]], restrict: int = RESTRICT
    ) -> Score:
        """The share of questions that are answered rightly.

        Parameters
        ----------
        questions : sequence of four words
        restrict : int
            Only so many of the commonest words are known.

        Returns
        -------
        Score
            NaN where no question is known.
        """
        known, rows = self.places(questions, restrict)
        unit = self.unit[:restrict]
        if not known.size or not np.isfinite(unit).all():
            return Score(math.nan, known.size, len(questions))
        right = 0
        for start in range(0, len(rows), BLOCK):
            a, b, c, d = rows[start : start + BLOCK].T
            scores = (unit[b] - unit[a] + unit[c]) @ unit.T
            for given in (a, b, c):
                scores[np.arange(len(scores)), given] = -np.inf
            right += int((scores.argmax(axis=1) == d).sum())
        return Score(right / known.size, known.size, len(questions))
