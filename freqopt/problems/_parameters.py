"""Parameters of problems: immutable fields that mean the same when they are equal."""

from __future__ import annotations

from freqopt._fields import Fields


class Parameters(Fields):
    """Base of problems and of the groups of fields inside them.

    Two are equal if their fields are. What they have computed and kept since (arrays, samplers) is
    no part of that: comparing it would ask an array for a truth value.
    """

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Parameters):
            return NotImplemented
        return self.model_dump_json() == other.model_dump_json()

    def __hash__(self) -> int:
        return hash((type(self), self.model_dump_json()))


class Nested(Parameters):
    """Base of the groups of fields inside a problem."""
