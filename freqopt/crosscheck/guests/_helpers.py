"""What an adapter needs: duplicates summed, options refused."""

from __future__ import annotations

import numpy as np

from freqopt.errors import RuleError, UnsupportedError
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers


def summed(rows: Integers, grads: Floats) -> tuple[Integers, Floats]:
    """Each row of a batch once, with the sum of its occurrences, added in their order.

    Parameters
    ----------
    rows : int64 (B,)
        May repeat; B may be 0.
    grads : float32 or float64 (B, d)

    Returns
    -------
    rows : int64 (U,)
        Ascending and distinct.
    grads : (U, d)
        In the dtype of `grads`.
    """
    touched, where = np.unique(rows, return_inverse=True)
    total = np.zeros((touched.size, grads.shape[1]), grads.dtype)
    np.add.at(total, where, grads)
    return touched, total


def densely(table: Floats, rows: Integers, grads: Floats) -> Floats:
    """The gradient of the whole table: occurrences added in their order, zero elsewhere.

    Parameters
    ----------
    table : float32 or float64 (N, d)
        Only its shape and dtype are used.
    rows : int64 (B,)
        May repeat; B may be 0.
    grads : (B, d), dtype of the table

    Returns
    -------
    (N, d), dtype of the table
    """
    whole = np.zeros_like(table)
    np.add.at(whole, rows, grads)
    return whole


def refuse(rule: Rule, *known: str) -> None:
    """Refuse a rule that has any other option off its default.

    Parameters
    ----------
    rule : Rule
        What the implementation is asked to be.
    *known : str
        The options that it can be told.

    Raises
    ------
    UnsupportedError
        Another option is off its default: the case is counted as refused, and not judged.
    RuleError
        The rule has no option of that name.

    Examples
    --------
    >>> from freqopt.optimizers import rules
    >>> refuse(rules["sgd"](lr=0.5), "lr")
    >>> refuse(rules["sgd"](momentum=0.5), "lr")
    Traceback (most recent call last):
    ...
    freqopt.errors.UnsupportedError: it cannot be told momentum = 0.5
    """
    fields = type(rule).model_fields
    if strange := sorted({*known} - {*fields}):
        raise RuleError(f"rule {rule.name()} has no option {', '.join(strange)}")
    told = {name: getattr(rule, name) for name in fields if name not in known}
    moved = [f"{name} = {told[name]!r}" for name in told if told[name] != fields[name].default]
    if moved:
        raise UnsupportedError(f"it cannot be told {', '.join(moved)}")
