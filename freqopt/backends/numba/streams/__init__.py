"""The samplers of `freqopt.streams` for one number at a time, with the same bits."""

from freqopt.backends.numba.streams._tokens import draw_tokens

__all__ = ["draw_tokens"]
