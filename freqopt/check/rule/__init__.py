"""Is a rule right: what `update` gives, what it keeps, and whether its two texts say the same?"""

from __future__ import annotations

from pathlib import Path

from freqopt.check.journal import Journal
from freqopt.check.rule.compiled import check_compiled
from freqopt.check.rule.conduct import check_conduct
from freqopt.check.rule.options import check_options
from freqopt.check.rule.put import every_case
from freqopt.check.rule.texts import check_texts
from freqopt.errors import BackendError, FreqoptError, in_words
from freqopt.kernels._read import read
from freqopt.optimizers import Rule, rules


def check_rule(path: Path, notes: Journal, *, full: bool) -> None:
    """Put a rule through everything; faults go into the journal."""
    with notes.watched("reading the rule"):
        kind = rules[str(path)]
        if not _made(kind, notes):
            return
        on = every_case(kind)
        if not check_conduct(kind, on, notes):
            return
        check_options(kind, on, notes)
        if _kernel(kind, notes) and check_texts(kind, on, notes):
            check_compiled(kind, on, notes, full=full)


def _made(kind: type[Rule], notes: Journal) -> bool:
    """Whether its defaults and dialects describe rules, with slots that can be kept."""
    before = notes.faults
    for name, options in {"its defaults": {}, **kind.dialects}.items():
        try:
            kind(**options).all_slots()
        except FreqoptError as error:
            where = name if not options else f"the dialect {name}"
            notes.fault(f"{where} cannot be made: {error}")
        except Exception as error:
            notes.fault(f"{name} cannot be made: {in_words(error)}; mend slots()")
    return notes.faults == before


def _kernel(kind: type[Rule], notes: Journal) -> bool:
    """Whether there is a kernel to be compared."""
    try:
        read(kind(), "float64")
    except BackendError as error:
        notes.left(f"the kernel: {error}")
        return False
    except FreqoptError as error:
        notes.fault(str(error))
        return False
    except Exception as error:  # reading runs the user's code
        notes.fault(f"its kernel cannot be read: {in_words(error)}; mend it")
        return False
    return True
