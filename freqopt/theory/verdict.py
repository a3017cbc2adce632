"""What a check says: one of nine words, kept apart, and the figures behind it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any


class Word(StrEnum):
    """The ten words, worst first. They are never merged into one tick."""

    REFUTED = "REFUTED"
    """A witness violates the statement, or an implementation violates its specification."""
    INAPPLICABLE = "INAPPLICABLE"
    """An assumption does not hold on the instance, so nothing was learnt."""
    VACUOUS = "VACUOUS"
    """The bound held, and was nowhere below what is trivially true."""
    UNPROVED = "UNPROVED"
    """A proof step has no valid witness, or no certificate was found."""
    UNREFUTED = "UNREFUTED"
    """A search, or a sample with a stated error probability, found no violation."""
    CORROBORATED = "CORROBORATED"
    """A sample shows the statement's inequality, with a stated error probability."""
    APPROXIMATE = "APPROXIMATE"
    """Holds within a stated difference that is more than rounding, on every instance listed."""
    EXACT = "EXACT"
    """Holds, computed without sampling, on every instance listed."""
    TIGHT = "TIGHT"
    """EXACT, and where it says most, on some instance no more than 5 % is lost."""
    CERTIFIED = "CERTIFIED"
    """An identity or a certificate covers every instance that meets the assumptions."""


FAILURES = frozenset({Word.REFUTED, Word.INAPPLICABLE})
"""Words that make a run fail."""

SILENT = frozenset({Word.VACUOUS, Word.UNPROVED})
"""Words that make a run fail unless the file says why they may stand."""

TIGHT_FROM = 0.95
"""A bound is called tight from this share of it on."""


@dataclass(frozen=True)
class Verdict:
    """One check of one theorem.

    Attributes
    ----------
    theorem : str
        Id, for example "FA-4".
    engine : str
        What kind of evidence: "witness", "exact", "moments", ...
    claim : str
        Which part of the theorem.
    word : Word
    kind : str
        "upper", "lower", "equal", "identity", "certificate" or "implementation".
    measured, bound : float or None
        Both sides where the claim is closest to failing.
    ratio : float or None
        Share of the bound used: measured/bound for upper bounds, bound/measured for lower ones.
        Above 1 the claim is violated.
    vacuity : float or None
        Share of the instances on which the bound is above what is trivially true.
    delta : float
        Probability of a wrong verdict that this check was allowed to spend; 0 if nothing is
        sampled.
    seeds : int
        Independent samples used.
    seconds : float
    witness : str
        For REFUTED: what to evaluate to see the violation. Else the closest instance.
    note : str
    ledger : tuple of (line of the proof, bound/measured up to there)
        Where each factor of looseness enters.
    allowed : str
        Why the file lets a VACUOUS or UNPROVED row stand.
    lefts : tuple of (name of a claim, instance, left side)
        Left sides that an own check computed, worst cases above all: the claim's bound is resolved
        on them too. They are kept out of the report.
    """

    theorem: str
    engine: str
    claim: str
    word: Word
    kind: str = "upper"
    measured: float | None = None
    bound: float | None = None
    ratio: float | None = None
    vacuity: float | None = None
    delta: float = 0.0
    seeds: int = 0
    seconds: float = 0.0
    witness: str = ""
    note: str = ""
    ledger: tuple[tuple[str, float], ...] = ()
    allowed: str = ""
    lefts: tuple[tuple[str, Any, Any], ...] = field(default=(), repr=False, compare=False)

    @property
    def failed(self) -> bool:
        """Whether this verdict alone fails a run."""
        return self.word in FAILURES or (self.word in SILENT and not self.allowed)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; numbers that are not finite become None.

        Returns
        -------
        dict
        """
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in asdict(replace(self, lefts=())).items()
            if key != "lefts"
        }
