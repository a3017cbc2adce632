"""The rows that a step updates: a part of the state, taken out of it and put back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from numpy.typing import NDArray

from freqopt.optimizers._slots import Slot
from freqopt.typing import Floats, Integers


class Rows(SimpleNamespace):
    """The part of a state that belongs to the rows being updated, as attributes.

    Element slots have shape (n, d), row slots (n, 1) so that they broadcast, table slots are
    arrays of shape (). Assigning an attribute changes the state when the update is done.

    A step makes it. To call `update` by hand give all of the attributes below and every slot by its
    name: `Rows(t=1, ids=rows, occurrences=np.ones((n, 1), np.int64), first_round=True,
    squares=None, m=np.zeros((n, d)))`.

    Attributes
    ----------
    t : int
        Batches seen, the present one included: 1 in the first step.
    ids : int64 (n,)
        The rows.
    occurrences : int64 (n, 1)
        Occurrences of each row in the batch; 0 for a row that is updated but absent.
    first_round : bool
        False for the second and later occurrences in the dialect `duplicates="sequential"`.
    squares : float32 or float64 (n, d), or None
        Sum of the squares of the occurrences, with `duplicates="squares"` only.
    """

    t: int
    ids: Integers
    occurrences: Integers
    first_round: bool
    squares: Floats | None

    def squared(self, grads: Floats) -> Floats:
        """What the second moment sums: grads^2, or the occurrences' squares (duplicates axis).

        Parameters
        ----------
        grads : float32 or float64 (n, d)
            Combined gradients.

        Returns
        -------
        float32 or float64 (n, d)
        """
        return grads * grads if self.squares is None else self.squares


def gather(slot: Slot, array: NDArray[Any], where: Any) -> NDArray[Any]:
    if slot.per == "table":
        return array
    picked = array[:, where] if slot.copies else array[where]
    return picked[..., None] if slot.per == "row" else picked


def scatter(slot: Slot, array: NDArray[Any], where: Any, values: NDArray[Any]) -> None:
    if slot.per == "table":
        array[...] = values
        return
    values = values[..., 0] if slot.per == "row" else values
    if slot.copies:
        array[:, where] = values
    else:
        array[where] = values
