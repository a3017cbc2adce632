"""However the command ends, that is one line and an exit code, and nothing lives on."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from freqopt.cli import run
from freqopt.cli.signals import heard
from tests.experiment.conftest import SMALL, content

MINE = """
import ctypes, os, subprocess, sys, threading, time
RULE = "sgd"
{}
"""


def begin(folder, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "freqopt", *arguments],
        cwd=folder, stdout=-1, stderr=-1, text=True, env={**os.environ, **environment},
        preexec_fn=lambda: signal.signal(  # noqa: PLW1509 - no threads here
            signal.SIGINT, signal.default_int_handler
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("does", "code", "said"),
    [
        (
            "ctypes.string_at(0)",
            128 + signal.SIGSEGV,
            "its process was ended by SIGSEGV (Segmentation fault); look at what 'mine.py' calls",
        ),
        (
            "os._exit(0)",
            2,
            "it left its process with exit code 0 before it was done; look at what 'mine.py' calls",
        ),
        (
            "os.closerange(0, 99); os._exit(3)",
            2,
            "it left its process with exit code 3 before it was done; look at what 'mine.py' calls",
        ),
    ],
)
def test_a_file_that_ends_the_process_is_named(tmp_path, does, code, said):
    (tmp_path / "mine.py").write_text(MINE.format(does))
    process = begin(tmp_path, "crosscheck", "mine.py")
    assert process.communicate(timeout=60) == ("", f"freqopt: {said}\n")
    assert process.returncode == code


def test_a_file_that_stops_its_process_is_ended_and_named(tmp_path):
    (tmp_path / "mine.py").write_text("import os\nos.kill(os.getpid(), 19)")
    often = "import freqopt._command as c; c.LOOK = 0.02; c.main()"
    done = subprocess.run(
        [sys.executable, "-c", often, "crosscheck", "mine.py"], cwd=tmp_path, timeout=60,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = "it stopped its own process, and nobody would continue it; look at what 'mine.py' calls"
    assert (done.returncode, done.stderr) == (2, f"freqopt: {said}\n")


def test_of_a_study_the_rule_file_is_named(tmp_path):
    (tmp_path / "s.toml").write_text(SMALL.replace('"sgd"', '"mine.py"'))
    (tmp_path / "mine.py").write_text("import os\nos._exit(0)")
    process = begin(tmp_path, "simulate", "s.toml")
    assert process.communicate(timeout=60)[1].endswith(f"look at what '{tmp_path}/mine.py' calls\n")


def test_all_streams_closed(tmp_path):
    (tmp_path / "s.toml").write_text(SMALL)
    words = [sys.executable, "-m", "freqopt", "simulate", "s.toml", "--quick", "--jobs", "2"]
    closed = shlex.join([*words, "--backend", "numpy"]) + " <&- >&- 2>&-"
    assert (
        subprocess.run(["sh", "-c", closed], cwd=tmp_path, timeout=120, check=False).returncode == 0
    )
    assert len(content(tmp_path / "results")) == 4


@pytest.mark.parametrize(
    ("begin", "said"),
    [
        ("import os; os.fork = lambda: os.open('/proc/self/mem/x', 0)", "no process can be made"),
        ("import sys; sys.modules['freqopt.cli'] = type('M', (), {'__getattr__': X})()", "memory"),
    ],
    ids=["no process", "no memory"],
)
def test_a_machine_without_room(tmp_path, begin, said):
    raising = "def X(*_): raise MemoryError\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{raising}{begin}\nfrom freqopt._command import main; main()"],
        cwd=tmp_path, timeout=60, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.endswith("look at the limits of this shell or container (ulimit -a)\n")
    assert done.stderr.count("\n") == 1


RAISING = """
import os, signal
from freqopt.optimizers.sgd import SGD
RULE = "sgd"
print("noise")
def make(rule, table, given):
    print("noise")
    {0}
class Mine(SGD):
    def update(self, w, g, s):
        print("noise")
        {0}
"""


@pytest.mark.parametrize(
    "deed",
    ["raise KeyboardInterrupt", "raise GeneratorExit", "signal.raise_signal(signal.SIGINT)"],
)
def test_an_interrupt_is_told_from_one_that_a_file_raises(tmp_path, monkeypatch, capsys, deed):
    """In this process, where both come from the same place."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(RAISING.format(deed))
    (tmp_path / "s.toml").write_text(
        SMALL.replace('"sgd"', '"mine.py"').replace("rules.sgd", "rules.mine")
    )
    crosscheck = ["crosscheck", "mine.py"]
    simulate = ["simulate", "s.toml", "--jobs", "1", "--backend", "numpy"]
    (tmp_path / "import.py").write_text(f"import os, signal\n{deed}")
    for arguments, usual in ((crosscheck, 2), (simulate, 1), (["crosscheck", "import.py"], 2)):
        with heard():
            code = run(arguments)
        out, said = capsys.readouterr()
        assert "noise" not in out  # for whoever reads JSON
        if "signal" in deed:
            assert (code, "interrupted" in said) == (130, True)
        else:
            assert code == usual
            assert ".py" in said
            assert deed.split()[-1] in said
            assert "interrupted" not in said
    if "signal" not in deed:
        assert len(content(tmp_path / "results")) == 4  # of the other rule


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only the command itself is ended")
def test_what_a_file_has_started_ends_with_the_command(tmp_path):
    """A child that left its session, and a thread for which Python itself would wait."""
    (tmp_path / "mine.py").write_text(
        MINE.format(
            "child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
            "print(child.pid, file=sys.stderr, flush=True)\n"
            "threading.Thread(target=time.sleep, args=(600,)).start()\n"
        )
    )
    process = begin(tmp_path, "crosscheck", "mine.py")  # it has no make
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    with contextlib.suppress(FileNotFoundError):  # or it is a zombie of nobody's
        state = Path(f"/proc/{said.split()[0]}/stat").read_text().rpartition(")")[2].split()[0]
        assert state == "Z"


@pytest.mark.parametrize(
    ("number", "said"), [(signal.SIGTERM, "ended by SIGTERM"), (signal.SIGINT, "interrupted")]
)
def test_a_signal_before_anything_is_imported(tmp_path, number, said):
    (tmp_path / "cyclopts.py").write_text("import time; print('here', flush=True); time.sleep(600)")
    process = begin(tmp_path, "list", PYTHONPATH=str(tmp_path))
    assert process.stdout.readline() == "here\n"
    process.send_signal(number)
    assert process.communicate(timeout=20)[1] == f"freqopt: {said}\n"
    assert process.returncode == 128 + number


def test_a_signal_that_comes_twice_is_one():
    with heard():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        time.sleep(0.6)
        with pytest.raises(KeyboardInterrupt):  # who asks again is in a hurry
            signal.raise_signal(signal.SIGTERM)


@pytest.mark.slow
def test_a_file_that_is_deaf_to_signals_is_ended(tmp_path):
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True)"
    (tmp_path / "mine.py").write_text(
        f"import signal, sys, time\nRULE = 'sgd'\n{deaf}\ntime.sleep(600)"
    )
    process = begin(tmp_path, "crosscheck", "mine.py")
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=40)[1] == "freqopt: ended by SIGTERM\n"
    assert process.returncode == 128 + signal.SIGTERM
