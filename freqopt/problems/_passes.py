"""Passes over the words of a text: the pairs of skip-gram in the order of word2vec.

**A pass.** Word p of the text, below the share that is held out, has one word W of the stream
"passes", at (step = pass, position = p):

* it stays if the upper half of W is below 2^32 keep(its word), else the pass leaves it out before
  windows are laid, so that they reach over it;
* if it stays its window is 1 + floor(window * lower half of W / 2^32), uniform in 1 .. window. (1)

It is then the centre of one pair with each word that stays, within that window and its sentence,
from left to right. With n_w occurrences among n words, and the threshold s = `sample`,

    keep(w) = min(1, (sqrt(n_w / (s n)) + 1) (s n) / n_w).                                       (2)

**Steps.** All pairs of pass 0, 1, ... stand in one row; step t has the pairs tB .. tB + B - 1. So
any step of any run can be re-entered, and the passes end where a run's steps do. A pair is a sample
like others: at B = 1 its rows move at once, all from the tables before it.

**Negatives.** The m-th of k negatives of a centre's q-th pair is word q k + m of the stream
"negatives" at the step (pass * n + p): one block of Philox serves four negatives, of one pair or of
the next.

**What is measured.** D, and with it the objective, is the law of all pairs of the same text without
subsampling, each at distance d counted window + 1 - d times: exact, the same for every `sample`.
How often a row is visited follows the passes instead, and is counted in pass 0 of seed 0.

**Source.** Mikolov, Sutskever, Chen, Corrado & Dean, *Distributed representations of words and
phrases and their compositionality*, 2013, section 2.3; (1) and (2) as in their program word2vec.c.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from functools import cached_property
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt, model_validator

import freqopt.data as datasets
from freqopt._fields import NonNegative
from freqopt.errors import ProblemError
from freqopt.problems._held_out import HeldOut, Split
from freqopt.problems._pairs import Corpus
from freqopt.streams import Stream
from freqopt.typing import Doubles, Integers

Words = NDArray[np.uint64]

HALF, LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
REMEMBERED = 2
"""Passes that are kept: a run is in one, or goes from one to the next."""


class Stretch(NamedTuple):
    """Centres in order, with what their pairs are made of.

    Attributes
    ----------
    words : int64 (n,)
        The words that stay, as rows of the tables.
    first, stop : int64 (n,)
        Centre c meets the words first[c] .. stop[c] - 1 except itself.
    before : int64 (n + 1,)
        Number of the first pair of each centre, and of the first one after them.
    place : int64 (n,)
        The step of the centre's negatives.
    """

    words: Integers
    first: Integers
    stop: Integers
    before: Integers
    place: Integers

    def part(self, start: int, until: int, offset: int) -> Stretch:
        """What the pairs start .. until - 1 need; words are counted from `offset` on."""
        a = max(0, int(np.searchsorted(self.before, start, "right")) - 1)
        b = int(np.searchsorted(self.before, until, "left"))
        low, high = int(self.first[a:b].min()), int(self.stop[a:b].max())
        low, high = min(low, a), max(high, b)
        shift = offset - low
        # Words to the left and right of the centres are in the list, and have no pairs here.
        before = np.concatenate([
            np.full(a - low, self.before[a]), self.before[a : b + 1],
            np.full(high - b, self.before[b]),
        ])  # fmt: skip
        return Stretch(
            self.words[low:high], self.first[low:high] + shift, self.stop[low:high] + shift,
            before, self.place[low:high],
        )  # fmt: skip

    @property
    def pairs(self) -> int:
        """Their number."""
        return int(self.before[-1] - self.before[0])


class Passes(Corpus):
    """The pairs of a text in its own order, pass after pass."""

    kind: Literal["passes"] = Field("passes", description="Which kind this is.")  # type: ignore[assignment]
    weights: Literal["linear"] = Field(
        "linear", description="Of the pairs in D, and of a window that is drawn."
    )
    sentence: PositiveInt | None = Field(
        1000, description="Words per sentence; no pair crosses into the next."
    )
    sample: NonNegative = Field(
        1e-3, description="Words of a larger share are left out at random; 0: none is."
    )
    held_out: HeldOut = Field(
        Split(fraction=0), description="Sentences kept from training, of which the loss is taken."
    )

    @model_validator(mode="after")
    def _sentences(self) -> Self:
        if self._holds_out and self.sentence is None:
            raise ValueError("held_out keeps sentences from training; give sentence, as in 1000")
        return self

    @property
    def _holds_out(self) -> bool:
        return self.held_out.fraction > 0 or self.held_out.measure == "validation"

    @cached_property
    def _texts(self) -> tuple[datasets.Corpus, datasets.Corpus | None]:
        """The text that is trained on, and what is held out for measuring."""
        read = self.data.load(datasets.Corpus)
        tokens, size = read.tokens, min(len(read.words), self.vocabulary or len(read.words))
        tokens = tokens[tokens < size]
        if not self._holds_out:
            return _part(read, tokens, size), None
        assert self.sentence is not None  # by the validator
        sentences = np.arange(-(-tokens.size // self.sentence))
        train, test = self.held_out.rows(sentences)
        of_token = np.arange(tokens.size) // self.sentence
        return (
            _part(read, tokens[np.isin(of_token, train)], size),
            _part(read, tokens[np.isin(of_token, test)], size),
        )

    def _counts_of(self, text: datasets.Corpus) -> datasets.PairCounts:
        return datasets.skipgram_pairs(
            text, self.window, weights=self.weights, sentence=self.sentence
        )

    @cached_property
    def _pairs(self) -> datasets.PairCounts:
        return self._counts_of(self._texts[0])

    @cached_property
    def held_out_pairs(self) -> datasets.PairCounts | None:
        """The law of the held-out pairs, as counts; None if nothing is held out."""
        text = self._texts[1]
        return None if text is None else self._counts_of(text)

    @property
    def word_counts(self) -> Integers:
        """Occurrences of each word in the text that is trained on, int64 (N,)."""
        return self._texts[0].counts

    @cached_property
    def _kept_below(self) -> Words:
        """(2) times 2^32, for each word."""
        n = self._texts[0].counts.astype(np.float64)
        if not self.sample:
            return np.full(n.size, 1 << 32, np.uint64)
        level = self.sample * n.sum()
        n = np.maximum(n, 1.0)
        keep = np.minimum((np.sqrt(n / level) + 1) * (level / n), 1.0)
        return np.floor(keep * 2.0**32).astype(np.uint64)

    @cached_property
    def _remembered(self) -> OrderedDict[tuple[int, int, int], Stretch]:
        return OrderedDict()

    @cached_property
    def _ends(self) -> dict[tuple[int, int], list[int]]:
        """Of each run, the pairs before pass 0, 1, ... as far as they are known."""
        return {}

    def one_pass(self, seed: int, run: int, number: int) -> Stretch:
        """All centres of a pass; pairs are numbered from its first one on."""
        key = (seed, run, number)
        if key not in self._remembered:
            self._remembered[key] = self._laid(seed, run, number)
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return self._remembered[key]

    def _laid(self, seed: int, run: int, number: int) -> Stretch:
        tokens = self._texts[0].tokens
        drawn = Stream(seed, run, "passes").words(number, tokens.size)
        stay = np.flatnonzero((drawn >> HALF) < self._kept_below[tokens])
        size = 1 + ((drawn[stay] & LOW) * np.uint64(self.window) >> HALF).astype(np.int64)  # (1)
        c = np.arange(stay.size)
        sentence = stay // (self.sentence or tokens.size)
        opens = np.searchsorted(sentence, sentence, "left")
        closes = np.searchsorted(sentence, sentence, "right")
        first, stop = np.maximum(c - size, opens), np.minimum(c + size + 1, closes)
        before = np.zeros(stay.size + 1, np.int64)
        np.cumsum(stop - first - 1, out=before[1:])
        if not before[-1]:
            raise ProblemError(
                f"a pass over {self._texts[0].source} has no pair; expected two words that stay in "
                "one sentence. Raise sample or sentence, or use a longer text"
            )
        return Stretch(tokens[stay], first, stop, before, number * tokens.size + stay)

    def _pass_of(self, seed: int, run: int, pair: int) -> tuple[int, int]:
        """The pass of a pair, and the number of pairs before that pass."""
        ends = self._ends.setdefault((seed, run), [0])
        while ends[-1] <= pair:
            ends.append(ends[-1] + self.one_pass(seed, run, len(ends) - 1).pairs)
        number = int(np.searchsorted(ends, pair, "right")) - 1
        return number, ends[number]

    def stretch(self, seed: int, run: int, start: int, until: int) -> Stretch:
        """What the pairs start .. until - 1 of a run need, over the ends of passes."""
        parts: list[Stretch] = []
        words = 0
        while start < until:
            number, base = self._pass_of(seed, run, start)
            of_pass = self.one_pass(seed, run, number)
            stop = min(until, base + of_pass.pairs)
            part = of_pass.part(start - base, stop - base, words)
            parts.append(part._replace(before=part.before + base))
            words += part.words.size
            start = stop
        joined = {
            name: np.concatenate([getattr(p, name) for p in parts])
            for name in ("words", "first", "stop", "place")
        }
        before = np.concatenate([*(p.before[:-1] for p in parts), parts[-1].before[-1:]])
        return Stretch(before=before, **joined)

    def pairs_in(self, seed: int, run: int, passes: int) -> int:
        """Pairs of the first passes of a run: the steps that they take, at one pair a step."""
        while len(self._ends.setdefault((seed, run), [0])) <= passes:
            self._pass_of(seed, run, self._ends[seed, run][-1])
        return self._ends[seed, run][passes]

    def _found(
        self, seed: int, run: int, steps: Integers, batch: int
    ) -> tuple[Integers, Integers, Integers, Integers]:
        """Of every pair (S B,): centre, context, the step of its negatives, and q."""
        numbers = (np.asarray(steps, np.int64)[:, None] * batch + np.arange(batch)).reshape(-1)
        out = np.empty((4, numbers.size), np.int64)
        left = np.arange(numbers.size)
        while left.size:
            number, base = self._pass_of(seed, run, int(numbers[left].min()))
            of_pass = self.one_pass(seed, run, number)
            here = numbers[left] < base + of_pass.pairs
            pair = numbers[left[here]] - base
            c = np.searchsorted(of_pass.before, pair, "right") - 1
            q = pair - of_pass.before[c]
            other = of_pass.first[c] + q
            other += other >= c
            out[:, left[here]] = of_pass.words[c], of_pass.words[other], of_pass.place[c], q
            left = left[~here]
        return out[0], out[1], out[2], out[3]

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> tuple[Integers, Integers]:
        """The pairs of the steps, in the order of the text."""
        i, j, _, _ = self._found(seed, run, steps, batch)
        return i.reshape(-1, batch), j.reshape(-1, batch)

    def noise_words(self, seed: int, run: int, steps: Integers, batch: int, k: int) -> Words:
        """By the centre's place in the text."""
        _, _, place, q = self._found(seed, run, steps, batch)
        position = q[:, None] * k + np.arange(k)
        words = Stream(seed, run, "negatives").words_at(np.repeat(place, k), position.reshape(-1))
        return words.reshape(-1, batch, k)

    @cached_property
    def visits(self) -> tuple[Doubles, Doubles]:
        """Share of the pairs that have each word as centre, and as context: float64 (N,), (N,).

        Counted in pass 0 of seed 0. A word of the text that met none there counts as met once.
        """
        whole = self.one_pass(0, 0, 0)
        pairs, size = np.diff(whole.before), self.sizes[0]
        centres = np.bincount(whole.words, pairs, size)
        _, contexts, _, _ = self._found(0, 0, np.arange(whole.pairs), 1)
        met = np.bincount(contexts, minlength=size).astype(np.float64)
        present = self._texts[0].counts > 0
        return tuple(np.where(present, np.maximum(n, 1), 0) / whole.pairs for n in (centres, met))  # type: ignore[return-value]


def _part(read: datasets.Corpus, tokens: Integers, size: int) -> datasets.Corpus:
    """The same text with these of its words."""
    return replace(
        read,
        words=read.words[:size],
        tokens=tokens,
        counts=np.bincount(tokens, minlength=size),
        dropped=read.dropped + read.tokens.size - tokens.size,
    )
