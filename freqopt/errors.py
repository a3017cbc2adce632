"""The mistakes a user can make, one class per kind.

Every message says what came, what was expected and what to do next.
The command line turns any `FreqoptError` into one line and exit code 2; nothing else is caught.
"""

from __future__ import annotations


class FreqoptError(ValueError):
    """Base of every error that is the caller's to mend."""


class RuleError(FreqoptError):
    """A rule was given a hyper-parameter or a dialect that it cannot have."""


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


class StudyError(FreqoptError):
    """A study file cannot be read or describes no runnable study."""


class ResultError(FreqoptError):
    """Stored results cannot be written, read or matched to their study."""


class FigureError(FreqoptError):
    """A figure cannot be drawn from the results at hand."""
