"""What is judged by name: backends, guests, and what is not there."""

from __future__ import annotations

import numpy as np
import pytest

from freqopt.cli import run
from freqopt.crosscheck import Case, exercises, trace
from freqopt.crosscheck.guests import guests
from freqopt.crosscheck.judge import answers, judge
from freqopt.crosscheck.targets import BACKENDS, Wish, absent, all_targets, find_targets
from freqopt.errors import BackendError, CrosscheckError, RuleError
from freqopt.optimizers import rules


def test_a_backend_is_judged_bit_for_bit():
    (target,) = find_targets("slow_reference", Wish("adagrad", ["float32"], {"lr": 0.5}))
    assert (target.name, target.rule, target.ulps) == ("slow_reference", "adagrad", 0)
    assert judge(answers(target.implementation), target.on, target.ulps).matches


def test_a_backend_has_every_rule_unless_one_is_named():
    found = find_targets("numba", Wish(None, ["float32"], {"lr": 0.5}))
    assert [target.rule for target in found] == list(rules)
    assert {target.implementation for target in found} == {BACKENDS["numba"]}


def no_gpu():
    raise BackendError("there is no GPU")


def test_all_are_the_guests_that_are_installed_and_the_backends(monkeypatch):
    monkeypatch.setattr("freqopt.backends.cupy.chosen_device", no_gpu)
    named = {target.name for target in all_targets(Wish("adam", ["float64"], {"lr": 0.5}))}
    present = {name for name, guest in guests.items() if guest.library.present}
    own = set(BACKENDS) - {"cupy"}
    assert named == {*own, *(name for name in present if guests[name].rule == "adam")}
    lacking = {line.partition(": ")[0] for line in absent()}
    assert lacking == (set(guests) - present) | {"cupy"}
    assert "cupy: there is no GPU" in absent()


def test_a_backend_that_cannot_run_here_is_refused_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr("freqopt.backends.cupy.chosen_device", no_gpu)
    with pytest.raises(BackendError, match="there is no GPU"):
        find_targets("cupy", Wish("sgd", ["float64"], {}))
    assert run(["crosscheck", "cupy"]) == 2
    assert capsys.readouterr().err == "freqopt: there is no GPU\n"


def test_a_guest_that_is_not_installed_or_is_another_rule_is_refused(monkeypatch):
    wish = Wish("sgd", ["float64"], {})
    monkeypatch.setattr("freqopt.crosscheck.guests.Library.present", property(lambda self: False))
    with pytest.raises(CrosscheckError, match="torch is not installed; pip install"):
        find_targets("torch.Adam", wish)
    monkeypatch.setattr("freqopt.crosscheck.guests.Library.present", property(lambda self: True))
    with pytest.raises(CrosscheckError, match=r"torch\.Adam implements adam, not sgd"):
        find_targets("torch.Adam", wish)


def test_a_guest_is_judged_in_its_dialect_under_the_users_numbers(monkeypatch):
    monkeypatch.setattr("freqopt.crosscheck.guests.Library.present", property(lambda self: True))
    (target,) = find_targets("optax.adagrad", Wish(None, ["float64"], {"lr": 0.5}))
    own = guests["optax.adagrad"].own
    assert own
    for case in target.on:
        assert case.rule.lr == 0.5
        assert all(getattr(case.rule, name) == value for name, value in own.items())
    (target,) = find_targets("optax.adagrad", Wish(None, ["float64"], {}))
    assert len(target.on) > 20


def test_a_name_that_means_nothing_is_one_error():
    wish = Wish(None, ["float64"], {})
    with pytest.raises(CrosscheckError, match="did you mean 'numba'"):
        find_targets("number", wish)
    with pytest.raises(CrosscheckError, match="does not exist"):
        find_targets("nothing.py", wish)
    with pytest.raises(RuleError, match="did you mean 'adam'"):
        find_targets("numba", Wish("adm", ["float64"], {}))


@pytest.mark.parametrize(
    "text",
    [
        "from helper_beside import Mine as make",
        "import functools, helper_beside\nmake = functools.partial(helper_beside.made, 1)",
        "import helper_beside\nmake = helper_beside.made.__get__(1)",
    ],
)
def test_make_may_be_imported_a_class_or_a_partial(text, tmp_path):
    helper = (
        "from freqopt.crosscheck import reference\n"
        "def made(_, rule, table, given):\n    return reference(rule, table, given)\n"
        "def Mine(rule, table, given):\n    return made(1, rule, table, given)\n"
    )
    (tmp_path / "helper_beside.py").write_text(helper)
    path = tmp_path / "mine.py"
    path.write_text(f"RULE = 'sgd'\nDIALECT = {{'rows': 'all'}}\n{text}\n")
    (target,) = find_targets(str(path), Wish(None, ["float64"], {"lr": 0.5}))
    assert callable(target.implementation)
    assert target.dialect == {"rows": "all"}


def test_a_file_may_state_its_dialect_by_name(tmp_path):
    path = tmp_path / "mine.py"
    text = "RULE = 'rmsprop'\ndef make(rule, table, given): ...\n"
    path.write_text(f"{text}DIALECT = 'keras.RMSprop'\n")
    (target,) = find_targets(str(path), Wish(None, ["float64"], {}))
    assert target.dialect == rules["rmsprop"].dialects["keras.RMSprop"]
    path.write_text(f"{text}DIALECT = 'keras.RMSProp'\n")
    with pytest.raises(CrosscheckError, match=r"no dialect 'keras.RMSProp'; known: .*keras"):
        find_targets(str(path), Wish(None, ["float64"], {}))
    path.write_text(f"{text}DIALECT = 3\n")
    with pytest.raises(CrosscheckError, match="DIALECT = 3, expected options by name"):
        find_targets(str(path), Wish(None, ["float64"], {}))


def test_a_step_that_returns_nothing_is_explained():
    case = exercises(np.float64)["one_row"]
    with pytest.raises(CrosscheckError, match=r"step 1 returned None.*return table"):
        trace(lambda *_: lambda *_: None, Case("", rules["sgd"](), case))
