"""No lane reads or writes what another writes between two meetings: a thread sanitizer watches.

Lanes that meet too seldom may have the right bits on the twin, and others on a GPU.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from freqopt.backends.cupy import _source, _twin
from freqopt.errors import BackendError

from .twins import PROBLEMS, RATINGS

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
WATCHED = """
import json, sys
from pathlib import Path
from freqopt.backends.cupy import _source, _twin
from tests.backends.cupy.test_twin_loop import FORMS, RATINGS, run_both

problem, rule, options, _source.HERE, RATINGS["path"] = sys.argv[1:]
_source.HERE = Path(_source.HERE)
_twin.FLAGS = (*_twin.FLAGS, "-fsanitize=thread")
run_both((problem, FORMS[problem][0]), rule, lanes=4, movement=True, **json.loads(options))
"""
CASES = {
    "lazy rows": ("pair", "catchup_adam", {"layers": {"inner": 3}, "weight_decay": 0.1}),
    "critical gradients": ("pair", "adam_c", {"batch": 3, "dtype": "float32"}),
    "rounds": (
        "sgns",
        "sgd",
        {"batch": 3, "clip": 0.01, "clip_scope": "batch", "duplicates": "sequential"},
    ),
    **{name: (name, "adagrad", {"batch": 3, "layers": {"inner": 6}}) for name in PROBLEMS},
}


@cache
def sanitizer():
    """The library that Python is started with; empty where the compiler has none that works."""
    try:
        asked = [_twin.compiler(), "-print-file-name=libtsan.so"]
    except BackendError:
        return ""
    library = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    works = Path(library).is_absolute() and started("pass", library).returncode == 0
    return library if works else ""


def started(code, library, *arguments):
    """Python with the sanitizer."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, "LD_PRELOAD": library},
        capture_output=True,
        text=True,
        check=False,
    )


def watched(problem, rule, options):
    """What the sanitizer says of the loop."""
    if not sanitizer():
        pytest.skip("no thread sanitizer that works")
    given = problem, rule, json.dumps(options), str(_source.HERE), RATINGS["path"]
    done = started(WATCHED, sanitizer(), *given)
    assert done.returncode in (0, 66), done.stderr[-3000:]  # 66: something was found
    return done.stderr


@pytest.mark.parametrize("case", CASES)
def test_lanes_meet_between_writing_and_reading(case):
    assert "data race" not in watched(*CASES[case])


def test_a_meeting_that_is_left_out_is_noticed(planted):
    planted("problems/factorisation_machine.cuh", "group.sync();  // the factors are read", "")
    assert "data race" in watched(*CASES["factorisation_machine"])
