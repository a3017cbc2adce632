"""A rule's own file that gives something else than it should: one sentence, with file and line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from freqopt.errors import RuleError
from freqopt.optimizers import Rule, rules

RULE = """
import numpy as np

from freqopt.optimizers import Rule, Slot

class Mine(Rule):
    def slots(self):
        return SLOTS

    def update(self, w, g, s):
        UPDATE
        return RESULT
"""
SLOTS = '(Slot("m", "element"), Slot("n", "row", "int64"), Slot("k", "table", "float64"))'


def mine(
    tmp_path: Path, slots: str = SLOTS, update: str = "s.m = s.m + g", result: str = "w - g"
) -> Any:
    text = RULE.replace("SLOTS", slots).replace("UPDATE", update).replace("RESULT", result)
    (tmp_path / "mine.py").write_text(text)
    return rules[str(tmp_path / "mine.py")]()


def stepped(rule: Rule) -> None:
    table = np.ones((4, 3), np.float32)
    state = rule.init(table)
    before = table.copy(), {name: array.copy() for name, array in state.items() if name != "t"}
    try:
        rule.step(table, state, np.array([0, 2]), np.ones((2, 3), np.float32))
    except RuleError:
        assert (table == before[0]).all()  # nothing of it was stored
        assert all((state[name] == array).all() for name, array in before[1].items())
        raise


def said(error: Any, of: str) -> str:
    message = str(error.value)
    line = RULE[: RULE.index(f"def {of}")].count("\n") + 1
    assert f"mine.py, line {line}, `def {of}(self" in message
    assert "\n" not in message
    return message


RESULTS = {
    "g[:, :1]": r"float32 of shape \(2, 1\)",
    "w[0]": r"float32 of shape \(3,\)",
    "w.astype(np.float64)": "float64 of shape",
    "w + 0j": "complex64 of shape",
    "w.astype(object)": "object of shape",
    "w.tolist()": "an object of list",
    "0.5": "an object of float",
    "None": "None",
}


@pytest.mark.parametrize("result", RESULTS)
def test_rows_of_another_kind_are_refused(result: str, tmp_path: Path) -> None:
    with pytest.raises(RuleError) as error:
        stepped(mine(tmp_path, result=result))
    wanted = rf"returns {RESULTS[result]}.*expected the new rows, float32 of shape \(2, 3\)"
    assert re.search(wanted, said(error, "update"))


ASSIGNED = {
    "s.m = s.m.astype(np.float64)": r"float64 .* to s.m; expected float32 of shape \(2, 3\)",
    "s.m = g[:, :1]": r"\(2, 1\) to s.m; expected float32 of shape \(2, 3\)",
    "s.m = None": "None to s.m",
    "s.m = 0.0": "object of float to s.m",
    "del s.m": "None to s.m",
    "s.n = s.n[:, 0]": r"int64 of shape \(2,\) to s.n; expected int64 of shape \(2, 1\)",
    "s.n = s.n + 0.5": "float64 .* to s.n; expected int64",
    "s.k = g": r"to s.k; expected float64 of shape \(\)",
    "s.q = g": "assigns s.q, which is no slot; declare it",
    "s.t = 3": "assigns a part of what it is given, s.t",
}


@pytest.mark.parametrize("update", ASSIGNED)
def test_slots_of_another_kind_are_refused(update: str, tmp_path: Path) -> None:
    with pytest.raises(RuleError) as error:
        stepped(mine(tmp_path, update=update))
    assert re.search(ASSIGNED[update], said(error, "update"))


def test_what_numpy_makes_of_right_arithmetic_is_taken(tmp_path: Path) -> None:
    stepped(mine(tmp_path, update="s.n, s.k, s.m = s.n + s.first_round, s.k + 1.0, s.m * 0.9"))


DECLARED = {
    'Slot("m", "element")': "slots gives Slot",
    '("m",)': "slots gives 'm'; give a Slot",
    "None": "slots gives None",
    '(Slot("m", "column"),)': "slot m has per = 'column'; choose 'element' or 'row'",
    '(Slot("m", "row", "float16"),)': "slot m has dtype = 'float16'; choose 'table'",
    '(Slot("m", "row", start="a"),)': "slot m starts with 'a'",
    '(Slot("m", "row", "int64", 0.5),)': "slot m starts with 0.5; give a whole number",
    '(Slot("m", "row", copies=-1),)': "slot m has copies = -1",
    '(Slot("m", "row"), Slot("m", "element"))': "two slots are called m",
    '(Slot("t", "row"),)': "a slot is called t, which means something else",
    '(Slot("ids", "row"),)': "a slot is called ids",
    '(Slot("for x", "row"),)': "a slot is called 'for x'",
    '(Slot("for", "row"),)': "a slot is called 'for'",
    "(Slot(3, 'row'),)": "a slot is called 3",
}


@pytest.mark.parametrize("slots", DECLARED)
def test_slots_that_no_backend_can_keep_are_refused(slots: str, tmp_path: Path) -> None:
    with pytest.raises(RuleError) as error:
        mine(tmp_path, slots=slots).all_slots()
    assert DECLARED[slots] in said(error, "slots")


def test_an_error_in_slots_has_its_line(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"mine\.py, line 8, .*ZeroDivisionError"):
        mine(tmp_path, slots="1 / 0").all_slots()


def test_a_rule_without_update_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("from freqopt.optimizers import Rule\n\n\nclass Mine(Rule):\n    pass\n")
    with pytest.raises(RuleError, match=r"mine\.py: class Mine has no update") as error:
        rules[str(path)]()
    assert "\n" not in str(error.value)
