"""Keras 2, the package tf_keras: gradients as IndexedSlices, whose equal indices it sums first.

In float32 alone, in which it keeps its rate.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.guests._guest import Arguments, Called, Guest
from freqopt.crosscheck.guests._library import Library, load
from freqopt.crosscheck.guests.keras import optimizers
from freqopt.crosscheck.guests.tensorflow import slices, tensorflow
from freqopt.typing import Floats, Integers

LIBRARY = Library("tf_keras", "tf_keras", ("tf-keras",), extra="tensorflow")


def _steps(optimizer: str) -> Callable[[Floats, Arguments], Called]:
    """Batches as sparse gradients of one variable; the rate is set before every step."""

    def make(table: Floats, arguments: Arguments) -> Called:
        tf = tensorflow()
        chosen, weights = dict(arguments), tf.Variable(table)
        made = getattr(load("tf_keras").optimizers, optimizer)(
            chosen.pop("lr"), jit_compile=False, **chosen
        )
        made.build([weights])

        def step(rows: Integers, grads: Floats, rate: float) -> NDArray[np.floating]:
            made.learning_rate = rate
            made.apply_gradients([(slices(table, rows, grads), weights)])
            return np.asarray(weights.numpy())

        return step

    return make


GUESTS = tuple(
    Guest(
        f"tf_keras.{name}",
        rule,
        dialect,
        LIBRARY,
        _steps(name.partition("(")[0]),
        dtypes=("float32",),
        **told,
    )
    for name, rule, dialect, told in optimizers()
)
