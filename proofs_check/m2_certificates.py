r"""M2: linear convergence for any selection, by rational certificates

Source
    derived here (docs/theory/memory.md, M2).
Problem
    min f, mu-strongly convex and L-smooth, any dimension; L = 1, mu = 1/kappa.
Algorithm
    x_{t+1} = x_t [+ beta (x_t - x_{t-1})] - (a point of the hull of eta times each of the K+1
    newest gradients), chosen at each step by anybody; started at a constant history.
Assumptions
    f in F(mu, L); ages at most K. The certificates of a condition number cover all smaller ones.
Statement
    |x_t - x*|^2 <= rho^t V_0 with, for eta = 1/(2(K+1)), at least 99 % of the contraction 1 - rho
    of gradient descent with the same step: K = 1, 2, 3 and kappa = 2, 10, 50, 200; K = 4, 5 and
    kappa = 10, 50. Also: steps of 0.9, 0.55, 0.39, 0.30, 0.25 for K = 1 .. 5 (kappa = 10); one
    certificate for all steps in [1/100, 2/5], varying in time; weights >= -1/10 of sum 1; heavy
    ball.
Beware
    "No matter which gradients are kept and how they are combined" needs bounded age, a positive
    total weight and a step tied to K: see LIMIT-PERIODIC.
Checks
    certificate: every stored file, in exact rational arithmetic by a checker that imports the
    standard library only; files that break one condition each are refused for that condition;
    search (needs cvxpy): false claims have no certificate.
Literature
    The semidefinite solver is not trusted: it only proposes.
"""

import json
from fractions import Fraction
from pathlib import Path
from unittest import mock

from freqopt.theory import Check, Mutant, Theorem, Verdict, Word, certificate
from freqopt.theory.certificate import RefusedError, check
from freqopt.theory.engines.atlas import cells, pace
from freqopt.theory.engines.certify import Method, sealed, search, selection

FOLDER = Path(__file__).parent / "certificates"
FAMILIES = {
    "selection": "99 % of gradient descent's rate",
    "largest": "steps near the stability limit",
    "steps": "ranges of steps and of weights",
    "momentum": "heavy ball",
}


def refuted(cell, note):
    witness = f"{cell.name}.json"
    return Verdict("", "", "", Word.REFUTED, kind="certificate", witness=witness, note=note)


def examined(family, change, checker):
    """Check every stored certificate of a family, and that it proves what its name says."""

    def run(context):
        share, proved = Fraction(1), 0
        for cell in cells():
            if cell.name.split("_")[0] != family:
                continue
            text = (FOLDER / f"{cell.name}.json").read_text(encoding="ascii")
            try:
                claim = checker(change(text) if change else text)
            except RefusedError as refused:
                return refuted(cell, str(refused))
            method = cell.method
            proves = (claim["mu"], claim["L"], claim["K"], claim["vertices"])
            wanted = [(list(a), list(b)) for a, b in method.vertices]
            if proves != (method.mu, method.L, method.K, wanted):
                return refuted(cell, "it proves another claim than its name's")
            proved += 1
            if family == "selection":
                share = min(share, (1 - claim["rho"]) / (1 - pace(method, Fraction(1))))
        paced = {"measured": float(share), "bound": 0.99} if family == "selection" else {}
        word = Word.CERTIFIED if share >= Fraction(99, 100) else Word.REFUTED
        note = f"{proved} certificates checked exactly"
        return Verdict("", "", "", word, kind="certificate", note=note, **paced)

    return run


HALF, ALMOST = Fraction(1, 2), Fraction("999999/1000000")
FALSE_CLAIMS = {
    "faster than the quadratic lower bound": (1, Fraction("9015/10000"), selection(1, HALF)),
    "a step above the stability limit": (2, ALMOST, selection(2, Fraction(6, 10))),
    "weight -1/2 at step 1": (1, ALMOST, selection(1, Fraction(1), spread=HALF)),
    "total weight 0": (1, ALMOST, (((1, 0), (HALF, -HALF)), ((1, 0), (HALF, 0 * HALF)))),
}


def no_false_certificate(context):
    for name, (K, rho, vertices) in FALSE_CLAIMS.items():
        if search(Method(Fraction(1, 10), Fraction(1), K, vertices), rho) is not None:
            return Verdict("", "", "", Word.REFUTED, kind="certificate", witness=name)
    note = f"none for {len(FALSE_CLAIMS)} false claims"
    return Verdict("", "", "", Word.EXACT, kind="certificate", note=note)


def refusals(checker):
    """Certificates that break one condition each: is each refused, and for that condition?"""

    def run(context):
        for name, (cell, change, condition) in BROKEN.items():
            text = (FOLDER / f"{cell}.json").read_text(encoding="ascii")
            try:
                checker(change(text))
            except RefusedError as refused:
                if condition in str(refused):
                    continue
                note = f"{name}: refused, but for {refused}"
            else:
                note = f"{name}: accepted"
            return Verdict("", "", "", Word.REFUTED, kind="certificate", witness=name, note=note)
        note = f"{len(BROKEN)} broken files"
        return Verdict("", "", "", Word.EXACT, kind="certificate", note=note)

    return run


def theorem(change=None, checker=check):
    """Parts: what is done to every certificate before it is checked; the checker."""
    return Theorem(
        checks=(
            *(
                Check("certificate", claim, examined(family, change, checker))
                for family, claim in FAMILIES.items()
            ),
            Check("certificate", "refused for the right reason", refusals(checker)),
            Check("search", "false claims", no_false_certificate, needs="cvxpy"),
        )
    )


def digit(text):
    """One digit of P is changed, by less than the proof's margin."""
    place = text.index('"P"') + text[text.index('"P"') :].index("/") - 1
    return text[:place] + str((int(text[place]) + 5) % 10) + text[place + 1 :]


def edited(change):
    """The certificate with its content changed and its digest made anew."""

    def edit(text):
        document = json.loads(text)
        change(document)
        return sealed(document)

    return edit


def scaled(key, factor):
    def change(document):
        document[key] = str(Fraction(document[key]) * factor)

    return edited(change)


def longer(document):
    row = document["vertices"][-1]["g"]
    row[:] = [str(Fraction(v) * Fraction(3, 2)) for v in row]


def other_multiplier(document):
    weights = document["vertices"][0]["multipliers"]
    first = min(weights)
    weights[first] = str(Fraction(weights[first]) * Fraction(11, 10))


def negative_multiplier(document):
    weights = document["vertices"][0]["multipliers"]
    weights[min(weights)] = "-1"


def bare_number(document):
    document["L"] = 1


def smaller_memory(document):
    document["K"] = str(int(document["K"]) - 1)


def coupled_more(document):
    """Off the diagonal only: P has a negative direction."""
    P = document["P"]
    P[0][1] = P[1][0] = str(Fraction(P[0][0]) + Fraction(P[1][1]))


def flatter(document):
    document["P"] = [[str(Fraction(v) / 10**6) for v in row] for row in document["P"]]


def one_sided(document):
    document["P"][0][1] = str(Fraction(document["P"][0][1]) + 1)


def heavier(document):
    document["vertices"][0]["x"][0] = "2"


BROKEN = {  # what is wrong: (file, change, the condition that fails)
    "a changed digit": ("selection_K1_kappa10", digit, "was not changed"),
    "a negative multiplier": (
        "selection_K1_kappa10",
        edited(negative_multiplier),
        "no negative multiplier",
    ),
    "a multiplier + 10 %": (
        "selection_K1_kappa10",
        edited(other_multiplier),
        "f-values that cancel",
    ),
    "P indefinite": ("selection_K1_kappa10", edited(coupled_more), "P positive semidefinite"),
    "P not symmetric": ("selection_K1_kappa10", edited(one_sided), "P symmetric"),
    "V below |x|^2": ("selection_K1_kappa10", edited(flatter), "V - |x|^2 positive semidefinite"),
    "too fast": ("noise_K0", scaled("rho", Fraction(99, 100)), "the decrease of V positive"),
    "iterates weighed 2": ("selection_K1_kappa10", edited(heavier), "sum to 1"),
}


def without(condition):
    """The checker with one of its conditions not looked at."""
    look = certificate.need

    def need(holds, expected):
        look(holds or condition in expected, expected)

    def checker(text):
        with mock.patch.object(certificate, "need", need):
            return check(text)

    return checker


CONDITIONS = (
    "was not changed",
    "no negative multiplier",
    "f-values that cancel",
    "positive semidefinite",
    "sum to 1",
)

MUTANTS = {
    **{
        f"checker without: {condition}": Mutant("implementation", checker=without(condition))
        for condition in CONDITIONS
    },
    "a changed digit": Mutant("proof", change=digit),
    "rho 1 % faster": Mutant("statement", change=scaled("rho", Fraction(99, 100))),
    "L = 2": Mutant("statement", change=scaled("L", 2)),
    "mu twice as large": Mutant("statement", change=scaled("mu", 2)),
    "steps 1.5 x at one vertex": Mutant("statement", change=edited(longer)),
    "a multiplier + 10 %": Mutant("proof", change=edited(other_multiplier)),
    "a negative multiplier": Mutant("proof", change=edited(negative_multiplier)),
    "truncated": Mutant("proof", change=lambda text: text[: len(text) // 2]),
    "a bare number": Mutant("proof", change=edited(bare_number)),
    "a smaller memory": Mutant("statement", change=edited(smaller_memory)),
}
