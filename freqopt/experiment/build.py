"""Rules and problems from names and plain values, as study files give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from freqopt.backends import Factorised
from freqopt.errors import FreqoptError, ProblemError, RuleError, StudyError
from freqopt.experiment.groups import Groups
from freqopt.optimizers import Rule, rules
from freqopt.problems import Problem, problems


def rule(name: str, dialect: str | None = None, **options: Any) -> Rule:
    """A rule by name.

    Parameters
    ----------
    name : str
        Of a rule (`freqopt list`), or the path of a file of your own.
    dialect : str, optional
        A known implementation whose options are taken first: `freqopt explain RULE` lists them.
    **options
        Fields of the rule.

    Returns
    -------
    Rule

    Raises
    ------
    RuleError
        No such rule, dialect or option, or a value out of range.

    Examples
    --------
    >>> rule("adagrad", dialect="optax.adagrad", lr=0.1).initial_accumulator
    0.1
    """
    kind = rules[name]
    if dialect is not None and dialect not in list(kind.dialects):
        raise RuleError(
            f"rule {kind.name()} has no dialect {dialect!r}; "
            f"it has {', '.join(kind.dialects) or 'none'}"
        )
    return kind(**{**kind.dialects.get(dialect or "", {}), **options})


def problem(name: str, **fields: Any) -> Problem:
    """A problem by name (`freqopt list`), or by the path of a file of your own.

    Parameters
    ----------
    name : str
        Of a problem (`freqopt list`), or the path of a file of your own.
    **fields
        Fields of the problem; nested types as dicts.

    Returns
    -------
    Problem

    Raises
    ------
    ProblemError
        No such problem or field, or a value out of range.

    Examples
    --------
    >>> problem("token_quadratic", dimension=2).shapes
    {'tokens': (1000, 2)}
    """
    return problems[name](**fields)


def as_rule(given: Rule | str | Mapping[str, Any]) -> Rule:
    """The rule itself, or one by name, or by a mapping of `name` and options."""
    return given if isinstance(given, Rule) else rule(**_named(given, "rule", RuleError))


def as_problem(given: Problem | str | Mapping[str, Any]) -> Problem:
    """The problem itself, or one by name, or by a mapping of `name` and fields."""
    if isinstance(given, Problem):
        return given
    return problem(**_named(given, "problem", ProblemError))


def as_groups(given: Groups | Mapping[str, Any] | None) -> Groups:
    """The groups themselves, from a mapping of their fields, or the usual ones."""
    return given if isinstance(given, Groups) else Groups(**_fields(given or {}, "groups"))


def as_factorised(given: Factorised | Mapping[str, Any] | None) -> Factorised | None:
    """The settings themselves, from a mapping of their fields, or none: plain tables."""
    if given is None or isinstance(given, Factorised):
        return given
    return Factorised(**_fields(given, "factorised"))


def _named(given: Any, what: str, error: type[FreqoptError]) -> dict[str, Any]:
    """A name, or a mapping with one, as keyword arguments."""
    fields = {"name": given} if isinstance(given, str) else given
    if not isinstance(fields, Mapping) or not isinstance(fields.get("name"), str):
        raise error(
            f"{what} = {given!r} has no name; give a {what}, its name, or a mapping with the name "
            "under the key 'name'"
        )
    return _fields(fields, what)


def _fields(given: Any, what: str) -> dict[str, Any]:
    """A mapping whose keys are words, as keyword arguments."""
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise StudyError(f"{what} = {given!r}; expected a mapping of field names to values")
    return dict(given)
