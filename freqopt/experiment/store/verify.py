"""Whether everything in a folder of results is as it was written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from freqopt.errors import ResultError
from freqopt.experiment.store import durable, members, states
from freqopt.experiment.store.keys import names_of
from freqopt.experiment.store.rows import ABOUT, digest, to_columns
from freqopt.experiment.store.segments import SUFFIX, Segments, runs_of


@dataclass
class Verdict:
    """What `verify` found.

    Attributes
    ----------
    files, runs, states : int
        Looked at.
    wrong : list of str
        A sentence for each thing that is not as it should be.
    left_alone : list of str
        Files of other versions.
    unfinished : list of str
        Studies that have runs to do.
    """

    files: int = 0
    runs: int = 0
    states: int = 0
    wrong: list[str] = field(default_factory=list)
    left_alone: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)


def verify(folder: Path) -> Verdict:
    """Every file against its name, every run against its key and digest, twice stored ones too.

    Raises
    ------
    ResultError
        There is no such folder, or it cannot be read.
    """
    if not folder.is_dir():
        raise ResultError(f"{folder} is no folder of results; check the path")
    verdict, digests = Verdict(), dict[str, str]()
    segments = Segments(folder)
    segments.refresh()
    verdict.wrong += [f"{path} {reason}" for path, reason in segments.damaged.items()]
    verdict.left_alone += [f"{path} {reason}" for path, reason in segments.foreign.items()]
    for path in segments.keys_of:
        verdict.files += 1
        _runs(segments, path, verdict, digests)
    memberships, damaged = members.read(folder)
    verdict.wrong += damaged.values()
    for one in {(one.study, one.backend): one for one in memberships}.values():  # the last form
        missing = sum(member.key not in segments.places for member in one.members)
        if missing and not one.done:
            verdict.unfinished.append(
                f"{one.study} is not finished: {missing} of its {len(one.members)} runs are to do"
            )
        elif missing and not segments.damaged and not segments.foreign:  # or they are in there
            verdict.wrong.append(
                f"{missing} runs of {one.study} were stored and are gone; simulate it again"
            )
    for path in durable.files(folder / states.FOLDER, states.SUFFIX):
        verdict.states += 1
        try:
            states.load(path)
        except ResultError as error:
            verdict.wrong.append(f"{path} {error}")
    if old := durable.files(folder, SUFFIX, whole=True):
        verdict.left_alone.append(
            f"{len(old)} results of an earlier version; `freqopt results migrate {folder}` takes "
            "them over"
        )
    return verdict


def _runs(segments: Segments, path: Path, verdict: Verdict, digests: dict[str, str]) -> None:
    table = segments.read(path)
    _, _, first, rows = runs_of(table)
    for start, size in zip(first.tolist(), rows.tolist(), strict=True):
        verdict.runs += 1
        run = table.slice(start, size)
        about = run.select(list(ABOUT)).slice(0, 1).to_pylist()[0]
        key, columns = about["key"], to_columns(run)
        named = names_of(about["made_by"], int(columns["run"][0]), about["recorded"])
        if named != (key, about["trajectory"]):
            verdict.wrong.append(f"run {key} in {path} is not what its key is a hash of")
        if digest(columns) != about["digest"]:
            verdict.wrong.append(f"run {key} in {path} has other readings than were written")
        if digests.setdefault(key, about["digest"]) != about["digest"]:
            verdict.wrong.append(
                f"run {key} is stored twice with different readings, once in {path}: two machines "
                "or versions that should agree do not"
            )
