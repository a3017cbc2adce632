"""Frequency-aware and fixed-memory optimizers for embedding tables: reference, simulation, proof.

>>> import freqopt
>>> problem = freqopt.problem("token_quadratic", dimension=2)
>>> trajectory = freqopt.run(problem, freqopt.rule("sgd", lr=0.1), steps=100)
>>> steps, values = trajectory.curve("objective")
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from freqopt._version import __version__

if TYPE_CHECKING:
    from freqopt.backends import Backend
    from freqopt.errors import FreqoptError
    from freqopt.experiment.build import problem, rule
    from freqopt.experiment.execute import StudyRecord
    from freqopt.experiment.groups import Groups
    from freqopt.experiment.metrics import Metric
    from freqopt.experiment.protocol.compare import Comparison, compare
    from freqopt.experiment.protocol.conduct import run_study as simulate
    from freqopt.experiment.results import load
    from freqopt.experiment.run import run
    from freqopt.experiment.study import Study
    from freqopt.experiment.trajectory import Trajectory
    from freqopt.optimizers import Rule
    from freqopt.problems import Problem

__all__ = [
    "Backend",
    "Comparison",
    "FreqoptError",
    "Groups",
    "Metric",
    "Problem",
    "Rule",
    "Study",
    "StudyRecord",
    "Trajectory",
    "__version__",
    "compare",
    "load",
    "problem",
    "rule",
    "run",
    "simulate",
]

_HOMES = {
    "Backend": "backends",
    "Comparison": "experiment.protocol.compare",
    "FreqoptError": "errors",
    "Groups": "experiment.groups",
    "Metric": "experiment.metrics",
    "Problem": "problems",
    "Rule": "optimizers",
    "Study": "experiment.study",
    "StudyRecord": "experiment.execute",
    "Trajectory": "experiment.trajectory",
    "compare": "experiment.protocol.compare",
    "load": "experiment.results",
    "problem": "experiment.build",
    "rule": "experiment.build",
    "run": "experiment.run",
    "simulate": "experiment.protocol.conduct",
}
"""Where each is, loaded when asked for: the command's guard wants none, a single run no stores."""


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        module = import_module(f"freqopt.{_HOMES[name]}")
        value = getattr(module, "run_study" if name == "simulate" else name)
    elif not name.startswith("_") and find_spec(f"freqopt.{name}"):
        value = import_module(f"freqopt.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
