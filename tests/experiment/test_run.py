"""One run: against a loop by hand, and what may not change its numbers."""

import math

import numpy as np
import pytest

import freqopt
from freqopt.backends import Factorised, Simulation
from freqopt.backends import numpy as numpy_backend
from freqopt.errors import BackendError, FreqoptError, ProblemError, RuleError, StudyError
from freqopt.experiment.checkpoints import Every

PROBLEM = {
    "name": "token_quadratic",
    "dimension": 3,
    "tokens": {"kind": "zipf", "exponent": 1.0, "size": 9},
}
PAIR = {
    "name": "pair",
    "score": "sum",
    "loss": "cosine",
    "dimension": 2,
    "pairs": {
        "kind": "product",
        "u": {"kind": "zipf", "exponent": 1.0, "size": 6},
        "v": {"kind": "zipf", "exponent": 1.0, "size": 7},
    },
}
METRICS = ("objective", "gap", "gradient_norm", "token_gradient_norm", "distance", "frequency",
           "effective_rate", "problem")  # fmt: skip


def same(a, b):
    assert a.columns.keys() == b.columns.keys()
    for name, values in a.columns.items():
        np.testing.assert_array_equal(values, b.columns[name], err_msg=name)
    for name, table in a.tables.items():
        assert np.asarray(table).tobytes() == np.asarray(b.tables[name]).tobytes()


@pytest.mark.parametrize("name", ["sgd", "fa_sgd", "cf_sgd", "adagrad", "adam", "sgd_c"])
def test_run_is_the_loop_that_the_definition_says(name):
    """Step t draws the samples of t, and every gradient is taken at the old tables."""
    problem, rule = freqopt.problem(**PAIR), freqopt.rule(name, lr=0.1)
    trajectory = freqopt.run(problem, rule, steps=20, batch=2, seed=3, run=5, checkpoints=3)
    constants = problem.constants
    rule = rule.completed(horizon=20, batch=2, smoothness=constants.smoothness, seed=3, run=5)
    tables = problem.start(3, 5)
    given = [slot.name for slot in rule.all_slots() if slot.given]
    states = {
        name: rule.init(table, **({"frequency": constants.frequency[name]} if given else {}))
        for name, table in tables.items()
    }
    for t in range(20):
        samples = {k: v[0] for k, v in problem.draw(3, 5, np.array([t]), 2).items()}
        batches = problem.gradients(tables, samples)
        rule.slow_step_group(tables, states, batches)
    for table in tables:
        # step and slow_step agree to the last bit here: the arithmetic is + - * / sqrt.
        np.testing.assert_array_equal(np.asarray(trajectory.tables[table]), tables[table])
    assert trajectory.curve("objective")[1][-1] == problem.objective(tables)


def test_samples_drawn_ahead_do_not_change_a_bit(monkeypatch):
    runs = []
    for ahead in (1, 7, 16384):
        monkeypatch.setattr(numpy_backend, "SAMPLES_AT_ONCE", ahead)
        runs.append(freqopt.run(PAIR, "adagrad", steps=50, batch=2, record=METRICS))
    same(runs[0], runs[1])
    same(runs[0], runs[2])


LAZY = {"name": "sgd", "lr": 0.1, "weight_decay": 0.5, "decay": "decoupled", "decay_rows": "lazy"}


@pytest.mark.parametrize("rule", [LAZY, {"name": "catchup_adam", "lr": 0.1}])
def test_looking_does_not_change_a_bit(rule):
    """Also for rules whose rows must catch up to be looked at."""
    often = freqopt.run(PAIR, rule, steps=30, checkpoints=Every(every=1), record=METRICS)
    seldom = freqopt.run(PAIR, rule, steps=30, checkpoints=2, record=METRICS)
    for name in ("u", "v"):
        assert np.asarray(often.tables[name]).tobytes() == np.asarray(seldom.tables[name]).tobytes()


def test_lazy_rows_catch_up_where_they_are_measured():
    problem, rule = freqopt.problem(**PROBLEM), freqopt.rule(**LAZY)
    trajectory = freqopt.run(problem, rule, steps=20, checkpoints=[8], seed=3)
    table = problem.start(3, 0)["tokens"]
    state = rule.init(table)
    for t in range(8):
        samples = {k: v[0] for k, v in problem.draw(3, 0, np.array([t]), 1).items()}
        rule.step(table, state, *problem.gradients({"tokens": table}, samples)["tokens"])
    behind = problem.objective({"tokens": table})
    rule.catch_up(table, state)
    steps, values = trajectory.curve("objective")
    assert values[steps == 8] == problem.objective({"tokens": table}) != behind


def test_seed_and_run_address_the_samples():
    first = freqopt.run(PROBLEM, "sgd", steps=10, seed=1, run=0)
    assert (first.curve("objective")[1] == freqopt.run(
        PROBLEM, "sgd", steps=10, seed=1, run=0).curve("objective")[1]).all()  # fmt: skip
    for other in ({"seed": 2, "run": 0}, {"seed": 1, "run": 1}):
        again = freqopt.run(PROBLEM, "sgd", steps=10, **other)
        assert again.curve("objective")[1][-1] != first.curve("objective")[1][-1]


def test_metrics_by_hand():
    lr = 0.25
    t = freqopt.run(PROBLEM, {"name": "sgd", "lr": lr}, steps=40, checkpoints=4, record=METRICS)
    problem = t.simulation.problem
    tables = {name: np.asarray(table) for name, table in t.tables.items()}
    gradient, p = problem.gradient(tables)["tokens"], problem.constants.frequency["tokens"]
    norms = np.sqrt((gradient**2).sum(axis=1))
    last = {"metric": "token_gradient_norm", "table": "tokens"}
    for token in range(9):
        # 4 ULP: NumPy's sum of three squares may be grouped otherwise than the fold's.
        assert t.curve(**last, token=token)[1][-1] == pytest.approx(norms[token], rel=1e-15)
        assert t.curve("frequency", "tokens", token=token)[1] == p[token]
    total = math.sqrt(math.fsum(norms**2))
    assert t.curve("gradient_norm")[1][-1] == pytest.approx(total, rel=1e-14)
    conditional = math.sqrt(math.fsum((norms / p) ** 2) / 9)
    assert t.curve("conditional_gradient_norm")[1][-1] == pytest.approx(conditional, rel=1e-14)
    head = problem.constants.frequency["tokens"].cumsum() - p < 0.5
    tail_of_head = math.sqrt(math.fsum(norms[head] ** 2))
    assert t.curve("gradient_norm", "tokens", "head")[1][-1] == pytest.approx(tail_of_head, 1e-14)
    distance = tables["tokens"] - problem.constants.optimum["tokens"]
    assert t.curve("distance")[1][-1] == pytest.approx(np.linalg.norm(distance), rel=1e-14)
    of_head = t.curve("distance", "tokens", "head")[1][-1]
    assert of_head == pytest.approx(np.linalg.norm(distance[head]), rel=1e-14)
    gap = problem.objective(tables) - problem.constants.optimum_value
    assert t.curve("gap")[1][-1] == gap
    rates = t.columns["value"][t.columns["metric"] == "effective_rate"]
    # SGD's own rate, but for the rounding of the subtraction w - lr g: |w| is about 1, |lr g| 0.1.
    np.testing.assert_allclose(rates, lr, rtol=1e-13)
    visits = t.columns["value"][t.columns["metric"] == "visits"]
    assert visits.sum() == 40


def test_spectrum_and_truncation_by_hand():
    """Of the collapsed embeddings; columns and tables of biases have no spectrum and stay."""
    problem = {"name": "factorisation_machine", "dimension": 3,
               "clicks": {"kind": "planted", "samples": 300}}  # fmt: skip
    t = freqopt.run(problem, {"name": "sgd", "lr": 1.0}, steps=30, factorised={"inner": 5},
                    record=["problem", "spectrum", "truncation"], checkpoints=[0])  # fmt: skip
    whole = t.tables["features"].collapse()
    table = whole[:, 1:]
    values = np.sqrt(np.linalg.eigvalsh(table.T @ table)[::-1])
    seen = [t.curve("singular_value", "features", token=i)[1][-1] for i in range(3)]
    np.testing.assert_allclose(seen, values, rtol=1e-10)
    q = values / values.sum()
    assert t.curve("effective_rank", "features")[1][-1] == pytest.approx(np.prod(q**-q))
    assert set(t.columns["table"][t.columns["metric"] == "effective_rank"]) == {"features"}
    left, s, right = np.linalg.svd(table)
    best = np.hstack([whole[:, :1], left[:, :2] * s[:2] @ right[:2]])  # Eckart and Young
    bias = t.tables["bias"].weights
    expected = t.simulation.problem.metrics({"features": best, "bias": bias})["test_logloss"]
    of_rank = t.curve("test_logloss", "all", "rank 2")[1][-1]
    assert of_rank == pytest.approx(expected, rel=1e-12)
    assert of_rank != t.curve("test_logloss")[1][-1]
    groups = set(t.columns["group"][t.columns["metric"] == "test_logloss"])
    assert groups == {"all", "rank 1", "rank 2"}


def test_a_collapsed_table_is_plain_and_starts_where_the_layers_do():
    def start(trained):
        t = freqopt.run(PROBLEM, {"name": "sgd", "lr": 1e-300}, steps=1,
                        factorised={"inner": 4, "trained": trained})  # fmt: skip
        return t.simulation.parameters, np.asarray(t.tables["tokens"])

    (plain, table), (layers, collapsed) = start("collapsed"), start("both")
    assert set(plain) == {"tokens"}
    assert set(layers) == {"tokens.first", "tokens.second"}
    assert table.tolist() == collapsed.tolist()


def test_memory_age_is_that_of_what_the_next_step_uses():
    """Always the last three under FIFO; a decay near 1 keeps older ones."""
    ages = {}
    for policy, decay in (("fifo", 0.7), ("top", 0.999)):
        rule = {"name": "sgd_c", "capacity": 3, "policy": policy, "priority_decay": decay}
        t = freqopt.run(PROBLEM, {**rule, "lr": 0.01}, steps=50, checkpoints={"every": 10},
                        record=["memory_age"])  # fmt: skip
        ages[policy] = [t.curve(name, "tokens")[1] for name in ("memory_age", "memory_oldest")]
    assert [values.tolist() for values in ages["fifo"]] == [[2.0] * 5, [3.0] * 5]
    assert ages["top"][1][-1] > 10
    assert 0 < t.curve("memory_accepted", "tokens")[1][-1] < 1


def test_effective_rate_counts_a_repeated_row_once_per_step_with_its_summed_gradient():
    one_token = {**PROBLEM, "tokens": {"kind": "zipf", "exponent": 1.0, "size": 1}}
    t = freqopt.run(one_token, {"name": "sgd", "lr": 0.5}, steps=6, batch=5, checkpoints=2,
                    record=("effective_rate",))  # fmt: skip
    assert t.curve("visits", "tokens", token=0)[1].tolist() == [6.0]
    assert t.curve("effective_rate", "tokens", token=0)[1] == pytest.approx(0.5, rel=1e-13)


def test_effective_rate_is_of_every_token_that_was_pushed_however_little():
    """Without noise gradients shrink by half at each visit: the last are of size 1e-14."""
    quiet = {**PROBLEM, "noise": 0.0, "tokens": {"kind": "zipf", "exponent": 0.0, "size": 3}}
    t = freqopt.run(quiet, {"name": "sgd", "lr": 0.5}, steps=120, checkpoints={"every": 1},
                    record=("effective_rate", "token_gradient_norm"))  # fmt: skip
    c = t.columns
    sizes = c["value"][c["metric"] == "token_gradient_norm"]
    assert 0 < sizes[-3:].min() < 1e-10
    visits = c["metric"] == "visits"
    assert c["step"][visits].tolist() == list(range(1, 121))  # one token a step
    assert (c["value"][visits] == 1).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept(dtype):
    t = freqopt.run(PAIR, "cf_sgd", steps=10, dtype=dtype)
    assert {np.asarray(table).dtype for table in t.tables.values()} == {np.dtype(dtype)}


def test_a_diverging_run_is_a_result():
    rule = {"name": "sgd", "lr": 1e200}
    t = freqopt.run(PROBLEM, rule, steps=50, checkpoints=10, record=METRICS)
    survives = [freqopt.run(PROBLEM, rule, steps=n).diverged_at is None for n in range(1, 9)]
    assert survives == sorted(survives, reverse=True)
    assert t.diverged_at == sum(survives) < 8  # the step that was refused, not the checkpoint
    assert freqopt.run(PROBLEM, rule, steps=50, checkpoints=2).diverged_at == t.diverged_at
    steps, values = t.curve("objective")
    assert steps[-1] == 50
    assert np.isinf(values[steps > t.diverged_at]).all()
    assert np.isfinite(values[0])
    rated = t.columns["metric"] == "effective_rate"
    assert (t.columns["step"][rated] <= t.diverged_at).all()
    assert (t.columns["metric"] == "frequency").sum() == 9


def test_factorised_tables_run_and_are_named():
    t = freqopt.run(PAIR, "sgd", steps=10, factorised=Factorised(inner=3, tables=("v",)))
    assert set(t.simulation.parameters) == {"u", "v.first", "v.second"}
    assert set(t.states) == set(t.simulation.parameters)
    with pytest.raises(BackendError, match="no table 'w' to factorise; its tables: u, v"):
        freqopt.run(PAIR, "sgd", steps=1, factorised=Factorised(inner=3, tables=("w",)))


def test_biases_are_no_part_of_two_layers():
    machine = {
        "name": "factorisation_machine",
        "dimension": 2,
        "clicks": {"kind": "planted", "samples": 100},
    }
    t = freqopt.run(machine, "sgd", steps=3, factorised=Factorised(inner=3))
    shapes = {name: array.shape for name, array in t.simulation.parameters.items()}
    size = t.simulation.problem.shapes["features"][0]
    assert shapes == {
        "features.first": (size, 3), "features.second": (3, 2), "features.beside": (size, 1),
        "bias": (1, 1),
    }  # fmt: skip
    begun = Simulation.begin(
        freqopt.problem(**machine), freqopt.rule("sgd"), steps=1, factorised=Factorised(inner=3)
    )
    biases = begun.parameters["features.beside"]
    assert biases.shape[0] == size  # as the problem starts them
    assert not biases.any()
    with pytest.raises(BackendError, match=r"'bias' .* biases and no emb.* embeddings: features"):
        freqopt.run(machine, "sgd", steps=1, factorised=Factorised(inner=3, tables=("bias",)))


def test_rules_learn_what_the_run_knows():
    t = freqopt.run(PAIR, "fa_sgd", steps=30, batch=4)
    rule, constants = t.simulation.rule, t.simulation.problem.constants
    assert (rule.horizon, rule.batch, rule.smoothness) == (30, 4, constants.smoothness)
    np.testing.assert_array_equal(t.states["u"]["frequency"], constants.frequency["u"])
    drawn = freqopt.run(PAIR, {"name": "sgd_c", "policy": "random"}, steps=3, seed=5, run=6)
    assert (drawn.simulation.rule.seed, drawn.simulation.rule.run) == (5, 6)
    own = freqopt.run(PAIR, {"name": "fa_sgd", "horizon": 5}, steps=30)
    assert own.simulation.rule.horizon == 5


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"steps": -1}, StudyError, "steps = -1"),
        ({"steps": 2.5}, StudyError, "steps = 2.5"),
        ({"steps": True}, StudyError, "steps = True"),
        ({"batch": 0}, StudyError, "batch = 0: give a whole number, 1 or more"),
        ({"run": 2**63}, StudyError, r"run = 9223372036854775808: .* below 2\^63"),
        ({"steps": 2**70}, StudyError, r"steps = 1180591620717411303424: .* below 2\^63"),
        (
            {"checkpoints": 2**62},
            StudyError,
            r"checkpoints = 4611686018427387904: .* give fewer than 2\^31",
        ),
        ({"rule": {"name": "sgd", "dialect": ["optax.sgd"]}}, RuleError, "rule sgd has no dialect"),
        ({"factorised": {"inner": 2**70}}, BackendError, "valid integer of 64 bits"),
        ({"dtype": "float16"}, StudyError, "'float64' or 'float32'"),
        ({"record": ["objectiv"]}, StudyError, "did you mean 'objective'"),
        ({"record": []}, StudyError, "at least one metric"),
        ({"record": [3]}, StudyError, "at least one metric"),
        *(
            ({"checkpoints": wrong}, StudyError, "checkpoints = .* give 2 or more")
            for wrong in (1, True, None, 2.0, "abc", [0.5], ["1"], {"every": 0}, {"evry": 2})
        ),
        ({"backend": "numpi"}, BackendError, "did you mean 'numpy'"),
        ({"rule": "adagard"}, RuleError, "did you mean 'adagrad'"),
        ({"rule": {"lr": 1}}, RuleError, "has no name"),
        ({"rule": None}, RuleError, "rule = None has no name; give a rule, its name, or a mapping"),
        ({"problem": None}, ProblemError, "problem = None has no name"),
        ({"problem": 5}, ProblemError, "problem = 5 has no name"),
        ({"rule": {"name": "sgd", 5: 1}}, StudyError, "expected a mapping of field names"),
        ({"record": None}, StudyError, "record = None: give the names of at least one metric"),
        ({"backend": None}, BackendError, "None names no backend; give a name or the path"),
        (
            {"groups": {"shars": {}}},
            StudyError,
            "groups: unknown key 'shars'; did you mean",
        ),
        ({"groups": 5}, StudyError, "groups = 5; expected a mapping"),
        ({"factorised": {"inner": "2"}}, BackendError, "factorised: inner = '2': .*valid integer"),
        ({"factorised": {"inner": 0}}, BackendError, "factorised: inner = 0: .*greater than 0"),
        ({"factorised": "yes"}, StudyError, "factorised = 'yes'; expected a mapping"),
        ({"rule": {"name": "sgd", "lr": -0.1}}, RuleError, "lr = -0.1"),
        ({"rule": {"name": "sgd", "dialect": "x"}}, RuleError, "no dialect 'x'"),
        ({"problem": "token_quadratik"}, FreqoptError, "did you mean 'token_quadratic'"),
    ],
)
def test_bad_input_is_refused(change, error, message):
    arguments = {"problem": PROBLEM, "rule": "sgd", "steps": 1, **change}
    with pytest.raises(error, match=message):
        freqopt.run(arguments.pop("problem"), arguments.pop("rule"), **arguments)


def test_numpy_integers_one_name_and_a_name_twice_are_understood():
    plain = freqopt.run(PROBLEM, "sgd", steps=4, seed=3, checkpoints=[2])
    same = freqopt.run(
        PROBLEM, "sgd", steps=np.int64(4), seed=np.uint32(3), checkpoints=np.array([2]),
        record="objective",
    )  # fmt: skip
    twice = freqopt.run(
        PROBLEM, "sgd", steps=4, seed=3, checkpoints={"every": 2}, record=["objective"] * 2
    )
    for other in (same, twice):
        np.testing.assert_array_equal(other.curve("objective"), plain.curve("objective"))


def test_groups_and_factorised_settings_may_be_mappings():
    shares, settings = {"top": 0.2, "rest": 0.8}, {"inner": 3, "initial": "xavier"}
    options = {"steps": 5, "record": ["gradient_norm"]}
    plain = freqopt.run(PROBLEM, "sgd", groups={"shares": shares}, factorised=settings, **options)
    same = freqopt.run(
        PROBLEM, "sgd", groups=freqopt.Groups(shares=shares), factorised=Factorised(**settings),
        **options,
    )  # fmt: skip
    for name, values in plain.columns.items():
        np.testing.assert_array_equal(values, same.columns[name])
    assert {"top", "rest"} < set(plain.columns["group"])


def test_parts_of_a_run_say_what_is_wrong_with_them():
    with pytest.raises(StudyError, match=r"^groups: the shares sum to 0.5, expected 1$"):
        freqopt.Groups(shares={"a": 0.5})
    with pytest.raises(StudyError, match=r"groups: shares.a = '1': input should be|shares = .*'1'"):
        freqopt.Groups(shares={"a": "1"})
    with pytest.raises(BackendError, match=r"^factorised: key 'inner' is missing; add it$"):
        Factorised()


def test_a_metric_that_the_problem_cannot_serve_is_refused_before_the_run():
    with pytest.raises(StudyError, match="distance needs a known minimiser"):
        freqopt.experiment.metrics.metrics["distance"]().check(
            freqopt.problems.Constants(frequency={})
        )


def test_curve_says_what_was_recorded():
    t = freqopt.run(PROBLEM, "sgd", steps=3)
    with pytest.raises(FreqoptError, match="recorded metrics: objective"):
        t.curve("gap")


def test_own_files_are_found_by_path(tmp_path):
    (tmp_path / "half.py").write_text(
        "from freqopt.optimizers.sgd import SGD\n\n\nclass Half(SGD):\n"
        "    def update(self, w, g, s):\n        return w - 0.5 * g\n"
    )
    (tmp_path / "twice.py").write_text(
        "from freqopt import Metric\nfrom freqopt.experiment.metrics import Reading\n\n\n"
        "class Twice(Metric):\n    def measure(self, at):\n"
        "        yield Reading('twice', 2 * at.problem.objective(at.tables))\n"
    )
    record = ["objective", str(tmp_path / "twice.py")]
    t = freqopt.run(PROBLEM, str(tmp_path / "half.py"), steps=5, record=record)
    plain = freqopt.run(PROBLEM, {"name": "sgd", "lr": 0.5}, steps=5)
    np.testing.assert_array_equal(t.curve("objective")[1], plain.curve("objective")[1])
    np.testing.assert_array_equal(t.curve("twice")[1], 2 * plain.curve("objective")[1])


def test_a_backend_that_was_made_carries_the_run():
    """As NumbaBackend(patience=0), which compares a short run with NumPy for once."""

    class Counting(numpy_backend.NumpyBackend):
        stretches = 0

        def advance(self, simulation, until):
            self.stretches += 1
            super().advance(simulation, until)

    made = Counting()
    run = freqopt.run(PROBLEM, "sgd", steps=20, checkpoints=3, backend=made)
    same(run, freqopt.run(PROBLEM, "sgd", steps=20, checkpoints=3, backend="numpy"))
    assert made.stretches == 3
    with pytest.raises(BackendError, match="names no backend"):
        freqopt.run(PROBLEM, "sgd", steps=20, backend=Counting)


def test_a_trajectory_and_a_study_say_what_they_are(small):
    run = freqopt.run(PROBLEM, "sgd", steps=10, record=["gap", "frequency"], run=3)
    assert repr(run).startswith("<Trajectory of sgd on token_quadratic: 10 steps, seed 0, run 3;")
    html = run._repr_html_()
    assert "&lt;Trajectory of sgd" in html
    points = html.partition('points="')[2].partition('"')[0].split()
    assert len(points) == np.unique(run.columns["step"]).size
    tokens = freqopt.run(PROBLEM, "sgd", steps=10, record=["frequency"])
    assert "svg" not in tokens._repr_html_()
    study = freqopt.Study.read(small)
    assert str(study) == repr(study)
    assert repr(study) == (
        "<Study small: small; sgd, counted on token_quadratic, 40 steps, runs: 2>"
    )
