"""One step of several tables that are trained together: the general entry point of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from freqopt.errors import BatchError
from freqopt.optimizers._batch import preprocess
from freqopt.optimizers._rule import Rule
from freqopt.optimizers._slots import State
from freqopt.typing import Floats, Integers


def step_group(
    rule: Rule,
    tables: Mapping[str, Floats],
    states: Mapping[str, State],
    batches: Mapping[str, tuple[Integers, Floats]],
) -> None:
    """Apply one batch to each of several tables, in place.

    Ordinary rules step each table by itself. The fixed-memory rules with `synced` first form the
    norm that all tables share. `clip_scope="batch"` is the norm of each table's batch.

    Parameters
    ----------
    rule : Rule
    tables : name -> float32 or float64 (N, d), C order
        Sums over the group run in this order.
    states : name -> what `rule.init` gave for that table
    batches : name -> (rows (B,), grads (B, d))
        One for every table, B = 0 for a table without gradient: `count_empty` decides whether
        that is a zero gradient or a table left out of this step.

    Raises
    ------
    BatchError, RowError, GradientError
        Before any table or state is changed.
    """
    check_names(tables, states=states, batches=batches)
    ready = {name: preprocess(rule, table, *batches[name]) for name, table in tables.items()}
    rule.advance_group(tables, states, ready)


def slow_step_group(
    rule: Rule,
    tables: Mapping[str, Floats],
    states: Mapping[str, State],
    batches: Mapping[str, tuple[Integers, Floats]],
) -> None:
    """The same by scalar loops, without the checks."""
    rule.slow_step_group(tables, states, batches)


def check_names(tables: Collection[str], **given: Collection[str]) -> None:
    """Refuse states or batches that are not one for each table."""
    for what, names in given.items():
        if set(names) != set(tables):
            raise BatchError(
                f"{what} are given for {sorted(names)}, expected one for each table: "
                f"{sorted(tables)}; a table without gradient takes rows of shape (0,) and grads of "
                "shape (0, d)"
            )
