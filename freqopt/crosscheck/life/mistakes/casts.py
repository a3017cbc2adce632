"""What is usually wrong in a change of dtype."""

from __future__ import annotations

from freqopt.crosscheck.life.living import Living
from freqopt.crosscheck.life.mistakes.kinds import Kinds, each, kind
from freqopt.typing import Floats, Integers


def of_casts(slots: list[str]) -> Kinds:
    """Of another dtype from some step on."""

    def losing(names: list[str]) -> type[Living]:
        def cast(self: Living, dtype: object) -> None:
            Living.cast(self, dtype)  # type: ignore[arg-type]
            for name in names:
                self.state[name][...] = 0

        return kind(cast=cast)

    def narrow(names: list[str]) -> type[Living]:
        """What is named stays in the dtype of the start."""

        def step(self: Living, rows: Integers, grads: Floats) -> Floats:
            Living.__call__(self, rows, grads)
            kept = {**self.state, "the table": self.table}
            for name in names:
                kept[name][...] = kept[name].astype(self.start)
            return self.seen()

        return kind(__call__=step)

    own = [name for name in slots if name != "t"]
    return {
        **{f"a cast loses {said}": losing(names) for said, names in each(slots)},
        **{f"a cast leaves {name} in the old dtype": narrow([name]) for name in own},
        "a cast leaves all state in the old dtype": narrow(own),
        "a cast leaves the table in the old dtype": narrow(["the table"]),
        "a cast is not heard: table and state stay in the old dtype": narrow([*own, "the table"]),
    }
