"""Floor 2: real token data, read from official formats and installed packages."""

from freqopt.data.datasets import Clicks, Corpus, Dataset, PairCounts, Ratings, TokenCounts
from freqopt.data.pairs import bigram_pairs, following_pairs, skipgram_pairs
from freqopt.data.registry import format_names, installed_names, load

__all__ = [
    "Clicks",
    "Corpus",
    "Dataset",
    "PairCounts",
    "Ratings",
    "TokenCounts",
    "bigram_pairs",
    "following_pairs",
    "format_names",
    "installed_names",
    "load",
    "skipgram_pairs",
]
