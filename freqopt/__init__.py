"""Frequency-aware and fixed-memory optimizers for embedding tables: reference, simulation, proof.

>>> import freqopt
>>> problem = freqopt.problem("token_quadratic", dimension=2)
>>> trajectory = freqopt.run(problem, freqopt.rule("sgd", lr=0.1), steps=100)
>>> steps, values = trajectory.curve("objective")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from freqopt._version import __version__
from freqopt.backends import Backend
from freqopt.errors import FreqoptError
from freqopt.experiment.build import problem, rule
from freqopt.experiment.groups import Groups
from freqopt.experiment.metrics import Metric
from freqopt.experiment.results import load
from freqopt.experiment.run import run
from freqopt.experiment.study import Study
from freqopt.experiment.trajectory import Trajectory
from freqopt.optimizers import Rule
from freqopt.problems import Problem

if TYPE_CHECKING:
    from freqopt.experiment.protocol.compare import Comparison, compare
    from freqopt.experiment.protocol.conduct import run_study as simulate

__all__ = [
    "Backend",
    "Comparison",
    "FreqoptError",
    "Groups",
    "Metric",
    "Problem",
    "Rule",
    "Study",
    "Trajectory",
    "__version__",
    "compare",
    "load",
    "problem",
    "rule",
    "run",
    "simulate",
]

_STUDIES = {
    "Comparison": ("compare", "Comparison"),
    "compare": ("compare", "compare"),
    "simulate": ("conduct", "run_study"),
}
"""What runs studies, loaded when asked for: a single run has no use for queues and stores."""


def __getattr__(name: str) -> Any:
    if name not in _STUDIES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, what = _STUDIES[name]
    return getattr(import_module(f"freqopt.experiment.protocol.{module}"), what)
