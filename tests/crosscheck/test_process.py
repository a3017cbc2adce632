"""A child process as an implementation: one clear message whatever it does, and no trace of it."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from freqopt.crosscheck import Case, cases, compare, exercises, reference, trace
from freqopt.crosscheck.exchange import child as child_process
from freqopt.crosscheck.exchange.process import Program
from freqopt.errors import CrosscheckError, UnsupportedError
from freqopt.optimizers import rules
from tests.crosscheck.children import child

SGD = cases("sgd")
CASE = SGD[0]
UPHILL = Case("uphill", rules["sgd"](maximize=True), CASE.exercise)
SHORT = 0.5
"""Limit in seconds for a child that is known to hang; all others have the default."""


@pytest.fixture(autouse=True)
def no_child_is_left(monkeypatch):
    started = []
    start = child_process._start

    def recorded(command):
        started.append(start(command))
        return started[-1]

    monkeypatch.setattr(child_process, "_start", recorded)
    yield
    assert all(process._guard.returncode == 0 for process in started)  # it has ended everything


def expressed(program, case):
    try:
        return compare(case, trace(reference, case), trace(program, case)).ulps
    except UnsupportedError:
        return None


def test_a_right_child_matches_bit_for_bit_in_one_process(tmp_path):
    pids = tmp_path / "pids"
    command = child(tmp_path, HERE=f"print(os.getpid(), file=open({str(pids)!r}, 'a'))")
    with Program(command) as program:
        ulps = [expressed(program, case) for case in SGD]
    assert len(pids.read_text().split()) == 1
    assert ulps.count(0) >= 4
    assert set(ulps) == {0, None}  # the child has none of the other options
    matched = {case.exercise.name for case, u in zip(SGD, ulps, strict=True) if u == 0}
    assert matched == set(exercises(np.float64))


def test_a_child_may_leave_after_each_run(tmp_path):
    pids = tmp_path / "pids"
    command = child(
        tmp_path, HERE=f"print(os.getpid(), file=open({str(pids)!r}, 'a'))", RUN="break"
    )
    with Program(command) as program:
        assert [expressed(program, case) for case in SGD[:1] * 3] == [0, 0, 0]
    assert len(set(pids.read_text().split())) == 3


def test_given_slots_and_every_kind_of_option_reach_the_child(tmp_path):
    heard = tmp_path / "heard"
    command = child(tmp_path)
    (tmp_path / "child.py").write_text(
        "import itertools, sys\n"
        "header = itertools.takewhile(lambda line: not line.startswith('table'), sys.stdin)\n"
        f"open({str(heard)!r}, 'w').writelines(header)\n"
    )
    case = next(c for c in cases("fa_sgd") if c.name == "defaults, other numbers, main")
    with pytest.raises(CrosscheckError), Program(command) as program:
        trace(program, case)
    words = [line.split() for line in heard.read_text().splitlines()]
    assert words[:3] == [["freqopt-crosscheck", "1"], ["rule", "fa_sgd"], ["dtype", "float64"]]
    options = {name: (kind, value) for kind, name, value, *_ in words[3:-1]}
    assert set(options) == set(type(case.rule).model_fields)
    assert options["clip"] == ("default", "none")
    assert options["maximize"] == ("option", "true")
    assert options["duplicates"] == ("default", "sum")
    assert options["lr"] == ("option", "0x1.0000000000000p-4")
    assert words[-1][:3] == ["given", "frequency", "7"]
    frequency = [float.fromhex(word) for word in words[-1][3:]]
    np.testing.assert_array_equal(frequency, case.given["frequency"])


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({"HEADER": "os.kill(os.getpid(), signal.SIGSEGV)"},
         r"at the start of a run: was ended by SIGSEGV \(Segmentation fault\)"),
        ({"STEP": "if t == 3: os.kill(os.getpid(), signal.SIGSEGV)"},
         "at step 3: was ended by SIGSEGV"),
        ({"STEP": "if t == 3: sys.exit(7)"}, "at step 3: left with exit code 7"),
        ({"STEP": "if t == 3: sys.exit()"}, "at step 3: left with exit code 0"),
        ({"HEADER": "sys.exit()"}, "at the start of a run: left with exit code 0"),
        ({"STEP": "if t == 3: say('step 3 2'); sys.exit()"}, "exit code 0 after it printed 'step"),
        ({"STEP": "raise KeyError('lost')"}, "(?s)left with exit code 1.*standard error.*'lost'"),
        ({"HEADER": "answer = 'hello' + chr(10)"}, "expected 'ready' or 'unsupported .* 'hello'"),
        ({"STEP": "answer = 'hello' + chr(10)"}, "at step 1: expected 'step 1 K', got 'hello'"),
        ({"STEP": "answer = chr(10)"}, "at step 1: expected 'step 1 K', got ''"),
        ({"STEP": "answer = answer.replace('step 2', 'step 1')"}, "expected 'step 2 K', got '"),
        ({"STEP": "answer = 'step 1 -1' + chr(10)"}, "expected 'step 1 K', got 'step 1 -1'"),
        ({"STEP": "answer = 'step 1 9' + chr(10)"}, "announced 9 rows for a table of 7"),
        ({"STEP": "answer = 'step 1 999999999999' + chr(10)"}, "expected 'step 1 K'"),
        ({"STEP": "answer = answer.replace('0x', '0q')"}, "q.*' is not a float"),
        ({"STEP": "answer = answer.replace('p-', 'p9999')"}, "' is not a float"),
        ({"STEP": "answer = answer.replace('0x', '0x0 0x')"}, "row 0 has 8 numbers, expected 4"),
        ({"STEP": "answer = 'step 1 1' + chr(10) + '0 1.0 2.0' + chr(10)"}, "row 0 has 2 numbers"),
        ({"STEP": "answer = 'step 1 1' + chr(10) + '7 1 2 3 4' + chr(10)"}, "row 7 is out of"),
        ({"STEP": "answer = 'step 1 1' + chr(10) + '-1 1 2 3 4' + chr(10)"}, "row -1 is out of"),
        ({"STEP": "answer = 'step 1 1' + chr(10) + 'x 1 2 3 4' + chr(10)"}, "expected 'ROW' and"),
        ({"STEP": "answer = 'step 1 1' + chr(10) + chr(10)"}, "'ROW' and 4 floats, got ''"),
        ({"STEP": "answer = 'step 1 2' + (chr(10) + '1 1 2 3 4') * 2 + chr(10)"}, "row 1 comes tw"),
        ({"STEP": "sys.stdout.buffer.write(bytes(range(256)))"}, r"expected 'step 1 K', got .*x00"),
        ({"STEP": "FLOOD(b'a')"}, "a line of more than 1152 bytes.*'aaaa"),
        ({"STEP": "os.write(1, b'step 1 0'); FLOOD(b' ')"}, "a line of more than 1152"),
        ({"STEP": "os.write(1, b'a'); FLOOD(bytes([10]))"}, "expected 'step 1 K'"),
        ({"HEADER": "os.write(1, b'ready'); FLOOD(bytes([10]))"}, "'step 1 K'|more than 1"),
        ({"STEP": "os.close(1); os._exit(0)"}, "at step 1: left with exit code 0"),
        ({"HEADER": "os.close(0); os._exit(4)"}, "start of a run: left with exit code 4"),
    ],
)  # fmt: skip
def test_what_a_child_does_wrong_is_said(places, message, tmp_path):
    with pytest.raises(CrosscheckError, match=message), Program(child(tmp_path, **places)) as p:
        trace(p, CASE)


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({"HEADER": "time.sleep(1000)"}, "did not answer within 0.5 s at the start of a run"),
        ({"STEP": "if t == 3: time.sleep(1000)"}, "did not answer within 0.5 s at "),
        ({"STEP": "say(answer[:-1]); time.sleep(1000)"}, "did not answer within 0.5 s at "),
        ({"END": "time.sleep(1000)"}, "did not answer within 0.5 s "),
        ({"HERE": "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)"}, "did not"),
        ({"STEP": "os.close(1); time.sleep(1000)"}, "closed its output and stayed|did not answer"),
        ({"STEP": "sys.stdin.close(); time.sleep(1000)"}, "did not answer within 0.5 s at "),
        ({"HERE": "while True: os.write(2, b'no' * 9999)"}, "(?s)did not answer.*error:\nnono"),
        ({"HERE": "while True: os.write(1, b'nono' + bytes([10]))"}, "did not|expected 'read"),
    ],
)  # fmt: skip
def test_a_child_that_hangs_is_ended(places, message, tmp_path):
    command = child(tmp_path, **places)
    with (
        pytest.raises(CrosscheckError, match=message),
        Program(command, answer_seconds=SHORT) as program,
    ):
        trace(program, CASE)


@pytest.mark.parametrize("leaves", ["pass", "os.setsid()"])
def test_what_the_child_has_started_ends_with_it(tmp_path, leaves):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    command = child(
        tmp_path,
        HERE=f"""
held = os.open({str(pipe)!r}, os.O_WRONLY)
if os.fork() == 0:
    {leaves}
    os.write(held, b"up")
    time.sleep(1000)
while sys.stdin.readline(): pass
os.abort()""",
    )
    program = Program(command)
    assert select.select([reading], [], [], 30)[0]
    assert os.read(reading, 10) == b"up"
    with pytest.raises(CrosscheckError, match="SIGABRT"):
        program.close()
    assert select.select([reading], [], [], 30)[0]  # the last writer is gone: the end of the file
    assert os.read(reading, 10) == b""
    os.close(reading)


JUDGE = """
import sys
from freqopt.crosscheck import cases, trace
from freqopt.crosscheck.exchange.process import Program
with Program(sys.argv[1:], answer_seconds=1000) as program:
    trace(program, cases("sgd")[0])
"""


def test_a_child_ends_with_a_judge_that_is_killed(tmp_path):
    """It does not read, so it would not see that its input has ended; nor would what it started."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    held = f"held = os.open({str(pipe)!r}, os.O_WRONLY); os.fork() or os.setsid(); "
    command = child(tmp_path, HERE=held + "os.write(held, b'up'); time.sleep(1000)")
    judge = subprocess.Popen([sys.executable, "-c", JUDGE, *command])
    assert select.select([reading], [], [], 30)[0]
    judge.kill()
    judge.wait()
    while (said := _read(reading)) and set(said) <= set(b"up"):
        pass
    assert said == b""  # the last writer is gone
    os.close(reading)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_command_is_one_line_and_its_exit_code(tmp_path, number):
    told = f"echo $$ > {tmp_path}/child; sleep 1000"
    command = ["-m", "freqopt", "crosscheck", "--rule", "sgd", "--exec", f"sh -c '{told}'"]
    judge = subprocess.Popen([sys.executable, *command], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "child").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    judge.send_signal(number)
    _, said = judge.communicate(timeout=30)
    assert (judge.returncode, said) == (128 + number, f"freqopt: ended by {number.name}\n")


def _read(pipe):
    assert select.select([pipe], [], [], 20)[0], "somebody holds the pipe"
    return os.read(pipe, 100)


def test_a_child_that_hung_is_not_started_again(tmp_path):
    command = child(tmp_path, HERE="time.sleep(1000)")
    with Program(command, answer_seconds=SHORT) as program:
        for message in (r"child\.py: it did not answer", "not started again: .*it did not answer"):
            with pytest.raises(CrosscheckError, match=message):
                trace(program, CASE)


def test_the_limit_of_all_answers_together(tmp_path):
    command = child(tmp_path, STEP="time.sleep(0.1)")
    with (
        pytest.raises(CrosscheckError, match=r"within 0\.5 s in all"),
        Program(command, total_seconds=SHORT) as program,
    ):
        trace(program, CASE)


def test_flooded_standard_error_does_not_disturb(tmp_path):
    with Program(child(tmp_path, STEP="os.write(2, b'debug' * 100_000)")) as program:
        assert expressed(program, CASE) == 0


def test_numbers_that_are_not_finite_are_values(tmp_path):
    command = child(tmp_path, STEP="if t == 3: answer = 'step 3 1' + chr(10) + '2 nan -nan inf 1'")
    (tmp_path / "child.py").write_text(
        (tmp_path / "child.py").read_text().replace("inf 1'", "-inf 0.125' + chr(10)")
    )
    with Program(command) as program:
        got = trace(program, CASE)
    np.testing.assert_array_equal(got[3, 2], [np.nan, np.nan, -np.inf, 0.125])
    first = compare(CASE, trace(reference, CASE), got).first
    assert (first.step, first.row, first.column, first.ulps) == (3, 2, 0, np.inf)


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({"END": "say('bye')"}, "after the last step: .*'bye'"),
        ({"END": "sys.exit(3)"}, "after the last step: left with exit code 3"),
        ({"END": "os.abort()"}, "after the last step: was ended by SIGABRT"),
    ],
)
def test_the_end_of_a_child_is_judged_too(places, message, tmp_path):
    program = Program(child(tmp_path, **places))
    trace(program, CASE)
    with pytest.raises(CrosscheckError, match=message):
        program.close()


def test_words_after_a_run_are_found_at_the_next(tmp_path):
    with Program(
        child(tmp_path, RUN="if at['maximize'] == 'true': say('done' + chr(10))")
    ) as program:
        assert expressed(program, UPHILL) == 0
        with pytest.raises(CrosscheckError, match=r"start of a run: .*'done"):
            trace(program, CASE)
        assert expressed(program, CASE) == 0  # a new child


def test_a_child_that_crashed_is_started_anew(tmp_path):
    with Program(child(tmp_path, STEP="if len(table) == 1: os.abort()")) as program:
        for case in SGD[:4]:
            if case.exercise.name == "one_row":
                with pytest.raises(CrosscheckError, match="SIGABRT"):
                    trace(program, case)
            else:
                expressed(program, case)


def test_two_runs_at_once_are_refused(tmp_path):
    table = CASE.exercise.table
    with Program(child(tmp_path)) as program:
        first = program(CASE.rule, table.copy(), {})
        second = program(CASE.rule, table.copy(), {})
        with pytest.raises(CrosscheckError, match="one run at a time"):
            first(*CASE.exercise.batches[0])
        second(*CASE.exercise.batches[0])


def script(path, text, mode=0o755):
    path.write_text(text)
    path.chmod(mode)
    return [str(path)]


def test_a_program_that_cannot_be_started(tmp_path):
    for command, message in [
        ([], "there is no program ''"),
        ([str(tmp_path / "none")], "there is no program"),
        ([str(tmp_path)], "is a folder"),
        (script(tmp_path / "a", "#!/bin/sh", 0o644), "is not executable; chmod"),
        (script(tmp_path / "b", "#!/no/such/shell\n"), "cannot be started: No such file"),
        (script(tmp_path / "c", "\x7fELF of another machine"), "cannot be started: Exec format"),
    ]:
        with pytest.raises(CrosscheckError, match=message):
            Program(command)


@pytest.mark.parametrize("limits", [{"answer_seconds": 0}, {"total_seconds": float("nan")}])
def test_limits_are_numbers_above_0(limits):
    with pytest.raises(CrosscheckError, match="expected a number above 0"):
        Program(["true"], **limits)


def test_an_interrupt_ends_the_child(tmp_path):
    # Ctrl-C as Python sees it, raised while we wait; the process may itself ignore SIGINT.
    def interrupted(*_):
        raise KeyboardInterrupt

    program = Program(child(tmp_path, HEADER="time.sleep(1000)"))
    before = signal.signal(signal.SIGALRM, interrupted)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt), program:
            trace(program, CASE)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_memory_stays_small_before_a_flood(tmp_path):
    # The judge alone in a process: its peak must not know of the child's endless line.
    command = child(tmp_path, STEP="FLOOD(b'a')")
    code = f"""
        import resource
        from freqopt.crosscheck import cases, trace
        from freqopt.crosscheck.exchange.process import Program
        case = cases("sgd")[0]
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB
        before = peak()
        try:
            with Program({command!r}) as program:
                trace(program, case)
        except ValueError as error:
            print(peak() - before, error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    grown = int(re.match(r"\d+", done.stdout)[0])
    assert "a line of more than" in done.stdout
    assert grown < 20_000
