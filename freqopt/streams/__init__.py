"""Floor 0: counter-based random bits and the samplers built on them."""

from freqopt.streams.alias import AliasTable
from freqopt.streams.fold import fold
from freqopt.streams.stream import Stream, purpose_id, words

__all__ = ["AliasTable", "Stream", "fold", "purpose_id", "words"]
