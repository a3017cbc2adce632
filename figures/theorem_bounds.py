"""A theorem's bound beside what it bounds: FA-4 (a), token by token.

E |grad_k f|^2 at the random iterate of FA-SGD with the theorem's step, on the token quadratic with
eight Zipf tokens. Bound and exact expectation are those of `proofs_check/fa_4_fa_sgd.py`, evaluated
from the one symbolic source that the check uses; the bands are quartiles of 200 simulated runs of
the project's rule. Dotted: what holds without the theorem. For the head the bound comes below it
within the figure, for the tail it does not: the theorem is true there and says nothing yet.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from freqopt.optimizers.fa_sgd import FASGD
from freqopt.problems.token_quadratic import TokenQuadratic
from freqopt.report import tidy
from freqopt.streams import Stream
from freqopt.theory.exact.ensemble import Ensemble
from freqopt.theory.exact.outcomes import outcomes
from freqopt.theory.exact.tokens import Tokens
from freqopt.theory.loading import load

STUDIES = ()
FA_4 = Path(__file__).parents[1] / "proofs_check" / "fa_4_fa_sgd.py"
PROBLEM = TokenQuadratic(tokens={"kind": "zipf", "size": 8, "exponent": 1.0}, dimension=1)
HORIZONS = (16, 64, 256, 1024, 4096)
SHOWN = {"head": 0, "tail": -1}
RUNS = 200


def data(results):  # noqa: ARG001 - it needs no study
    """Bound, exact expectation, trivial bound and quartiles of the runs, per token and T."""
    claim = next(c for c in load(FA_4).theorem().claims if c.name == "(a) tuned alpha")
    rows = {
        name: [] for name in ("token", "T", "bound", "exact", "trivial", "low", "median", "high")
    }
    for steps in HORIZONS:
        instance, simulated = tokens(steps), square_gradients(steps)
        columns = {
            "bound": claim.right_side(instance),
            "exact": claim.measured(instance),
            "trivial": claim.trivial(instance),
        }
        quartiles = np.quantile(simulated, (0.25, 0.5, 0.75), axis=0)
        columns |= dict(zip(("low", "median", "high"), quartiles, strict=True))
        for token, k in SHOWN.items():
            rows["token"].append(token)
            rows["T"].append(steps)
            for name, values in columns.items():
                rows[name].append(float(values[k]))
    return rows


def tokens(steps):
    """The instance that the theorem is evaluated on, with its step."""
    p, lam = PROBLEM.probabilities, PROBLEM.curvatures
    sigma2 = (lam * PROBLEM.noises) ** 2
    R2 = (PROBLEM.start(0, 0)["tokens"] - PROBLEM.optimum)[:, 0] ** 2
    unset = Tokens("eight Zipf tokens", p, lam, sigma2, R2, 0 * p, steps)
    eta = np.minimum(0.25, rate(unset) / np.sqrt(steps * p))
    return Tokens(unset.name, p, lam, sigma2, R2, eta, steps)


def rate(instance):
    """Alpha = sqrt(2 Delta / (L A1))."""
    return float(np.sqrt(2 * instance.gap / instance.letters()["A1"]))


def square_gradients(steps):
    """|grad_k f|^2 averaged over the iterates of each run: (RUNS, N)."""
    rule = FASGD(lr=rate(tokens(steps)), horizon=steps, smoothness=1.0)
    runs, law = Ensemble(PROBLEM, rule, PROBLEM.start(0, 0), RUNS), outcomes(PROBLEM)
    stream, total = Stream(0, 0, f"theorem bounds {steps}"), 0.0
    for t in range(steps):
        off = runs.values("tokens")[..., 0] - PROBLEM.optimum[:, 0]
        total = total + (PROBLEM.probabilities * PROBLEM.curvatures * off) ** 2
        runs.step(law.draw(stream, t, RUNS))
    return total / steps


def caption(data):
    """How loose the bound is at the largest horizon, and whether it says anything."""
    told = []
    for token in SHOWN:
        curve = tidy.where(data, token=token)
        loose = curve["bound"][-1] / curve["exact"][-1]
        useful = curve["T"][curve["bound"] < curve["trivial"]]
        when = f"says something from T = {useful[0]:,} on" if useful.size else "says nothing yet"
        told.append(f"for the {token} token {loose:.1f} times as large and {when}")
    largest = data["T"].max()
    return f"At T = {largest:,} the bound FA-4 (a) is, beside the expectation, {'; '.join(told)}."


def draw(data):
    """One panel for the head and one for the tail."""
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.2))
    for axis, token in zip(axes, SHOWN, strict=True):
        curve = tidy.where(data, token=token)
        horizon = curve["T"]
        axis.loglog(horizon, curve["bound"], color="black", label="bound")
        axis.loglog(horizon, curve["trivial"], color="black", ls=":", label="without the theorem")
        (line,) = axis.loglog(horizon, curve["exact"], label="exact expectation")
        axis.loglog(horizon, curve["median"], "o", color=line.get_color(), label="runs: median")
        axis.fill_between(horizon, curve["low"], curve["high"], color=line.get_color(), alpha=0.15)
        axis.set(xlabel="samples T", title=f"{token} token")
    axes[0].set_ylabel("expected square of the gradient")
    axes[0].legend()
    return figure
