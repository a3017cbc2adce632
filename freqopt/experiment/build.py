"""Rules and problems from names and plain values, as study files give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from freqopt.errors import ProblemError, RuleError
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
    if dialect is not None and dialect not in kind.dialects:
        raise RuleError(
            f"rule {name} has no dialect {dialect!r}; it has {', '.join(kind.dialects) or 'none'}"
        )
    return kind(**{**kind.dialects.get(dialect or "", {}), **options})


def problem(name: str, **fields: Any) -> Problem:
    """A problem by name (`freqopt list`), or by the path of a file of your own.

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
    if isinstance(given, Rule):
        return given
    fields = {"name": given} if isinstance(given, str) else dict(given)
    if not isinstance(fields.get("name"), str):
        raise RuleError(f"the rule {given!r} has no name; give one under the key 'name'")
    return rule(**fields)


def as_problem(given: Problem | str | Mapping[str, Any]) -> Problem:
    """The problem itself, or one by name, or by a mapping of `name` and fields."""
    if isinstance(given, Problem):
        return given
    fields = {"name": given} if isinstance(given, str) else dict(given)
    if not isinstance(fields.get("name"), str):
        raise ProblemError(f"the problem {given!r} has no name; give one under the key 'name'")
    return problem(**fields)
