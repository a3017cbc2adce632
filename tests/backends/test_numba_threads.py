"""The team of threads: sleeping helpers, Ctrl-C, callers in several threads, forks."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

from freqopt.backends.numba import Workspace
from freqopt.backends.numba.jit._compile import entry
from freqopt.backends.numba.threads import _team
from freqopt.backends.numba.threads._atomic import add, let_others_run, load
from freqopt.backends.numba.threads._tasks import BUSY, LAST_TASK, PART_BITS, TICKET
from freqopt.backends.numba.threads._team import AWAKE, Team
from freqopt.optimizers import rules

from .compared import Pair, zipf_batch


@entry("test: note")
def note(part: int, parts: int, calls: Any, scale: float) -> None:
    """Count the calls for each part, and spend some time."""
    for _ in range(1000):
        calls[part, 1] += scale
    calls[part, 0] += parts


@entry("test: meet")
def meet(part: int, words: Any) -> None:
    """Wait for a while until another part is being worked on too."""
    add(words, 0, 1)
    for _ in range(10**5):
        if load(words, 0) >= 2:
            add(words, 1, 1)
            return
        let_others_run()


@entry("test: fail")
def fail(part: int, calls: Any) -> None:
    """Fail in one part."""
    if part == 1:
        raise ValueError
    calls[part] += 1


@pytest.mark.parametrize("pause", [0.0, 0.01])
def test_every_part_is_worked_on_once(pause: float) -> None:
    """With helpers that look for work and, after a pause, with helpers that sleep."""
    team = Team()
    for parts in (1, 2, 3, 7, 64):
        calls = np.zeros((parts, 2))
        for _ in range(20):
            team.run(note, (parts, calls, 0.5), parts)
            time.sleep(pause)
        assert (calls == [20 * parts, 20 * 500]).all()


@pytest.mark.skipif(_team.usable_cores() < 2, reason="this process has one core")
def test_parts_are_worked_on_at_the_same_time() -> None:
    """At least once: on a busy machine the other thread may come too late again and again."""
    team, words = Team(), np.zeros(2, np.int64)
    for _ in range(1000):
        words[:] = 0
        team.run(meet, (words,), 2)
        if words.tolist() == [2, 2]:
            return
    raise AssertionError("the caller has worked on both parts a thousand times")


@pytest.mark.skipif(_team.usable_cores() < 2, reason="this process has one core")
def test_helpers_go_to_sleep() -> None:
    team = Team()
    team.run(note, (2, np.zeros((2, 2)), 1.0), 2)
    while team._words[AWAKE] or team._bell.qsize():
        time.sleep(0.001)
    assert len([t for t in threading.enumerate() if t.name == "freqopt"]) >= 1


def test_tasks_are_numbered_from_0_again() -> None:
    """Or a caller waited for ever for helpers that it does not have."""
    team, calls = Team(), np.zeros((4, 2))
    team._words[TICKET] = LAST_TASK << PART_BITS
    team.run(note, (4, calls, 1.0), 4)
    assert team._words[TICKET] >> PART_BITS == 0
    assert (calls[:, 0] == 4).all()


def test_a_caller_works_alone_while_another_uses_the_team() -> None:
    team, calls = Team(), np.zeros((4, 2))
    team._words[BUSY] = 1
    team.run(note, (4, calls, 1.0), 4)
    assert (calls[:, 0] == 4).all()
    assert team._words[TICKET] == 0
    with pytest.raises(AssertionError, match="half updated"):
        team.run(fail, (calls,), 4)
    assert team._words[BUSY] == 1


def test_a_part_that_fails_is_an_error_when_all_have_ended() -> None:
    team, calls = Team(), np.zeros(4)
    with pytest.raises(AssertionError, match="half updated"):
        team.run(fail, (calls,), 4)
    assert calls.tolist() == [1, 0, 1, 1]
    assert team._words[BUSY] == 0
    team.run(note, (2, np.zeros((2, 2)), 1.0), 2)


def run_for_ever(team: Team, calls: Any) -> None:
    while True:
        team.run(note, (4, calls, 1.0), 4)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_waits_for_the_parts() -> None:
    calls = np.zeros((4, 2))
    team = Team()
    team.run(note, (4, calls, 1.0), 4)
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        run_for_ever(team, calls)
    assert (calls == calls[0]).all()
    before = calls.copy()
    team.run(note, (4, calls, 1.0), 4)
    assert (calls[:, 0] == before[:, 0] + 4).all()


def test_callers_in_several_threads() -> None:
    rule = rules["adagrad"]()

    def train(seed: int, pairs: dict[int, Pair]) -> None:
        rng = np.random.default_rng(seed)
        pairs[seed] = Pair(rule, rng.normal(size=(500, 4)), Workspace(parts=3))
        for _ in range(30):
            pairs[seed].step(zipf_batch(rng, 500, 400), rng.normal(size=(400, 4)))

    pairs: dict[int, Pair] = {}
    threads = [threading.Thread(target=train, args=(seed, pairs)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pairs) == 4
    for pair in pairs.values():
        pair.check()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_gets_its_own_threads() -> None:
    rng = np.random.default_rng(0)
    pair = Pair(rules["sgd"](), np.zeros((50, 2)), Workspace(parts=2))
    pair.step(rng.integers(0, 50, 30), rng.normal(size=(30, 2)))
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        pair.step(rng.integers(0, 50, 30), rng.normal(size=(30, 2)))
        os._exit(0 if (pair.found == pair.expected).all() else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_tasks_of_many_and_of_few_parts_in_turn() -> None:
    """A helper that is late must not take what it saw of one task for a part of the next."""
    team, few, many = Team(), np.zeros((2, 2)), np.zeros((500, 2))
    for _ in range(2000):
        team.run(note, (2, few, 0.0), 2)
        team.run(note, (500, many, 0.0), 500)
    assert (few[:, 0] == 2 * 2000).all()
    assert (many[:, 0] == 500 * 2000).all()
