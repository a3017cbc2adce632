"""`freqopt report`: tables and pictures of a study that was simulated."""

from __future__ import annotations

from pathlib import Path

from freqopt.backends import DEFAULT
from freqopt.cli.folders import find
from freqopt.experiment.study import Study
from freqopt.report.html.page import Section, write
from freqopt.report.html.study import PROTOCOL, about, how_to_repeat, of_study
from freqopt.report.terminal import say, warn


def report_(
    study: str,
    *,
    quick: bool = False,
    results: Path = Path("results"),
    out: Path = Path("report"),
    backend: str = DEFAULT,
) -> int:
    """Tables and pictures of a simulated study: best rates, edges, divergences, intervals.

    The exit code is 1 where a best rate is at an edge of its grid.

    Parameters
    ----------
    study
        A study file, or a name that `freqopt list` shows.
    quick
        As it was simulated.
    results
        Folder of the stored results.
    out
        Folder to write to: index.html, and the pictures.
    backend
        As it was simulated.
    """
    read = Study.read(find("simulations", study), quick=quick)
    section, wrong = of_study(read, results, out / "pictures", backend, quick=quick)
    protocol, repeat, made = Section("Protocol"), Section("How to repeat it"), Section("Provenance")
    protocol.add("text", PROTOCOL)
    repeat.add("code", how_to_repeat(read, quick=quick))
    made.add("code", about())
    write(out / "index.html", read.title, [section, protocol, repeat, made], quick=quick)
    for sentence in wrong:
        warn(f"{read.name}: {sentence}")
    wrongs = f"best rates at an edge, marked ERROR: {len(wrong)}; " if wrong else ""
    say(f"{out / 'index.html'}: open it in a browser. In it: {wrongs}{section.contents()}")
    return int(bool(wrong))
