"""Laws of a pair (i, j): the D(i, j) of the pair problems, as groups of fields."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt, model_validator

import freqopt.data as datasets
from freqopt.errors import ProblemError
from freqopt.problems._parameters import Nested
from freqopt.problems._sources import Data, Source
from freqopt.problems._split import Term
from freqopt.problems._tokens import Probability, Tokens, Zipf
from freqopt.streams import Stream, TokenCounts, fold
from freqopt.typing import Doubles, Integers

BLOCK = 1 << 16  # pairs evaluated at a time: the temporaries stay in cache


class PairLaw(Nested):
    """A probability D on pairs of rows of two tables."""

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of rows (N, M)."""
        raise NotImplementedError

    @property
    def marginals(self) -> tuple[Doubles, Doubles]:
        """sum_j D(i, j), float64 (N,), and sum_i D(i, j), float64 (M,)."""
        raise NotImplementedError

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> tuple[Integers, Integers]:
        """Members i and j of each sample, int64 (S, B)."""
        raise NotImplementedError

    def noise_words(
        self, seed: int, run: int, steps: Integers, batch: int, k: int
    ) -> NDArray[np.uint64]:
        """Random words of k negatives of each pair, uint64 (S, B, k)."""
        words = Stream(seed, run, "negatives").words(steps, batch * k)
        return words.reshape(-1, batch, k)

    @property
    def visits(self) -> tuple[Doubles, Doubles]:
        """Probability of each row in a pair that is drawn, float64 (N,), (M,): the marginals."""
        return self.marginals

    def rows(self, part: slice) -> Doubles:
        """D(i, j) for i in the slice and every j, float64 (n, M)."""
        raise NotImplementedError

    def products(self) -> list[Term] | None:
        """D as a sum of products; None where that takes as long as a visit to every pair."""
        return None

    def parts(self) -> Iterator[slice]:
        """Slices of i, in order, whose pairs fit the cache."""
        size, other = self.sizes
        height = max(1, BLOCK // other)
        return (slice(i, min(i + height, size)) for i in range(0, size, height))


class Product(PairLaw):
    """i and j independent: D(i, j) = p_i q_j."""

    kind: Literal["product"] = Field("product", description="Which kind this is.")
    u: Tokens = Field(Zipf(), description="Law of i, the row of table u.")
    v: Tokens = Field(Zipf(), description="Law of j, the row of table v.")

    @property
    def sizes(self) -> tuple[int, int]:
        """Sizes of the two laws."""
        return self.u.law.size, self.v.law.size

    @cached_property
    def marginals(self) -> tuple[Doubles, Doubles]:
        """The two laws."""
        return self.u.law.probabilities(), self.v.law.probabilities()

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> tuple[Integers, Integers]:
        """One draw from each law."""
        i = self.u.law.draw(Stream(seed, run, "pairs u"), steps, batch)
        j = self.v.law.draw(Stream(seed, run, "pairs v"), steps, batch)
        return i, j

    def rows(self, part: slice) -> Doubles:
        """Outer product."""
        p, q = self.marginals
        return p[part, None] * q

    def products(self) -> list[Term]:
        """The one."""
        p, q = self.marginals
        return [Term(slice(None), p, slice(None), q)]


class Observed(PairLaw):
    """D(i, j) proportional to the counts of a finite list of pairs."""

    @property
    def _counted(self) -> tuple[Integers, Integers, Integers]:
        """i, j and count of each pair that occurs, in order of i, then j: int64 (P,)."""
        raise NotImplementedError

    @property
    def listed(self) -> tuple[Integers, Integers, Integers]:
        """i, j and count of each pair that occurs, in order of i, then j: int64 (P,)."""
        return self._counted

    @cached_property
    def law(self) -> TokenCounts:
        """Of the places in the list."""
        return TokenCounts(self._counted[2])

    @cached_property
    def marginals(self) -> tuple[Doubles, Doubles]:
        """Row and column sums: integers, exact below 2^53, before the one division."""
        i, j, count = self._counted
        size, other = self.sizes
        total = float(count.sum())
        return (
            np.bincount(i, weights=count, minlength=size) / total,
            np.bincount(j, weights=count, minlength=other) / total,
        )

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> tuple[Integers, Integers]:
        """One draw from the list."""
        pair = self.law.draw(Stream(seed, run, "pairs"), steps, batch)
        i, j, _ = self._counted
        return i[pair], j[pair]

    def rows(self, part: slice) -> Doubles:
        """Zero but for the pairs on the list."""
        i, j, _ = self._counted
        first, stop = np.searchsorted(i, [part.start, part.stop])
        D = np.zeros((part.stop - part.start, self.sizes[1]))
        D[i[first:stop] - part.start, j[first:stop]] = self.law.probability(np.arange(first, stop))
        return D


class PairCounts(Observed):
    """D(i, j) proportional to an explicit matrix of counts."""

    kind: Literal["counts"] = Field("counts", description="Which kind this is.")
    counts: tuple[tuple[Annotated[int, Field(ge=0)], ...], ...] = Field(
        min_length=1, description="How often each pair occurs: one row of the matrix a row of u."
    )

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        widths = {len(row) for row in self.counts}
        if len(widths) != 1 or 0 in widths:
            raise ValueError(
                f"rows have lengths {sorted(widths)}; expected one length, at least 1: "
                "one row of the matrix for each row of table u"
            )
        total = sum(map(sum, self.counts))
        if not 0 < total < 2**63:
            raise ValueError(f"the counts add up to {total}; expected a total from 1 to 2^63 - 1")
        return self

    @property
    def sizes(self) -> tuple[int, int]:
        """Shape of the matrix."""
        return len(self.counts), len(self.counts[0])

    @cached_property
    def _counted(self) -> tuple[Integers, Integers, Integers]:
        counts = np.array(self.counts, np.int64)
        i, j = np.nonzero(counts)
        return i, j, counts[i, j]


class Words(Observed):
    """Pairs of the words of real data."""

    data: Data = Field(
        Source(name="python_topics", options={"min_count": 5}),
        description="A text, or a table of bigrams and counts; by default one that Python carries.",
    )
    vocabulary: PositiveInt | None = Field(
        None, description="Only pairs of the so many commonest words; absent for all."
    )

    @property
    def words(self) -> tuple[str, ...]:
        """The word of each row."""
        return self._pairs.words[: self.sizes[0]]

    def _met(self, corpus: datasets.Corpus) -> datasets.PairCounts:
        """The pairs of a text."""
        raise NotImplementedError

    @cached_property
    def _pairs(self) -> datasets.PairCounts:
        read = self.data.load(datasets.TokenCounts)
        return self._met(read) if isinstance(read, datasets.Corpus) else datasets.bigram_pairs(read)

    @property
    def sizes(self) -> tuple[int, int]:
        """Words, on both sides."""
        size = min(len(self._pairs.words), self.vocabulary or len(self._pairs.words))
        return size, size

    @cached_property
    def _counted(self) -> tuple[Integers, Integers, Integers]:
        pairs, size = self._pairs, self.sizes[0]
        kept = (pairs.centres < size) & (pairs.contexts < size)
        if not kept.any():
            raise ProblemError(
                f"no pair of the {size} commonest words of {pairs.source} occurs; raise vocabulary"
            )
        return pairs.centres[kept], pairs.contexts[kept], pairs.counts[kept]


class Corpus(Words):
    """How often words met in a text, or in a published table of bigrams."""

    kind: Literal["corpus"] = Field("corpus", description="Which kind this is.")
    window: PositiveInt = Field(5, description="Greatest distance of two words of a text.")
    weights: Literal["flat", "linear"] = Field(
        "linear",
        description="A pair at distance k counts 1, or window + 1 - k, which is word2vec's "
        "expectation.",
    )
    sentence: PositiveInt | None = Field(
        None, description="Words per sentence; no pair crosses into the next. Absent: one sentence."
    )

    def _met(self, corpus: datasets.Corpus) -> datasets.PairCounts:
        return datasets.skipgram_pairs(
            corpus, self.window, weights=self.weights, sentence=self.sentence
        )


class Bigrams(Words):
    """How often a word of a text was followed by another, or a published table of bigrams."""

    kind: Literal["bigrams"] = Field("bigrams", description="Which kind this is.")

    def _met(self, corpus: datasets.Corpus) -> datasets.PairCounts:
        return datasets.following_pairs(corpus)


class Topics(PairLaw):
    """Zipf tokens on both sides that prefer partners of their own topic.

    Token k has topic k mod `topics`, and group k div `topics` of neighbouring ranks. i ~ p. With
    probability 1 - `coherence`, j ~ p; otherwise j is the member of i's topic in the group of a
    token drawn from p. So D(i, j) = p_i ((1 - h) p_j + h P(group of j) [same topic]).
    """

    kind: Literal["topics"] = Field("topics", description="Which kind this is.")
    tokens: Tokens = Field(Zipf(), description="The law p.")
    topics: PositiveInt = Field(
        10, description="Number of topics; it divides the number of tokens."
    )
    coherence: Probability = Field(0.5, description="h, the share of pairs within a topic.")

    @model_validator(mode="after")
    def _whole_groups(self) -> Self:
        if self.tokens.law.size % self.topics:
            raise ValueError(
                f"{self.tokens.law.size} tokens are no multiple of topics = {self.topics}; "
                "choose a divisor, so that every group holds one token of each topic"
            )
        return self

    @property
    def sizes(self) -> tuple[int, int]:
        """The same tokens on both sides."""
        return self.tokens.law.size, self.tokens.law.size

    @cached_property
    def _p(self) -> Doubles:
        return self.tokens.law.probabilities()

    @cached_property
    def _group(self) -> Doubles:
        """P(group of token k), float64 (N,)."""
        return np.repeat(fold(self._p.reshape(-1, self.topics)), self.topics)

    @cached_property
    def marginals(self) -> tuple[Doubles, Doubles]:
        """The law p itself, and (1 - h) p_j + h P(group of j) P(topic of j)."""
        p, h = self._p, self.coherence
        topic = fold(p.reshape(-1, self.topics), axis=0)
        return p, (1 - h) * p + h * self._group * np.tile(topic, p.size // self.topics)

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> tuple[Integers, Integers]:
        """Two tokens and one uniform number for each pair."""
        law = self.tokens.law
        i = law.draw(Stream(seed, run, "pairs u"), steps, batch)
        j = law.draw(Stream(seed, run, "pairs v"), steps, batch)
        within = Stream(seed, run, "pairs topic").uniform(steps, batch) < self.coherence
        return i, np.where(within, j - j % self.topics + i % self.topics, j)

    def rows(self, part: slice) -> Doubles:
        """D(i, j), from its definition."""
        p, h = self._p, self.coherence
        topic = np.arange(p.size) % self.topics
        same = topic[part, None] == topic
        return p[part, None] * ((1 - h) * p + h * self._group * same)

    def products(self) -> list[Term]:
        """Pairs at random, and pairs within each topic."""
        p, h = self._p, self.coherence
        each = [slice(topic, None, self.topics) for topic in range(self.topics)]
        within = [Term(one, h * p[one], one, self._group[one]) for one in each]
        return [Term(slice(None), (1 - h) * p, slice(None), p), *within]


Pairs: TypeAlias = Annotated[
    Product | PairCounts | Topics | Corpus | Bigrams, Field(discriminator="kind")
]
"""`{kind = "product", u = {...}, v = {...}}` and the like."""
