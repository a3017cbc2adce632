"""What the laws say of one data set: the gain of frequency-aware rates, from its own counts.

The model is that of `freqopt.theory.scaling`: p_k = n_k / D, equal starts and noise, curvature 1.
One pass is the recursion for fresh samples (`online`, `counting`), several are the closed form for
finite data (`epochs`), both at rates that are tuned for the horizon. Nothing here uses the fitted
exponent.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from freqopt.data.power_law import PowerLaw, fit_power_law
from freqopt.errors import TheoryError
from freqopt.theory.scaling import adaptive, counting, epochs, limits, online
from freqopt.theory.scaling.groups import Groups, coarser, from_counts
from freqopt.typing import Doubles

WORTH = 1.1
"""Gain from which frequency-aware rates are advised; below 1.05 none is to be expected."""
EXPONENTS = (0.0, 0.25, 0.5, 0.75, 1.0)
BETA2 = (0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
FACTORS = (1 / 16, 1 / 4, 4.0, 16.0)
HORIZONS = (0.01, 0.1, 10.0, 100.0)
PASSES = (1, 3, 10, 30, 100)


@dataclass(frozen=True)
class Setting:
    """What is trained, and for how long.

    Parameters
    ----------
    samples : float
        D, of one pass.
    passes : float
        E; the horizon is E D.
    noise : float
        S / R^2: noise of a token's gradient against its distance at the start, in squares.

    Raises
    ------
    TheoryError
        Values that are no setting.
    """

    samples: float
    passes: float = 1
    noise: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("samples", 1.0), ("passes", 1.0), ("noise", 1e-9)):
            value = getattr(self, name)
            if not (np.isfinite(value) and least <= value <= 1e18):
                raise TheoryError(
                    f"{name} = {value}; expected a number from {least:g} to 1e18. Correct it"
                )

    @property
    def cap(self) -> float:
        """Best rate of a row that is seen once, R^2/(R^2 + S), in units of 1/curvature."""
        return 1 / (1 + self.noise)


@dataclass(frozen=True)
class Prediction:
    """A rule at its best rate.

    Attributes
    ----------
    rule : str
        Its name.
    gap : float
        What it leaves, as a share of the gap at the start.
    rate : float or None
        The constant c of its rates; None for a bound.
    """

    rule: str
    gap: float
    rate: float | None


@dataclass(frozen=True)
class Advice:
    """Everything `freqopt advise` says.

    Attributes
    ----------
    tokens : int
        Distinct tokens of the file.
    occurrences : float
        Their counts in all.
    once : float
        Share of the occurrences that are of tokens seen once: about the chance that the next token
        is new (Good and Turing).
    fit : PowerLaw or None
        Of the token law.
    setting : Setting
        As given.
    rules : tuple of Prediction
        Bayes' rule, the bound, last.
    gain : float
        Gap of SGD over that of FA-SGD.
    speed_up : float or None
        Samples that SGD needs over those of FA-SGD to the same gap; of one pass only.
    capped : int
        Tokens whose FA-SGD rate is the cap.
    beta2 : float or None
        Least beta2 of the list with which RMSprop is within 5 % of FA-SGD; None if none is.
    law : str
        Which of the laws applies, in a sentence.
    word : {"yes", "little", "no"}
        Are frequency-aware rates worth it.
    changes : tuple of str
        Settings that would change the word.
    """

    tokens: int
    occurrences: float
    once: float
    fit: PowerLaw | None
    setting: Setting
    rules: tuple[Prediction, ...]
    gain: float
    speed_up: float | None
    capped: int
    beta2: float | None
    law: str
    word: str
    changes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON.

        Returns
        -------
        dict
        """
        return {**asdict(self), "fit": self.fit._asdict() if self.fit else None}

    def rule(self, name: str) -> Prediction:
        """One prediction by its rule's name.

        Parameters
        ----------
        name : str
            Such as "FA-SGD".

        Returns
        -------
        Prediction
        """
        return next(found for found in self.rules if found.rule == name)


def advise(
    counts: NDArray[np.int64], samples: float | None = None, passes: float = 1, noise: float = 1.0
) -> Advice:
    """Predict every rule on tokens with these counts.

    Parameters
    ----------
    counts : int64 array, shape (N,)
        Occurrences of each token; those that never occur are left out.
    samples : float
        D, the samples of one pass; by default the sum of the counts.
    passes, noise
        See `Setting`.

    Returns
    -------
    Advice

    Raises
    ------
    SamplerError
        Counts that are no list of integers, one below 0, or none above it.
    TheoryError
        Samples, passes or noise that are not positive.
    """
    groups, total = from_counts(counts), float(np.sum(counts, dtype=np.float64))
    model = Model(coarser(groups), total)
    setting = Setting(total if samples is None else samples, passes, noise)
    rules = tuple(model.predictions(setting))
    gap = {found.rule: found.gap for found in rules}
    gain = gap["SGD"] / gap["FA-SGD"]
    c = next(found.rate for found in rules if found.rule == "FA-SGD") or 0.0
    near = [b for b in BETA2 if gap.get(rmsprop(b), np.inf) <= 1.05 * gap["FA-SGD"]]
    return Advice(
        tokens=int(groups.size),
        occurrences=total,
        once=float(np.count_nonzero(counts == 1)) / total,
        fit=fit_power_law(counts),
        setting=setting,
        rules=rules,
        gain=gain,
        speed_up=model.speed_up(setting, gap["FA-SGD"]) if passes == 1 else None,
        capped=int(groups.weight[c * groups.p**-0.5 >= setting.cap].sum()),
        beta2=near[0] if near else None,
        law=model.law(setting),
        word=_word(gain),
        changes=tuple(model.changes(setting, _word(gain))),
    )


def rmsprop(beta2: float) -> str:
    """The name of a prediction.

    Parameters
    ----------
    beta2 : float

    Returns
    -------
    str
    """
    return f"RMSprop, beta2 = {beta2:g}"


def _word(gain: float) -> str:
    return "yes" if gain >= WORTH else "little" if gain >= 1.05 else "no"


@dataclass(frozen=True)
class Model:
    """Tokens at their frequencies, and the number of occurrences they were counted in.

    Attributes
    ----------
    groups : Groups
        Frequencies p and how many tokens have each.
    occurrences : float
        In all.
    """

    groups: Groups
    occurrences: float

    def tuned(self, setting: Setting, q: float) -> tuple[float, float]:
        """The gap that the rates c p^-q leave, as a share of the start's, and c, for the best c.

        Parameters
        ----------
        setting : Setting
        q : float
            Exponent of the rates.

        Returns
        -------
        tuple of two floats
        """
        D, noise, cap = setting.samples, setting.noise, setting.cap
        if setting.passes == 1:
            gap, c = online.power_law_rule(self.groups, D, noise, q=q, cap=cap)
        else:
            n, mass = self.seen(D)
            gap, c = epochs.tuned_risk(n, mass, setting.passes, noise, q=q, cap=cap)
            c = c / D**q  # c n^-q is (c D^-q) p^-q
        return 2 * gap, c

    def seen(self, samples: float) -> tuple[Doubles, Doubles]:
        """How often a future sample's token is in the data set: numbers, and their chances.

        A data set of the size of the file is the file; one of another size is drawn from its law.

        Parameters
        ----------
        samples : float
            D.

        Returns
        -------
        numbers, chances : float64 (n,)
        """
        if samples == self.occurrences:
            return self.groups.p * samples, self.groups.mass
        return counting.visit_law(self.groups, samples)

    def predictions(self, setting: Setting) -> list[Prediction]:
        """Every rule at its best rate, and the bound.

        Parameters
        ----------
        setting : Setting

        Returns
        -------
        list of Prediction
        """
        names = {0.0: "SGD", 0.5: "FA-SGD", 1.0: "inverse frequency"}
        found = [
            Prediction(names.get(q, f"rate p^-{q}"), *self.tuned(setting, q)) for q in EXPONENTS
        ]
        D, noise, cap = setting.samples, setting.noise, setting.cap
        one = setting.passes == 1
        n, mass = counting.visit_law(self.groups, D) if one else self.seen(D)
        bayes = float(np.sum(mass * epochs.bayes_risk(n, noise)))
        bound = Prediction("bound: Bayes' rule", bayes, None)
        if not one:
            return [*found, bound]
        gap, alpha = counting.tuned_counter(self.groups, D, noise, cap=cap)
        found.append(Prediction("CF-SGD", 2 * gap, alpha))
        for beta2 in BETA2:
            shape = adaptive.effective_shape(self.groups.p, 1 - beta2)
            gap, c = online.tuned(self.groups, D, noise, shape=shape, cap=cap)
            found.append(Prediction(rmsprop(beta2), 2 * gap, c))
        return [*found, bound]

    def speed_up(self, setting: Setting, target: float) -> float:
        """Samples that SGD needs for FA-SGD's gap, over FA-SGD's.

        Parameters
        ----------
        setting : Setting
        target : float
            FA-SGD's gap, as a share of the start's.

        Returns
        -------
        float
            At least 1.
        """

        def excess(log_steps: float) -> float:
            there = Setting(float(np.exp(log_steps)), 1, setting.noise)
            return float(np.log(self.tuned(there, 0.0)[0] / target))

        begin = np.log(setting.samples)
        if excess(begin) <= 0:
            return 1.0
        end = begin + 2
        while excess(end) > 0:
            end += 2
        return float(np.exp(brentq(excess, begin, end, xtol=1e-3) - begin))

    def law(self, setting: Setting) -> str:
        """Which law applies, in a sentence.

        Parameters
        ----------
        setting : Setting

        Returns
        -------
        str
        """
        visits = setting.samples * self.groups.p
        if setting.passes > 1:
            return (
                "L5, finite data and several passes: with passes of the order D^(1 - 1/nu) the "
                "rules differ by constants only"
            )
        if visits[-1] >= 10:
            late = limits.late_speed_up(self.groups)
            return (
                f"L2, every token has been seen, the rarest {visits[-1]:.3g} times: with more "
                f"samples the speed-up tends to {late:.3g}"
            )
        return (
            "L1, tokens that are seen a few times decide: the speed-up grows with the horizon, and "
            "so does the share of it that a fixed beta2 loses (L4)"
        )

    def changes(self, setting: Setting, word: str) -> list[str]:
        """Settings, each differing in one respect, in which the word is another.

        Parameters
        ----------
        setting : Setting
        word : {"yes", "little", "no"}
            At that setting.

        Returns
        -------
        list of str
        """
        D, E, S = setting.samples, setting.passes, setting.noise
        others = [
            *((f"noise {S * f:.3g}", Setting(D, E, S * f)) for f in FACTORS),
            *((f"{D * f:.3g} samples", Setting(D * f, E, S)) for f in HORIZONS if D * f >= 1),
            *((f"{e} passes", Setting(D, e, S)) for e in PASSES if e != E),
        ]
        found = []
        for what, there in others:
            gain = self.tuned(there, 0.0)[0] / self.tuned(there, 0.5)[0]
            if _word(gain) != word:
                found.append(f"{what}: gain {gain:.2f} ({_word(gain)})")
        return found
