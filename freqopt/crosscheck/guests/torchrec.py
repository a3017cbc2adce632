"""TorchRec: its row-wise AdaGrad for dense gradients."""

from __future__ import annotations

import logging

from freqopt.crosscheck.guests._guest import Arguments, Called, Guest
from freqopt.crosscheck.guests._library import Library
from freqopt.crosscheck.guests.torch import ADAGRAD, DECAY, INVERSE, steps
from freqopt.typing import Floats

LIBRARY = Library(
    "torchrec",
    "torchrec",
    ("torchrec",),
    # Its requirement fbgemm-gpu, the CUDA build, would overwrite fbgemm-gpu-cpu.
    also="pip install --no-deps torchrec==1.8.0",
)

MODULE = "torchrec.optim.rowwise_adagrad"


def _steps(table: Floats, arguments: Arguments) -> Called:
    """As torch's; its warning that FBGEMM decays other rows is known here: it is the dialect."""
    logging.getLogger(MODULE).setLevel(logging.ERROR)
    return steps("RowWiseAdagrad", module=MODULE)(table, arguments)


GUESTS = (
    Guest(
        "torchrec.RowWiseAdagrad",
        "rowwise_adagrad",
        "torchrec.RowWiseAdagrad",
        LIBRARY,
        _steps,
        ADAGRAD | DECAY,
        INVERSE,
    ),
)
