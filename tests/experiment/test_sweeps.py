"""Whole sweeps that are ended in every way there is, and go on: `nox -s sweeps`, some minutes."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from freqopt._descendants import below
from freqopt.experiment.results import load
from freqopt.experiment.store import states
from freqopt.experiment.store.verify import verify

pytestmark = pytest.mark.slow

SHORT = """
title = "two thousand short runs"
steps = 100
runs = 200
checkpoints = 6
record = ["objective", "gradient_norm", "effective_rate"]
[problem]
name = "token_quadratic"
dimension = 2
tokens = {kind = "zipf", exponent = 1.0, size = 20}
[[rules]]
name = "sgd"
grid.lr = [0.01, 0.02, 0.03, 0.04, 0.05]
[[rules]]
name = "adagrad"
grid.lr = [0.01, 0.02, 0.03, 0.04, 0.05]
"""
LONG = """
title = "a long run"
steps = {steps}
checkpoints = 12
record = ["objective", "gradient_norm", "effective_rate"]
problem = {{name = "pair", dimension = 3, pairs = {{kind = "product", u = {zipf}, v = {zipf}}}}}
[[rules]]
name = "adam"
lr = 0.001
"""
ZIPF = '{kind = "zipf", exponent = 1.0, size = 50}'
STEPS = {"numpy": 60_000, "numba": 20_000_000, "cupy": 400_000}
"""Steps of about half a minute."""
FACTOR = float(os.environ.get("FREQOPT_LONG", "1"))
"""So many times as many."""


def begin(study, folder, *options, threads=1, **more):
    """A sweep, in a group of processes of its own."""
    command = [
        sys.executable,
        "-m",
        "freqopt",
        "simulate",
        str(study),
        "--results",
        str(folder),
    ]
    environment = {**os.environ, "NUMBA_NUM_THREADS": str(threads), "FREQOPT_CUDA_TWIN": "1"}
    return subprocess.Popen(
        [*command, *map(str, options)], stdout=-1, stderr=-1, text=True, env=environment,
        start_new_session=True, **more,
    )  # fmt: skip


def finish(study, folder, *options, **more):
    """A sweep to its end; what it said."""
    process = begin(study, folder, *options, **more)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out + err


def segments(folder):
    return sorted((folder / "runs").glob("[!.]*.parquet"))


def of_one_worker(process, folder):
    os.kill(below(process.pid)[-1], signal.SIGKILL)  # below the guard, and below the command
    time.sleep(0.5)
    process.kill()


def stopped(process, folder):
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    process.kill()


def killed(process, folder):
    process.kill()
    process.wait()


def flipped(process, folder):
    killed(process, folder)
    path = random.Random(1).choice(segments(folder))
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 16
    path.write_bytes(data)


def cut(process, folder):
    killed(process, folder)
    path = segments(folder)[0]
    os.truncate(path, path.stat().st_size // 2)


def without_claims(process, folder):
    killed(process, folder)
    (folder / "claims.sqlite").write_bytes(b"no database" * 500)


def by(number):
    return lambda process, folder: process.send_signal(number)


def of_the_group(number):
    return lambda process, folder: os.killpg(process.pid, number)


ENDS = {
    "SIGKILL": killed, "SIGTERM": by(signal.SIGTERM), "SIGHUP": by(signal.SIGHUP),
    "SIGABRT": by(signal.SIGABRT), "Ctrl-C": of_the_group(signal.SIGINT),
    "SIGKILL of all": of_the_group(signal.SIGKILL), "SIGKILL of a worker": of_one_worker,
    "SIGSTOP, then SIGKILL": stopped, "a flipped bit": flipped, "a cut file": cut,
    "rubbish for claims": without_claims,
}  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "short.toml").write_text(SHORT)
    finish(folder / "short.toml", folder / "r", "--jobs", 2)
    return folder / "short.toml", load(folder / "short.toml", results=folder / "r")


def test_a_sweep_that_is_ended_in_every_way_has_the_bits_of_an_undisturbed_one(
    undisturbed, tmp_path
):
    study, expected = undisturbed
    folder = tmp_path / "r"
    for name, end in ENDS.items():
        before, process = set(segments(folder)), begin(study, folder, "--jobs", 2)
        while not set(segments(folder)) - before:
            assert process.poll() is None, f"done before {name}: {process.communicate()}"
            time.sleep(0.01)
        end(process, folder)
        process.communicate()
    finish(study, folder, "--jobs", 2)
    assert load(study, results=folder).equals(expected)
    verdict = verify(folder)
    assert (verdict.wrong, verdict.unfinished) == ([], [])
    assert not [*(folder / "owners").glob("[!.]*")]


def test_two_sweeps_on_one_store_share_the_work(undisturbed, tmp_path):
    study, expected = undisturbed
    both = [begin(study, tmp_path / "r", "--jobs", 1) for _ in range(2)]
    computed = []
    for process in both:
        out, err = process.communicate()
        assert process.returncode == 0, err
        computed.append(int(out.split(" computed")[0].split()[-1]))
    assert load(study, results=tmp_path / "r").equals(expected)
    assert sum(computed) == 2000  # no run was done twice
    assert min(computed) > 0


@pytest.mark.parametrize("backend", STEPS)
def test_a_long_run_killed_five_times_has_the_bits_of_an_undisturbed_one(backend, tmp_path):
    """With one thread and two, in this machine's processes and in none."""
    if backend == "cupy" and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        pytest.skip("no C++ compiler for the twin")
    study = tmp_path / "long.toml"
    study.write_text(LONG.format(steps=int(FACTOR * STEPS[backend]), zipf=ZIPF))
    options = ("--backend", backend, "--save-every", "0.2")
    began = time.monotonic()
    finish(study, tmp_path / "once", *options, "--jobs", 1)
    took = time.monotonic() - began
    folder, seen = tmp_path / "killed", [-1]
    for death in range(5):
        more = {"threads": 1 + death % 2}
        process = begin(study, folder, *options, "--jobs", 1 + death % 2, **more)
        began = time.monotonic()
        while process.poll() is None and (
            time.monotonic() - began < took / 12 or step_of(folder) <= seen[-1]
        ):
            time.sleep(0.02)
        assert process.poll() is None, f"done before death {death + 1}"
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        seen.append(step_of(folder))
    finish(study, folder, *options, "--jobs", 1)
    assert seen == sorted(set(seen))  # it went on from where it was, each time
    once, again = (load(study, results=tmp_path / name, backend=backend)
                   for name in ("once", "killed"))  # fmt: skip
    assert once.equals(again)
    ends = [arrays_of(tmp_path / name) for name in ("once", "killed")]
    assert ends[0]
    assert ends[0] == ends[1]


def step_of(folder):
    """The step of the one saved state; 0 before there is one."""
    found = [state["step"] for _, inside in states.listed(folder) for state in inside]
    return max(found, default=0)


def arrays_of(folder):
    """All arrays of the state at the end."""
    (path,) = Path(folder / "states").glob("[!.]*")
    return [{k: v.tobytes() for k, v in one.arrays.items()} for one in states.load(path)]
