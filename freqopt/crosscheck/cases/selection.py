"""Cases that an implementation is judged on: all of a rule, or those of the user's options.

`chosen_cases` are those that need no answer of the implementation: a backend has every option.
`select` asks first (`acceptance`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from freqopt.crosscheck.cases.acceptance import Acceptance, Accepts, choices
from freqopt.crosscheck.cases.dialects import KNOWN, Case, cases_of, number, other_values
from freqopt.crosscheck.cases.exercises import exercises, holes, nonfinite
from freqopt.crosscheck.cases.large import long, sizes
from freqopt.crosscheck.cases.options import read_options
from freqopt.errors import CrosscheckError, RuleError
from freqopt.optimizers import Rule, rules

DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Selection:
    """What one implementation is judged on.

    Attributes
    ----------
    cases : list of Case
    acceptance : Acceptance or None
        What it accepts; None if it was not asked.
    """

    cases: list[Case]
    acceptance: Acceptance | None = None


def select(
    rule: str,
    accepts: Mapping[str, Accepts],
    options: Mapping[str, Any] | None = None,
    dialect: Mapping[str, Any] | None = None,
) -> Selection:
    """Ask an implementation what it accepts, and choose its cases.

    Parameters
    ----------
    rule : str
        A rule's name, or the path of a user's own file with a rule.
    accepts : dtype -> callable (rule) -> bool
        Whether the implementation takes a rule; one for each dtype that is to be judged.
    options : dict, optional
        The user's own: then those alone are judged.
    dialect : dict, optional
        Choices and numbers that the implementation says it has: it is judged beside these.

    Raises
    ------
    RuleError
        No rule has that name, or it does not take the options.
    """
    kind = rules[rule]
    if dialect:
        kind(**dialect)
    if options:
        return Selection(chosen_cases(rule, accepts, {**(dialect or {}), **options}))
    found, acceptance = [], None
    for dtype, accept in accepts.items():
        if acceptance is None or not acceptance.bases:
            acceptance = Acceptance(kind, accept, dict(dialect) if dialect else None)
        if not dialect:
            found += chosen_cases(rule, [dtype])
        found += _of_bases(kind, acceptance, dtype, other=len(accepts) > 1)
    return Selection(_once(found), acceptance)


def _of_bases(
    kind: type[Rule], acceptance: Acceptance, dtype: str, *, other: bool
) -> Iterator[Case]:
    """What follows from the bases; of two dtypes each has every other drawn combination."""
    main, bad = exercises(dtype)["main"], nonfinite(dtype)
    for k, (label, options) in enumerate(acceptance.chosen()):
        if ": drawn" in label and other and (k % 2 == 0) == (dtype == "float32"):
            continue
        rule = acceptance.made(options) or _rule(kind, options)
        put_on = main if rule.nonfinite == "raise" else bad
        yield Case(f"{label}, {put_on.name}", rule, put_on)
    large, narrow = sizes(dtype), dtype == "float32"
    put = {**exercises(dtype), "holes": holes(dtype), **large}
    for place, base in enumerate(acceptance.bases[:2]):
        whole = acceptance.together(base, base.alone)
        for exercise in put.values():
            own = {base.name: base.options, f"{base.name}: all together": whole}
            if exercise.name in large:  # one of the two in each dtype
                own = {name: o for name, o in own.items() if not other or (o is whole) != narrow}
            if exercise.name == "rows_70000":
                own = {base.name: base.options} if place == 0 and (not narrow or not other) else {}
            for label, options in own.items():
                rule = acceptance.made(options) or _rule(kind, options)
                yield Case(f"{label}, {exercise.name}", rule, exercise)
    if acceptance.bases:
        yield from _long(kind, acceptance, dtype, other=other)


def _long(kind: type[Rule], acceptance: Acceptance, dtype: str, *, other: bool) -> Iterator[Case]:
    """Many steps: at the defaults, with every switch on, with other numbers."""
    base = acceptance.bases[0]
    switched = [n for n in base.alone if number(kind.model_fields[n]) in (bool, None)]
    # Decay is judged in float64: in float32 1,500 factors that differ in the last bit add up.
    switched = [n for n in switched if n != "maximize" and not n.startswith("decay")]
    put = {base.name: base.options}
    if switched:
        put[f"{base.name}: switched"] = acceptance.together(base, switched)
    if dtype == "float64" or not other:
        whole = {f"{base.name}: all together": acceptance.together(base, base.alone)}
        put = whole if other else put | whole
    exercise = long(dtype)
    for label, options in put.items():
        rule = acceptance.made(options) or _rule(kind, options)
        yield Case(f"{label}, {exercise.name}", rule, exercise)


def _once(found: Iterable[Case]) -> list[Case]:
    """Each rule once on each exercise, under its first name."""
    once: dict[Any, Case] = {}
    for case in found:
        key = repr(case.rule), case.exercise.name, case.exercise.table.dtype
        once.setdefault(key, case)
    return list(once.values())


def chosen_cases(
    rule: str, dtypes: Iterable[DTypeLike], options: Mapping[str, Any] | None = None
) -> list[Case]:
    """Cases of a rule in some dtypes, whatever is accepted.

    Without options all of them, and each number, switch and choice off its default beside the rate
    alone. With options the rule with them on all exercises.

    Raises
    ------
    RuleError
        No rule has that name, or it does not take the options.
    """
    if not options:
        kind = rules[rule]
        return [c for d in dtypes for c in (*cases_of(kind, d), *single_cases(kind, d))]
    own = rules[rule](**options).completed(**KNOWN)
    said = ", ".join(f"{name} = {value}" for name, value in options.items())
    return [
        Case(f"{said}, {exercise.name}", own, exercise)
        for dtype in dtypes
        for exercise in exercises(dtype).values()
    ]


def accepted_cases(rule: str, dtypes: Iterable[str], has: Iterable[str]) -> list[Case]:
    """Cases for an implementation that cannot be asked, from the options that it is said to have.

    Parameters
    ----------
    rule : str
    dtypes : "float32", "float64"
    has : texts
        ``"momentum"``: any value; ``"rows=all"``: that one beside the default.

    Raises
    ------
    RuleError
        No rule has that name.
    CrosscheckError
        The rule has no such option, or refuses the value.
    """
    kind, any_value, values = rules[rule], set[str](), dict[str, set[Any]]()
    for text in has:
        name, equals, _ = text.partition("=")
        name = name.strip()
        if name not in kind.model_fields:
            known = ", ".join(kind.model_fields)
            raise CrosscheckError(f"--accepts {text}: {rule} has no option {name}; it has {known}")
        if equals:
            given = read_options([text], "--accepts")
            values.setdefault(name, set()).add(getattr(kind(**given), name))
        else:
            any_value.add(name)

    def accepts(one: Rule) -> bool:
        return all(
            name in any_value
            or getattr(one, name) in {info.default, *values.get(name, ())}
            or name in KNOWN
            for name, info in kind.model_fields.items()
        )

    chosen = select(rule, dict.fromkeys(dtypes, accepts)).cases
    return [case for case in chosen if accepts(case.rule)]


def dtypes_of(dtype: DTypeLike) -> tuple[str, ...]:
    """The dtypes that float32, float64 or "both" means."""
    if isinstance(dtype, str) and dtype == "both":
        return DTYPES
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = ""
    if name not in DTYPES:
        raise CrosscheckError(f"dtype is {dtype!r}, expected 'float32', 'float64' or 'both'")
    return (name,)


def single_cases(rule: type[Rule], dtype: DTypeLike) -> Iterator[Case]:
    """One option off its default, and the rate."""
    main = exercises(dtype)["main"]
    others = dict(other_values(rule))
    for option, value in [*others.items(), *choices(rule)]:
        try:
            one = _rule(rule, {"lr": others["lr"], option: value})
        except RuleError:  # it means nothing without another option
            continue
        yield Case(f"{option} = {value} alone, main", one, main)


def _rule(kind: type[Rule], options: Mapping[str, Any]) -> Rule:
    return kind(**options).completed(**KNOWN)
