"""The life of an optimizer beside its steps: what it offers of it is judged, the rest is said.

What `make` returns may have methods, each for one thing that a training run does with an optimizer
(docs/crosscheck.md). It is made to happen to the implementation (`happening`) and to the reference
(`living`), on the main exercise; a failure is held against the reference with what is usually wrong
in that method (`mistakes`).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from freqopt.crosscheck.cases.dialects import Case
from freqopt.crosscheck.implementation import Implementation, reference
from freqopt.crosscheck.life import happening, mistakes
from freqopt.crosscheck.life.living import Living, one_of_two
from freqopt.optimizers import Rule

CAST, CAST_FIRST = "a dtype change", "a dtype change before the first step"

Group = Callable[..., Any]
"""make_group(rules, tables, given) -> step(batches) -> tables, each a dict by the table's name."""


@dataclass(frozen=True)
class Life:
    """One thing that happens to an optimizer.

    Attributes
    ----------
    name : str
    needs : tuple of str
        Methods of what `make` returns.
    lived : callable (implementation) -> Implementation
        The implementation to which it happens.
    right : Implementation
        The reference to which it happens.
    wrong : dict, cause -> Implementation
        What is usually wrong.
    """

    name: str
    needs: tuple[str, ...]
    lived: Callable[[Implementation], Implementation]
    right: Implementation
    wrong: Mapping[str, Implementation]


def lives(rule: Rule) -> Iterator[Life]:
    """Everything that may happen to an optimizer of one table."""
    slots = [slot.name for slot in rule.all_slots() if not slot.given]
    for name, needs, lived, known in (
        ("save and restore", ("save", "restore"), happening.restored, mistakes.of_saving(slots)),
        ("a rate changed between steps", ("set_rate",), happening.rated, mistakes.of_rates(slots)),
        ("steps without a gradient", ("idle",), happening.idle, mistakes.of_idling(slots)),
        (
            "gradient accumulation",
            ("accumulate",),
            happening.accumulated,
            mistakes.of_accumulation(),
        ),
        (CAST, ("cast",), happening.cast, mistakes.of_casts(slots)),
        (CAST_FIRST, ("cast",), happening.cast_first, mistakes.of_casts(slots)),
    ):
        wrong = {cause: lived(kind) for cause, kind in known.items()}
        # Whoever saves and restores rightly goes on as if nothing had happened.
        right = reference if "save" in needs else lived(Living)
        yield Life(name, needs, lived, right, wrong)


IN_FILES = {
    "save": "save and restore",
    "rate": "a rate changed between steps",
    "idle": "steps without a gradient",
    "accumulate": "gradient accumulation",
}
"""What may happen in a folder of files, and the name of that life."""


def richest(cases: Sequence[Case], right: Container[str] = ()) -> list[Case]:
    """The cases on which lives are judged: the first, and the one with most options that is right.

    What has no momentum cannot lose it.

    Parameters
    ----------
    cases : list of Case
    right : names of cases that passed
    """
    main = [case for case in cases if case.exercise.name == "main"]
    main = [case for case in main if case.exercise.table.dtype == np.float64] or main

    def richness(case: Case) -> tuple[bool, int]:
        fields = type(case.rule).model_fields
        moved = sum(getattr(case.rule, name) != info.default for name, info in fields.items())
        return case.name in right, moved

    most = [max(main, key=richness)] if main else []
    return list({case.name: case for case in (*main[:1], *most)}.values())


def lived_cases(cases: Sequence[Case], offers: Iterable[str]) -> list[Case]:
    """Cases of files in which something happens to the optimizer, as it offers."""
    return [
        replace(case, name=f"{IN_FILES[method]}: {case.name}", life=method)
        for case in richest(cases)
        for method in offers
    ]


def life_of(case: Case) -> Life:
    """What happens in a case of a file."""
    return next(life for life in lives(case.rule) if life.name == IN_FILES[case.life])


def groups(group: Group) -> Iterator[Life]:
    """What happens to several tables."""
    for name in ("a", "b"):
        yield Life(
            f"several tables, options for each ({name})",
            (),
            partial(happening.of_group, group, name),
            partial(one_of_two, name),
            mistakes.of_groups(name),
        )
    shared = partial(happening.of_shared, group)
    yield Life("one shared table", (), shared, reference, mistakes.OF_SHARED)


def offered(implementation: Implementation, case: Case) -> set[str]:
    """The methods of what `make` returns."""
    step = implementation(case.rule, case.exercise.table.copy(), case.given)
    return {name for life in lives(case.rule) for name in life.needs if hasattr(step, name)}
