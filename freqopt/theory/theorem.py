"""What a theorem file says, as objects: assumptions, claims, proof steps, checks, mutants.

A file in `proofs_check/` holds a docstring with fixed headings, a function `theorem(...)` and a
dictionary `MUTANTS`. The parameters of `theorem` are the things that could be wrong: a constant, an
exponent, a rule. Its defaults are the true statement; a mutant is a set of other values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from freqopt.errors import TheoryError
from freqopt.theory.bound import Bound, Letters
from freqopt.theory.verdict import Verdict

Kind = Literal["upper", "lower", "equal"]


class Instance(Protocol):
    """One case that a claim is evaluated on: everything a theorem asks of a problem and a rule."""

    @property
    def name(self) -> str:
        """What to call it in a report; enough to find it again."""

    def letters(self) -> Letters:
        """The values of the bound's symbols."""


class Case:
    """An instance that is only a list of values.

    Examples
    --------
    >>> case = Case("ten tokens", N=10, T=100)
    >>> case.N, case.letters()["T"]
    (10, 100)
    """

    def __init__(self, name: str, **values: Any) -> None:
        self.name = name
        self._values = values

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"case {self.__dict__.get('name')!r} has no {name!r}") from None

    def letters(self) -> Letters:
        """All of the values."""
        return self._values


@dataclass(frozen=True)
class Assumption:
    """A condition of the theorem, evaluated on every instance.

    Parameters
    ----------
    name : str
        The condition as a formula: "eta_k <= 1/(4L)".
    holds : instance -> bool
    how : str
        "exact": computed; "declared": believed, which the report lists as not verified.
    """

    name: str
    holds: Callable[[Any], bool]
    how: Literal["exact", "declared"] = "exact"


@dataclass(frozen=True)
class Search:
    """Where an adversary looks for a violation.

    Parameters
    ----------
    dimension : int
        Number of coordinates.
    make : array in [0, 1]^dimension -> instance
    effort : float
        Share of the usual number of evaluations, for instances that are slow to evaluate.
    """

    dimension: int
    make: Callable[[NDArray[np.float64]], Any]
    effort: float = 1.0


@dataclass(frozen=True)
class Claim:
    """measured <= bound (or >=, or =) on every instance that meets the assumptions.

    Parameters
    ----------
    name : str
    measured : instance -> number or one per token
        Computed exactly: in closed form, by a recursion, by enumeration; never sampled.
    bound : Bound or function of the instance
        A formula wherever there is one.
    kind : {"upper", "lower", "equal"}
    instances : quick -> instances
    extremal : instance, optional
        A case on which little or nothing is lost.
    search : Search, optional
    trivial : instance -> number or one per token, optional
        An upper bound that is true without the theorem: where the claim's bound is above it, the
        theorem says nothing.
    tolerance : float
        Relative rounding allowed to `measured` and `bound` in float64. Two Fractions are compared
        exactly, whatever it says.
    """

    name: str
    measured: Callable[[Any], Any]
    bound: Bound | Callable[[Any], Any]
    kind: Kind = "upper"
    instances: Callable[[bool], Iterable[Any]] = lambda quick: ()  # noqa: ARG005
    extremal: Any = None
    search: Search | None = None
    trivial: Callable[[Any], Any] | None = None
    tolerance: float = 1e-9

    def right_side(self, instance: Any) -> Any:
        """The bound's value on an instance."""
        if isinstance(self.bound, Bound):
            return self.bound(instance.letters())
        return self.bound(instance)


@dataclass(frozen=True)
class Step:
    """One inequality of a proof: lhs <= rhs, because the difference is a sum of products >= 0.

    Parameters
    ----------
    name : str
    lhs, rhs : sympy.Expr
    witness : pairs of (coefficient > 0, factors)
        Each factor is non-negative by an assumption or by the sign of its letters.
    """

    name: str
    lhs: sp.Expr
    rhs: sp.Expr
    witness: tuple[tuple[Any, tuple[sp.Expr, ...]], ...] = ()


@dataclass(frozen=True)
class Context:
    """How thoroughly a run looks, and the chance of error it may spend.

    Attributes
    ----------
    quick : bool
    seed : int
        Of every sample drawn; fixed seeds make a run repeatable.
    delta : float
        Probability of a wrong verdict that one statistical check may spend.
    """

    quick: bool = True
    seed: int = 0
    delta: float = 1e-5


@dataclass(frozen=True)
class Check:
    """A link of evidence that is more than one claim on a list of instances.

    Parameters
    ----------
    engine : str
        The column of the report: "moments", "enumeration", "statistics", "worst case", ...
    run : Context -> Verdict
        Only its word, figures and note are used; theorem, engine, claim and time are filled in.
    statistical : bool
        Whether it spends part of the run's error probability.
    slow : bool
        Left out of quick runs, and then listed as not run.
    needs : str
        Name of an optional package it imports; listed as not run where that is missing.
    lacking : callable, optional
        Anything else that may be missing: why the check cannot run here, or "".
    """

    engine: str
    name: str
    run: Callable[[Context], Verdict]
    statistical: bool = False
    slow: bool = False
    needs: str = ""
    lacking: Callable[[], str] | None = None


@dataclass(frozen=True)
class Theorem:
    """A statement with everything needed to check it."""

    claims: tuple[Claim, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    steps: tuple[Step, ...] = ()
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, init=False)
class Mutant:
    """A deliberately wrong version of a theorem.

    Parameters
    ----------
    kind : {"statement", "proof", "implementation"}
        What is wrong in it.
    weaker : str
        Why the mutant is a true but weaker claim, "2 > 8/7"; "" where it is wrong. A weaker claim
        must *not* be refuted, and counts neither as killed nor as a survivor.
    **change
        Arguments of the file's `theorem` that differ from their defaults.
    """

    kind: Literal["statement", "proof", "implementation"]
    weaker: str
    change: Mapping[str, Any] = field(default_factory=dict)

    def __init__(
        self,
        kind: Literal["statement", "proof", "implementation"],
        *,
        weaker: str = "",
        **change: Any,
    ) -> None:
        if not isinstance(weaker, str):
            raise TheoryError(
                f'weaker = {weaker!r}: say why the claim is true but weaker, as in weaker="2 > 8/7"'
            )
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "weaker", weaker)
        object.__setattr__(self, "change", change)
