"""One table, one quadratic per token: convex, and every moment of the iterates is known.

**Problem.** A sample is a token k ~ p and a noise vector z with E z = 0, E z z' = I. Its loss is

    1/2 lambda_k |theta_k - a_k - sigma_k z|^2,                                               (1)

so f(theta) = 1/2 sum_k p_k lambda_k (|theta_k - a_k|^2 + sigma_k^2 d), least at theta = a.

**Constants.** L = max lambda, mu = min lambda, f* = 1/2 sum_k p_k lambda_k sigma_k^2 d, all exact.
The gradient's conditional deviation is lambda_k sigma_k sqrt(d) everywhere: equality in H3.

**Exact moments.** Under SGD with a constant step eta_k the mean squared distance of a token to its
optimum obeys a scalar recursion, whatever the law of z (T3 of docs/theory, `expected_error`).

**Source.** Derived here.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt, model_validator

from freqopt.problems._arrays import normals, signs, whole
from freqopt.problems._problem import Constants, Problem, Samples, Sparse, Tables
from freqopt.problems._tokens import Instance, PowerOfFrequency, Profile, Tokens, Zipf
from freqopt.streams import Stream, fold
from freqopt.typing import Doubles, Floats, Integers


class TokenQuadratic(Problem):
    """Independent quadratics (1), one per token; table "tokens" of shape (N, d)."""

    tokens: Tokens = Field(Zipf(), description="Law of the sampled token.")
    dimension: PositiveInt = Field(4, description="Width d of a row.")
    curvature: Profile = Field(PowerOfFrequency(), description="lambda_k > 0, per token.")
    noise: Profile = Field(PowerOfFrequency(), description="sigma_k, per token and coordinate.")
    noise_law: Literal["two_point", "normal"] = Field(
        "two_point", description="Coordinates of z: -1 or 1 with probability 1/2, or N(0, 1)."
    )
    distance: Profile = Field(
        PowerOfFrequency(), description="R_k, Euclidean distance of row k's start to its optimum."
    )
    instance: Instance = Field(0, description="Seed of the optimum a ~ N(0, 1).")

    @model_validator(mode="after")
    def _curved(self) -> Self:
        if self.curvature.scale == 0:
            raise ValueError("curvature is 0, which leaves no problem; give a positive scale")
        return self

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """One table, "tokens"."""
        return {"tokens": (self.tokens.law.size, self.dimension)}

    @cached_property
    def probabilities(self) -> Doubles:
        """p_k, float64 (N,)."""
        return self.tokens.law.probabilities()

    @cached_property
    def curvatures(self) -> Doubles:
        """lambda_k, float64 (N,)."""
        return self.curvature.values(self.probabilities)

    @cached_property
    def noises(self) -> Doubles:
        """sigma_k, float64 (N,)."""
        return self.noise.values(self.probabilities)

    @cached_property
    def distances(self) -> Doubles:
        """R_k, float64 (N,)."""
        return self.distance.values(self.probabilities)

    @cached_property
    def optimum(self) -> Doubles:
        """The rows a_k, float64 (N, d)."""
        return normals(self.instance, 0, "planted tokens", self.shapes["tokens"])

    @cached_property
    def constants(self) -> Constants:
        """All exact."""
        p, curvature, noise = self.probabilities, self.curvatures, self.noises
        return Constants(
            frequency={"tokens": p},
            smoothness=float(curvature.max()),
            strong_convexity=float(curvature.min()),
            deviation={"tokens": curvature * noise * np.sqrt(self.dimension)},
            optimum_value=float(fold(p * curvature * noise**2) * self.dimension / 2),
            optimum={"tokens": self.optimum},
            notes={
                "smoothness": "exact: the largest curvature",
                "strong_convexity": "exact: the smallest curvature, in the sampled row",
                "deviation": "exact, and the same at every point",
                "optimum_value": "exact: half the mean of curvature x noise^2 x d",
            },
        )

    def start(self, seed: int, run: int, dtype: Any = np.float64) -> dict[str, Floats]:
        """Rows at distance R_k of a_k, in a random direction (+-1, ..., +-1) / sqrt(d)."""
        size, width = self.shapes["tokens"]
        direction = signs(Stream(seed, run, "start"), np.array([0]), size * width)
        distance = self.distances[:, None] / np.sqrt(width)
        return {"tokens": (self.optimum + distance * direction.reshape(size, width)).astype(dtype)}

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> Samples:
        """Tokens, int64 (S, B), and z, float64 (S, B, d)."""
        stream, width = Stream(seed, run, "noise"), batch * self.dimension
        two_point = self.noise_law == "two_point"
        z = signs(stream, steps, width) if two_point else stream.normal(steps, width)
        return {
            "tokens": self.tokens.law.draw(Stream(seed, run, "tokens"), steps, batch),
            "noise": z.reshape(*z.shape[:-1], batch, self.dimension),
        }

    def _residuals(self, tables: Tables, samples: Samples) -> Floats:
        """theta_k - a_k - sigma_k z, in the table's dtype: (B, d)."""
        k = samples["tokens"]
        rows: Floats = tables["tokens"][k]
        noise = self.noises[k][:, None] * samples["noise"]
        return rows - self.optimum[k].astype(rows.dtype) - noise.astype(rows.dtype)

    def losses(self, tables: Tables, samples: Samples) -> Doubles:
        """(1) of each sample."""
        squares = fold(self._residuals(tables, samples).astype(np.float64) ** 2)
        return 0.5 * self.curvatures[samples["tokens"]] * squares

    def gradients(self, tables: Tables, samples: Samples) -> Sparse:
        """lambda_k (theta_k - a_k - sigma_k z) / B per sample."""
        k = samples["tokens"]
        residuals = self._residuals(tables, samples)
        curvature = self.curvatures[k].astype(residuals.dtype)[:, None]
        return {"tokens": (k, curvature * residuals / len(k))}

    def objective(self, tables: Tables) -> float:
        """f; sums by the fold."""
        return float(fold(self.probabilities * self._conditional_losses(self._squares(tables))))

    def gradient(self, tables: Tables) -> dict[str, Doubles]:
        """p_k lambda_k (theta_k - a_k)."""
        weight = (self.probabilities * self.curvatures)[:, None]
        return {"tokens": weight * (whole(tables["tokens"], len(weight)) - self.optimum)}

    def expected_error(self, rates: Any, steps: Any, start: Tables, batch: int = 1) -> Doubles:
        """E |theta_k - a_k|^2 after `steps` batches of SGD with constant rates, exactly.

        Parameters
        ----------
        rates : float or float64 (N,)
            eta_k >= 0; row k moves by -eta_k times the sum of its gradients in the batch.
        steps : int or integers (S,)
            Numbers of batches, >= 0.
        start : tables
            The tables before the first step, as `start` gives them.
        batch : int
            Samples B per batch.

        Returns
        -------
        float64 (N,), or (S, N) for an array of steps
        """
        p, curvature = self.probabilities, self.curvatures
        h = np.asarray(rates, np.float64) * curvature
        # With c ~ Bin(B, p) visits, e' = (1 - h c/B) e + (h sigma/B) sum of c noise vectors. So
        # E|e'|^2 = (1 - x) |e|^2 + y,  E c = B p,  E c^2 = B p (1 - p) + B^2 p^2.
        x = p * h * (2.0 - h * ((1.0 - p) / batch + p))
        y = p * (h * self.noises) ** 2 * self.dimension / batch
        steps = np.asarray(steps, np.float64)[..., None]
        with np.errstate(all="ignore"):  # a diverging rate gives inf
            # rho^T and (1 - rho^T) / (1 - rho) of rho = 1 - x, without cancellation for small x.
            exponent = np.where(steps == 0.0, 0.0, steps * np.log1p(-x))
            visits = np.where(x == 0.0, steps, -np.expm1(exponent) / x)
            squares = self._squares(start)
            remembered = np.where(squares == 0.0, 0.0, np.exp(exponent) * squares)
            return remembered + np.where(y == 0.0, 0.0, visits * y)

    def expected_objective(
        self, rates: Any, steps: Any, start: Tables, batch: int = 1
    ) -> NDArray[np.float64]:
        """E f of the last iterate under SGD with constant rates, exactly.

        Parameters
        ----------
        rates : float or float64 (N,)
            eta_k >= 0.
        steps : int or integers (S,)
            Numbers of batches, >= 0.
        start : tables
            The tables before the first step.
        batch : int
            Samples B per batch.

        Returns
        -------
        float64 (), or (S,) for an array of steps
        """
        error = self.expected_error(rates, steps, start, batch)
        return np.asarray(fold(self.probabilities * self._conditional_losses(error)))

    def _squares(self, tables: Tables) -> Doubles:
        """|theta_k - a_k|^2, float64 (N,)."""
        return fold((whole(tables["tokens"], len(self.optimum)) - self.optimum) ** 2)

    def _conditional_losses(self, squares: Doubles) -> Doubles:
        """Expected loss given token k, from E |theta_k - a_k|^2."""
        return 0.5 * self.curvatures * (squares + self.noises**2 * self.dimension)
