"""How an extra is installed: freqopt is on no package index, so from a checkout."""

from __future__ import annotations


def install(extra: str) -> str:
    """The command that installs an extra, for messages.

    Parameters
    ----------
    extra : str
        A name under `project.optional-dependencies` of pyproject.toml.

    Returns
    -------
    str
        The command, and where it is to be run.
    """
    return f'pip install ".[{extra}]" in a checkout of freqopt'
