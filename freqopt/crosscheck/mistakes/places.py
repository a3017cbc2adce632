"""What surrounds the equations, wrong, for any rule and any of its slots."""

from __future__ import annotations

from collections.abc import Iterator

from freqopt.crosscheck.mistakes.batches import in_occurrences, in_rows
from freqopt.crosscheck.mistakes.counts import in_counts
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.crosscheck.mistakes.state import in_state
from freqopt.crosscheck.mistakes.tables import in_decay, in_table
from freqopt.optimizers import Rule


def places(rule: Rule) -> Iterator[Mistake]:
    """Every mistake around the equations of a rule."""
    slots = [slot for slot in rule.all_slots() if slot.name != "t" and not slot.given]
    yield from in_state([slot.name for slot in slots])
    yield from in_counts()
    yield from in_occurrences()
    yield from in_rows()
    yield from in_table()
    if rule.weight_decay:
        yield from in_decay()
