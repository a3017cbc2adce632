"""Frequency-aware and fixed-memory optimizers for embedding tables: reference, simulation, proof.

>>> import freqopt
>>> problem = freqopt.problem("token_quadratic", dimension=2)
>>> trajectory = freqopt.run(problem, freqopt.rule("sgd", lr=0.1), steps=100)
>>> steps, values = trajectory.curve("objective")
"""

from freqopt._version import __version__
from freqopt.backends import Backend
from freqopt.errors import FreqoptError
from freqopt.experiment.build import problem, rule
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
    "Trajectory",
    "__version__",
    "compare",
    "load",
    "problem",
    "rule",
    "run",
    "simulate",
]
