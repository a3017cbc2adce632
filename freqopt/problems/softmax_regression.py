"""L2-regularised multinomial logistic regression: strongly convex, with f* to twelve digits.

**Problem.** A sample is an example (x, c), each with probability 1/n: F features and a class of K.
With a last feature that is always 1, row k of the table holds the K weights of feature k, so that
the logits are the sum of the rows weighted by x, and

    l = log sum_j e^(z_j) - z_c + l2/2 |W|^2,      z = sum_k x_k W_k.                          (1)

Every sample contains every row: a dense problem, the only one of its kind here beside the surfaces.

**Constants.** mu = l2, exactly: adding the same number to all logits changes no probability. The
Hessian of the first part is (diag q - q q') kron x x', whose first factor has norm at most 1/2,
reached at q = (1/2, 1/2, 0, ...): so per sample L = max |x|^2 / 2 + l2, exactly, and for f
L_f <= largest eigenvalue of mean(x x') / 2 + l2 (`objective_smoothness`). The gradient of row k
varies by x_k (q - e_c), of norm at most sqrt(2) |x_k|: sigma_k <= sqrt(2 mean x_k^2). W* by
Newton's method.

**Order of sums.** z is the fold over features; sums over classes are folds.

**Source.** Böhning 1992 (Ann. Inst. Stat. Math. 44) for the norm of diag q - q q'; the rest is
derived here.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from pydantic import Field

from freqopt._fields import NonNegative, Positive
from freqopt.problems._arrays import normals, whole
from freqopt.problems._examples import Blobs, Examples
from freqopt.problems._held_out import HeldOut, Split
from freqopt.problems._problem import Constants, Problem, Samples, Sparse, Tables
from freqopt.streams import Stream, fold
from freqopt.streams.elementary import exp, log
from freqopt.streams.transforms import index
from freqopt.typing import Doubles, Floats, Integers

NEWTON_STEPS = 100
NEWTON_TOLERANCE = 1e-13  # of the largest entry of the gradient: some hundred roundings


class SoftmaxRegression(Problem):
    """The mean of (1) over a finite data set; table "weights" (F + 1, K)."""

    examples: Examples = Field(Blobs(), description="The data.")
    l2: Positive = Field(0.01, description="Weight of the squared table: mu.")
    spread: NonNegative = Field(0.0, description="Standard deviation of the start.")
    held_out: HeldOut = Field(Split(fraction=0.2), description="Examples kept for the metrics.")

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Table "weights": one row per feature and one for the intercept."""
        return {"weights": (self.examples.features.shape[1] + 1, self.examples.class_count)}

    @cached_property
    def _parts(self) -> tuple[tuple[Doubles, Integers], tuple[Doubles, Integers]]:
        x, c = self.examples.features, self.examples.labels
        train, test = self.held_out.rows(np.arange(len(x)))
        x = np.hstack([self.examples.scaled(x, train), np.ones((len(x), 1))])
        return (x[train], c[train]), (x[test], c[test])

    @property
    def training(self) -> tuple[Doubles, Integers]:
        """Features float64 (n, F + 1), the last being 1, and classes int64 (n,)."""
        return self._parts[0]

    @property
    def test(self) -> tuple[Doubles, Integers]:
        """The held-out examples."""
        return self._parts[1]

    @cached_property
    def constants(self) -> Constants:
        """All known; deviations are upper bounds."""
        x, _ = self.training
        optimum = {"weights": self._minimiser()}
        return Constants(
            frequency={"weights": np.ones(x.shape[1])},
            smoothness=float(fold(x * x).max() / 2 + self.l2),
            strong_convexity=self.l2,
            deviation={"weights": np.sqrt(2.0 * fold(x * x, axis=0) / len(x))},
            optimum_value=self.objective(optimum),
            optimum=optimum,
            notes={
                "smoothness": "exact, per sample: max |x|^2 / 2 + l2; that of f is "
                f"at most {self.objective_smoothness:.6g}",
                "strong_convexity": "exact: l2",
                "deviation": "upper bound: sqrt(2 mean x_k^2)",
                "optimum_value": "by Newton's method to a gradient of 1e-13; the error is "
                "at most |gradient|^2 / (2 l2)",
            },
        )

    @cached_property
    def objective_smoothness(self) -> float:
        """Upper bound of f's own smoothness: largest eigenvalue of mean(x x') / 2 + l2."""
        x, _ = self.training
        return float(np.linalg.eigvalsh(x.T @ x / len(x))[-1] / 2 + self.l2)

    def start(self, seed: int, run: int, dtype: Any = np.float64) -> dict[str, Floats]:
        """N(0, spread^2); by default 0."""
        weights = self.spread * normals(seed, run, "start weights", self.shapes["weights"])
        return {"weights": weights.astype(dtype)}

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> Samples:
        """Number of the training example, int64 (S, B)."""
        words = Stream(seed, run, "examples").words(steps, batch)
        return {"example": index(words, len(self.training[0]))}

    def _batch(self, tables: Tables, samples: Samples, dtype: Any) -> tuple[Floats, Floats, Floats]:
        """W (F + 1, K), features (B, F + 1), and one-hot classes (B, K)."""
        x, c = self.training
        W = np.asarray(tables["weights"][np.arange(x.shape[1])], dtype)
        picked, hot = x[samples["example"]], c[samples["example"], None] == np.arange(W.shape[1])
        return W, picked.astype(W.dtype), hot.astype(W.dtype)

    def losses(self, tables: Tables, samples: Samples) -> Doubles:
        """(1) of each sample."""
        W, x, hot = self._batch(tables, samples, np.float64)
        decay = 0.5 * self.l2 * fold(fold(W * W))
        return np.asarray(_cross_entropy(W, x, hot) + decay, np.float64)

    def gradients(self, tables: Tables, samples: Samples) -> Sparse:
        """F + 1 entries per sample, x_k (q - e_c) + l2 W_k, over B."""
        W, x, hot = self._batch(tables, samples, None)
        each = x[:, :, None] * (_softmax(W, x) - hot)[:, None, :] + self.l2 * W
        rows = np.tile(np.arange(len(W)), len(x))
        return {"weights": (rows, each.reshape(rows.size, -1) / len(x))}

    def objective(self, tables: Tables) -> float:
        """Mean of (1) over the training examples, folded in their order."""
        everything = {"example": np.arange(len(self.training[0]))}
        return float(fold(self.losses(tables, everything)) / len(everything["example"]))

    def gradient(self, tables: Tables) -> dict[str, Doubles]:
        """Exact; folded over the examples."""
        everything = {"example": np.arange(len(self.training[0]))}
        W, x, hot = self._batch(tables, everything, np.float64)
        residual = (_softmax(W, x) - hot).T  # (K, n)
        mean = np.stack([fold(residual * column) for column in x.T]) / len(x)
        return {"weights": mean + self.l2 * W}

    def metrics(self, tables: Tables) -> dict[str, float]:
        """Log loss of the held-out examples, without the l2 term, and accuracy."""
        x, c = self.test
        if not c.size:
            return {}
        W = whole(tables["weights"], x.shape[1])
        hot = (c[:, None] == np.arange(W.shape[1])).astype(np.float64)
        right = np.argmax(_logits(W, x), axis=1) == c
        measure = self.held_out.measure
        return {
            f"{measure}_logloss": float(fold(_cross_entropy(W, x, hot)) / c.size),
            f"{measure}_accuracy": int(right.sum()) / c.size,
        }

    def _minimiser(self) -> Doubles:
        """W* by Newton's method with step halving; no trajectory depends on its bits."""
        x, _ = self.training
        rows, classes = self.shapes["weights"]
        W = np.zeros((rows, classes))
        for _ in range(NEWTON_STEPS):
            gradient = self.gradient({"weights": W})["weights"]
            if np.abs(gradient).max() <= NEWTON_TOLERANCE:
                break
            q = _softmax(W, x)
            H = np.empty((rows, classes, rows, classes))
            for a in range(classes):
                for b in range(classes):
                    weight = q[:, a] * ((a == b) - q[:, b])
                    H[:, a, :, b] = (x * weight[:, None]).T @ x / len(x)
            H = H.reshape(W.size, W.size) + self.l2 * np.eye(W.size)
            step = np.linalg.solve(H, gradient.reshape(-1)).reshape(W.shape)
            f, scale = self.objective({"weights": W}), 1.0
            while scale > 1e-6 and self.objective({"weights": W - scale * step}) > f + 1e-14:
                scale /= 2
            W = W - scale * step
        return W


def _logits(W: Floats, x: Floats) -> Floats:
    """Sum over features of x_k W_k, by the fold: (B, K)."""
    return fold(x[:, :, None] * W, axis=1)


def _softmax(W: Floats, x: Floats) -> Floats:
    """Probabilities q of the classes, (B, K)."""
    z = _logits(W, x)
    e = exp(z - z.max(axis=1, keepdims=True))
    return e / fold(e)[:, None]


def _cross_entropy(W: Floats, x: Floats, hot: Floats) -> Floats:
    """Log sum exp(z) - z_c, (B,)."""
    z = _logits(W, x)
    top = z.max(axis=1)
    return log(fold(exp(z - top[:, None]))) + top - fold(hot * z)
