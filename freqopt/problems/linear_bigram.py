r"""Linear bigram model: predict the next token from the present one; token frequency matters most.

**Problem** (Kunstner and Bach 2025, arXiv 2505.19227). A sample is a pair of tokens (k, j), j of
law q_k. Row k of the table holds d scores, and

    l = 1/2 |w_k - e_j|^2                        loss = "squared",                             (1)
    l = log sum_i e^(w_ki) - w_kj                loss = "cross_entropy".                       (2)

With a token law both are drawn from it, independently: every q_k is p, which is the paper's
assumption 2.3 (each conditional distribution is, sorted, the token law). With the bigrams of a
text, q_k is what their counts say.

**Constants.** f* = (1 - sum p_k |q_k|^2)/2 at w_k = q_k, L = mu = 1 for (1); f* = - sum p_k q_kj
log q_kj, L = 1/2 for (2), which is not strongly convex: a constant may be added to a row. (2) has
an optimum, w_k = log q_k, only if every pair occurs. In both a gradient is e_j and something that
is known given k, so the conditional deviation is sqrt(1 - |q_k|^2) everywhere.

**Order of sums.** Sums over scores are folds. (2) takes exponentials as they are: scores above 700
overflow, and the run is then reported as diverged.

**Source.** Kunstner and Bach 2025, arXiv 2505.19227; the constants are derived here.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from freqopt.kernels import Lookup, ProblemKernel, Token
from freqopt.problems._arrays import whole
from freqopt.problems._pairs import Bigrams
from freqopt.problems._problem import Constants, Problem, Samples, Sparse, Tables
from freqopt.problems._tokens import Counts, Exponential, Zipf
from freqopt.streams import Stream, fold
from freqopt.streams.elementary import exp, log
from freqopt.typing import Doubles, Floats, Integers


class LinearBigram(Problem):
    """(1) or (2); table "scores" of shape (d, d)."""

    tokens: Annotated[Zipf | Exponential | Counts | Bigrams, Field(discriminator="kind")] = Field(
        Zipf(size=20), description="Law of both tokens, or a text's bigrams; d is its size."
    )
    loss: Literal["squared", "cross_entropy"] = Field("squared", description="(1) or (2).")

    @model_validator(mode="after")
    def _has_an_optimum(self) -> Self:
        law = self.tokens
        if isinstance(law, Bigrams) or self.loss == "squared":
            return self
        if not (law.law.probabilities() > 0).all():
            raise ValueError(
                "a token never occurs, and under cross-entropy its scores have no optimum; leave "
                "tokens with count 0 out"
            )
        return self

    @cached_property
    def probabilities(self) -> Doubles:
        """Of the present token, float64 (d,)."""
        if isinstance(self.tokens, Bigrams):
            return self.tokens.marginals[0]
        return self.tokens.law.probabilities()

    @cached_property
    def following(self) -> Doubles:
        """Row k is q_k, float64 (d, d); (1, d) where all are the same. 0 for a k that has none."""
        p = self.probabilities
        if not isinstance(self.tokens, Bigrams):
            return p[None]
        joint = self.tokens.rows(slice(0, p.size))
        return joint / np.where(p > 0, p, 1.0)[:, None]

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """One table, "scores": a row for the present token, a column for the next one."""
        return {"scores": (self.probabilities.size, self.probabilities.size)}

    @cached_property
    def constants(self) -> Constants:
        """All exact but mu of (2)."""
        p, q, squared = self.probabilities, self.following, self.loss == "squared"
        d = p.size
        rest = np.broadcast_to(1 - fold(q * q), d)
        everywhere = squared or bool((q > 0).all())
        logs = log(np.where(q > 0, q, 1.0))
        row = q if squared else logs
        return Constants(
            frequency={"scores": p},
            smoothness=1.0 if squared else 0.5,
            strong_convexity=1.0 if squared else None,
            deviation={"scores": np.sqrt(rest)},
            optimum_value=float(fold(p * rest)) / 2
            if squared
            else -float(fold(p * np.broadcast_to(fold(q * logs), d))),
            optimum={"scores": np.broadcast_to(row, (d, d)).copy()} if everywhere else None,
            notes={
                "smoothness": "exact: 1, or 1/2, the largest norm of diag q - q q'",
                "strong_convexity": "none: a constant added to a row changes no probability",
                "deviation": "exact, and the same at every point",
                "optimum_value": "exact",
                "optimum": "none under cross-entropy where a pair never occurs",
            },
        )

    def start(self, seed: int, run: int, dtype: Any = np.float64) -> dict[str, Floats]:  # noqa: ARG002
        """Zeros, as in the paper."""
        return {"scores": np.zeros(self.shapes["scores"], dtype)}

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> Samples:
        """Present and next tokens, int64 (S, B)."""
        if isinstance(self.tokens, Bigrams):
            present, following = self.tokens.draw(seed, run, steps, batch)
            return {"token": present, "following": following}
        law = self.tokens.law
        return {
            "token": law.draw(Stream(seed, run, "tokens"), steps, batch),
            "following": law.draw(Stream(seed, run, "next tokens"), steps, batch),
        }

    def losses(self, tables: Tables, samples: Samples) -> Doubles:
        """(1) or (2) of each sample."""
        rows = np.asarray(tables["scores"][samples["token"]], np.float64)
        hot = self._hot[samples["following"]]
        if self.loss == "squared":
            return np.asarray(0.5 * fold((rows - hot) ** 2))
        return np.asarray(log(fold(exp(rows))) - fold(hot * rows))

    def gradients(self, tables: Tables, samples: Samples) -> Sparse:
        """Of the mean loss: (w_k - e_j) / B, or (softmax(w_k) - e_j) / B."""
        rows = tables["scores"][samples["token"]]
        hot = self._hot[samples["following"]].astype(rows.dtype)
        if self.loss == "cross_entropy":
            e = exp(rows.astype(np.float64)).astype(rows.dtype)
            rows = e / fold(e)[:, None]
        return {"scores": (samples["token"], (rows - hot) / len(rows))}

    def kernel(self, real: Any) -> ProblemKernel:
        """`draw` and `gradients` again, for one entry."""
        fields: dict[str, Any]
        if isinstance(self.tokens, Bigrams):
            present, following, _ = map(np.ascontiguousarray, self.tokens.listed)
            fields = {
                "pair": Token(self.tokens.law, "pairs"),
                "token": Lookup(present, by="pair"),
                "following": Lookup(following, by="pair"),
            }
        else:
            fields = {
                "token": Token(self.tokens.law, "tokens"),
                "following": Token(self.tokens.law, "next tokens"),
            }
        fields["hot"] = Lookup(self._hot, by="following")
        if self.loss == "squared":

            def distance(f: Any, w: Any, batch: Any) -> Any:
                return (w.scores - real(f.hot)) / real(batch)

            return ProblemKernel(fields, tables={"scores": "token"}, element=distance)

        def term(w: Any) -> Any:
            return real(exp(float(w.scores)))

        def sample(total: Any) -> Any:
            return (total,)

        def residual(f: Any, r: Any, w: Any, batch: Any) -> Any:
            return (real(exp(float(w.scores))) / r[0] - real(f.hot)) / real(batch)

        return ProblemKernel(
            fields, tables={"scores": "token"}, element=residual, sample=sample, term=term
        )

    def objective(self, tables: Tables) -> float:
        """The sum over k of p_k times the mean of (1) or (2) over j."""
        p, q = self.probabilities, self.following
        scores = whole(tables["scores"], p.size)
        if self.loss == "squared":
            given = 0.5 * (fold((scores - q) ** 2) + 1 - fold(q * q))
        else:
            given = log(fold(exp(scores))) - fold(q * scores)
        return float(fold(p * given))

    def gradient(self, tables: Tables) -> dict[str, Doubles]:
        """p_k (w_k - q_k), or p_k (softmax(w_k) - q_k)."""
        p = self.probabilities
        scores = whole(tables["scores"], p.size)
        if self.loss == "cross_entropy":
            e = exp(scores)
            scores = e / fold(e)[:, None]
        return {"scores": p[:, None] * (scores - self.following)}

    @cached_property
    def _hot(self) -> Doubles:
        """Every e_j, float64 (d, d)."""
        return np.eye(self.probabilities.size)
