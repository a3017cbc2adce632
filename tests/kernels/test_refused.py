"""A kernel that cannot mean the same everywhere gets one message: place, reason, what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from freqopt.errors import BackendError, KernelError
from freqopt.kernels._read import read
from freqopt.optimizers import rules

RULE = """
import math
import time

import numpy as np

from freqopt.kernels import Kernel
from freqopt.optimizers import Rule, Slot
from freqopt.streams import elementary

TABLE = {1: 2}


class Mine(Rule):
    beta: float = 0.9

    def slots(self):
        return (Slot("m", per="element"), Slot("n", per="row", dtype="int64"), Slot("k", "table"))

    def update(self, w, g, s):
        return w - g

    @staticmethod
    def kernel(rule):
        def helper(x):
            HELPER

        def scalars(h, t):
            SCALARS

        def row(c, s, visit, total):
            ROW

        def element(c, r, w, g, x, e):
            ELEMENT

        return RETURN
"""
RIGHT = {
    "HELPER": "return x",
    "SCALARS": "return h.rate(t), h.beta",
    "ROW": "return ()",
    "ELEMENT": "return w - c[0] * g",
    "RETURN": "Kernel(scalars, element, row)",
}

# What stands there, part of the message, and of what it says to do.
MISTAKES = {
    "a field that is not there": ("SCALARS", "return (h.betta,)", "no field betta", "declare it"),
    "a choice as a number": ("SCALARS", "return (h.decay,)", "decay is a choice", "rule.decay =="),
    "an option that is not there": ("ELEMENT", "return w if rule.law else g", "'law'", "declare"),
    "an option as a number": ("ELEMENT", "return rule.beta * w", "only says whether", "h.NAME"),
    "an option in a comparison": (
        "ELEMENT", "if rule.beta > 0.3:\n    return g\nreturn w", "option beta", "h.NAME",
    ),
    "an option under another name": (
        "ELEMENT", "on = rule.beta\nreturn w if on == 1 else g", "option beta", "h.NAME",
    ),
    "an option that is no field": (
        "RETURN", "Kernel(scalars, element if rule.law else row)", "'law'", "Kernel(scalars",
    ),
    "a slot of the whole table": ("ROW", "s.k = s.k + 1\nreturn ()", "k is no row slot", "visit.t"),
    "an element slot in row": ("ROW", "return (s.m,)", "m is no row slot", "as e.m"),
    "an option compared with a number": (
        "RETURN", "Kernel(scalars, element if rule.beta == 0.9 else row)", "option beta", "h.beta",
    ),
    "a slot that is not there": ("ELEMENT", "return w - e.v", "no element slot v", "slots are: m"),
    "a slot that is stored nowhere": ("ELEMENT", "e.v = g\nreturn w", "element slot v", "declare"),
    "a row slot in element": ("ELEMENT", "return w - s.n", "reads s", ""),
    "a slot by its place": ("ELEMENT", "return w - e[0]", "part of e", "slots have names"),
    "slots as a whole": ("ELEMENT", "return helper(e)", "hands e on", "its numbers"),
    "another parameter": ("SCALARS", "return ()", "asks for z", "may ask for h, t"),
    "a name that is not there": ("ELEMENT", "return w - alpha", "reads alpha", ""),
    "a name on one way only": (
        "ELEMENT", "if g > 0:\n    y = g\nreturn w - y", "no value on every way", "both its ways",
    ),
    "a table": ("ELEMENT", "return w - TABLE[1]", "TABLE, an object of dict", ""),
    "a function that is not known": ("ELEMENT", "return w - np.cbrt(g)", "np.cbrt", "quotient"),
    "a function with other bits": ("ELEMENT", "return w - np.exp(g)", "np.exp", "elementary"),
    "a clock": ("SCALARS", "return (time.time(),)", "time.time", ""),
    "a print": ("ELEMENT", "print(w)\nreturn w", "print", ""),
    "a power": ("ELEMENT", "return w - g ** 2", "operator Pow", "write x * x"),
    "a loop": ("ELEMENT", "for k in range(3):\n    w = w - g\nreturn w", "loop", "consists of"),
    "a loop without an end": ("ELEMENT", "while True:\n    w = w - g\nreturn w", "loop", ""),
    "a list": ("ELEMENT", "return [w][0]", "List", ""),
    "an exception": ("ELEMENT", "raise ValueError", "Raise", "assignments"),
    "a function in a function": ("ELEMENT", "def f(): return g\nreturn w", "FunctionDef", ""),
    "a helper that calls itself": ("HELPER", "return helper(x)", "helper calls itself", ""),
    "a helper with other parameters": ("ELEMENT", "return helper(w, g)", "takes (x)", "as many"),
    "no result": ("ELEMENT", "e.m = g", "ends without return", "every way"),
    "a result on one way only": ("ELEMENT", "if g > 0:\n    return w", "without return", "way"),
    "nothing returned": ("ELEMENT", "return", "returns", ""),
    "slots returned": ("ELEMENT", "return w, (g,)", "no single number", "slots are assigned"),
    "a number for a tuple": ("SCALARS", "return h.beta", "no tuple", "in a tuple"),
    "another number of scalars": (
        "ELEMENT", "lr, keep, more = c\nreturn w", "takes 3 values, and there are 2", "",
    ),
    "one more than the last": ("ELEMENT", "return w - c[2]", "takes part 2 of 2", "from 0"),
    "float64 in the table's dtype": ("ROW", "return (c[0],)", "float64 number where", "real(...)"),
    "float64 beside the table's dtype": ("ROW", "return (c[0] * total,)", "meets", "real(...)"),
    "a count beside the table's dtype": ("ROW", "return (s.n * total,)", "whole number", "real("),
    "a fraction in a count": ("ROW", "s.n = s.n / 2\nreturn ()", "whole number is kept", "count"),
    "the table's dtype in a float64 function": (
        "ELEMENT", "return elementary.power(w, 2.0)", "power with", "float(...)",
    ),
    "a number as a test": ("ELEMENT", "return w if g else x", "number is true", "x != 0"),
    "a division by zero": ("SCALARS", "return (1 / 0,)", "division by zero", ""),
    "no kernel": ("RETURN", "(scalars, element)", "object of tuple", "return Kernel"),
    "an error": ("RETURN", "Kernel(scalars, element, rows)", "NameError", "Kernel(scalars"),
    "a lambda": ("RETURN", "Kernel(scalars, lambda w: w)", "text of <lambda>", "`def`"),
    "no function": ("RETURN", "Kernel(scalars, 3)", "element = 3", "a function"),
    "nothing": ("RETURN", "Kernel(None, None)", " = None", "a function"),
    "two parameters": ("real", "", "kernel takes (rule, real)", "kernel(rule)"),
}  # fmt: skip


def rule_with(tmp_path: Path, **changes: str) -> Any:
    text = RULE
    for place, body in {**RIGHT, **changes}.items():
        lines = body.split("\n")
        indent = " " * (8 if place == "RETURN" else 12)
        text = re.sub(rf"\b{place}\b", lambda _: f"\n{indent}".join(lines), text)  # noqa: B023
    if "z" in changes:
        text = text.replace("def scalars(h, t)", "def scalars(h, z)")
    if "real" in changes:
        text = text.replace("def kernel(rule)", "def kernel(rule, real)")
    path = tmp_path / "mine.py"
    path.write_text(text)
    return rules[str(path)]()


def test_what_is_right_is_read(tmp_path: Path) -> None:
    assert read(rule_with(tmp_path), np.float32).own


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_said_with_its_place(mistake: str, tmp_path: Path) -> None:
    place, body, what, remedy = MISTAKES[mistake]
    extra = {"z": ""} if mistake == "another parameter" else {}
    rule = rule_with(tmp_path, **{place: body}, **extra, **(
        {"ELEMENT": "return helper(w)"} if place == "HELPER" else {}
    ))  # fmt: skip
    with pytest.raises(KernelError) as error:
        read(rule, np.float32)
    said = str(error.value)
    assert what in said
    assert remedy in said
    assert "\n" not in said
    line = re.search(r"mine\.py, line (\d+)", said)
    assert line, said
    text = (tmp_path / "mine.py").read_text().splitlines()[int(line[1]) - 1].strip()
    assert f"`{text}`" in said


OLD = """
from freqopt.optimizers import Rule, slow_rate


class Old(Rule):
    def update(self, w, g, s):
        return w - self.rate(s.t) * g

    def slow_update(self, w, g, s):
        return [a - s.scalar(slow_rate(self, s.t)) * b for a, b in zip(w, g)]
"""


PARTLY = """
from freqopt.optimizers.adam import Adam


class Mine(Adam):
    def correction(self, moment, beta, k):
        return 1.0
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OLD, "its slow_update is no longer read; write it as kernel"),
        (OLD.replace("slow_update", "other"), "it has no kernel; write one"),
        (OLD + "\n\ndef kernel(rule):\n    return 1\n", "move it into class Old"),
        (
            PARTLY,
            "replaces correction, and its kernel is that of Adam; write its own",
        ),
    ],
)
def test_a_rule_without_a_kernel_of_its_own_is_told_what_to_write(
    text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "old.py"
    path.write_text(text)
    with pytest.raises(BackendError, match=said) as error:
        read(rules[str(path)](), np.float32)
    assert str(path) in str(error.value)
    assert not isinstance(error.value, KernelError)
