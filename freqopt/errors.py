"""The mistakes a user can make, one class per kind.

Every message says what came, what was expected and what to do next.
The command line turns any `FreqoptError` into one line and exit code 2; nothing else is caught.
"""

from __future__ import annotations

import difflib
import linecache
import traceback
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError


class FreqoptError(ValueError):
    """Base of every error that is the caller's to mend."""


class RuleError(FreqoptError):
    """A rule was given a hyper-parameter or a dialect that it cannot have."""


class KernelError(RuleError):
    """A rule's kernel does something that cannot be read for every backend."""


class BatchError(FreqoptError):
    """A batch has the wrong shape, dtype or kind."""


class RowError(BatchError):
    """A batch names a row that the table does not have."""


class GradientError(BatchError):
    """A batch holds a gradient that is not a finite number."""


class ProblemError(FreqoptError):
    """A problem was given parameters that describe no problem."""


class SamplerError(FreqoptError):
    """A sampler was given a distribution that does not exist."""


class DataError(FreqoptError):
    """A data file is missing, truncated or not in its declared format."""


class BackendError(FreqoptError):
    """No such backend, or one that cannot run what was asked of it."""


class Notice(UserWarning):
    """Something that a study says once, however many of its runs it concerns; nothing is wrong."""


class DeviceError(BackendError):
    """A GPU, its driver or its compiler failed: nothing on it can succeed in this process."""


class StudyError(FreqoptError):
    """A study file cannot be read or describes no runnable study."""


class ResultError(FreqoptError):
    """Stored results cannot be written, read or matched to their study."""


class FigureError(FreqoptError):
    """A figure cannot be drawn from the results at hand."""


class CrosscheckError(FreqoptError):
    """An implementation, or a file of vectors, is not in the form that it is judged in."""


class UnsupportedError(CrosscheckError):
    """An implementation has no such option, and says so; the case is counted, not judged."""


class CheckError(FreqoptError):
    """A file is none of those that `freqopt check` judges, or a rule none that can be exported."""


class TheoryError(FreqoptError):
    """A theorem file or a certificate is not in its form, or asks for what an instance lacks."""


MOST_SENTENCES = 8
"""Mistakes of one thing that are told; who makes more reads no more."""


def describe(error: ValidationError, what: str, known: Iterable[str] = ()) -> str:
    """One readable sentence per mistake that pydantic found in `what`.

    Parameters
    ----------
    error : pydantic.ValidationError
    what : str
        The thing that was given, as the user calls it: ``"rule adam"``.
    known : iterable of str
        Valid keys, to suggest one for a misspelt key.

    Returns
    -------
    str
    """
    sentences = []
    mistakes = error.errors()
    for item in mistakes[:MOST_SENTENCES]:
        place = ".".join(str(part) for part in item["loc"])
        if item["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            near = difflib.get_close_matches(place.rsplit(".", 1)[-1], list(known), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
            sentences.append(f"unknown key {place!r}; {hint}")
        elif item["type"] == "missing":
            sentences.append(f"key {place!r} is missing; add it")
        elif item["type"] == "value_error":
            reason = item["msg"].removeprefix("Value error, ")
            named = not place or reason.startswith((f"{place}: ", f"{place} = "))
            sentences.append(reason if named else f"{place}: {reason}")
        else:
            sentences.append(f"{place} = {_shown(item['input'])}: {item['msg'].lower()}")
    more = len(mistakes) - MOST_SENTENCES
    return f"{what}: " + "; ".join([*sentences, *([f"and {more} mistakes more"] * (more > 0))])


def _shown(value: object) -> str:
    """What was given, of which a message has room for the beginning."""
    try:
        return _cut(repr(value))
    except ValueError:  # Python shows no whole number of so many digits
        return "a number of thousands of digits"


def short_of_memory(error: MemoryError) -> str:
    """What to say and to do about it; the error's own text, if it has one, says of how much.

    Parameters
    ----------
    error : MemoryError

    Returns
    -------
    str
    """
    how_much = f" ({error})" if str(error) else ""
    return f"not enough memory{how_much}; ask for a smaller problem or batch, or fewer jobs"


MOST_CHARACTERS = 500
"""Of an error's text that are told: a user's code can put anything into it."""


def in_words(error: BaseException) -> str:
    """What a user's code raised, in one line: kind and text, which need not be one.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    str
    """
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "its text cannot be shown"
    return f"{type(error).__name__}: {_cut(text) or 'no message'}"


def _cut(text: str) -> str:
    more = len(text) - MOST_CHARACTERS
    return f"{text[:MOST_CHARACTERS]} ... and {more} characters more" if more > 0 else text


def place(error: BaseException, path: Path) -> str:
    """Where in a user's file an error came from, and what it says, in one line.

    Parameters
    ----------
    error : BaseException
        Caught from the file's own code.
    path : Path
        The file.

    Returns
    -------
    str
    """
    own = str(path.absolute())
    if isinstance(error, SyntaxError) and error.filename == own:
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    what = in_words(error)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == own]
    return f"line {frames[-1].lineno}, `{frames[-1].line}`: {what}" if frames else what


def at_line(path: str, line: int, what: str, hint: str) -> str:
    """The message for a mistake at a place of a user's file.

    Parameters
    ----------
    path : str
        The user's file.
    line : int
        From 1.
    what : str
        What came.
    hint : str
        What to do.

    Returns
    -------
    str
    """
    return f"{path}, line {line}, `{linecache.getline(path, line).strip()}`: {what}; {hint}"


def own_mistake(error: BaseException) -> str:
    """Where in a user's file an error came from, if it did; the message of a `FreqoptError` is all.

    A user's files are those that `freqopt._discovery.load_file` has imported.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    str
        Empty if it is not a user's.
    """
    if isinstance(error, FreqoptError):
        return ""
    files = [
        frame.f_code.co_filename
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).startswith("freqopt_own.")
    ]
    todo = "import it at the top of the file" if isinstance(error, ImportError) else "mend the file"
    return f"{files[-1]}, {place(error, Path(files[-1]))}; {todo}" if files else ""
