"""Runs that are ended on the way, lengthened, or asked for more: the bits of undisturbed ones."""

import shutil
from pathlib import Path

import pytest

from freqopt._interrupts import Ended
from freqopt.backends.numba import NumbaBackend
from freqopt.errors import ResultError
from freqopt.experiment import run as run_module
from freqopt.experiment.execute import simulate
from freqopt.experiment.executors.task import Run, Task, made_with, work
from freqopt.experiment.grid import expand
from freqopt.experiment.store import states
from freqopt.experiment.store.keys import Keys
from freqopt.experiment.store.rows import to_columns
from freqopt.experiment.study import Study
from freqopt.optimizers import rules
from freqopt.problems import problems
from tests.backends.cupy.twins import needs_compiler
from tests.experiment.conftest import content

RECORD = ["objective", "gradient_norm", "token_gradient_norm", "effective_rate", "frequency"]
ZIPF = {"kind": "zipf", "exponent": 1.0, "size": 12}
PAIR = {"name": "pair", "pairs": {"kind": "product", "u": ZIPF, "v": ZIPF}, "dimension": 3}
TOPICS = {"kind": "topics", "tokens": ZIPF, "topics": 3}
LAZY = {"weight_decay": 0.01, "decay": "decoupled", "decay_rows": "lazy"}
FORMS = {
    "token_quadratic": {"tokens": ZIPF},
    "pair": PAIR,
    "sgns": {"dimension": 2, "negatives": 2, "pairs": TOPICS},
    "factorisation_machine": {"dimension": 2},
    "softmax_regression": {"examples": {"kind": "blobs", "width": 3, "classes": 2}},
    "surface": {},
}


class Killed(Ended):
    """The end of a process, as far as it can be had in one."""


def task_of(study, folder, backend):
    points = expand(study)
    runs = tuple(Run(point, Keys(backend).name(point)) for point in points)
    return Task(
        runs, backend, made_with(backend), {"command": "", "commit": ""}, 0, folder, every=0.0
    )


def ends(outcome, folder):
    """All readings, and all arrays at the end, as bytes."""
    assert not outcome.failed
    read = {name: values.tobytes() for name, values in to_columns(outcome.readings).items()}
    held = {}
    for path in sorted((folder / "states").iterdir()):
        for state in states.load(path):
            arrays = {k: v.tobytes() for k, v in state.arrays.items()}
            held[state.trajectory] = (state.step, arrays)
    return read, held


def killed(task, times, monkeypatch):
    """The outcome of a task that is ended after so many saves, again and again, till it is done."""
    between, left = states.Keeper.between, [0]

    def kills(keeper, recordings):
        between(keeper, recordings)
        left[0] -= 1
        if not left[0]:
            raise Killed

    monkeypatch.setattr(states.Keeper, "between", kills)
    deaths = 0
    while True:
        left[0] = times
        try:
            outcome = work(task)
        except Killed:
            deaths += 1
            assert deaths < 100
        else:
            monkeypatch.setattr(states.Keeper, "between", between)
            return outcome, deaths


def check(study, folder, backend, monkeypatch, times=3):
    """Undisturbed, and killed again and again."""
    monkeypatch.setattr(states, "WORTH", 1 << 40)
    monkeypatch.setattr(states, "LEAST", 0.0)
    monkeypatch.setattr(run_module, "_paced", lambda stretch, took: stretch)
    outcomes = []
    for name, stretch in (("once", 1 << 30), ("killed", 7)):
        (folder / name / "states").mkdir(parents=True)
        monkeypatch.setattr(run_module, "FIRST_STRETCH", stretch)
        task = task_of(study, folder / name, backend)
        if name == "once":
            outcomes.append(ends(work(task), folder / name))
        else:
            outcome, deaths = killed(task, times, monkeypatch)
            assert deaths >= 5
            outcomes.append(ends(outcome, folder / name))
    assert outcomes[0] == outcomes[1]


def a_study(problem, *entries, steps=150, batch=2, **more):
    given = {"name": problem} if isinstance(problem, str) else problem
    return Study(title="t", steps=steps, batch=batch, checkpoints=5, record=RECORD,
                 problem=given, rules=list(entries), **more)  # fmt: skip


@pytest.mark.parametrize("rule", [*rules])
def test_every_rule_goes_on_where_it_was(rule, tmp_path, monkeypatch):
    more = {"cap": "none"} if rule in ("cf_sgd", "fa_sgd") else {}
    check(a_study(PAIR, {"name": rule, "lr": 0.05, **more}), tmp_path, "numpy", monkeypatch, 4)


@pytest.mark.parametrize("problem", [*problems])
def test_every_problem_goes_on_where_it_was(problem, tmp_path, monkeypatch):
    if problem == "ratings":
        data = tmp_path / "ratings.dat"
        data.write_text("".join(f"{u}::{u % 7 + 1}::{u % 5 + 1}::{u}\n" for u in range(1, 60)))
        given = {"name": problem, "data": {"path": str(data), "format": "movielens_1m"}}
    else:
        given = {"name": problem, **FORMS.get(problem, {})}
    batch = 1 if problem == "full_batch" else 2
    study = a_study(given, {"name": "adam", "lr": 0.01}, batch=batch)
    check(study, tmp_path, "numpy", monkeypatch)


COMPILED = [{"name": "sgd", "lr": 0.05, **LAZY}, {"name": "catchup_adam"},
            {"name": "sgd_c", "lr": 0.05}]  # fmt: skip


@pytest.mark.slow  # each compiles a loop of its own
@pytest.mark.parametrize("rule", [{"name": "sgd", "lr": 0.05}, *COMPILED],
                         ids=["sgd", "lazy", "catchup_adam", "sgd_c"])  # fmt: skip
def test_compiled_loops_go_on_where_they_were(rule, tmp_path, monkeypatch):
    monkeypatch.setattr(NumbaBackend.__init__, "__defaults__", (0.0,))
    study = a_study(PAIR, rule, factorised={"inner": 2, "tables": ["v"]})
    check(study, tmp_path, "numba", monkeypatch)


@needs_compiler
@pytest.mark.parametrize(
    "rule",
    [
        {"name": "adam", "lr": 0.01},
        *(pytest.param(one, marks=pytest.mark.slow) for one in COMPILED),
    ],
    ids=["adam", *(one["name"] for one in COMPILED)],
)
def test_runs_side_by_side_on_the_device_go_on_where_they_were(rule, tmp_path, monkeypatch):
    """On the twin, which takes the GPU's place: its memory is kept, and goes back."""
    monkeypatch.setenv("FREQOPT_CUDA_TWIN", "1")
    check(a_study(PAIR, rule, runs=2), tmp_path, "cupy", monkeypatch)


def test_what_one_backend_saved_another_does_not_take(tmp_path):
    study = a_study(PAIR, {"name": "sgd"})
    names = [{run.name.trajectory for run in task_of(study, tmp_path, b).runs}
             for b in ("numpy", "numba")]  # fmt: skip
    assert not names[0] & names[1]


def test_a_state_that_was_changed_is_a_sentence_and_the_run_begins_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(states, "LEAST", 0.0)
    (tmp_path / "states").mkdir()
    task = task_of(a_study(PAIR, {"name": "sgd"}), tmp_path, "numpy")
    whole = ends(work(task), tmp_path)
    (path,) = (tmp_path / "states").iterdir()
    data = path.read_bytes()
    for place in (3, 30, 90, 200, len(data) // 2, len(data) - 1):
        changed = bytearray(data)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(ResultError, match=r"is damaged|cut short"):
            states.load(path)
        outcome = work(task)
        (notice,) = outcome.notices
        assert f"the state {path} is " in notice
        assert ends(outcome, tmp_path) == whole
    for size in (0, 5, 100, len(data) - 1):
        path.write_bytes(data[:size])
        assert work(task).notices


def steps_taken(monkeypatch):
    """How many steps are taken from now on, in a list."""
    taken, advance = [0], run_module.advance

    def counts(engine, recordings, between):
        before = sum(one.simulation.step for one in recordings)
        advance(engine, recordings, between)
        taken[0] += sum(one.simulation.step for one in recordings) - before

    monkeypatch.setattr("freqopt.experiment.executors.task.advance", counts)
    return taken


BASE = {"record": ["objective"], "checkpoints": [10, 50]}
CHANGES = {
    "nothing": ({}, 0),
    "fewer checkpoints": ({"checkpoints": [50]}, 0),
    "a list for a number": ({"checkpoints": [0, 10, 50, 100]}, 0),
    "fewer steps": ({"steps": 50, "checkpoints": [10]}, 0),
    "a metric": ({"record": ["gradient_norm", "objective"]}, 100),
    "a metric at the end only": ({"record": ["objective", "gap"], "checkpoints": [10, 50]}, 100),
    "a checkpoint": ({"checkpoints": [10, 30, 50]}, 30),
    "more steps": ({"steps": 160, "checkpoints": [10, 50, 100, 130]}, 60),
    "more steps and a checkpoint": ({"steps": 160, "checkpoints": [10, 20, 50, 100]}, 160),
    "other groups": ({"groups": {"shares": {"top": 0.5, "rest": 0.5}}}, 100),
    "movement": ({"record": ["effective_rate", "objective"]}, 100),
}


@pytest.mark.parametrize("change", CHANGES)
def test_only_what_is_missing_is_computed(tmp_path, monkeypatch, change):
    monkeypatch.setattr(states, "LEAST", 0.0)
    monkeypatch.setattr(states, "WORTH", 1 << 40)
    problem = {"name": "token_quadratic", "tokens": ZIPF}
    changed, steps = CHANGES[change]
    studies = [
        Study(title="t", problem=problem, rules=[{"name": "sgd", "lr": 0.1}],
              **{"steps": 100, **BASE, **more})
        for more in ({}, changed)
    ]  # fmt: skip
    simulate(studies[0], results=tmp_path / "r", jobs=1)
    taken = steps_taken(monkeypatch)
    simulate(studies[1], results=tmp_path / "r", jobs=1)
    assert taken == [steps]
    simulate(studies[1], results=tmp_path / "fresh", jobs=1)
    fresh, filled = content(tmp_path / "fresh"), content(tmp_path / "r")
    assert fresh == {key: filled[key] for key in fresh}


def test_a_run_that_diverged_is_filled_in_or_done_again(tmp_path):
    problem = {"name": "token_quadratic", "tokens": ZIPF}
    base = {"title": "t", "problem": problem, "rules": [{"name": "sgd", "lr": 1e150}]}
    for steps, checkpoints, record in (
        (100, [10, 50], ["objective"]), (100, [50], ["objective"]), (160, [10], ["objective"]),
        (100, [10, 50], ["objective", "gradient_norm"]), (1, [], ["objective"]),
    ):  # fmt: skip
        study = Study(**base, steps=steps, checkpoints=checkpoints, record=record)
        simulate(study, results=tmp_path / "r", jobs=1)
        shutil.rmtree(tmp_path / "fresh", ignore_errors=True)
        simulate(study, results=tmp_path / "fresh", jobs=1)
        fresh, filled = content(tmp_path / "fresh"), content(tmp_path / "r")
        assert fresh == {key: filled[key] for key in fresh}


def test_states_go_once_their_runs_are_stored(tmp_path):
    (tmp_path / "r" / "states").mkdir(parents=True)
    study = a_study(PAIR, {"name": "sgd"}, steps=20)
    (run,) = task_of(study, tmp_path, "numba").runs
    path = states.path_of(tmp_path / "r", [run.name.trajectory])
    Path(path).write_bytes(b"a state that nobody can read")
    report = simulate(study, results=tmp_path / "r", jobs=1)
    assert report.computed == 1
    assert "is cut short, or of another version" in report.notices[0]
    assert not path.exists()
