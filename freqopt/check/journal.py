"""What a check finds, written down while it looks: whoever ends its process takes nothing along."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from freqopt.errors import FreqoptError, in_words, own_mistake

MOST = 12
"""Faults that are told; what follows of so many is most often the same."""

SIMULATING = "simulating study"
"""What is done then takes the time of a study, and is no fault of the file."""


class Enough(Exception):  # noqa: N818 - it is no error
    """So much is wrong that the rest would say it again."""


@dataclass(frozen=True)
class Findings:
    """What is known of a file after its check.

    Attributes
    ----------
    path : str
    kinds : tuple of str
        What it is: "rule", "problem", "metric", "figure", "study" or "theorem".
    faults : tuple of str
        One sentence each: what differs, where, by how much, what to look at.
    judged : tuple of str
        What was looked at.
    not_judged : tuple of str
        What was not, and why.
    seconds : float
    """

    path: str
    kinds: tuple[str, ...]
    faults: tuple[str, ...]
    judged: tuple[str, ...]
    not_judged: tuple[str, ...]
    seconds: float

    @property
    def right(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.faults

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "right": self.right}


class Journal:
    """Lines of JSON, each written out at once.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.faults = 0

    def _write(self, kind: str, text: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([kind, " ".join(text.split())]) + "\n")

    def doing(self, what: str) -> None:
        """What is looked at next: the last word of a process that does not come back."""
        self._write("doing", what)

    def fault(self, sentence: str) -> None:
        """Something is wrong."""
        self._write("fault", sentence)
        self.faults += 1
        if self.faults >= MOST:
            raise Enough

    def judged(self, what: str) -> None:
        """Something was looked at."""
        self._write("judged", what)

    def left(self, what: str) -> None:
        """Something could not be looked at, and why."""
        self._write("left", what)

    def read(self) -> dict[str, list[str]]:
        """Everything so far: kind of line -> texts, each once."""
        found: dict[str, dict[str, None]] = {k: {} for k in ("doing", "fault", "judged", "left")}
        if self._path.exists():
            for line in self._path.read_text(encoding="utf-8").splitlines():
                kind, text = json.loads(line)
                found[kind][text] = None
        return {kind: list(texts) for kind, texts in found.items()}

    @contextmanager
    def watched(self, what: str) -> Iterator[None]:
        """A part of the check: what the user's code raises there is a fault, not the end."""
        self.doing(what)
        try:
            yield
        except Enough:
            raise
        except (Exception, SystemExit) as error:
            self.fault(said(error, what))


def said(error: BaseException, what: str) -> str:
    """What a user's code raised, with its place, and at what."""
    if isinstance(error, FreqoptError):
        return str(error)
    return f"{what}: {own_mistake(error) or in_words(error)}"
