"""The life of an optimizer that is a program: save, rate, idle, accumulate, cast, as it offers."""

import sys

import pytest

from freqopt.crosscheck.exchange.process import Program
from freqopt.crosscheck.judge import judge_implementation

# SGD with momentum in plain Python; the words in capitals are places to go wrong.
PROGRAM = """\
import sys

def read():
    return sys.stdin.readline().split()

def say(*lines):
    print(*lines, sep=chr(10), flush=True)

def batch(count, total):
    for _ in range(count):
        row, *grad = read()
        grad = [float.fromhex(x) for x in grad]
        old = total.get(int(row), [0.0] * len(grad))
        total[int(row)] = [a + b for a, b in zip(old, grad)]
    return total

while read()[:1] == ["freqopt-crosscheck"]:
    at, unknown = {}, []
    while (words := read())[0] != "table":
        at[words[1] if words[0] != "dtype" else "dtype"] = words[-1]
        if words[0] == "option" and words[1] not in ("lr", "momentum"):
            unknown.append(words[1])
    n, d = map(int, words[1:])
    table = [[float.fromhex(x) for x in read()] for _ in range(n)]
    if unknown or at["dtype"] != "float64":
        say("unsupported " + "".join(unknown))
        continue
    lr, mu = float.fromhex(at["lr"]), float.fromhex(at["momentum"])
    buffers, waiting = [[0.0] * d for _ in range(n)], {}
    say("READY")
    while (words := read()) and words[0] != "end":
        rows = {}
        if words[0] == "save":
            say(f"saved {n}", *(" ".join(x.hex() for x in b) for b in buffers))
        elif words[0] == "restore":
            saved = [[float.fromhex(x) for x in read()] for _ in range(int(words[1]))]
            buffers = RESTORED
            say("ok")
        elif words[0] == "rate":
            lr = RATE
            say("ok")
        elif words[0] == "idle":
            say("IDLE 0")
        elif words[0] == "accumulate":
            batch(int(words[1]), waiting)
            say("OK")
        elif words[0] == "step":
            rows, waiting = batch(int(words[2]), WAITING), {}
            for row, grad in rows.items():
                buffers[row] = [mu * b + g for b, g in zip(buffers[row], grad)]
                table[row] = [w - lr * b for w, b in zip(table[row], buffers[row])]
            changed = [" ".join([str(r), *(w.hex() for w in table[r])]) for r in rows]
            say(f"step {words[1]} {len(rows)}", *changed)
"""
RIGHT = {
    "READY": "ready save restore rate idle accumulate",
    "RESTORED": "saved",
    "RATE": "float.fromhex(words[1])",
    "IDLE": "idle",
    "OK": "ok",
    "WAITING": "waiting",
}


def lived(folder, **wrong):
    text = PROGRAM
    for place, right in RIGHT.items():
        text = text.replace(place, wrong.get(place, right))
    (folder / "program.py").write_text(text)
    with Program([sys.executable, "-I", "-S", str(folder / "program.py")]) as program:
        return judge_implementation(program, "sgd", ["float64"], options={"momentum": 0.75})


def test_a_program_is_judged_on_what_it_offers(tmp_path):
    report = lived(tmp_path)
    assert report.matches
    assert [life.verdict for life in report.lives] == ["PASS"] * 4
    assert report.coverage.not_judged["a dtype change"] == "the program is not ready for cast"


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ({"RESTORED": "buffers"}, "save and restore lose b"),
        ({"RATE": "lr * float.fromhex(words[1])"}, "a new rate is multiplied by the old one"),
        ({"WAITING": "{}"}, "of accumulated gradients the last are used alone"),
    ],
)
def test_what_is_wrong_in_it_is_named(wrong, cause, tmp_path):
    report = lived(tmp_path, **wrong)
    assert not report.matches
    assert report.cause == cause


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"READY": "ready save restore walk"}, "is ready for 'walk'; what can be asked is save, "),
        ({"IDLE": "step 8"}, "at idle: expected 'idle K', got 'step 8 0'"),
        ({"OK": "fine"}, "at accumulate: expected 'ok', got 'fine'"),
    ],
)
def test_a_wrong_answer_is_said(wrong, message, tmp_path):
    report = lived(tmp_path, **wrong)
    assert not report.matches
    assert message in str(report)
