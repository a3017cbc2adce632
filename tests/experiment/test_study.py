"""Study files: what they expand to, and what each mistake is answered with."""

import json

import pytest

from freqopt.errors import StudyError
from freqopt.experiment.build import problem, rule
from freqopt.experiment.document import merge
from freqopt.experiment.grid import expand
from freqopt.experiment.study import Study
from freqopt.optimizers import rules
from freqopt.problems import problems
from tests.experiment.conftest import SMALL


def test_every_combination_is_a_point(small):
    points = expand(Study.read(small))
    assert len(points) == (2 + 1) * 2 * 2  # (learning rates of sgd + counted) x batches x runs
    seen = [(p.label, p.axes["rule.lr"], p.axes["batch"], p.configuration["run"]) for p in points]
    assert seen[:3] == [("sgd", 0.05, 1, 0), ("sgd", 0.05, 1, 1), ("sgd", 0.2, 1, 0)]
    assert set(seen) == {
        (label, lr, batch, run)
        for label, lr in (("sgd", 0.05), ("sgd", 0.2), ("counted", 0.5))
        for batch in (1, 3)
        for run in (0, 1)
    }


def test_a_configuration_is_complete_and_plain(small):
    point = expand(Study.read(small))[-1]
    assert json.loads(json.dumps(point.configuration)) == point.configuration
    assert point.configuration["rule"] == {
        "name": "cf_sgd",
        **rule("cf_sgd", lr=0.5).model_dump(mode="json"),
    }
    assert point.configuration["problem"]["noise_law"] == "two_point"  # a default
    assert set(point.configuration) == {
        "steps", "batch", "seed", "dtype", "checkpoints", "record", "groups", "problem", "rule",
        "run",
    }  # fmt: skip


def test_quick_changes_what_it_names_and_nothing_else(small):
    points = expand(Study.read(small, quick=True))
    assert [(p.label, p.axes["rule.lr"], p.axes["batch"]) for p in points] == [
        ("sgd", 0.1, 1), ("sgd", 0.1, 3), ("counted", 0.5, 1), ("counted", 0.5, 3),
    ]  # fmt: skip
    assert {p.configuration["steps"] for p in points} == {40}


def test_cases_vary_together():
    study = Study(
        title="t", steps=1, problem={"name": "surface"}, rules=[{"name": "sgd"}],
        cases=[
            {"problem": {"surface": "beale"}, "rule": {"lr": 0.5}},
            {"problem.surface": "goldstein_price", "rule.lr": 0.25},
        ],
        grid={"batch": [1, 2]},
    )  # fmt: skip
    assert [tuple(p.axes.values()) for p in expand(study)] == [
        (1, "beale", 0.5), (2, "beale", 0.5),
        (1, "goldstein_price", 0.25), (2, "goldstein_price", 0.25),
    ]  # fmt: skip
    with pytest.raises(StudyError, match="same paths in every case"):
        Study(**{**study.model_dump(), "cases": [{"batch": 1}, {"steps": 2}]})


def test_merge_replaces_lists_and_merges_tables():
    document = {"a": {"b": [1, 2], "c": 3}, "rules": [{"name": "x", "lr": 1}, {"name": "y"}]}
    changes = {"a": {"b": [9]}, "rules": {"x": {"lr": 2}}}
    assert merge(document, changes) == {
        "a": {"b": [9], "c": 3},
        "rules": [{"name": "x", "lr": 2}, {"name": "y"}],
    }


def test_axes_are_taken_from_the_configuration_and_none_where_the_rule_has_no_such_option():
    study = Study(
        title="t", steps=1, problem={"name": "surface"},
        rules=[{"name": "sgd", "grid": {"momentum": [0, 0.5]}}, {"name": "adagrad"}],
    )  # fmt: skip
    assert [p.axes["rule.momentum"] for p in expand(study)] == [0.0, 0.5, None]


@pytest.mark.parametrize("name", sorted(rules))
def test_every_rule_survives_being_written_down(name):
    once = rule(name)
    assert rule(name, **json.loads(json.dumps(once.model_dump(mode="json")))) == once


@pytest.mark.parametrize("name", sorted(problems))
def test_every_problem_survives_being_written_down(name):
    """Also with its fields set: a validator must not tell a default from the same value given."""
    losses = problems[name].model_json_schema()["properties"].get("loss", {}).get("enum", [None])
    for loss in losses:
        once = problem(name, **({} if loss is None else {"loss": loss}))
        assert problem(name, **json.loads(json.dumps(once.model_dump(mode="json")))) == once


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("steps = 40", "stepz = 40"), "unknown key 'stepz'; did you mean 'steps'"),
        (("steps = 40", ""), "key 'steps' is missing"),
        (("steps = 40", "steps = -3"), "steps = -3: input should be greater than 0"),
        (("steps = 40", "steps = 4.5"), "steps = 4.5: input should be a valid integer"),
        (("steps = 40", 'steps = "many"'), "steps = 'many'"),
        (("steps = 40", "steps = true"), "steps = True"),
        (("seed = 7", "seed = -7"), "seed = -7"),
        (("runs = 2\n", "runs = 0\n"), "runs = 0"),
        (('name = "sgd"', 'name = "sdg"'), "no rule is called 'sdg'; did you mean 'sgd'"),
        (("lr = [0.05, 0.2]", "lr = [0.05, -0.2]"), r"rule sgd, .*rule.lr = -0.2.*: lr = -0.2"),
        (("lr = [0.05, 0.2]", "lr = []"), "rules.0.grid.lr = .*at least 1 item"),
        (("lr = [0.05, 0.2]", "lr = 0.05"), "valid list"),
        (
            ("lr = [0.05, 0.2]", "momentu = [0.05]"),
            "unknown key 'momentu'; did you mean 'momentum'",
        ),
        (("lr = 0.5", "momentun = 0.5"), "unknown key 'momentun'"),
        (('label = "counted"', 'label = "sgd"'), "2 rules are called 'sgd'"),
        (("batch = [1, 3]", "bacth = [1, 3]"), "grid key 'bacth' does not say what to vary"),
        (("batch = [1, 3]", "batch = [1, 0]"), "batch = 0.*greater than 0"),
        (("batch = [1, 3]", "problem.tokens.size = [0]"), r"tokens.*size = 0"),
        (("batch = [1, 3]", "problem.dimension.x = [1]"), "dimension is 2, which has no parts"),
        (("batch = [1, 3]", "problem.width = [1]"), "unknown key 'width'"),
        (('"objective", ', '"objektive", '), "did you mean 'objective'"),
        (("dimension = 2", "dimension = 0"), "dimension = 0"),
        (("[quick]", "[quick]\nstep = 1"), "'step' is no key of a study"),
        (("[[rules]]", "[[rules"), "is not TOML: .*line"),
        (("checkpoints = 6", "checkpoints = [41]"), "checkpoint 41 is outside the run of 40"),
        (("checkpoints = 6", "checkpoints = 1"), r"study: checkpoints = 1: a run"),
        (("checkpoints = 6", "checkpoints = {every = 0}"), "give 2 or more, or the steps"),
        (("checkpoints = 6", "checkpoints = [true]"), "give 2 or more, or the steps"),
        (("lr = [0.05, 0.2]", 'lr = ["0.1"]'), "lr = '0.1': input should be a valid number"),
        (("lr = [0.05, 0.2]", "lr = [true]"), "lr = True: input should be a valid number"),
        (("lr = 0.5", 'lr = "0.5"'), r"rule counted, batch = 1: lr = '0\.5': .* valid number"),
        (("dimension = 2", 'dimension = "2"'), "dimension = '2': input should be a valid integer"),
        (
            ("dimension = 2", "dimension = 2.0"),
            r"dimension = 2\.0: .* valid integer",
        ),
        (("size = 12", 'size = "12"'), "tokens.zipf: size = '12': .* valid integer"),
        (("dimension = 2", "dimension = 2\nnoise = true"), "noise.*valid number"),
        (("exponent = 1.0", 'exponent = "1"'), "exponent = '1': input should be a valid number"),
        (
            (
                'tokens = {kind = "zipf", exponent = 1.0, size = 12}',
                'tokens = {kind = "counts", counts = [9223372036854775808]}',
            ),
            "counts.0 = 9223372036854775808: input should be less than",
        ),
        (("[quick]", "[factorised]\ninner = 2\ntables = ['w']\n[quick]"), "no table 'w'"),
        (
            ("[quick]", "[factorised]\ninner = 1\ninitial = 'orthonormal'\n[quick]"),
            "raise inner to 2",
        ),
        (("checkpoints = 6", "checkpoints = {evry = 2}"), "{every = 50}"),
        (("runs = 2\n", "[groups]\nshares = {a = 0.5}\n"), "shares sum to 0.5, expected 1"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(small, change, message):
    assert change[0] in SMALL
    text = SMALL.replace(*change, 1)
    if "[groups]" in change[1]:  # a table cannot stand before the other keys
        text = SMALL.replace("[problem]", change[1] + "\n[problem]")
    small.write_text(text)
    with pytest.raises(StudyError, match=message) as caught:
        expand(Study.read(small))
    assert str(small) in str(caught.value)


def test_file_mistakes(tmp_path, small):
    with pytest.raises(StudyError, match=r"cannot be read .*check the path"):
        Study.read(tmp_path / "absent.toml")
    (tmp_path / "empty.toml").write_text("# nothing\n")
    with pytest.raises(StudyError, match="is empty; it needs title, steps, problem and rules"):
        Study.read(tmp_path / "empty.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(StudyError, match=r"is not text in UTF-8 .*; save it as UTF-8"):
        Study.read(tmp_path / "bytes.toml")
    small.write_text(SMALL.replace("[quick.rules.sgd.grid]", "[quick.rules.sdg.grid]"))
    with pytest.raises(StudyError, match=r"quick\.rules\.sdg changes a rule that is not there"):
        Study.read(small, quick=True)


def test_a_rule_that_the_problem_cannot_serve_is_refused_before_any_run():
    study = Study(title="t", steps=1, problem={"name": "surface"}, rules=[{"name": "fa_sgd"}])
    with pytest.raises(StudyError, match="rule fa_sgd: fa_sgd needs smoothness"):
        expand(study)


def test_own_files_beside_the_study_are_found(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from freqopt.optimizers.sgd import SGD\n\n\nclass Mine(SGD):\n    pass\n"
    )
    path = tmp_path / "own.toml"
    path.write_text(
        SMALL.replace('name = "sgd"', 'name = "mine.py"').replace("rules.sgd", "rules.mine")
    )
    points = expand(Study.read(path, quick=False))
    assert points[0].label == "mine"
    assert points[0].configuration["rule"]["name"] == str(tmp_path / "mine.py")


def test_dialects_can_be_a_grid():
    study = Study(
        title="t", steps=1, problem={"name": "surface"},
        rules=[{"name": "adagrad", "grid": {"dialect": ["torch.Adagrad", "optax.adagrad"]}}],
    )  # fmt: skip
    found = [(p.axes["rule.dialect"], p.configuration["rule"]["rows"]) for p in expand(study)]
    assert found == [("torch.Adagrad", "touched"), ("optax.adagrad", "all")]


def test_layers_of_one_rule():
    """Tables of a rule alone, or else those of the study; part of what names a run."""
    layers = {"inner": 3, "tables": ["u"]}
    entries = [
        {"name": "sgd"},
        {"name": "sgd", "label": "layers", "factorised": layers},
        {"name": "sgd", "label": "others", "factorised": {"inner": 5}},
    ]
    points = expand(Study(title="t", steps=3, problem={"name": "pair"}, rules=entries))
    assert [point.shared.get("factorised", {}).get("inner") for point in points] == [None, 3, 5]
    whole = Study(
        title="t", steps=3, problem={"name": "pair"}, rules=entries, factorised={"inner": 7}
    )
    assert [point.shared["factorised"]["inner"] for point in expand(whole)] == [7, 3, 5]
    wrong = [{"name": "sgd", "factorised": {"inner": 3, "tables": ["w"]}}]
    with pytest.raises(StudyError, match="no table 'w' to factorise"):
        expand(Study(title="t", steps=3, problem={"name": "pair"}, rules=wrong))
