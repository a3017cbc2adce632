"""The exact checker: sound on what it accepts, deaf to everything that is not a certificate."""

import copy
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import freqopt.theory.certificate as kernel
from freqopt.theory.certificate import RefusedError, check, digest
from freqopt.theory.engines.atlas import cells

FOLDER = Path(__file__).parents[2] / "proofs_check" / "certificates"
SMALL = "selection_K1_kappa10"


def document(name=SMALL):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="ascii"))


def sealed(d):
    content = {k: v for k, v in d.items() if k != "sha256"}
    return json.dumps({**content, "sha256": digest(content)})


def test_every_stored_certificate_proves_the_claim_of_its_cell():
    stored = {path.stem for path in FOLDER.glob("*.json")}
    wanted = {cell.name: cell.method for cell in cells()}
    assert stored == set(wanted)
    for name, method in wanted.items():
        claim = check((FOLDER / f"{name}.json").read_text(encoding="ascii"))
        assert (claim["mu"], claim["L"], claim["K"]) == (method.mu, method.L, method.K)
        assert claim["vertices"] == [(list(a), list(b)) for a, b in method.vertices]


def test_it_runs_alone_with_the_standard_library_only(tmp_path):
    imported = Path(kernel.__file__).read_text().split("Form = ")[0]
    modules = {
        line.split()[1] for line in imported.splitlines() if line.startswith(("import", "from"))
    }
    assert modules <= set(sys.stdlib_module_names)
    command = [sys.executable, "-I", "-S", kernel.__file__]
    good = FOLDER / f"{SMALL}.json"
    done = subprocess.run([*command, str(good)], capture_output=True, text=True, check=False)
    assert (done.returncode, "proved, K = 1" in done.stdout) == (0, True)
    bad = tmp_path / "bad.json"
    bad.write_text(good.read_text()[:-100])
    done = subprocess.run([*command, str(bad)], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "RefusedError" in done.stderr


def test_every_changed_digit_is_refused():
    text = (FOLDER / f"{SMALL}.json").read_text(encoding="ascii")
    places = [i for i, c in enumerate(text) if c.isdigit()]
    for i in places:
        changed = text[:i] + str((int(text[i]) + 1) % 10) + text[i + 1 :]
        with pytest.raises(RefusedError):
            check(changed)
    assert len(places) > 500


def test_a_changed_multiplier_is_refused_by_the_proof_itself():
    """Without the digest: f-values cancel exactly or not at all."""
    rng, d = np.random.default_rng(0), document("selection_K3_kappa50")
    for _ in range(60):
        changed = copy.deepcopy(d)
        weights = changed["vertices"][rng.integers(4)]["multipliers"]
        key = sorted(weights)[rng.integers(len(weights))]
        weights[key] = str(Fraction(weights[key]) * Fraction(int(rng.choice([5, 9, 11, 20])), 10))
        with pytest.raises(RefusedError):
            check(sealed(changed))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.update(rho=str(Fraction(d["rho"]) - Fraction(1, 100))), "cancel"),
        (lambda d: d.update(rho="1"), "rho < 1"),
        (lambda d: d.update(mu="2"), "mu < L"),
        (lambda d: d["vertices"][1].update(g=["0", "2"]), "semidefinite"),
        (lambda d: d["vertices"][0].update(x=["2", "0"]), "sum to 1"),
        (lambda d: d["P"][0].__setitem__(0, "-1"), "P positive semidefinite"),
        (lambda d: d["P"][0].__setitem__(1, "7"), "P symmetric"),
        (lambda d: d["tau"].__setitem__(0, "-1"), "negative tau"),
        (lambda d: d["vertices"][0]["multipliers"].update({"0,-1": "-1"}), "negative multiplier"),
    ],
)
def test_an_unsound_claim_is_refused_by_the_proof_itself(change, reason):
    d = document()
    change(d)
    with pytest.raises(RefusedError, match=reason):
        check(sealed(d))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("P"),
        lambda d: d.pop("vertices"),
        lambda d: d.update(vertices=[]),
        lambda d: d.update(vertices={}),
        lambda d: d.update(vertices=d["vertices"] * 40),
        lambda d: d.update(K=1),
        lambda d: d.update(K="9"),
        lambda d: d.update(K="1.0"),
        lambda d: d.update(K=["1"]),
        lambda d: d.update(mu=0.1),
        lambda d: d.update(mu=None),
        lambda d: d.update(mu="1/0"),
        lambda d: d.update(mu="1e-1"),
        lambda d: d.update(mu=" 1/10"),
        lambda d: d.update(mu="1/10\n"),
        lambda d: d.update(mu="\u0661/10"),
        lambda d: d.update(mu="1" + "0" * 400),
        lambda d: d.update(rho="nan"),
        lambda d: d.update(P=d["P"][:2]),
        lambda d: d.update(P=[row[:2] for row in d["P"]]),
        lambda d: d.update(P="PPP"),
        lambda d: d.update(c=[]),
        lambda d: d.update(tau=["0"]),
        lambda d: d.update(positive=[]),
        lambda d: d.update(positive={"0,0": "1"}),
        lambda d: d.update(positive={"5,1": "1"}),
        lambda d: d.update(positive={"a": "1"}),
        lambda d: d["vertices"][0].pop("g"),
        lambda d: d["vertices"].__setitem__(0, "x"),
        lambda d: d["vertices"][0].update(multipliers=3),
        lambda d: d.update(format="freqopt certificate 2"),
    ],
)
def test_a_malformed_certificate_is_refused_not_evaluated(change):
    d = document()
    change(d)
    with pytest.raises(RefusedError):
        check(sealed(d))


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "3", '"x"', "{}", "{", "NaN", "[" * 100_000, "x" * 3_000_000,
        '{"K": ' + "9" * 10_000 + "}",
    ],
)  # fmt: skip
def test_other_texts_are_refused(text):
    with pytest.raises(RefusedError):
        check(text)


def test_the_proved_value_bounds_a_worst_case_run():
    """V_t >= |x_t|^2 and V_{t+1} <= rho V_t on quadratics under adversarial delays, numerically."""
    name = "selection_K2_kappa10"
    claim, d = check((FOLDER / f"{name}.json").read_text(encoding="ascii")), document(name)
    P, c = (
        np.array([[float(Fraction(v)) for v in r] for r in d["P"]]),
        [float(Fraction(v)) for v in d["c"]],
    )
    rho, eta, rng = float(claim["rho"]), 1 / 6, np.random.default_rng(1)
    for h in (0.1, 0.4, 1.0):
        x = [1.0] * 3  # newest first, constant history
        for _ in range(60):
            z = np.array([*x, *(h * v for v in x[1:])])
            V = z @ P @ z + sum(w * h * v**2 / 2 for w, v in zip(c, x[1:], strict=True))
            new = x[0] - eta * h * x[rng.integers(3)]
            after = np.array([new, x[0], x[1], h * x[0], h * x[1]])
            W = after @ P @ after + sum(w * h * v**2 / 2 for w, v in zip(c, x[:2], strict=True))
            assert x[0] ** 2 * (1 - 1e-9) <= V
            assert rho * V * (1 + 1e-9) >= W
            x = [new, x[0], x[1]]
