"""The page of other libraries, made by running them: what `agreement_records` writes to docs."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass

from freqopt.crosscheck.agreement import agreement
from freqopt.crosscheck.guests import Guest, guests
from freqopt.errors import CrosscheckError

HEAD = """# How other libraries agree with the reference

Each line is an optimizer of another library, run through the cases of its rule that it can express
and through its own dialect with drawn hyper-parameters: at least 12 steps with duplicates, gaps,
empty batches and gradients of 1e-9 to 1e2. The distance is the largest anywhere in the table after
any step, in units in the last place of the largest value that the entry has had so far. What a
library leaves to its caller (the rate of each step, whether an empty batch is a step) is done by
the caller. The dialect is also what `freqopt crosscheck` recognises from what the optimizer does,
in the tests with drawn numbers too; `freqopt explain RULE` tells what its options mean.

    pip install -e ".[guests]" && pip install --no-deps torchrec==1.8.0   # 2.1 GB
    pip install -e ".[tensorflow]"                                        # 2.2 GB, elsewhere
    freqopt crosscheck torch.SparseAdam

TorchRec comes last and alone: it asks for the CUDA build of FBGEMM, which overwrites the CPU's. To
keep CUDA out altogether, install the CPU build of PyTorch 2.13.0 first. Keras runs on TensorFlow
where that is installed, else on NumPy. The guests of one more library are
[one more file](add_a_guest.md). What is wrong in a library itself is in [bugs found](found.md).

A range of versions goes from the lowest to the highest that was run, and says how many were.

<!-- Made by `python -m freqopt.report.agreement_records docs`; do not edit. -->
"""

COLUMNS = (
    "guest",
    "rule",
    "its dialect",
    "dtype",
    "versions",
    "cases",
    "ULP",
    "allowed",
    "first divergence",
)


@dataclass(frozen=True)
class Row:
    """One guest in one dtype, as it is shown.

    Attributes
    ----------
    guest, rule, dialect, dtype : str
    versions : str
        Of the library.
    cases : int
    ulps : float or None
        Largest distance seen; None if the library failed.
    allowed : float
    divergence : str
        "none", or the first entry that is further off than allowed.
    """

    guest: str
    rule: str
    dialect: str
    dtype: str
    versions: str
    cases: int
    ulps: float | None
    allowed: float
    divergence: str

    @property
    def agrees(self) -> bool:
        """Whether there is no divergence."""
        return self.divergence == "none"

    def __str__(self) -> str:
        shown = {**asdict(self), "ulps": _whole(self.ulps), "allowed": _whole(self.allowed)}
        return f"| {' | '.join(str(value) for value in shown.values())} |"


def rows(libraries: Collection[str] = (), *, quick: bool = False) -> Iterator[Row]:
    """A row for every guest that is installed, in each of its dtypes.

    Parameters
    ----------
    libraries : collection of str
        Names of the libraries to judge; empty for all.
    quick : bool
        Its own dialect on the main exercise alone.
    """
    for guest in guests.values():
        if guest.library.present and (not libraries or guest.library.name in libraries):
            yield from (row(guest, dtype, quick=quick) for dtype in guest.dtypes)


def row(guest: Guest, dtype: str, *, quick: bool = False) -> Row:
    """Judge one guest; a library that fails does not agree."""
    options = ", ".join(f"{name} = {value!r}" for name, value in guest.own.items())
    about = (guest.name, guest.rule, options or "the defaults", dtype, guest.library.version or "-")
    allowed = guest.tolerance(dtype)
    try:
        found = agreement(guest, dtype, quick=quick)
    except CrosscheckError as error:
        return Row(*about, 0, None, allowed, " ".join(str(error).split()))  # one line of a table
    first = "none" if found.first is None else f"{found.first.case.name}: {found.first.first}"
    return Row(*about, found.cases, found.worst.ulps, allowed, first)


def table(judged: list[Row]) -> str:
    """The rows as Markdown."""
    head = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    return "\n".join([*head, *map(str, judged), ""])


def absent(judged: Collection[str] = ()) -> list[str]:
    """One line for every library that is not installed, with its guests that were not judged."""
    found: dict[str, list[str]] = {}
    for guest in guests.values():
        if guest.name not in judged and not guest.library.present:
            found.setdefault(guest.library.absence, []).append(guest.name)
    return [f"Not judged: {', '.join(names)}. {why}" for why, names in found.items()]


def page(judged: list[Row], when: str = "") -> str:
    """The whole page as Markdown.

    Parameters
    ----------
    judged : list of Row
        Judged quickly, a row has fewer cases.
    when : str
        The day or days, as a sentence has them; empty for today, here.
    """
    when = when or f"on {dt.datetime.now(tz=dt.UTC).date()}"
    parts = [HEAD, f"Run {when}.\n" if judged else "None of the libraries was run.\n"]
    parts += [f"{line}\n" for line in absent([row.guest for row in judged])]
    parts += [table(judged), "## Notes\n", _notes(), "## What a guest can be told\n", _options()]
    return "\n".join(parts)


def _notes() -> str:
    return "\n".join([*(f"* {g.name}: {g.note}" for g in guests.values() if g.note), ""])


def _options() -> str:
    told = [f"* {g.name}: {', '.join(f'`{o}`' for o in g.options)}" for g in guests.values()]
    return "\n".join(["Any other option is refused, unless it makes no difference.\n", *told, ""])


def _whole(ulps: float | None) -> str:
    if ulps is None:
        return "-"
    return str(math.ceil(ulps)) if math.isfinite(ulps) else "infinite"
