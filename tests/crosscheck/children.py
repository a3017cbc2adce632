"""A child for `--exec` that is right, and places in it to go wrong."""

import sys
from pathlib import Path

CHILD = """\
import os, signal, sys, time

def read():
    return sys.stdin.readline().split()

def FLOOD(text):
    while True:
        os.write(1, text * 65536)

def say(text):
    sys.stdout.write(text)
    sys.stdout.flush()

HERE = 0
while read()[:1] == ["freqopt-crosscheck"]:
    at, unknown = {}, []
    while (words := read())[0] != "table":
        if words[0] == "option" and words[1] not in ("lr", "maximize"):
            unknown.append(words[1])
        at[words[1]] = words[-1]
    table = [[float.fromhex(x) for x in read()] for _ in range(int(words[1]))]
    answer = "unsupported " + unknown[0] + chr(10) if unknown else "ready" + chr(10)
    HEADER
    say(answer)
    if unknown:
        continue
    while (words := read())[:1] == ["step"]:
        t, total = int(words[1]), {}
        for _ in range(int(words[2])):
            row, *grads = read()
            grads = [float.fromhex(g) for g in grads]
            total[int(row)] = [a + b for a, b in zip(grads, total.get(int(row), [0] * len(grads)))]
        rate = float.fromhex(at["lr"]) * (-1 if at["maximize"] == "true" else 1)
        for row, grads in total.items():
            table[row] = [w - rate * g for w, g in zip(table[row], grads)]
        lines = [" ".join([str(row), *(w.hex() for w in table[row])]) for row in total]
        answer = chr(10).join([f"step {t} {len(total)}", *lines]) + chr(10)
        STEP
        say(answer)
    RUN
END
"""


def child(folder: Path, **places: str) -> list[str]:
    """The command of a child with Python text in its places: HEADER, STEP, RUN, END."""
    text = CHILD
    for place in ("HERE = 0", "HEADER", "STEP", "RUN", "END"):
        text = text.replace(place, places.get(place.partition(" ")[0], "pass"))
    path = folder / "child.py"
    path.write_text(text)
    return [sys.executable, "-I", "-S", str(path)]
