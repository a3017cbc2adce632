"""Wrong versions of every rule, by name: what a check of an optimizer has to be able to notice.

They come from three sources:

    `_axes`     each option of the rule at another value than the case's: "duplicates = mean"
    `_common`   faults that any optimizer can have: "last row never written", "v never stored"
    `_edits`    one text of the rule's own source replaced: "no bias correction of m"

A mutant is an `Implementation`. In a case where its fault does not exist, or whose options refuse
it, it is the reference itself. `equivalent` names the mutants that no case can tell from the rule,
each with the reason.
"""

from __future__ import annotations

import sys
from functools import cache

from freqopt.crosscheck.implementation import Implementation
from freqopt.crosscheck.mutants import _axes, _common, _edits
from freqopt.optimizers import rules


@cache
def mutants(name: str) -> dict[str, Implementation]:
    """Every wrong version of a rule, by name.

    Parameters
    ----------
    name : str
        A rule's name, or the path of a user's own file with a rule: it has the first two sources.

    Raises
    ------
    RuleError
        No rule has that name.
    CrosscheckError
        The text that a mutant replaces is not in the rule's source exactly once.
    """
    return {**_axes.mutants(name), **_common.mutants(name), **_edits.mutants(rules[name])}


def equivalent(name: str) -> dict[str, str]:
    """The mutants of a rule that mean the same in every case, and why.

    A user's own file with a rule may list some in a dictionary `EQUIVALENT`.

    Parameters
    ----------
    name : str
        As for `mutants`.
    """
    known, rule = mutants(name), rules[name]
    own = getattr(sys.modules[rule.__module__], "EQUIVALENT", {})
    listed = {**_axes.EQUIVALENT, **_common.EQUIVALENT, **_edits.equivalent(rule), **own}
    return {mutant: reason for mutant, reason in listed.items() if mutant in known}
