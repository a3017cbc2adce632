"""Floor 0: counter-based random bits and the samplers built on them."""

from freqopt.streams.alias import AliasTable
from freqopt.streams.distribution import TokenDistribution
from freqopt.streams.exponential_tail import ExponentialTail
from freqopt.streams.fold import fold
from freqopt.streams.stream import Stream, purpose_id, words
from freqopt.streams.token_counts import TokenCounts
from freqopt.streams.zipf import BoundedZipf

__all__ = [
    "AliasTable",
    "BoundedZipf",
    "ExponentialTail",
    "Stream",
    "TokenCounts",
    "TokenDistribution",
    "fold",
    "purpose_id",
    "words",
]
