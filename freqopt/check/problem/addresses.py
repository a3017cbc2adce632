"""Does each seed, run, step and place of the batch have numbers of its own?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from typing import Any
from unittest.mock import patch

import numpy as np

from freqopt.problems import Problem
from freqopt.streams import Stream

SEED, RUN = 3, 7
OTHERS = {
    "run": [(3, 8), (3, 107)],
    "seed": [(4, 7), (103, 7)],
    # Of the same sum, difference, product or exclusive or: what a stream may be made of instead.
    "both": [(4, 6), (2, 8), (10, 0), (0, 10), (7, 3), (4, 8), (2, 6), (0, 4), (21, 1), (1, 21),
             (2, 17), (13, 6)],
}  # fmt: skip
"""Seeds and runs whose samples are not to be those of SEED and RUN."""
HAND = "hand it to Stream(seed, run, purpose)"


def addressed(problem: Problem) -> str:
    """What is wrong with the addresses of a problem's samples; "" if nothing is seen.

    A field that hardly varies says nothing. One that is the same for all seeds and runs may be
    meant, beside others, as may a step that has every row of a data set.
    """
    steps, batch = np.arange(10), 64
    drawn = problem.draw(SEED, RUN, steps, batch)
    here = {name: values for name, values in drawn.items() if _varies(values)}
    if all((values == values[:1]).all() for values in here.values()):
        other = problem.draw(SEED + 1, RUN + 1, steps, batch)
        if all(np.array_equal(values, other[name]) for name, values in here.items()):
            return ""
        return "draw gives the same samples at every step: hand the steps to the stream"
    same: dict[str, dict[str, tuple[int, int]]] = {name: {} for name in here}
    used: dict[tuple[int, int], set[Stream]] = {}
    for what, addresses in OTHERS.items():
        for address in addresses:
            with _streams() as used[address]:
                problem.start(*address)
                there = problem.draw(*address, steps, batch)
            for name, values in here.items():
                if np.array_equal(values, there[name]):
                    same[name].setdefault(what, address)
    for what in ("run", "seed"):
        if all(what in found for found in same.values()):
            return f"draw gives the same samples whatever the {what}: {HAND}"
    for name, found in same.items():
        if {"run", "seed"} <= set(found):
            continue
        for what in ("run", "seed"):
            if what in found:
                return f"draw gives the same numbers for field {name} whatever the {what}: {HAND}"
        if found:
            seed, run = found["both"]
            return (
                f"draw gives the same numbers for field {name} with seed = {seed}, run = {run} and "
                f"with seed = {SEED}, run = {RUN}: {HAND}, both as they are"
            )
        for one, two in combinations(range(len(steps)), 2):
            if np.array_equal(here[name][one], here[name][two]) and _varies(here[name][one]):
                return (
                    f"draw gives the same numbers for field {name} at steps {one} and {two}: "
                    "hand the steps to the stream"
                )
    with _streams() as mine:
        problem.start(SEED, RUN)
        problem.draw(SEED, RUN, steps, batch)
    everywhere = set.intersection(*used.values())
    for seed, run in OTHERS["both"]:
        for stream in mine & used[seed, run] - everywhere:
            return (
                f"draw or start takes {stream} with seed = {seed}, run = {run} and with seed = "
                f"{SEED}, run = {RUN}, which are to be independent: {HAND}, both as they are"
            )
    if all((values == values[:, :1]).all() for values in here.values()):
        return "draw gives the same sample for every place of the batch"
    return ""


def shared_words(problem: Problem) -> str:
    """The stream whose numbers `draw` takes for two things, as a hint; "" if there is none.

    It is no fault in itself: tokens may be drawn again to look something up.
    """
    taken: dict[Any, int] = {}
    own = Stream.words

    def noted(stream: Stream, step: Any, n: int, trial: int = 0) -> Any:
        key = stream, trial, np.asarray(step).tobytes()
        taken[key] = taken.get(key, 0) + 1
        return own(stream, step, n, trial)

    with patch.object(Stream, "words", noted):
        problem.draw(SEED, RUN, np.array([5]), 4)
    twice = [stream.purpose for (stream, _, _), times in taken.items() if times > 1]
    if not twice:
        return ""
    return (
        f"; draw takes the numbers of purpose {twice[0]!r} twice, so that what is made of them "
        "depends on one another: give each field a purpose of its own"
    )


@contextmanager
def _streams() -> Iterator[set[Stream]]:
    """The streams that are made meanwhile."""
    made, own = set[Stream](), Stream.__post_init__

    def noted(stream: Stream) -> None:
        own(stream)
        made.add(stream)

    with patch.object(Stream, "__post_init__", noted):
        yield made


def _varies(values: Any) -> bool:
    """Whether no single value makes up most of a field."""
    _, counts = np.unique(values, return_counts=True)
    return bool(counts.max() < 0.9 * values.size)
