"""Every guest in every dtype as test parameters; those whose library is absent are skipped."""

from __future__ import annotations

import pytest

from freqopt.crosscheck.guests import Guest, guests


def needs(name: str) -> pytest.MarkDecorator:
    """Skip a test that runs a guest which is not installed."""
    library = guests[name].library
    return pytest.mark.skipif(not library.present, reason=library.absence)


def judged(guest: Guest) -> pytest.MarkDecorator:
    """The same, with a reason that names all guests of the library in pytest's summary."""
    names = ", ".join(g.name for g in guests.values() if g.library == guest.library)
    reason = f"not judged: {names}. {guest.library.absence}"
    return pytest.mark.skipif(not guest.library.present, reason=reason)


EVERY = [
    pytest.param(name, dtype, marks=judged(guest), id=f"{name}-{dtype}")
    for name, guest in guests.items()
    for dtype in guest.dtypes
]
