"""What a rule's own `update` gives back is looked at before anything of it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from freqopt.errors import RuleError, at_line
from freqopt.optimizers._slots import Slot


def check_results(
    update: Any, new: Any, rows: Any, slots: Mapping[str, Slot], before: Mapping[str, Any], s: Any
) -> None:
    """Refuse rows or slots of another kind, shape or dtype than those that were handed over.

    Parameters
    ----------
    update : method
        For its file and line.
    new, rows : what it gave, and the rows that it was given (n, d)
    slots : name -> Slot
    before, s : the attributes of `Rows` as they were, and `Rows` as it is

    Raises
    ------
    RuleError
    """
    if not _alike(new, rows):
        raise _mistake(update, f"returns {_said(new)}", f"expected the new rows, {_said(rows)}")
    now = vars(s)
    if len(now) < len(before):
        now = dict.fromkeys(before) | now  # one was deleted
    for name, value in now.items():
        if name in before and value is before[name]:
            continue
        if name not in slots:
            given = f"a part of what it is given, s.{name}" if name in before else f"s.{name}"
            raise _mistake(
                update, f"assigns {given}, which is no slot",
                "declare it in slots(), or keep it in a variable",
            )  # fmt: skip
        slot, old = slots[name], before[name]
        if slot.per == "table" and not slot.copies and np.shape(value) == ():
            value = np.asarray(value)  # arithmetic on arrays of shape () gives numbers
        if not _alike(value, old):
            raise _mistake(update, f"assigns {_said(value)} to s.{name}", f"expected {_said(old)}")


def _alike(value: Any, model: Any) -> bool:
    return (
        isinstance(value, np.ndarray) and value.shape == model.shape and value.dtype == model.dtype
    )


def _said(value: Any) -> str:
    if isinstance(value, (np.ndarray, np.generic)):
        return f"{value.dtype} of shape {value.shape}"
    return "None" if value is None else f"an object of {type(value).__name__}"


def _mistake(update: Any, what: str, hint: str) -> RuleError:
    code = update.__code__
    return RuleError(at_line(code.co_filename, code.co_firstlineno, what, hint))
