"""Processes that are killed, callers that are ended, clusters that go away."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from freqopt._workers import Lost, spread
from freqopt.errors import BackendError
from freqopt.experiment.execute import simulate
from freqopt.experiment.study import Study
from tests.experiment.conftest import SMALL, content

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")

GREEDY = """
import os, signal
from pathlib import Path
from freqopt.optimizers.sgd import SGD


class Greedy(SGD):
    def update(self, w, g, s):
        marks = Path(__file__).parent / "marks"
        if self.lr < 0.1 and len(list(marks.iterdir())) < MOST:
            (marks / str(os.getpid())).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().update(w, g, s)
"""


def study(tmp_path, most):
    """A study of 12 runs, four of which kill their process, `most` times in all."""
    (tmp_path / "marks").mkdir()
    (tmp_path / "greedy.py").write_text(GREEDY.replace("MOST", str(most)))
    path = tmp_path / "study.toml"
    path.write_text(SMALL.replace('"sgd"', '"greedy.py"').replace("rules.sgd", "rules.greedy"))
    return Study.read(path)


def test_a_run_whose_process_is_killed_is_tried_again(tmp_path):
    report = simulate(study(tmp_path, 1), results=tmp_path / "r", jobs=2, backend="numpy")
    assert len(list((tmp_path / "marks").iterdir())) == 1
    assert (report.computed, report.failed) == (12, [])


def test_a_run_that_kills_its_process_again_is_reported_and_the_others_go_on(tmp_path):
    report = simulate(study(tmp_path, 100), results=tmp_path / "r", jobs=2, backend="numpy")
    assert report.computed == 8
    assert len(report.failed) == 4
    assert {where.split(", ")[2] for where, _ in report.failed} == {"rule.lr = 0.05"}
    (message,) = {message for _, message in report.failed}
    assert message.startswith(
        "its process was ended by SIGKILL (Killed), and so when it was tried again alone; that is"
    )


DEEDS = """
import ctypes, os
from freqopt.optimizers.sgd import SGD

class Odd(Exception):
    def __str__(self):
        raise ValueError("no text")

class Deeds(SGD):
    def update(self, w, g, s):
        if self.lr < 0.1:
            {}
        return super().update(w, g, s)
"""


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("raise KeyboardInterrupt", "KeyboardInterrupt: no message"),
        ("raise Odd", "Odd: its text cannot be shown"),
        ("raise ValueError('a b ' * 1000)", "a b  ... and 3499 characters more"),
        ("ctypes.string_at(0)", "deeds.py calls"),
        ("os.kill(os.getpid(), 19)", "stopped itself, and nobody would continue it, and so when"),
    ],
)
def test_whatever_a_rule_does_is_a_sentence_and_the_others_go_on(tmp_path, monkeypatch, deed, said):
    monkeypatch.setattr("freqopt._workers.LOOK", 0.02)
    (tmp_path / "deeds.py").write_text(DEEDS.format(deed))
    path = tmp_path / "study.toml"
    text = SMALL.replace('"sgd"', '"deeds.py"').replace("rules.sgd", "rules.deeds")
    path.write_text(text.replace("runs = 2\n", "").replace("batch = [1, 3]", "batch = [1]"))
    report = simulate(Study.read(path), results=tmp_path / "r", jobs=2, backend="numpy")
    assert (report.computed, len(report.failed)) == (2, 1)
    (message,) = {message for _, message in report.failed}
    assert said in message
    assert "deeds.py" in message
    assert "\n" not in message


AMISS = """
import numpy as np
from freqopt.problems.token_quadratic import TokenQuadratic

class Amiss(TokenQuadratic):
    def objective(self, *given):
        return {}
"""


@pytest.mark.parametrize(
    ("gives", "said"), [("'x'", "ValueError: could not convert"), ("np.ones(3)", "a reading has ")]
)
def test_what_a_problem_gives_amiss_fails_its_runs_in_a_sentence(tmp_path, gives, said):
    (tmp_path / "amiss.py").write_text(AMISS.format(gives))
    path = tmp_path / "study.toml"
    path.write_text(SMALL.replace('"token_quadratic"', '"amiss.py"'))
    report = simulate(Study.read(path), results=tmp_path / "r", jobs=1, backend="numpy")
    (message,) = {message for _, message in report.failed}
    assert len(report.failed) == 12
    assert said in message
    assert "most likely from what" in message
    assert "\n" not in message


def test_answers_ends_and_errors_of_workers():
    answers = dict(spread(abs, [-1, 2, -3], 2))
    assert answers == {-1: 1, 2: 2, -3: 3}
    assert list(spread(os._exit, [3], 1)) == [(3, Lost("left with exit code 3"))]
    with pytest.raises(TypeError, match="bad operand"):
        list(spread(abs, ["a"], 1))


def test_a_system_without_threads_refuses(monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(BlockingIOError, match="can't start new thread"):
        list(spread(abs, [1], 2))


def test_what_a_worker_prints_is_no_answer(capfd):
    assert list(spread(print, ["hello"], 1)) == [("hello", None)]
    assert capfd.readouterr() == ("", "hello\n")


def test_a_worker_is_deaf_to_ctrl_c_from_the_very_beginning(tmp_path, capfd):
    """A terminal sends it to all; one that hears it while Python begins prints a traceback."""
    (tmp_path / "sitecustomize.py").write_text("import signal; signal.raise_signal(signal.SIGINT)")
    here = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    assert list(spread(abs, [-1], 1, environment=here)) == [(-1, 1)]
    assert capfd.readouterr().err == ""


SLEEPER = """
import os, sys, time
from freqopt._workers import spread

def items():
    for _ in range(2):
        yield 600
    print(os.getpid(), flush=True)

list(spread(time.sleep, items(), 3))
"""


def test_workers_end_with_a_caller_that_is_killed():
    """They are the only ones that hold its pipes."""
    caller = subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=-1, stderr=-1)
    assert caller.stdout.readline()
    caller.kill()
    caller.communicate(timeout=20)  # waits for all who hold the pipes


LONG = SMALL.replace("runs = 2\n", "runs = 4\n").replace("steps = 40", "steps = 100_000_000")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_signal_ends_all_processes_and_keeps_what_is_done(tmp_path, jobs, number):
    (tmp_path / "long.toml").write_text(LONG)
    (tmp_path / "short.toml").write_text(SMALL)
    command = [sys.executable, "-m", "freqopt", "simulate", "short.toml", "long.toml"]
    process = subprocess.Popen(
        [*command, "--jobs", str(jobs)], cwd=tmp_path, stdout=-1, stderr=-1, text=True
    )
    assert process.stdout.readline().startswith("short: 12 runs")
    time.sleep(1)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 128 + number, out + err
    assert err == (
        f"long: ended by {number.name}; 0 of 24 runs are stored, simulate again to go on\n"
    )
    assert len(content(tmp_path / "results")) == 12


@pytest.mark.parametrize(
    "address", ["localhost", "tcp://host", "tcp://host:99999", "", "tcp://[::1"]
)
def test_an_address_without_a_port_is_a_sentence(small, tmp_path, address):
    pytest.importorskip("distributed")
    with pytest.raises(BackendError, match=r"is no host and port; give it as `dask scheduler`"):
        simulate(Study.read(small), results=tmp_path, executor="dask", scheduler=address)


def test_nothing_is_computed_here_when_a_scheduler_is_lost(small, tmp_path):
    """No worker ever comes, so whatever is computed would be computed here."""
    pytest.importorskip("distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard",
         "--host", address.partition(":")[0], "--port", address.partition(":")[2]],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(100):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", int(address.partition(":")[2]))) == 0:
                    break
            time.sleep(0.1)
        threading.Timer(2, scheduler.kill).start()
        with pytest.raises(BackendError, match="was lost; start it again and simulate again"):
            simulate(Study.read(small), results=tmp_path, executor="dask", scheduler=address)
    finally:
        scheduler.kill()
        scheduler.wait()
    assert not list(tmp_path.glob("*.parquet"))
