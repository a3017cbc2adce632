"""What is usually wrong in the methods of an optimizer beside its step, by its cause."""

from freqopt.crosscheck.life.mistakes.casts import of_casts
from freqopt.crosscheck.life.mistakes.gradients import of_accumulation, of_idling
from freqopt.crosscheck.life.mistakes.groups import OF_SHARED, of_groups
from freqopt.crosscheck.life.mistakes.rates import of_rates
from freqopt.crosscheck.life.mistakes.saving import of_saving

__all__ = [
    "OF_SHARED",
    "of_accumulation",
    "of_casts",
    "of_groups",
    "of_idling",
    "of_rates",
    "of_saving",
]
