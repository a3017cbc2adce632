"""What a theorem file says, as objects: assumptions, claims, proof steps, checks, mutants.

A file in `proofs_check/` holds a docstring with fixed headings, a function `theorem(...)` and a
dictionary `MUTANTS`. The parameters of `theorem` are the things that could be wrong: a constant, an
exponent, a rule. Its defaults are the true statement; a mutant is a set of other values.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from freqopt.errors import TheoryError
from freqopt.theory.bound import Bound, Letters
from freqopt.theory.verdict import Verdict

Kind = Literal["upper", "lower", "equal"]

ROUNDING = 1e-6
"""Largest relative difference of two equal float64 sides that is still put down to rounding."""


class Instance(Protocol):
    """One case that a claim is evaluated on: everything a theorem asks of a problem and a rule."""

    @property
    def name(self) -> str:
        """What to call it in a report; enough to find it again."""

    def letters(self) -> Letters:
        """The values of the bound's symbols."""


class Case:
    """An instance that is only a list of values.

    Parameters
    ----------
    name : str
        For the report.
    **values
        By letter: numbers, Fractions, arrays of one per token.

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
        """All of the values.

        Returns
        -------
        dict
        """
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

    Raises
    ------
    TheoryError
        If `holds` does not look at the instance: then nothing is computed, and it is "declared".
    """

    name: str
    holds: Callable[[Any], bool] | None = None
    how: Literal["exact", "declared"] = "exact"

    def __post_init__(self) -> None:
        if self.how == "exact" and (self.holds is None or _is_blind(self.holds)):
            raise TheoryError(
                f"assumption {self.name!r} is to be computed, and its function does not look at "
                'the instance; compute it, or say how="declared"'
            )


def _is_blind(function: Callable[..., Any]) -> bool:
    """Whether a function's code never reads its first argument."""
    code = getattr(function, "__code__", None)
    if code is None or not code.co_argcount:
        return False
    name = code.co_varnames[0]
    reads = (i for i in dis.get_instructions(code) if not i.opname.startswith(("STORE", "MAKE")))
    return not any(i.argval == name or name in _names(i.argval) for i in reads)


def _names(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else ()


@dataclass(frozen=True)
class Hypothesis:
    """A named condition of a theorem that its proof steps use: quantity >= 0.

    It counts only if it is evaluated on at least one instance, and holds on all; the hypotheses
    that one step rests on, on at least one instance together.

    Parameters
    ----------
    name : str
        The condition as a formula: "eta_k <= 1/(4L)".
    quantity : sympy.Expr
        What is not negative, in the letters of the instances: 1 - 4*L*eta.
    letters : instance -> further letters, optional
        No letter that the instance has gets another value.
    cases : quick -> instances, optional
        What it is evaluated on beside every instance of the theorem's claims that has its letters.
    of : names of claims
        It is a condition of these claims only; by default of all.
    """

    name: str
    quantity: sp.Expr
    letters: Callable[[Any], Letters] | None = None
    cases: Callable[[bool], Iterable[Any]] | None = None
    of: tuple[str, ...] = ()


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

    Raises
    ------
    TheoryError
        If nothing would be tried.
    """

    dimension: int
    make: Callable[[NDArray[np.float64]], Any]
    effort: float = 1.0

    def __post_init__(self) -> None:
        if not (self.dimension >= 1 and 0.01 <= self.effort <= 100):
            raise TheoryError(
                f"Search(dimension={self.dimension}, effort={self.effort}) tries nothing: give at "
                "least one coordinate, and an effort in [0.01, 100]"
            )


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
        A bound of the same kind that is true without the theorem, from f(theta_1) - f*, the ball's
        diameter, the moment at the start: where the claim's bound is no better, it says nothing.
    sharper : Bound or function of the instance, optional
        A better bound that is proved elsewhere: by how much this one is loose at least.
    tolerance : float
        Relative difference allowed between `measured` and `bound` in float64. Two Fractions are
        compared exactly, whatever it says. Above `ROUNDING` the claim is an approximation.

    Raises
    ------
    TheoryError
        If the tolerance is no number in [0, 1/2), or both sides are one function: anything would
        pass.
    """

    name: str
    measured: Callable[[Any], Any]
    bound: Bound | Callable[[Any], Any]
    kind: Kind = "upper"
    instances: Callable[[bool], Iterable[Any]] = lambda quick: ()  # noqa: ARG005
    extremal: Any = None
    search: Search | None = None
    trivial: Callable[[Any], Any] | None = None
    sharper: Bound | Callable[[Any], Any] | None = None
    tolerance: float = 1e-9

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < 0.5:
            raise TheoryError(
                f"claim {self.name!r} has tolerance = {self.tolerance}, which would pass anything; "
                "give a number in [0, 1/2)"
            )
        if self.approximate and self.kind != "equal":
            raise TheoryError(
                f"claim {self.name!r} allows {self.tolerance:g} beyond an inequality; write the "
                f"factor into its bound (a tolerance up to {ROUNDING:g} is rounding)"
            )
        if self.measured is self.bound:
            raise TheoryError(f"claim {self.name!r} measures its own bound, so nothing is compared")
        if self.kind not in get_args(Kind):
            raise TheoryError(
                f"claim {self.name!r} has kind = {self.kind!r}; known: {', '.join(get_args(Kind))}"
            )

    @property
    def approximate(self) -> bool:
        """Whether more than rounding is allowed between the two sides."""
        return self.tolerance > ROUNDING

    def right_side(self, instance: Any) -> Any:
        """The bound's value on an instance.

        Parameters
        ----------
        instance : object
            With `letters()` if the bound is a formula.

        Returns
        -------
        number, or float64 (N,)
        """
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
        Each factor is non-negative: SymPy proves it from the signs of its letters, or it is an even
        power, or it is, up to a positive factor, the quantity of a hypothesis of the theorem.
    """

    name: str
    lhs: sp.Expr
    rhs: sp.Expr
    witness: tuple[tuple[Any, tuple[sp.Expr, ...]], ...] = ()


@dataclass(frozen=True)
class Telescope:
    """A proof step summed over t = 1 .. T: sum gain <= phi(1) - phi(T+1) + sum cost.

    It is checked that times (rhs - lhs), the step's letters at time t put in, is at most
    phi(t) - phi(t+1) + cost - gain. Later steps may then use `quantity` >= 0 in their witness.

    Parameters
    ----------
    name : str
    step : str
        Name of the proof step.
    t, T : sympy.Symbol
    where : letter of the step -> its value at t
    potential, gain, cost : sympy.Expr
        phi, and what is summed, in t. The cost is free of t: its sum is T times it.
    gains : sympy.Symbol
        Stands for the sum of the gains.
    times : sympy.Expr or number
        Non-negative factor of the step, such as the weight of the iterate at t.
    """

    name: str
    step: str
    t: sp.Symbol
    T: sp.Symbol
    where: Mapping[Any, Any]
    potential: sp.Expr
    gain: sp.Expr
    cost: sp.Expr
    gains: sp.Symbol
    times: Any = 1

    @property
    def quantity(self) -> sp.Expr:
        """phi(1) - phi(T+1) + T cost - gains."""
        first, last = (self.potential.subs(self.t, at) for at in (1, self.T + 1))
        return first - last + self.T * self.cost - self.gains


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
    name : str
        What is checked, for the row of the report.
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
    """A statement with everything needed to check it.

    Parameters
    ----------
    claims, assumptions, hypotheses, steps, sums, checks
    allowed : name of a claim or check, or "proof steps" -> reason
        Rows that may be VACUOUS or UNPROVED without failing the run, and why.
    """

    claims: tuple[Claim, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    steps: tuple[Step, ...] = ()
    sums: tuple[Telescope, ...] = ()
    checks: tuple[Check, ...] = ()
    allowed: Mapping[str, str] = field(default_factory=dict)

    @property
    def letters(self) -> set[sp.Symbol]:
        """Those of the proof steps, whose signs the proof uses."""
        sides = (sp.sympify(step.rhs - step.lhs) for step in self.steps)
        return set().union(*(side.free_symbols for side in sides))


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
