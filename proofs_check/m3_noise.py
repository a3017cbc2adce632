r"""M3: any selection with bounded noise, which the selection may depend on

Source
    derived here (docs/theory/memory.md, M3).
Problem
    As M2 with gradients g_s + xi_s, |xi_s| <= sigma; a stored gradient keeps its noise.
Algorithm
    As M2 at eta = 1/(2(K+1)), kappa = 10.
Assumptions
    f in F(mu, L); ages at most K; bounded noise, otherwise arbitrary, even adversarial.
Statement
    V_{t+1} <= rho V_t + sum_i tau_i |xi_{t-i}|^2, so limsup |x - x*|^2 <= sigma^2 sum tau/(1-rho):
    at most 101, 202, 304 sigma^2 for K = 0, 1, 2. For K = 0 the exact value is 1/mu^2 = 100.
Beware
    Data-dependent selection is not free: the certified ball grows with K.
Checks
    certificate: the stored files, exactly; extremal: constant noise reaches the ball for K = 0.
Literature
    Compare MEM-1's ball, in f - f*.
"""

import json
from fractions import Fraction
from pathlib import Path

from freqopt.theory import Case, Check, Claim, Mutant, Theorem, Verdict, Word
from freqopt.theory.certificate import RefusedError, check
from freqopt.theory.engines.atlas import cells
from freqopt.theory.engines.certify import sealed

FOLDER = Path(__file__).parent / "certificates"


def constant_noise(K):
    """|x|^2 after a long run on f = mu x^2/2 with noise that always pushes the same way."""
    mu, step, x, push = 0.1, 0.5 / (K + 1), 0.0, -1.0
    history = [0.0] * (K + 1)
    for _ in range(4000):
        history = [mu * x + push, *history[:-1]]
        x -= step * history[0]
    return x**2


def theorem(balls=(101, 202, 304), change=None):
    """Parts: the factors of sigma^2; what is done to a certificate before it is checked."""

    def certified(context):
        worst = 0.0
        for cell in cells():
            if not cell.name.startswith("noise_"):
                continue
            text = (FOLDER / f"{cell.name}.json").read_text(encoding="ascii")
            try:
                claim = check(change(text) if change else text)
            except RefusedError as refused:
                note = f"{cell.name}.json: {refused}"
                return Verdict("", "", "", Word.REFUTED, kind="certificate", note=note)
            ball = sum(claim["tau"]) / (1 - claim["rho"])
            if not any(claim["tau"]) or claim["K"] != cell.method.K:
                note = f"{cell.name}.json proves another claim than its name's"
                return Verdict("", "", "", Word.REFUTED, kind="certificate", note=note)
            worst = max(worst, float(ball) / balls[claim["K"]])
        word = Word.CERTIFIED if worst <= 1 else Word.REFUTED
        return Verdict(
            "", "", "", word, kind="certificate", measured=worst, bound=1.0, ratio=worst,
            note="3 certificates checked exactly",
        )  # fmt: skip

    return Theorem(
        claims=(
            Claim(
                "ball, adversarial noise",
                lambda c: constant_noise(c.K),
                lambda c: balls[c.K],
                extremal=Case("constant noise, K = 0", K=0),
            ),
        ),
        checks=(Check("certificate", "ball", certified),),
    )


def edited(**change):
    """The certificate with some of its entries changed."""
    return lambda text: sealed({**json.loads(text), **change})


def faster(text):
    return edited(rho=str(Fraction(json.loads(text)["rho"]) * Fraction(99, 100)))(text)


def no_gain(text):
    return edited(tau=["0"] * len(json.loads(text)["tau"]))(text)


MUTANTS = {
    "balls / 2": Mutant("statement", balls=(50, 101, 152)),
    "tau = 0": Mutant("statement", change=no_gain),
    "rho 1 % faster": Mutant("statement", change=faster),
    "balls of three times the size": Mutant(
        "statement", weaker="each ball holds the true one", balls=(303, 606, 912)
    ),
}
