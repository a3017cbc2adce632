"""`freqopt check`: what is right passes, and each planted mistake is said with its reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from freqopt.check import check
from freqopt.check.file import examine, stopped
from freqopt.check.journal import Journal
from freqopt.cli import run
from freqopt.errors import CheckError
from freqopt.theory.skeleton import TEXT as THEOREM

DOCS = Path(__file__).parents[2] / "docs"


def example(page: str) -> str:
    """The complete file that a page shows."""
    found = re.search(r"```python\n(r?\"\"\".*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert found is not None
    return found[1]


RULE, PROBLEM = example("add_a_rule.md"), example("add_a_problem.md")
METRIC = """
import numpy as np
from freqopt.experiment.metrics import Metric, Reading

class LargestRow(Metric):
    def measure(self, at):
        for name, table in at.tables.items():
            squares = (np.asarray(table, np.float64) ** 2).sum(axis=1)
            yield Reading("largest_row", np.sqrt(squares.max()), name)

    def definition(self, at):
        for name, table in at.tables.items():
            norms = [sum(x * x for x in row) ** 0.5 for row in np.asarray(table, np.float64)]
            yield Reading("largest_row", max(norms), name)
"""
FIGURE = """
STUDIES = ()

def data(results):
    return {"x": [1.0, 2.0], "y": [3.0, 4.0]}

def draw(data):
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots()
    axes.plot(data["x"], data["y"])
    return figure
"""
STUDY = """
title = "own"
steps = 10
record = ["gap"]
problem = {name = "token_quadratic", dimension = 2}
[[rules]]
name = "sgd"
"""
PLAIN = PROBLEM.replace("    def kernel(self, real", "    def corn(self, real")
WHOLE = (
    PLAIN
    + """

class Whole(OneHot):
    def draw(self, seed, run, steps, batch):
        return {}

    def losses(self, tables, samples):
        return np.array([self.objective(tables)])

    def gradients(self, tables, samples):
        dtype = tables["theta"][:1].dtype
        return {n: (np.arange(len(g)), g.astype(dtype)) for n, g in self.gradient(tables).items()}
"""
)
KINK = (
    PLAIN
    + """

class Kink(OneHot):
    @cached_property
    def constants(self):
        return Constants(
            frequency={"theta": self.law.probabilities()}, deviation={"theta": np.zeros(self.size)},
            optimum_value=0.0, optimum={"theta": self.planted},
        )

    def draw(self, seed, run, steps, batch):
        k = super().draw(seed, run, steps, batch)["k"]
        return {"k": k, "y": self.planted[k, 0]}

    def losses(self, tables, samples):
        return np.abs(tables["theta"][samples["k"]][:, 0] - samples["y"])

    def gradients(self, tables, samples):
        rows = tables["theta"][samples["k"]]
        slope = np.where(rows < samples["y"][:, None].astype(rows.dtype), -1, 1) / len(rows)
        return {"theta": (samples["k"], slope.astype(rows.dtype))}

    def objective(self, tables):
        error = np.abs(np.asarray(tables["theta"], np.float64) - self.planted)
        return float(fold(self.law.probabilities() * error[:, 0]))

    def gradient(self, tables):
        slope = np.where(np.asarray(tables["theta"], np.float64) < self.planted, -1.0, 1.0)
        return {"theta": self.law.probabilities()[:, None] * slope}
"""
)
STEP = "return w - self.rate(s.t) * np.sign(s.m)"
GRADIENTS = 'return {"theta": (samples["k"], error / len(error))}'

# Name, the file, what stands there, what stands there instead, what is said of it.
WRONG = {
    "a result of another shape": (RULE, STEP, "return w[0]", r"returns float\d\d of shape \(4,\)"),
    "a result of another dtype": (RULE, STEP, f"{STEP}.astype(np.float64)", "returns float64 of"),
    "a slot undeclared": (RULE, '(Slot("m", per="element"),)', "()", "no attribute 'm'"),
    "a random step": (RULE, STEP, f"{STEP} * np.random.uniform()", "global random numbers"),
    "state in the module": (
        RULE, STEP, f"np.sign.calls = 1\n        {STEP}".replace(
            "np.sign.calls = 1", "EQUIVALENT['n'] = EQUIVALENT.get('n', 0) + 1"
        ) + " * EQUIVALENT['n']", "twice",
    ),
    "gradients written into": (
        RULE, "s.m = self", "g *= 0.5\n        s.m = self", "writes into g, the gradients"
    ),
    "gradients written into, with an option": (
        RULE[: RULE.index("    @staticmethod")].replace(
            "    def slots",
            '    bound: float | None = Field(None, gt=0, description="x")\n\n    def slots',
        ), "        s.m = self",
        "        np.minimum(g, self.bound, out=g) if self.bound else 0\n        s.m = self",
        "writes into g, the gradients",
    ),
    "rows written into": (
        RULE, STEP, STEP.replace("return w - ", "w -= ") + "\n        return w",
        "writes into w, the rows",
    ),
    "a number that nothing reads": (
        RULE[: RULE.index("    @staticmethod")], "    def slots",
        '    gamma: float = Field(0.5, description="x")\n\n    def slots',
        "the option gamma changes nothing",
    ),
    "a choice that changes nothing": (
        RULE[: RULE.index("    @staticmethod")], "    def slots",
        '    mean: bool = Field(False, description="x")\n\n    def slots',
        "the option mean = True changes nothing",
    ),
    "rows mixed": (
        RULE[: RULE.index("    @staticmethod")], "np.sign(s.m)", "g / (1 + np.abs(g).max())",
        "depends on the other rows",
    ),
    "two texts, with an option": (
        RULE, "s.m = self.beta", "s.m = min(self.beta, 0.99)", r"differ with beta = 0\.9995"
    ),
    "two texts, in float32": (
        RULE, "s.m = self.beta", "s.m = (1 + (w.itemsize == 4) * 2e-7) * self.beta",
        "only in float32",
    ),
    "two texts, late": (
        RULE, "s.m = self.beta", "s.m = (1 + (s.t > 90)) * self.beta", "only in exercise long"
    ),
    "two texts, after long": (
        RULE, "s.m = self.beta", "s.m = (1 + (s.t > 50_000)) * self.beta", "differ late"
    ),
    "NaN of a gradient 0": (RULE, "np.sign(s.m)  # (2)\n\n", "(g / np.abs(g))\n\n", "0 / 0"),
    "a sign": (PROBLEM, GRADIENTS, GRADIENTS.replace("error /", "-error /"), "the sign is wrong"),
    "a factor": (PROBLEM, "error / len(error)", "2 * error / len(error)", "2 times as much"),
    "a gradient wrong in one place": (
        PROBLEM, GRADIENTS, GRADIENTS.replace("error /", "(error + (rows > 2)) /"),
        "at random tables of size 1.5",
    ),
    "an entry for each row, not for each occurrence": (
        PROBLEM, GRADIENTS,
        ('ids, at = np.unique(samples["k"], return_inverse=True)\n        '
        "total = np.zeros((len(ids), error.shape[1]), error.dtype)\n        "
        "np.add.at(total, at.reshape(-1), error / len(error))\n        "
        'return {"theta": (ids, total)}'), "one entry for each occurrence",
    ),
    "losses in float32": (
        PLAIN, 'samples["k"]][:, 0] - samples["y"]',
        'samples["k"]][:, 0].astype(np.float32) - samples["y"]', "losses loses digits to float32",
    ),
    "the exact gradient": (
        PROBLEM, "self.law.probabilities()[:, None] * error", "error / self.size",
        "gradient is not the gradient of objective",
    ),
    "another law": (
        PROBLEM, "k = self.law.draw", "k = BoundedZipf(1.1, self.size).draw", "its stated frequency"
    ),
    "two fields of the same numbers": (
        PROBLEM, 'run, "signs"', 'run, "tokens"', "purpose 'tokens' twice"
    ),
    "an objective without its noise": (PROBLEM, "** 2 + 1)", "** 2)", "the mean loss is"),
    "a curvature too small": (PROBLEM, "smoothness=1.0", "smoothness=0.5", "not 0.5-smooth"),
    "a curvature too large": (PROBLEM, "smoothness=1.0", "smoothness=9.0", "curvature at most 1"),
    "a constant that is right by default": (
        PLAIN, "convexity=1.0", "convexity=1.0 + (self.exponent > 1)", r"exponent = 1\.9"
    ),
    "a deviation": (PROBLEM, "np.ones(self.size)}", "2 * np.ones(self.size)}", "deviation"),
    "an infimum": (PROBLEM, "optimum_value=0.5", "optimum_value=0.4", "at constants.optimum"),
    "a minimiser that is no kink": (
        KINK, "=0.0, optimum={", '=0.0, optimum={"theta": self.planted + 1} or {', "no minimiser"
    ),
    "a minimiser": (
        PROBLEM, '"theta": self.planted}', '"theta": 0 * self.planted}', "no minimiser"
    ),
    "samples of every run alike": (
        PROBLEM, 'run, "tokens"', '0, "tokens"', "field k whatever the run"
    ),
    "runs that share numbers": (
        PROBLEM, 'seed, run, "signs"', 'seed + run, 0, "signs"', "takes Stream.seed=10, run=0"
    ),
    "a sample that is not the whole": (
        WHOLE, "[self.objective(tables)]", "[1 + self.objective(tables)]", "draw gives nothing"
    ),
    "tables changed": (
        PROBLEM, "rows = tables", 'tables["theta"][0] += 1\n        rows = tables',
        "changes the tables",
    ),
    "a metric beside its definition": (
        METRIC, "squares.max()", "squares.mean()", "measure differs from definition"
    ),
    "a metric in float32": (METRIC, "(table, np.float64)", "(table)", "loses digits to float32"),
    "a metric that takes what not every problem has": (
        METRIC[: METRIC.index("    def definition")], "(np.asarray(table, np.float64) ** 2)",
        "((np.asarray(table, np.float64) - at.constants.optimum[name]) ** 2)",
        r"frequencies alone are known \(check\(constants\) can refuse it",
    ),
    "a metric that divides by 0": (
        METRIC[: METRIC.index("    def definition")], "np.sqrt(squares.max())",
        "squares[0] / squares.max()", "tables of zeros",
    ),
    "a metric of another meaning": (
        METRIC, "        for", '        yield Reading("gap", 1 + at.objective)\n        for',
        "what freqopt means by gap",
    ),
    "a metric that changes the tables": (
        METRIC, "            squares", "            table.weights[0] = 0\n            squares",
        "changes table tokens",
    ),
    "a metric that changes the state": (
        METRIC, "            squares",
        ("            for slot in at.states[name].values():\n                slot[...] = 0\n"
        "            squares"), "changes the state t of tokens",
    ),
    "a figure without lines": (FIGURE, '    axes.plot(data["x"], data["y"])\n', "", "without data"),
    "a figure of no study": (FIGURE, "()\n", '("zipf_pears",)\n', "did you mean 'zipf_pair'"),
    "an unknown rule": (STUDY, '"sgd"', '"sdg"', "did you mean 'sgd'"),
    "an unknown metric": (STUDY, '"gap"', '"gapp"', "did you mean 'gap'"),
}  # fmt: skip


def judged(path: Path, text: str) -> list[str]:
    """The faults of a text, found in this process."""
    path.write_text(text)
    notes = path.with_suffix(".journal")
    kinds = examine(path, notes, False)
    found = Journal(notes).read()
    assert kinds
    assert found["judged"] or found["fault"]
    return found["fault"]


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_found_for_its_reason(name: str, tmp_path: Path) -> None:
    text, there, wrong, said = WRONG[name]
    assert there in text
    file = tmp_path / ("mine.toml" if text is STUDY else "mine.py")
    faults = judged(file, text.replace(there, wrong, 1))
    assert len(faults) == 1
    assert re.search(said, faults[0])


NO_KERNEL = RULE[: RULE.index("    @staticmethod")]
DERIVED = NO_KERNEL.replace(
    "class Signum(Rule):", "class Base(Rule):\n    pass\n\nclass Signum(Base):"
)
REFUSES = METRIC.replace(
    "    def measure(self, at):\n",
    "    def measure(self, at):\n        from freqopt.errors import StudyError\n"
    '        if at.problem.name() == "pair":\n            raise StudyError("not for pairs")\n',
)
BOUND = PLAIN.replace(
    "deviation=", 'notes={"deviation": "a bound"},\n            deviation='
).replace("np.ones(self.size)}", "2 * np.ones(self.size)}")


@pytest.mark.parametrize(
    "text", [NO_KERNEL, DERIVED, PLAIN, BOUND, KINK, WHOLE, METRIC, FIGURE, STUDY]
)
def test_what_is_right_passes(text: str, tmp_path: Path) -> None:
    assert judged(tmp_path / ("mine.toml" if text is STUDY else "mine.py"), text) == []


@pytest.mark.slow
def test_the_kernel_of_a_problem_is_compared(tmp_path: Path) -> None:
    (fault,) = judged(tmp_path / "mine.py", PROBLEM.replace("f.a + f.sign", "f.a - f.sign"))
    assert "the kernel does not say what draw and gradients say" in fault


@pytest.mark.slow
@pytest.mark.parametrize("text", [RULE, PROBLEM])
def test_what_is_right_passes_on_every_backend(text: str, tmp_path: Path) -> None:
    assert judged(tmp_path / "mine.py", text) == []


def test_code_that_aborts_is_a_fault_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(RULE.replace("s.m = self", "import os; os.abort()\n        s.m = self", 1))
    assert re.search("SIGABRT.* at: running update twice", check(path).faults[0])


@pytest.mark.slow
def test_code_that_never_ends_is_a_fault_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(RULE.replace("s.m = self", "while True: pass\n        s.m = self", 1))
    found = check(path, limit=60)  # a busy machine takes its time to come there
    assert re.search("did not end within 60 s.* at: running update twice", found.faults[0])


def test_a_long_study_is_no_fault_of_the_figure() -> None:
    found = {"doing": ["reading", "simulating study zipf_pair, quick"], "fault": [], "left": []}
    stopped(found, "it did not end within 300 s")
    assert found["fault"] == []
    assert "zipf_pair, quick, did not end within 300 s; simulate" in found["left"][0]
    stopped(found, "it was ended by SIGSEGV")
    assert "SIGSEGV at: simulating" in found["fault"][0]


def test_a_theorem_is_verified_with_its_planted_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(THEOREM)
    right = check(path)
    assert right.right
    assert right.kinds == ("theorem",)
    path.write_text(THEOREM.replace("sp.Rational(1, 4), power", "sp.Rational(1, 5), power"))
    assert any("REFUTED" in fault for fault in check(path).faults)
    echo = '"variance", lambda case: Bound(constant / n**power)(case.letters()),'
    path.write_text(re.sub(r"\"variance\",\s*variance,", echo, THEOREM))
    assert any("it is made of the bound" in fault for fault in check(path).faults)


def test_the_command_says_what_is_no_file_of_ours(tmp_path: Path, capsys: object) -> None:
    for name, text in (("plain.py", "x = 1\n"), ("other.toml", "[tool]\nx = 1\n")):
        (tmp_path / name).write_text(text)
        with pytest.raises(CheckError, match="no file of freqopt's"):
            check(tmp_path / name)
    assert run(["check", str(tmp_path / "absent.py")]) == 2
    (tmp_path / "broken.py").write_text("from freqopt.optimizers import Rule\nclass A(Rule\n")
    assert run(["check", str(tmp_path / "broken.py")]) == 1
    (tmp_path / "mine.py").write_text(METRIC)
    assert run(["check", str(tmp_path / "mine.py")]) == 0
