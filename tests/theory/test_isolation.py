"""A theorem file may do anything to its process: it is one line, and the other files still run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from freqopt.theory import isolation, verify

FILE = '''"""X-{name}: t

Source
    derived here.
Problem
    p
Algorithm
    a
Assumptions
    none
Statement
    s
Checks
    c
Literature
    none
"""
import os, signal, subprocess, sys, time
import sympy as sp
from freqopt.theory import *
n = sp.Symbol("n", positive=True)

def theorem(constant=1):
    {deed}
    cases = lambda quick: [Case("a", n=1.0)]
    return Theorem(claims=(Claim("c", lambda c: c.n / 2, Bound(constant * n), instances=cases),))

MUTANTS = {{"a": Mutant("statement", constant=sp.Rational(1, 3))}}
'''
DEEDS = {
    "abort": ("os.abort()", "SIGABRT"),
    "exit": ("os._exit(0)", "without a result, with exit code 0"),
    "killed": ("os.kill(os.getpid(), 9)", "SIGKILL"),
    "stopped": ("os.kill(os.getpid(), signal.SIGSTOP)", "it stopped its own process"),
    "endless": ("\n    while True: pass", "did not end within 6 s"),
    "asleep": (
        "subprocess.Popen(['sleep', '986.5'], start_new_session=True); time.sleep(1000)",
        "did not end within 6 s",
    ),
    "warden": ("os.kill(os.getppid(), 9)", "ended the process that watched over it"),
    "huge": ("held = b'x' * 2**46", "MemoryError"),
    "forks": ("os.spawnlp(os.P_NOWAIT, 'setsid', 'setsid', 'sleep', '987.5')", ""),
}


@pytest.fixture
def written(tmp_path):
    def write(name):
        path = tmp_path / f"{name}.py"
        path.write_text(FILE.format(name=name, deed=DEEDS.get(name, ("pass",))[0]))
        return path

    return write


def running(text):
    """Whether some process has the text in its command line."""
    lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return any(text in line and "ps -eo" not in line for line in lines.stdout.splitlines())


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_every_deed_is_one_line_and_the_others_are_examined(written, jobs):
    names = list(DEEDS)
    report = verify([*map(written, names), written("good")], jobs=jobs, limit=6)
    told = {Path(problem.path).stem: problem.message for problem in report.problems}
    assert set(told) == set(names) - {"forks"}, told
    for name, message in told.items():
        assert DEEDS[name][1] in message
        assert "\n" not in message
    assert {row.theorem for row in report.rows} == {"X-good", "X-forks"}
    assert report.exit_code == 1
    assert not running("sleep 98")


def test_a_worker_whose_pipe_has_closed_takes_no_further_task(monkeypatch):
    """The pipe of a process that was killed closes before the system calls it ended."""
    monkeypatch.setattr(isolation.subprocess.Popen, "poll", lambda process: None)
    isolation._end_idle()
    calls = [(os.kill, (0, signal.SIGKILL)), (abs, (-3,))]
    answers = dict(isolation.each(_call, calls, workers=1, seconds=float("inf")))
    assert "watched over it" in answers[0].failure
    assert answers[1].value == 3


def _call(function, given):
    """Call a function; for os.kill, on the worker that watches."""
    return function(os.getppid() if function is os.kill else given[0], *given[1:])


def test_a_file_named_like_a_module_shadows_nothing(written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    isolation._end_idle()  # a new worker begins here
    report = verify([written("string"), written("good")], jobs=2)
    assert not report.problems
    assert len(report.rows) == 2


SLOW = [pytest.param(n, marks=pytest.mark.slow) for n in (signal.SIGINT, signal.SIGKILL)]


@pytest.mark.parametrize("number", [signal.SIGTERM, *SLOW])
def test_a_signal_leaves_no_process_behind(written, number):
    command = "from freqopt.theory import verify; import sys; verify(sys.argv[1:], jobs=2)"
    paths = [str(written("asleep")), str(written("endless"))]
    process = subprocess.Popen(
        [sys.executable, "-c", command, *paths],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(  # noqa: PLW1509 - no threads here
            signal.SIGINT, signal.default_int_handler
        ),
    )
    children = f"/proc/{process.pid}/task/{process.pid}/children"
    deadline = time.monotonic() + 60
    while len(workers := Path(children).read_text().split()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    grandchildren = []
    while len(grandchildren) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
        files = (Path(f"/proc/{w}/task/{w}/children") for w in workers)
        grandchildren = [c for file in files for c in file.read_text().split()]
    assert len(grandchildren) == 2
    process.send_signal(number)
    process.wait(20)
    while (left := alive(workers + grandchildren)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []
    while running("sleep 986.5") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running("sleep 986.5")


def alive(processes):
    """Those that still run; a zombie, which its parent will collect, does not."""
    found = []
    for number in processes:
        try:
            os.kill(int(number), 0)
            if Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(number)
        except (ProcessLookupError, FileNotFoundError):
            pass
    return found
