"""Where studies, figures and theorem checks are found.

A path that exists is taken as given. A bare name is looked for in the working directory's folder
(`simulations/`, `figures/`, `proofs_check/`), and then in the copy that comes with the library; a
figure's studies first of all beside the figure's file.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Literal

import freqopt
from freqopt._files import is_file, is_folder
from freqopt.errors import FigureError, FreqoptError, StudyError, TheoryError

Kind = Literal["simulations", "figures", "proofs_check"]
_SUFFIX = {"simulations": ".toml", "figures": ".py", "proofs_check": ".py"}
_NOUN = {"simulations": "study", "figures": "figure", "proofs_check": "theorem file"}
_ERROR: dict[str, type[FreqoptError]] = {
    "simulations": StudyError,
    "figures": FigureError,
    "proofs_check": TheoryError,
}


def find(kind: Kind, name: str, beside: Path | None = None) -> Path:
    """The file that a user means by a path or a name.

    Parameters
    ----------
    kind : str
    name : str
    beside : folder, optional
        A bare name is looked for here first, and in the folder of its kind next to this one.
    """
    for folder in () if beside is None else (beside, beside.absolute().parent / kind):
        if is_file(own := folder / f"{name}{_SUFFIX[kind]}"):
            return own
    if is_file(name):
        return Path(name)
    known = {
        path.stem: path for folder in reversed(_folders(kind)) for path in _files(kind, folder)
    }
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}."
    raise _ERROR[kind](
        f"{name!r} is neither a file nor the name of a {_NOUN[kind]}; {hint} "
        "`freqopt list` shows all"
    )


def everything(kind: Kind) -> list[Path]:
    """All files of the first folder there is: the working directory's, or the library's copy."""
    return next((files for folder in _folders(kind) if (files := _files(kind, folder))), [])


def gather(kind: Kind, given: list[str]) -> list[Path]:
    """Files for paths, names and folders; all files if nothing is given."""
    if not given:
        return everything(kind)
    found: list[Path] = []
    for name in given:
        found += _files(kind, Path(name)) if is_folder(name) else [find(kind, name)]
    return found


def _folders(kind: Kind) -> list[Path]:
    package = Path(freqopt.__file__).parent
    beside, inside = package.parent / kind, package / "studies" / kind
    return [Path(kind), inside, beside]  # a checkout has no copy inside


def _files(kind: Kind, folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob(f"*{_SUFFIX[kind]}") if not p.name.startswith("_"))
