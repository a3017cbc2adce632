"""A third opinion on nine rules: their equations in 40 digits, from the papers and not from here.

Each function is one rule at its default options, for one row: lists of mpmath numbers in and out,
`s` the row's own state, empty at its first visit. The two references share their author's reading
of an equation and round alike; these share neither the rounding nor a line of code with them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from freqopt.crosscheck.cases.dialects import KNOWN, Case
from freqopt.typing import Floats

Numbers = list[Any]
Update = Callable[[Any, Numbers, Numbers, dict[str, Any], int], Numbers]


def exact(case: Case) -> Floats | None:
    """The trajectory (S + 1, N, d) in float64, or None for a case that has no equations here.

    Raises
    ------
    ImportError
        mpmath is not installed.
    """
    rule, exercise = case.rule, case.exercise
    update = RULES.get(rule.name())
    plain = type(rule)().completed(**KNOWN)
    if update is None or rule != plain:
        return None
    import mpmath

    with mpmath.workdps(40):
        table = [[mpmath.mpf(x) for x in row] for row in exercise.table.tolist()]
        states: list[dict[str, Any]] = [{} for _ in table]
        for name, values in case.given.items():
            for state, value in zip(states, values.tolist(), strict=True):
                state[name] = mpmath.mpf(value)
        shown = [exercise.table.astype(np.float64)]
        for t, (rows, grads) in enumerate(exercise.batches, start=1):
            total: dict[int, Numbers] = {}
            for row, grad in zip(rows.tolist(), grads.tolist(), strict=True):
                total[row] = [
                    a + b for a, b in zip(total.get(row, [0] * len(grad)), grad, strict=True)
                ]
            dense = range(len(table)) if rule.rows == "all" else ()
            for row in sorted({*total, *dense}):
                g = [mpmath.mpf(x) for x in total.get(row, [0] * len(table[row]))]
                table[row] = update(rule, table[row], g, states[row], t)
            shown.append(np.array([[float(x) for x in row] for row in table]))
    return np.array(shown)


def _sgd(rule: Any, w: Numbers, g: Numbers, _s: dict[str, Any], _t: int) -> Numbers:
    return [x - rule.lr * y for x, y in zip(w, g, strict=True)]


def _adagrad(rule: Any, w: Numbers, g: Numbers, s: dict[str, Any], _t: int) -> Numbers:
    """Duchi, Hazan, Singer 2011, diagonal form; no move at 0 / 0."""
    s["G"] = [a + y**2 for a, y in zip(s.get("G", [0] * len(w)), g, strict=True)]
    return [
        x - _over(rule.lr * y, _root(a) + rule.epsilon)
        for x, y, a in zip(w, g, s["G"], strict=True)
    ]


def _rowwise_adagrad(rule: Any, w: Numbers, g: Numbers, s: dict[str, Any], _t: int) -> Numbers:
    s["G"] = s.get("G", 0) + sum(y**2 for y in g) / len(g)
    return [x - _over(rule.lr * y, _root(s["G"]) + rule.epsilon) for x, y in zip(w, g, strict=True)]


def _moments(rule: Any, g: Numbers, s: dict[str, Any]) -> tuple[Numbers, Numbers]:
    b1, b2, none = _mpf(rule.beta1), _mpf(rule.beta2), [0] * len(g)
    s["m"] = [b1 * a + (1 - b1) * y for a, y in zip(s.get("m", none), g, strict=True)]
    s["v"] = [b2 * a + (1 - b2) * y**2 for a, y in zip(s.get("v", none), g, strict=True)]
    return s["m"], s["v"]


def _adam(rule: Any, w: Numbers, g: Numbers, s: dict[str, Any], t: int) -> Numbers:
    """Kingma and Ba 2015, Algorithm 1."""
    m, v = _moments(rule, g, s)
    c1, c2 = 1 - _mpf(rule.beta1) ** t, 1 - _mpf(rule.beta2) ** t
    return [
        x - _over(rule.lr * a / c1, _root(b / c2) + rule.epsilon)
        for x, a, b in zip(w, m, v, strict=True)
    ]


def _adamw(rule: Any, w: Numbers, g: Numbers, s: dict[str, Any], t: int) -> Numbers:
    """Loshchilov and Hutter 2019, with the decay times the rate."""
    keep = 1 - _mpf(rule.lr) * rule.weight_decay
    return _adam(rule, [keep * x for x in w], g, s, t)


def _amsgrad(rule: Any, w: Numbers, g: Numbers, s: dict[str, Any], t: int) -> Numbers:
    """Reddi, Kale, Kumar 2018, with the bias corrections of torch."""
    m, v = _moments(rule, g, s)
    s["top"] = [max(a, b) for a, b in zip(s.get("top", [0] * len(w)), v, strict=True)]
    c1, c2 = 1 - _mpf(rule.beta1) ** t, 1 - _mpf(rule.beta2) ** t
    return [
        x - _over(rule.lr * a / c1, _root(b / c2) + rule.epsilon)
        for x, a, b in zip(w, m, s["top"], strict=True)
    ]


def _lazy_adam(rule: Any, w: Numbers, g: Numbers, s: dict[str, Any], t: int) -> Numbers:
    """torch.optim.SparseAdam: eps beside the root before its bias correction."""
    m, v = _moments(rule, g, s)
    rate = rule.lr * _root(1 - _mpf(rule.beta2) ** t) / (1 - _mpf(rule.beta1) ** t)
    return [x - _over(rate * a, _root(b) + rule.epsilon) for x, a, b in zip(w, m, v, strict=True)]


def _rmsprop(rule: Any, w: Numbers, g: Numbers, s: dict[str, Any], _t: int) -> Numbers:
    """Tieleman and Hinton 2012."""
    rho = _mpf(rule.rho)
    s["v"] = [rho * a + (1 - rho) * y**2 for a, y in zip(s.get("v", [0] * len(w)), g, strict=True)]
    return [
        x - _over(rule.lr * y, _root(a) + rule.epsilon)
        for x, y, a in zip(w, g, s["v"], strict=True)
    ]


def _fa_sgd(rule: Any, w: Numbers, g: Numbers, s: dict[str, Any], _t: int) -> Numbers:
    rate = rule.lr * _root(_mpf(rule.batch) / rule.horizon / s["frequency"])
    return [x - min(rate, 1 / (4 * _mpf(rule.smoothness))) * y for x, y in zip(w, g, strict=True)]


def _over(a: Any, b: Any) -> Any:
    return a / b if b else 0


def _root(x: Any) -> Any:
    import mpmath

    return mpmath.sqrt(x)


def _mpf(x: float) -> Any:
    import mpmath

    return mpmath.mpf(x)


RULES: dict[str, Update] = {
    "sgd": _sgd,
    "adagrad": _adagrad,
    "rowwise_adagrad": _rowwise_adagrad,
    "adam": _adam,
    "adamw": _adamw,
    "amsgrad": _amsgrad,
    "lazy_adam": _lazy_adam,
    "rmsprop": _rmsprop,
    "fa_sgd": _fa_sgd,
}
