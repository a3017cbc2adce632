"""What a run records, one metric per file, found by file name."""

from __future__ import annotations

from freqopt._discovery import Registry
from freqopt.errors import StudyError
from freqopt.experiment.metrics._metric import Checkpoint, Metric, Reading

metrics: Registry[Metric] = Registry(__name__, Metric, "metric", StudyError)
"""Every metric by name: `metrics["objective"]` is its class, `list(metrics)` the names."""

__all__ = ["Checkpoint", "Metric", "Reading", "metrics"]
