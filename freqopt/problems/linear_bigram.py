r"""Linear bigram model: predict the next token from the present one; token frequencies matter most.

**Problem** (Kunstner and Bach 2025, arXiv 2505.19227). A sample is a pair of tokens (k, j), both
drawn from one law p, independently: every conditional distribution is, sorted, the token law, which
is the paper's assumption 2.3. Row k of the table holds d scores, and

    l = 1/2 |w_k - e_j|^2                        loss = "squared",                             (1)
    l = log sum_i e^(w_ki) - w_kj                loss = "cross_entropy".                       (2)

**Constants.** f* = (1 - sum p^2)/2 at w_k = p, L = mu = 1 for (1); f* = - sum p log p at w_k = log
p, L = 1/2 for (2), which is not strongly convex: a constant may be added to a row. In both a
gradient is e_j and something that is known given k, so the conditional deviation is sqrt(1 - sum
p^2) everywhere.

**Order of sums.** Sums over scores are folds. (2) takes exponentials as they are: scores above 700
overflow, and the run is then reported as diverged.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from freqopt.kernels import Lookup, ProblemKernel, Token
from freqopt.problems._arrays import whole
from freqopt.problems._problem import Constants, Floats, Integers, Problem, Samples, Sparse, Tables
from freqopt.problems._tokens import Tokens, Zipf
from freqopt.streams import Stream, fold
from freqopt.streams.elementary import exp, log

Doubles = NDArray[np.float64]


class LinearBigram(Problem):
    """(1) or (2); table "scores" of shape (d, d)."""

    tokens: Tokens = Field(Zipf(size=20), description="Law of both tokens; d is its size.")
    loss: Literal["squared", "cross_entropy"] = Field("squared", description="(1) or (2).")

    @model_validator(mode="after")
    def _all_occur(self) -> Self:
        if self.loss == "cross_entropy" and not (self.tokens.law.probabilities() > 0).all():
            raise ValueError(
                "a token never occurs, and under cross-entropy its scores have no optimum; leave "
                "tokens with count 0 out"
            )
        return self

    @cached_property
    def probabilities(self) -> Doubles:
        """Of tokens, float64 (d,)."""
        return self.tokens.law.probabilities()

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """One table, "scores": a row for the present token, a column for the next one."""
        return {"scores": (self.tokens.law.size, self.tokens.law.size)}

    @cached_property
    def constants(self) -> Constants:
        """All exact but mu of (2)."""
        p, squared = self.probabilities, self.loss == "squared"
        rest = 1 - float(fold(p * p))
        row = p if squared else log(p)
        return Constants(
            frequency={"scores": p},
            smoothness=1.0 if squared else 0.5,
            strong_convexity=1.0 if squared else None,
            deviation={"scores": np.full(p.size, np.sqrt(rest))},
            optimum_value=rest / 2 if squared else -float(fold(p * row)),
            optimum={"scores": np.tile(row, (p.size, 1))},
            notes={
                "smoothness": "exact: 1, or 1/2, the largest norm of diag q - q q'",
                "strong_convexity": "none: a constant added to a row changes no probability",
                "deviation": "exact, and the same at every point",
                "optimum_value": "exact",
            },
        )

    def start(self, seed: int, run: int, dtype: Any = np.float64) -> dict[str, Floats]:  # noqa: ARG002
        """Zeros, as in the paper."""
        return {"scores": np.zeros(self.shapes["scores"], dtype)}

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> Samples:
        """Present and next tokens, int64 (S, B)."""
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
        fields: dict[str, Any] = {
            "token": Token(self.tokens.law, "tokens"),
            "following": Token(self.tokens.law, "next tokens"),
            "hot": Lookup(self._hot, by="following"),
        }
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
        p = self.probabilities
        scores = whole(tables["scores"], p.size)
        if self.loss == "squared":
            given = 0.5 * (fold((scores - p) ** 2) + 1 - fold(p * p))
        else:
            given = log(fold(exp(scores))) - fold(p * scores)
        return float(fold(p * given))

    def gradient(self, tables: Tables) -> dict[str, Doubles]:
        """p_k (w_k - p), or p_k (softmax(w_k) - p)."""
        p = self.probabilities
        scores = whole(tables["scores"], p.size)
        if self.loss == "cross_entropy":
            e = exp(scores)
            scores = e / fold(e)[:, None]
        return {"scores": p[:, None] * (scores - p)}

    @cached_property
    def _hot(self) -> Doubles:
        """Every e_j, float64 (d, d)."""
        return np.eye(self.tokens.law.size)
