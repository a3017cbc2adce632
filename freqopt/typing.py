"""Types of the arrays that go from one part of the library to the next.

Shapes stand where an array is described: N rows of a table, d numbers in a row, B occurrences.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating]
"""Of a table's dtype, float32 or float64."""
Doubles: TypeAlias = NDArray[np.float64]
"""What is float64 whatever the table's dtype."""
Integers: TypeAlias = NDArray[np.int64]
"""Rows, tokens, counts, places."""
