"""Mutants of what every verdict rests on: certificate checker, bets, comparison of two sides.

Each edit is made in the source text, the module is made anew from it, and its battery must fail.
"""

import copy
import json
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import freqopt.theory.certificate as certificate
from freqopt.theory import Case, Claim
from freqopt.theory.engines import betting, sides

FOLDER = Path(__file__).parents[2] / "proofs_check" / "certificates"
STORED = {
    name: json.loads((FOLDER / f"{name}.json").read_text(encoding="ascii"))
    for name in ("selection_K1_kappa10", "noise_K0", "noise_K1", "momentum_K1_beta3")
}


def remade(module, old, new):
    """The module with one edit in its text."""
    text = Path(module.__file__).read_text(encoding="utf-8")
    assert text.count(old) >= 1, f"{old!r} is not in {module.__name__}"
    made = ModuleType(module.__name__)
    made.__file__ = module.__file__
    known, sys.modules[module.__name__] = sys.modules[module.__name__], made  # for dataclasses
    try:
        code = compile(text.replace(old, new, 1), module.__file__, "exec")
        exec(code, made.__dict__)
    finally:
        sys.modules[module.__name__] = known
    return made


def refuses(kernel, changed):
    try:
        kernel.prove(changed)
    except kernel.RefusedError:
        return True
    return False


def edited(name, change):
    d = copy.deepcopy(STORED[name])
    d.pop("sha256")
    change(d)
    return d


def shifted(d, key, by):
    d[key] = str(Fraction(d[key]) + by)


def add_tiny(d):
    """One multiplier a little larger: every form stays semidefinite, f-values do not cancel."""
    d["positive"]["0,-1"] = str(Fraction(d["positive"].get("0,-1", "0")) + Fraction(1, 10**12))


def rescaled(name, size):
    """The same claim for f times `size`, which has mu and L of that size."""
    d, times = copy.deepcopy(STORED[name]), lambda v, by: str(Fraction(v) * by)
    by = 1 / Fraction(size)
    d.update(mu=times(d["mu"], 1 / by), L=times(d["L"], 1 / by))
    d.update(c=[times(v, by) for v in d["c"]], tau=[times(v, by**2) for v in d["tau"]])
    K = int(d["K"])  # of z = (x .., g ..)
    units = [Fraction(1)] * (K + 1) + [by] * K
    d["P"] = [
        [times(v, a * b) for v, b in zip(row, units, strict=True)]
        for row, a in zip(d["P"], units, strict=True)
    ]
    d["positive"] = {k: times(v, by) for k, v in d["positive"].items()}
    for vertex in d["vertices"]:
        vertex["g"] = [times(v, by) for v in vertex["g"]]
        vertex["multipliers"] = {k: times(v, by) for k, v in vertex["multipliers"].items()}
    d.pop("sha256")
    return d


def small(d):
    """Everything that is homogeneous in V a thousandth: only V >= |x|^2 fails."""
    by = Fraction(1, 1000)
    for key in ("c", "tau"):
        d[key] = [str(Fraction(v) * by) for v in d[key]]
    d["P"] = [[str(Fraction(v) * by) for v in row] for row in d["P"]]
    for weights in (d["positive"], *(v["multipliers"] for v in d["vertices"])):
        weights.update({k: str(Fraction(v) * by) for k, v in weights.items()})


def halving(d):
    """x' = x/2 whatever the minimiser is."""
    d.update(P=[["1"]], tau=["0"], positive={}, rho="1/2")
    d["vertices"] = [{"x": ["1/2"], "g": ["0"], "multipliers": {}}]


FORMS = {  # matrix -> whether it is symmetric and positive semidefinite
    ((0, 1), (1, 0)): False,
    ((0, 0), (0, 1)): True,
    ((1, 1), (1, 1)): True,
    ((1, 2), (2, 1)): False,
    ((1, 0), (0, -1)): False,
    ((-1, 0), (0, 1)): False,
    ((1, 2), (0, 1)): False,
    ((1, 1, 1), (1, 1, 1), (1, 1, 0)): False,
    ((0, 0, 1), (0, 1, 0), (1, 0, 1)): False,
    ((2, 1, 0), (1, 2, 1), (0, 1, 2)): True,
    ((4, 2, 2), (2, 1, 1), (2, 1, Fraction(999, 1000))): False,
    ((1, 2, 0), (2, 5, 2), (0, 2, 4)): True,
}
UNSOUND = {
    "rho": ("selection_K1_kappa10", lambda d: shifted(d, "rho", Fraction(-1, 100))),
    "rho, f-values only": (
        "selection_K1_kappa10", lambda d: shifted(d, "rho", Fraction(1, 10**6)),
    ),
    "positive, f-values only": ("selection_K1_kappa10", add_tiny),
    "faster with noise": ("noise_K1", lambda d: shifted(d, "rho", Fraction(-1, 50))),
    "faster, no f-values": ("noise_K0", lambda d: shifted(d, "rho", Fraction(-1, 50))),
    "less noise": ("noise_K0", lambda d: d["tau"].__setitem__(0, "1/10")),
    "negative noise": ("noise_K1", lambda d: d["tau"].__setitem__(1, "-1")),
    "P of size 0": ("noise_K0", lambda d: d["P"][0].__setitem__(0, "1/2")),
    "weights of the iterates": (
        "selection_K1_kappa10", lambda d: d["vertices"][0].update(x=["2", "0"]),
    ),
    "V below |x|^2": ("noise_K0", small),
    "a move that does not know the minimiser": ("noise_K0", halving),
    "a second vertex that steps too far": (
        "selection_K1_kappa10", lambda d: d["vertices"][1].update(g=["0", "2"]),
    ),
    "a longer step": ("noise_K0", lambda d: d["vertices"][0].update(g=["3"])),
    "rough": ("noise_K0", lambda d: shifted(d, "L", Fraction(5))),
    "mu above L": ("noise_K0", lambda d: d.update(mu="2")),
    "no progress": ("noise_K0", lambda d: d.update(rho="1")),
    "a negative multiplier": (
        "noise_K0",
        lambda d: d["vertices"][0]["multipliers"].update({"0,-1": "-1"}),
    ),
    "no vertex": ("noise_K0", lambda d: d.update(vertices=[])),
}  # fmt: skip


def certificates_hold(kernel):
    """Accepts what is proved, refuses everything else, and knows semidefinite forms."""
    for form, truth in FORMS.items():
        try:
            kernel.semidefinite([[Fraction(v) for v in row] for row in form], "form")
            found = True
        except kernel.RefusedError:
            found = False
        if found is not truth:
            return False
    for d in STORED.values():
        claim = kernel.check(json.dumps(d))
        if [str(claim["rho"]), str(claim["mu"])] != [d["rho"], d["mu"]]:
            return False
    if not all(refuses(kernel, edited(name, change)) for name, change in UNSOUND.values()):
        return False
    sizes = (Fraction(5, 2), Fraction(2, 5))
    if any(refuses(kernel, rescaled(name, size)) for name in STORED for size in sizes):
        return False
    one, none = [[Fraction(1), Fraction(0)]], [Fraction(0)] * 2
    points = {0: (one[0], one[0]), -1: (none, none)}
    try:
        kernel.combine({"0,-1": "-1"}, points, Fraction(1), Fraction(2))
    except kernel.RefusedError:
        pass
    else:
        return False
    spoilt = {**STORED["noise_K0"], "sha256": "0" * 64}
    try:
        kernel.check(json.dumps(spoilt))
    except kernel.RefusedError:
        return True
    return False


CERTIFICATE = {
    "[[0, 1], [1, 0]] is semidefinite": (
        "need(A[i][i] > 0 or not (A[i][i] or any(A[i][i:])),", "need(A[i][i] >= 0,",
    ),
    "negative pivots": ("need(A[i][i] > 0 or", "need(A[i][i] or"),
    "no symmetry": ("need(all(A[i][j] == A[j][i]", "need(True or all(A[i][j] == A[j][i]"),
    "elimination turned": ("p - ratio * q", "p + ratio * q"),
    "elimination by columns of the wrong row": (
        "ratio = A[r][i] / A[i][i]", "ratio = A[i][i] / A[r][i]",
    ),
    "f-values of V - |x|^2 not compared": ("need(f == [0, *c],", "need(True,"),
    "f-values of the decrease not compared": ("need(f == due,", "need(True,"),
    "V - |x|^2 not checked": (
        "semidefinite(add(S, (1, value), (-1, quadratic([[Fraction(1)]], x[:1]))),",
        "add(S, (1, value), (-1, quadratic([[Fraction(1)]], x[:1]))); id(",
    ),
    "the decrease not checked": (
        "semidefinite(add(S, (rho, value), (-1, after), (1, noise)),",
        "id((S, rho, value, after, noise)); id(",
    ),
    "V for rho V": ("add(S, (rho, value), (-1, after)", "add(S, (1, value), (-1, after)"),
    "noise for nothing": ("(-1, after), (1, noise)", "(-1, after), (100, noise)"),
    # Without `min(tau) >= 0` nothing more is accepted: a negative tau is no semidefinite form.
    "any weights": ("need(sum(a) == 1,", "need(True or sum(a) == 1,"),
    "gradients added": ("(-w, u) for us in (g, xi)", "(w, u) for us in (g, xi)"),
    "negative multipliers": ('need(w >= 0, "no negative multiplier")', "pass"),
    "k twice": ("k = Fraction(0), L / (2 * (L - mu))", "k = Fraction(0), L / (L - mu)"),
    "1/L dropped": ("w * k / L]]", "w * k]]"),
    "mu dropped": ("[inner, w * k * mu, cross]", "[inner, none, cross]"),
    "g_i for g_j": ("quadratic(A, [points[j][1], dx, dg])", "quadratic(A, [points[i][1], dx, dg])"),
    "f_j - f_i": ("f[i], f[j] = f[i] + w, f[j] - w", "f[i], f[j] = f[i] - w, f[j] + w"),
    "rho of 1": ("0 < rho < 1,", "0 < rho <= 1,"),
    "no vertex": ("0 < len(d[\"vertices\"]) <= 64", "len(d[\"vertices\"]) <= 64"),
    "only the first vertex": ('for v in d["vertices"]:', 'for v in d["vertices"][:1]:'),
    "no digest": ('need(d.pop("sha256") == digest(d),', 'need(d.pop("sha256"),'),
    "nothing is needed": ("    if not condition:", "    if False:"),
}  # fmt: skip


def bets_hold(bets):
    """Fair on the boundary, decisive beyond it, and each stake knows earlier samples only."""
    rng = np.random.default_rng(8)
    for bet, samples, wins in (
        (bets.AboveBound(1.0), np.full(200, 1.5), True),
        (bets.AboveBound(1.0), np.full(200, 1.0), False),
        (bets.AboveBound(1.0), np.full(200, 0.5), False),
        (bets.BelowBound(1.0, 4.0), np.full(400, 0.5), True),
        (bets.BelowBound(1.0, 4.0), np.full(400, 1.0), False),
        (bets.BelowBound(1.0, 4.0), np.full(400, 1.5), False),
    ):
        for block in np.split(samples, 4):
            bet.add(block)
        if bet.against(1e-3) is not wins:
            return False
    start = bets.AboveBound(1.0)
    start.add(np.array([4.0]))  # one bet: the mean over the stakes l of 1 + 3 l
    if abs(start.best - np.log(np.mean(1 + 3 * bets.STAKES))) > 1e-12:
        return False
    for bet, samples in (
        (bets.AboveBound(1.0), np.full(40, 1.5)),
        (bets.BelowBound(1.0, 4.0), np.full(40, 0.5)),
    ):
        for block in np.split(samples, 4):
            bet.add(block)
        at_once = type(bet)(1.0) if samples[0] > 1 else type(bet)(1.0, 4.0)
        at_once.add(samples)
        if abs(bet.best - at_once.best) > 1e-9:  # blocks change nothing
            return False
        if bet.against(np.exp(-1.01 * bet.best)) or not bet.against(np.exp(-0.99 * bet.best)):
            return False
    # On the boundary wealth is a martingale: its mean over many runs stays 1.
    high = low = 0.0
    runs = 4000
    for _ in range(runs):
        samples = 2.0 * (rng.random(3) < 0.5)
        above, under = bets.AboveBound(1.0), bets.BelowBound(1.0, 2.0)
        above.add(samples)
        under.add(samples)
        high += np.exp(bets._log_mean_exp(above.log_wealths[None, :])[0]) / runs
        low += np.exp(under.log_wealth) / runs
    if abs(high - 1) > 0.05 or abs(low - 1) > 0.05:
        return False
    exact = bets.lower_limit(np.full(500, 2.0), 1e-3)
    noisy = bets.lower_limit(4.0 * (rng.random(500) < 0.5), 1e-3)
    return 1.9 < exact < 2.0 and 1.2 < noisy < 2.0 and bets.lower_limit(np.zeros(5), 0.1) == 0


BETTING = {
    "stakes of the sign": (
        "samples[:, None] / self.bound - 1",
        "1 - samples[:, None] / self.bound",
    ),
    "stakes twice": (
        "np.log1p(STAKES * (",
        "np.log1p(2 * STAKES * (",
    ),
    "wealth forgotten": (
        "paths = self.log_wealths + np.cumsum",
        "paths = np.cumsum",
    ),
    "the best stake afterwards": (
        "_log_mean_exp(paths))))",
        "paths)))",
    ),
    "a level of sqrt(delta)": (
        "self.best >= math.log(1 / delta)",
        "2 * self.best >= math.log(1 / delta)",
    ),
    "a stake that knows its sample": (
        "sums, squares = self.sum + _before(samples)",
        "sums, squares = self.sum + np.cumsum(samples)",
    ),
    "for the bound": (
        "np.log1p(-stakes * off)",
        "np.log1p(stakes * off)",
    ),
    "stakes beyond ruin": (
        "stakes = np.clip(edge / spread, 0,",
        "stakes = np.clip(edge / spread, -9,",
    ),
    "the mean as its own limit": (
        "low, high = (middle, high) if bet",
        "low, high = (middle, high) if not bet",
    ),
}


def comparison_holds(engine):
    """Both kinds of numbers, all kinds of claims, at and just beyond the boundary."""
    for kind, left, right, violated in (
        ("upper", 1.0, 1.0, False),
        ("upper", 1 + 1e-8, 1.0, True),
        ("lower", 1.0, 1.0, False),
        ("lower", 1 - 1e-8, 1.0, True),
        ("equal", 1.0, 1 + 1e-8, True),
        ("equal", 1 + 1e-8, 1.0, True),
        ("equal", 1.0, 1 + 1e-11, False),
        ("upper", np.array([0.0, 2.0, 0.0]), np.array([1.0, 1.0, 1.0]), True),
        ("lower", np.array([3.0, 0.5]), 1.0, True),
        ("upper", np.array([1e9, 1.01]), np.array([1e9, 1.0]), True),  # beside a large one
        ("upper", Fraction(1) + Fraction(1, 10**30), Fraction(1), True),
        ("lower", Fraction(1) - Fraction(1, 10**30), Fraction(1), True),
        (
            "equal",
            [Fraction(1), Fraction(2)],
            [Fraction(1), Fraction(2) + Fraction(1, 10**30)],
            True,
        ),
        ("equal", [Fraction(1), Fraction(2)], [Fraction(1), Fraction(2)], False),
        ("upper", [Fraction(1), Fraction(3)], [Fraction(2)], True),
        ("upper", 1e-300, 0.0, True),
    ):
        claim = Claim("c", lambda c, v=left: v, lambda c, v=right: v, kind)
        if engine.compare(claim, engine.evaluate(claim, Case("x"))).violated is not violated:
            return False
    for left, right in ((np.nan, 1.0), (1.0, np.inf), (1.0, []), (np.zeros(0), 1.0)):
        claim = Claim("c", lambda c, v=left: v, lambda c, v=right: v)
        try:
            engine.evaluate(claim, Case("x"))
        except engine.TheoryError:
            continue
        return False
    return True


COMPARISON = {
    "upper turned": ("ratio, excess = _share(m, b), m - b", "ratio, excess = _share(m, b), b - m"),
    "lower turned": ("ratio, excess = _share(b, m), b - m", "ratio, excess = _share(b, m), m - b"),
    "an equality one way": ("np.abs(m - b)", "m - b"),
    "any rounding": ("slack = claim.tolerance *", "slack = 1e3 * claim.tolerance *"),
    "one rounding for all entries": (
        "slack = claim.tolerance * np.maximum(np.abs(m), np.abs(b))",
        "slack = claim.tolerance * np.max(np.maximum(np.abs(m), np.abs(b)))",
    ),
    "only the first entry": ("bool(violated.any()),", "bool(violated.flat[0]),"),
    "rationals as floats": ("if _rational(sides.left) and _rational(right):", "if False:"),
    "rational uppers turned": ('"upper": a > b', '"upper": a < b'),
    "rational lowers turned": ('"lower": a < b', '"lower": a > b'),
    "rational equalities": ('"equal": a != b', '"equal": a > b'),
    "NaN and infinity": ("if not np.isfinite(values).all():", "if np.isnan(values).any():"),
    "nothing measured": ("    if not values.size:", "    if False:"),
}


@pytest.mark.parametrize(
    ("module", "battery"),
    [(certificate, certificates_hold), (betting, bets_hold), (sides, comparison_holds)],
    ids=["certificate", "betting", "comparison"],
)
def test_the_kernel_as_it_is_passes(module, battery):
    assert battery(module)


EDITS = [
    *((certificate, certificates_hold, name, *edit) for name, edit in CERTIFICATE.items()),
    *((betting, bets_hold, name, *edit) for name, edit in BETTING.items()),
    *((sides, comparison_holds, name, *edit) for name, edit in COMPARISON.items()),
]


@pytest.mark.parametrize(
    ("module", "battery", "name", "old", "new"), EDITS, ids=[e[2] for e in EDITS]
)
def test_every_mutant_of_the_kernel_is_noticed(module, battery, name, old, new):
    wrong = remade(module, old, new)
    try:
        passed = battery(wrong)
    except Exception:
        passed = False
    assert not passed
