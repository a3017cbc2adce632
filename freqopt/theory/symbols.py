"""The letters of the theory documents, once, with the signs that every proof may use."""

from __future__ import annotations

import sympy as sp

Delta, L, T, N, B, M = sp.symbols("Delta L T N B M", positive=True)
"""f(Theta^1) - f*, smoothness, horizon, number of tokens, batch, tokens per sample."""

p, eta, alpha, mu, q = sp.symbols("p eta alpha mu q", positive=True)
"""Frequency, step, base rate, strong convexity, exponent or contraction factor."""

sigma2, s2, R2, gamma2 = sp.symbols("sigma2 s2 R2 gamma2", nonnegative=True)
"""sup of the conditional variance, the variance itself, squared distance, second moment."""

A1, A2 = sp.symbols("A1 A2", positive=True)
"""sum_k p_k sigma_k^2 and sum_k p_k^2 sigma_k^2."""

half = sp.Rational(1, 2)
