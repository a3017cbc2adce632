"""Whether a rule has a kernel that is its own, and what to write where it has none."""

from __future__ import annotations

import inspect
import sys
from types import FunctionType
from typing import Any

from freqopt.errors import BackendError

FREE = {"kernel", "name", "slots"}
"""Methods that a rule may define without changing what its parent's kernel means."""


def check_own(kind: type[Any]) -> None:
    """Raise BackendError, with what to write in the rule's file, if it has no kernel of its own.

    A class that replaces `update`, or anything else of the step, has left its parent's kernel.
    """
    line = [one for one in kind.__mro__ if "kernel" in vars(one)]
    owner, base = line[0], line[-1]  # the last is `Rule`
    if owner is base:
        raise BackendError(_missing(kind))
    for one in kind.__mro__[: kind.__mro__.index(owner)]:
        if one.__module__.startswith("freqopt."):
            continue  # the library's tests compare them
        for name, value in vars(one).items():
            replaced = isinstance(value, (FunctionType, property)) and name not in FREE
            if replaced and hasattr(owner, name) and not name.startswith("__"):
                raise BackendError(
                    f"rule {kind.name()} replaces {name}, and its kernel is that of "
                    f"{owner.__name__}; write its own: {_where(one)}"
                )


def _missing(kind: type[Any]) -> str:
    module = sys.modules.get(kind.__module__)
    if isinstance(getattr(module, "kernel", None), FunctionType):
        what = f"its kernel stands outside of the class; move it into class {kind.__name__}"
    elif "slow_update" in dir(kind):
        what = "its slow_update is no longer read; write it as kernel"
    else:
        what = "it has no kernel; write one"
    return f"rule {kind.name()} runs in NumPy only: {what}: {_where(kind)}"


def _where(kind: type[Any]) -> str:
    try:
        path = inspect.getsourcefile(kind)
    except TypeError:
        path = None
    return (
        f"`@staticmethod def kernel(rule)` beside update in class {kind.__name__} of "
        f"{path or kind.__module__} (docs/add_a_rule.md has one)"
    )
