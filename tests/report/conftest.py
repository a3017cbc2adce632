"""A report with everything in it: a tuned study, a plain one, a figure, a theorem, a failure."""

import os
from pathlib import Path

import pytest

from freqopt.cli import run
from tests.cli.conftest import FIGURE, THEOREM
from tests.experiment.conftest import SMALL

TUNED = """
title = "tuned & <small>"
steps = 60
runs = 2
checkpoints = 8
record = ["gap"]
[problem]
name = "token_quadratic"
dimension = 1
tokens = {kind = "zipf", size = 5}
[[rules]]
name = "sgd"
lr = 0.5
[[rules]]
name = "adagrad"
lr = 0.1
[tune]
metric = "gap"
trials = 5
[compare]
reference = "sgd"
[quick]
runs = 2
"""


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page; REPORT names one that was made before, as `nox -s browser` does."""
    if "REPORT" in os.environ:
        return Path(os.environ["REPORT"])
    folder = tmp_path_factory.mktemp("reproduction")
    for name in ("simulations", "figures", "proofs_check"):
        (folder / name).mkdir()
    (folder / "simulations" / "small.toml").write_text(SMALL)
    (folder / "simulations" / "tuned.toml").write_text(TUNED)
    (folder / "figures" / "curve.py").write_text(FIGURE)
    two = FIGURE.replace('("small",)', '("small", "tuned")') + "\n\ndef caption(data):\n"
    (folder / "figures" / "two.py").write_text(two + '    return "Two studies, one figure."\n')
    broken = FIGURE.replace('("small",)', '("absent",)')
    (folder / "figures" / "broken.py").write_text(broken)
    (folder / "proofs_check" / "half.py").write_text(THEOREM)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("freqopt.cli.reproduce.rows", lambda quick: iter(()))
        assert run(["reproduce", "--jobs", "1"]) == 2  # study "absent" is not there
    return folder / "reproduced" / "report" / "index.html"
