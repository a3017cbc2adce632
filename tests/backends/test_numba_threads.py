"""The team of threads: errors, Ctrl-C, callers in several threads, forks."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from freqopt.backends.numba import Workspace
from freqopt.backends.numba._threads import Team
from freqopt.optimizers import rules

from .compared import Pair, zipf_batch


def test_every_part_runs_once_and_at_the_same_time() -> None:
    together = threading.Barrier(4, timeout=30)
    done: list[int] = []

    def task(part: int) -> None:
        together.wait()
        done.append(part)

    team = Team()
    for _ in range(50):
        team.run(task, 4)
    assert sorted(done) == sorted(list(range(4)) * 50)


@pytest.mark.parametrize("failing", [0, 2])
def test_an_error_of_a_part_is_raised_when_all_have_ended(failing: int) -> None:
    ended: list[int] = []

    def task(part: int) -> None:
        if part == failing:
            raise ZeroDivisionError
        time.sleep(0.05)
        ended.append(part)

    team = Team()
    with pytest.raises(ZeroDivisionError):
        team.run(task, 3)
    assert sorted(ended) == sorted({0, 1, 2} - {failing})
    team.run(ended.append, 3)
    assert len(ended) == 5


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT raises, also where a shell started the tests in the background and it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_waits_for_the_parts() -> None:
    ended = threading.Event()

    def task(part: int) -> None:
        if part == 1:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)
            ended.set()

    with pytest.raises(KeyboardInterrupt):
        Team().run(task, 2)
    assert ended.is_set()


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
