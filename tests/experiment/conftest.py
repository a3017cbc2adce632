"""Small studies that run in milliseconds."""

from pathlib import Path

import pytest

from freqopt.experiment.store.segments import Segments

SMALL = """
title = "small"
steps = 40
runs = 2
seed = 7
checkpoints = 6
record = ["objective", "gradient_norm"]

[problem]
name = "token_quadratic"
dimension = 2
tokens = {kind = "zipf", exponent = 1.0, size = 12}

[[rules]]
name = "sgd"
[rules.grid]
lr = [0.05, 0.2]

[[rules]]
name = "cf_sgd"
label = "counted"
lr = 0.5

[grid]
batch = [1, 3]

[quick]
runs = 1
[quick.rules.sgd.grid]
lr = [0.1]
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def content(folder):
    """Key -> rows, in order, of every stored run."""
    segments = Segments(folder)
    segments.refresh()
    columns = ("run", "step", "metric", "table", "group", "token", "value", "diverged_at")
    found = {key: table.to_pydict() for key, table in segments.tables(segments.places, columns)}
    return dict(sorted(found.items()))
