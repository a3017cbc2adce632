"""What a run needs at the least, before it asks for it: the system grants more than it has."""

from __future__ import annotations

import math
import os

from freqopt.optimizers import Rule
from freqopt.problems import Problem

MOST = 2**47
"""Bytes that no machine has; beyond 2^63 NumPy has other errors than for memory."""


def require(problem: Problem, rule: Rule, batch: int, available: int = MOST) -> None:
    """Raise MemoryError if tables, the rule's state and a batch cannot fit into so many bytes."""
    cells = sum(rows * width for rows, width in problem.shapes.values())
    slots = (slot.shape(shape) for shape in problem.shapes.values() for slot in rule.all_slots())
    needed = 4 * (cells + sum(map(math.prod, slots))) + 8 * batch
    if needed > available:
        raise MemoryError(
            f"a run needs at least {needed / 2**30:.4g} GiB, and {available / 2**30:.4g} GiB is "
            "the most there can be"
        )


def of_this_machine() -> int:
    """Bytes of memory, or `MOST` where that is not known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return MOST
