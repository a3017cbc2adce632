"""A grammar of mistakes: what a rule does with one thing at the wrong place, for every rule.

A `Mistake` makes an implementation of any rule and says in one sentence what is wrong with it.
None is a copy of a known bug; each kind is applied wherever it can be:

    edits        one operation of the equations: scaled, rooted, squared, shared, taken of another
                 quantity or of an earlier step, left out, done twice, in another order
    equations    those edits, at every place of the methods that a step of the rule runs
    places       what surrounds the equations: where state is kept, how steps are counted, which
                 rows and occurrences are taken, when the table is written, how it decays
    settings     a number that is taken for another
    arithmetic   a quantity that went through a narrower type
"""

from __future__ import annotations

from freqopt.crosscheck.mistakes.mistake import Mistake

__all__ = ["Mistake"]
