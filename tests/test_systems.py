"""What another system lacks is done without: macOS before Python 3.13, and Windows, in part."""

import subprocess
import sys

import pytest

from tests.cli.conftest import THEOREM

MACOS = """
import os
del os.waitid
listed = os.listdir
def listdir(folder="."):
    if folder == "/proc":
        raise FileNotFoundError(folder)
    return listed(folder)
os.listdir = listdir
"""
WINDOWS = """
import os, signal, sys
sys.modules["fcntl"] = None
for name in ("waitid", "fork", "geteuid", "killpg", "register_at_fork", "sched_getaffinity"):
    delattr(os, name)
for name in ("SIGHUP", "pthread_sigmask"):
    delattr(signal, name)
"""
STUDY = """
title = "t"
steps = 5
record = ["objective"]
[problem]
name = "token_quadratic"
[[rules]]
name = "sgd"
"""


@pytest.mark.parametrize("lacks", [MACOS, WINDOWS], ids=["macOS", "Windows"])
def test_commands_do_without(lacks, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(lacks)
    (tmp_path / "half.py").write_text(THEOREM)
    (tmp_path / "mine.toml").write_text(STUDY)
    environment = {"PATH": "", "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    for command in (
        ["verify", "half.py", "--jobs", "1"],
        ["simulate", "mine.toml", "--jobs", "1", "--backend", "numpy"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "freqopt", *command],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
