"""Whether what a metric gives is what can be stored."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np

from freqopt.errors import StudyError
from freqopt.experiment.metrics._metric import Checkpoint, Metric, Reading

MOST = 100_000
"""Readings of one metric at one checkpoint; each may be of all tokens."""


def collect(metric: Metric, at: Checkpoint) -> list[Reading]:
    """What a metric reads at a checkpoint.

    Raises
    ------
    StudyError
        It is not the library's own, and what it gives cannot be stored.
    """
    found: Any = metric.measure(at)
    kind = type(metric)
    if kind.__module__.partition(".")[0] == "freqopt":
        return list(found)
    if not hasattr(found, "__iter__"):
        wrong = (
            f"measure gives {type(found).__name__}, expected readings: yield Reading(name, value)"
        )
        raise StudyError(f"metric {kind.__name__}: {wrong}")
    readings = list(islice(found, MOST + 1))
    if len(readings) > MOST:
        raise StudyError(
            f"metric {kind.__name__}: measure yields more than {MOST} readings at step {at.step}; "
            "what is of every token is one Reading with arrays of values and tokens"
        )
    for reading in readings:
        if wrong := misformed(reading):
            raise StudyError(f"metric {kind.__name__}: {wrong}; mend its measure")
    return readings


def misformed(reading: object) -> str:
    """What is wrong with the form of one reading; empty if nothing is."""
    if not isinstance(reading, Reading):
        return f"measure yields {reading!r:.200}, expected a Reading(name, value)"
    name, table, group = reading.metric, reading.table, reading.group
    for what, text in (("name", name), ("table", table), ("group", group)):
        if not isinstance(text, str) or not text:
            return f"a reading has the {what} {text!r:.200}, expected text"
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            return f"a reading has the {what} {text!r:.200}, in which half a character stands"
    try:
        numbers = np.atleast_1d(np.asarray(reading.value, np.float64))
        spelled = np.asarray(reading.value).dtype.kind in "US"  # text that spells a number
    except (TypeError, ValueError, OverflowError):
        numbers, spelled = np.empty(0), True
    if spelled:
        return (
            f"reading {name} has the value {reading.value!r:.200}, expected a number or float64 "
            "(n,)"
        )
    if numbers.ndim != 1:
        return (
            f"reading {name} has a value of shape {numbers.shape}, expected a number or shape (n,)"
        )
    tokens = np.full(1, -1) if reading.token is None else np.asarray(reading.token)
    if tokens.shape != numbers.shape:
        return (
            f"reading {name} has {numbers.size} values of shape {np.shape(reading.value)} for "
            f"tokens of shape {tokens.shape if reading.token is not None else 'none'}; give a "
            "token for each value, or one value without tokens"
        )
    if tokens.dtype.kind not in "iu":
        return f"reading {name} has tokens of {tokens.dtype}, expected int64"
    return ""
