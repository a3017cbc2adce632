"""Skip-gram with negative sampling (word2vec): centre words, context words, words that are neither.

**Problem.** A sample is a pair (i, j) ~ D of a centre and a context word, and k negatives drawn
independently from n, the contexts' unigram law to the power 3/4. With s_ij = u_i . v_j its loss is

    -log sigmoid(s_ij) - sum_m log sigmoid(-s_i,m)            m over the k negatives        (1)

    f = sum_ij [ D(i, j) softplus(-s_ij) + k p_i n_j softplus(s_ij) ],                      (2)

p the centres' law: an exact finite sum. A negative may equal the context; both then count.

**Lower bound.** With every s_ij free, (2) is least at s_ij = log(D(i, j) / (k p_i n_j)), pointwise
mutual information shifted by log k when n is the contexts' law: `optimum_value` is (2) at these
scores. Vectors reach it only if their dot products can form that matrix, pairs that never occur
asking for minus infinity.

**Order of sums.** The gradient of a centre is the fold over its 1 + k partners, context first.

**Source.** Mikolov, Sutskever, Chen, Corrado & Dean, *Distributed representations of words and
phrases and their compositionality*, 2013, eq. 4; for the bound, Levy & Goldberg, *Neural word
embedding as implicit matrix factorization*, 2014, section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from pydantic import Field, PositiveInt

from freqopt._fields import NonNegative
from freqopt.problems._arrays import gather, whole
from freqopt.problems._held_out_pairs import held_out_loss
from freqopt.problems._pairs import Pairs, Topics
from freqopt.problems._passes import Passes
from freqopt.problems._problem import Constants, Problem, Samples, Sparse, Tables
from freqopt.problems._scores import Dot
from freqopt.streams import AliasTable, Stream, fold
from freqopt.streams.elementary import log1p, power, sigmoid, softplus
from freqopt.typing import Doubles, Floats, Integers

DOT = Dot()


class Sgns(Problem):
    """Word vectors by (1); tables "centres" (N, d) and "contexts" (M, d)."""

    pairs: Annotated[Pairs | Passes, Field(discriminator="kind")] = Field(
        Topics(), description="Law D of the centre and context words, or passes over a text."
    )
    dimension: PositiveInt = Field(16, description="Width d of a row.")
    negatives: Annotated[int, Field(gt=0, le=100_000)] = Field(
        5, description="k, negatives per pair."
    )
    noise_power: Annotated[NonNegative, Field(le=16)] = Field(
        0.75, description="Negatives are drawn from the contexts' law to this power."
    )

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Tables "centres" and "contexts"."""
        size, other = self.pairs.sizes
        return {"centres": (size, self.dimension), "contexts": (other, self.dimension)}

    @cached_property
    def _noise_weights(self) -> Doubles:
        return power(self.pairs.marginals[1], np.float64(self.noise_power))

    @cached_property
    def _noise_table(self) -> AliasTable:
        return AliasTable(self._noise_weights)

    @cached_property
    def noise_law(self) -> Doubles:
        """Law n of a negative, float64 (M,)."""
        return self._noise_weights / fold(self._noise_weights)

    @cached_property
    def constants(self) -> Constants:
        """Frequencies are exact; the optimum's value is a lower bound."""
        centres, contexts = self.pairs.visits
        # A context is in the sample as the pair's or as one of the k negatives.
        absent = 1.0 - contexts
        for _ in range(self.negatives):  # no pow: frequencies reach the rates of some rules
            absent = absent * (1.0 - self.noise_law)
        return Constants(
            frequency={"centres": centres, "contexts": 1.0 - absent},
            optimum_value=self._lower_bound,
            notes={
                "frequency": "exact; a context counts as the pair's or as a negative",
                "smoothness": "none: the Hessian of a dot score grows with the tables",
                "strong_convexity": "none: the loss depends on dot products only",
                "deviation": "none: the deviation grows with the tables",
                "optimum_value": "lower bound: the value if every score were free (shifted PMI)",
                "optimum": "unknown",
            },
        )

    def start(self, seed: int, run: int, dtype: Any = np.float64) -> dict[str, Floats]:
        """As word2vec: centres uniform in [-1/(2d), 1/(2d)), contexts zero."""
        size, width = self.shapes["centres"]
        uniform = Stream(seed, run, "start centres").uniform(0, size * width)
        return {
            "centres": ((uniform.reshape(size, width) - 0.5) / width).astype(dtype),
            "contexts": np.zeros(self.shapes["contexts"], dtype),
        }

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> Samples:
        """Rows "centres" (S, B), and "contexts" (S, B, 1 + k): the pair's first, then negatives."""
        i, j = self.pairs.draw(seed, run, steps, batch)
        words = self.pairs.noise_words(seed, run, steps, batch, self.negatives)
        noise = self._noise_table.draw(words)
        return {"centres": i, "contexts": np.concatenate([j[..., None], noise], axis=-1)}

    def _signed_scores(self, u: Floats, v: Floats) -> Floats:
        """(B, 1 + k): -s for the pair's context, s for the negatives, so that (1) is softplus."""
        s = DOT.of(u[:, None, :], v)
        s[:, 0] = -s[:, 0]
        return s

    def losses(self, tables: Tables, samples: Samples) -> Doubles:
        """(1) of each sample."""
        u = np.asarray(tables["centres"][samples["centres"]], np.float64)
        v = np.asarray(gather(tables["contexts"], samples["contexts"]), np.float64)
        return np.asarray(fold(softplus(self._signed_scores(u, v))), np.float64)

    def gradients(self, tables: Tables, samples: Samples) -> Sparse:
        """One entry for the centre, 1 + k for the contexts of each sample, over B."""
        i, j = samples["centres"], samples["contexts"]
        u, v = tables["centres"][i], gather(tables["contexts"], j)
        slope = sigmoid(self._signed_scores(u, v)) / len(i)
        slope[:, 0] = -slope[:, 0]
        along_v = slope[:, :, None] * u[:, None, :]
        return {
            "centres": (i, fold(slope[:, :, None] * v, axis=1)),
            "contexts": (j.reshape(-1), along_v.reshape(-1, u.shape[1])),
        }

    def metrics(self, tables: Tables) -> dict[str, float]:
        """The loss on the held-out pairs of a text that is gone through, also by group of centre.

        Positive pairs enter exactly, negatives by a sample that is the same for all runs;
        `..._loss_margin` is the half-width of the 95 % interval that it leaves.
        """
        if not isinstance(self.pairs, Passes) or self.pairs.held_out_pairs is None:
            return {}
        return held_out_loss(
            tables, self.pairs.held_out_pairs, self._noise_table, self.negatives,
            self.pairs.word_counts, self.pairs.held_out.measure,
        )  # fmt: skip

    def baselines(self) -> dict[str, dict[str, float]]:
        """One score for all pairs, -log k, at which the loss of a constant is least."""
        if not isinstance(self.pairs, Passes) or self.pairs.held_out_pairs is None:
            return {}
        k = float(self.negatives)
        loss = float(log1p(k) + k * log1p(1.0 / k))
        return {"one score for all": {f"{self.pairs.held_out.measure}_loss": loss}}

    # -- exact sums over all pairs of words, block after block of centres ------------------------

    def _blocks(
        self, tables: Tables
    ) -> Iterator[tuple[slice, Doubles, Doubles, Doubles, Doubles, Doubles]]:
        """(rows of u, u (n, d), v (M, d), scores, D and k p_i n_j, each (n, M))."""
        u, v = (whole(tables[name], shape[0]) for name, shape in self.shapes.items())
        for part, together, apart in self._weights():
            yield part, u[part], v, DOT.matrix(u[part], v), together, apart

    def _weights(self) -> Iterator[tuple[slice, Doubles, Doubles]]:
        centres = self.pairs.marginals[0]
        for part in self.pairs.parts():
            apart = self.negatives * centres[part, None] * self.noise_law
            yield part, self.pairs.rows(part), apart

    def objective(self, tables: Tables) -> float:
        """(2); folded over contexts, over centres within a block, blocks in order."""
        total = 0.0
        for _, _, _, s, together, apart in self._blocks(tables):
            shared = softplus(-np.abs(s))  # softplus(+-s) = max(+-s, 0) + shared
            linear = np.where(s > 0, apart * s, -together * s)
            total += float(fold(fold((together + apart) * shared + linear)))
        return total

    def gradient(self, tables: Tables) -> dict[str, Doubles]:
        """Exact, in the order of `objective`."""
        out = {name: np.zeros(shape) for name, shape in self.shapes.items()}
        for part, u, v, s, together, apart in self._blocks(tables):
            slopes = apart * sigmoid(s) - together * sigmoid(-s)
            out["centres"][part] = DOT.weighted(slopes, v)
            out["contexts"] += DOT.weighted(slopes.T, u)
        return out

    def _lower_bound(self) -> float:
        """(2) with every score free: the two-class entropy of pair against negative."""
        total = 0.0
        for _, together, apart in self._weights():
            met = together > 0
            a, b = np.where(met, together, 1.0), np.where(met, apart, 1.0)
            total += float(fold(fold(np.where(met, a * log1p(b / a) + b * log1p(a / b), 0.0))))
        return total
