"""Checks of your own optimizers against the reference, for your own tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import DTypeLike

from freqopt.crosscheck.cases.selection import dtypes_of
from freqopt.crosscheck.implementation import Implementation
from freqopt.crosscheck.judge import judge_implementation
from freqopt.errors import CrosscheckError

__all__ = ["assert_matches"]


def assert_matches(
    rule: str,
    implementation: Implementation,
    *,
    dtype: DTypeLike = "both",
    ulps: float | None = None,
    dialect: Mapping[str, Any] | None = None,
    group: Callable[..., Any] | None = None,
    **options: Any,
) -> None:
    """Assert that an implementation means the same as the reference.

    Without options it is put through all cases of the rule: every dialect, with default and with
    other numbers, and tables of several shapes. A case whose option it does not have, it refuses
    with `NotImplementedError`. With options it is judged under those alone.

    Parameters
    ----------
    rule : str
        A name that `freqopt list` shows, or the path of a file of your own with a rule.
    implementation : callable (rule, table, given) -> step
        Makes the optimizer. `rule` has the options as attributes (`rule.lr`), `table` (N, d) is the
        table before the first step, and yours to change, `given` has the state that is handed in
        ("frequency"). What it returns takes one batch, rows (B,) and grads (B, d), where rows may
        repeat and B may be 0, and returns the whole table after it.
    dtype : float32, float64 or "both"
    ulps : float, optional
        Tolerance in units in the last place. By default 8 in float32 and 1024 in float64, a tenth
        of the smallest mistake that the cases are made to find.
    dialect : dict, optional
        Options that the implementation has where the rule has another default (``{"rows":
        "all"}``). It is judged beside these as a known library is, with drawn numbers.
    group : callable, optional
        ``make_group(rules, tables, given)``, an optimizer of several tables: docs/crosscheck.md.
    **options
        Options of the rule.

    Raises
    ------
    AssertionError
        It does not match. The message has the cases that failed, the first divergence (step, row,
        column, both values, the neighbourhood), and what the implementation means instead.
    CrosscheckError
        The implementation refuses all cases.
    RuleError
        No rule has that name, or it does not have those options.

    Examples
    --------
    >>> import numpy as np
    >>> def make(rule, table, given):
    ...     def step(rows, grads):
    ...         touched, where = np.unique(rows, return_inverse=True)
    ...         total = np.zeros((touched.size, table.shape[1]), table.dtype)
    ...         np.add.at(total, where, grads)
    ...         table[touched] -= rule.lr * total
    ...         return table
    ...
    ...     return step
    >>> assert_matches("sgd", make, lr=0.05)

    Momentum is beyond it, and it should have said so with `NotImplementedError`:

    >>> assert_matches("sgd", make, lr=0.05, momentum=0.9)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    AssertionError: this is not sgd as the reference has it
    ...
    ...with the fault 'momentum has no effect: ...
    """
    __tracebackhide__ = True
    if not callable(implementation):
        raise CrosscheckError(
            f"the implementation is {implementation!r}, expected a function (rule, table, given) "
            "that returns a function (rows, grads)"
        )
    report = judge_implementation(
        implementation,
        rule,
        dtypes_of(dtype),
        options=options,
        dialect=dialect,
        ulps=ulps,
        group=group,
    )
    if not report.matches:
        raise AssertionError(f"this is not {rule} as the reference has it\n\n{report}")
