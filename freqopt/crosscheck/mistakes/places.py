"""What surrounds the equations, wrong, for any rule and any of its slots."""

from __future__ import annotations

from collections.abc import Iterator

from freqopt.crosscheck.cases.dialects import number
from freqopt.crosscheck.mistakes.batches import in_combining, in_occurrences, in_rows
from freqopt.crosscheck.mistakes.bounds import in_bounds
from freqopt.crosscheck.mistakes.counts import in_counts
from freqopt.crosscheck.mistakes.entries import in_entries
from freqopt.crosscheck.mistakes.given import in_given
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.crosscheck.mistakes.nonfinite import in_nonfinite
from freqopt.crosscheck.mistakes.nonzero import in_nonzero
from freqopt.crosscheck.mistakes.orders import in_orders
from freqopt.crosscheck.mistakes.padding import in_padding
from freqopt.crosscheck.mistakes.rates import in_rates
from freqopt.crosscheck.mistakes.replays import in_replays
from freqopt.crosscheck.mistakes.state import in_state
from freqopt.crosscheck.mistakes.statistics import in_row_means
from freqopt.crosscheck.mistakes.stored import in_stored
from freqopt.crosscheck.mistakes.tables import in_decay, in_table
from freqopt.optimizers import Rule


def places(rule: Rule) -> Iterator[Mistake]:
    """Every mistake around the equations of a rule."""
    slots = [slot for slot in rule.all_slots() if slot.name != "t" and not slot.given]
    slots = [slot for slot in slots if not slot.name.endswith("_at")]  # `replays` has these
    fields = type(rule).model_fields
    numbers = {
        name: value
        for name, info in fields.items()
        if number(info) is float and (value := getattr(rule, name))
    }
    whole = [slot.name for slot in slots if slot.dtype != "table"]
    decays = [n for n in numbers if any(getattr(m, "lt", None) == 1 for m in fields[n].metadata)]
    yield from in_state([slot.name for slot in slots], whole, numbers, decays)
    floats = [slot.name for slot in slots if slot.dtype in ("table", "float64")]
    yield from in_stored(floats, decays, list(numbers))
    yield from in_counts()
    yield from in_occurrences()
    yield from in_rows()
    yield from in_table()
    yield from in_orders(rule)
    yield from in_bounds(rule)
    yield from in_entries(rule)
    yield from in_rates(rule)
    yield from in_replays(rule)
    yield from in_given([slot.name for slot in rule.all_slots() if slot.given])
    if getattr(rule, "statistic", "") == "row_mean":
        yield from in_row_means()
    if rule.duplicates != "sum":
        yield from in_combining(rule.duplicates)
    if rule.rows == "nonzero":
        yield from in_nonzero()
    if rule.padding_row is not None:
        yield from in_padding()
    if rule.nonfinite != "raise":
        yield from in_nonfinite()
    if rule.weight_decay:
        yield from in_decay([slot.name for slot in slots])
