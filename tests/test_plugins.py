"""Packages register rules, problems and guests; a broken one is left out with one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from freqopt._discovery import load_file
from freqopt.errors import RuleError, own_mistake

PROBE = (Path(__file__).parent / "kernels" / "probe.py").read_text()


@pytest.fixture
def installed(tmp_path):
    """Makes packages on a path of their own, and runs Python there."""

    def install(package, entries, **modules):
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(text)
        told = tmp_path / f"{package}-1.0.dist-info"
        told.mkdir()
        (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (told / "entry_points.txt").write_text(entries)

    def run(code):
        whole = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"
        ran = subprocess.run(
            [sys.executable, "-c", whole], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout, ran.stderr

    return install, run


def test_what_packages_register_is_used_by_name_and_a_broken_one_is_left_out(installed):
    install, run = installed
    install("good", "[freqopt.rules]\nprobe = probe:Probe\n", probe=PROBE)
    install(
        "bad",
        "[freqopt.rules]\nadam = probe:Probe\ntwice = twice:One\nfails = fails\n"
        "other = probe:Probe\n"
        "[freqopt.problems]\nfails = fails\n[freqopt.guests]\nfails = fails\n",
        fails="raise SystemExit('no\\nlicence')",
        twice="from probe import Probe\nclass One(Probe): ...\n",
    )
    install("worse", "[freqopt.rules]\ntwice = twice:One\n")
    out, err = run(
        "from freqopt import run\n"
        "from freqopt.crosscheck.guests import guests\n"
        "from freqopt.experiment.store.keys import Keys\n"
        "from freqopt.optimizers import rules\n"
        "from freqopt.problems import problems\n"
        "print('probe' in rules, 'adam' in [*rules], 'twice' in rules, 'pair' in [*problems])\n"
        "print(len(guests) > 10, rules['adam'].__module__, rules['probe'].name())\n"
        "print(rules.outside('probe'), rules.outside('adam'))\n"
        "run('token_quadratic', 'probe', steps=3, backend='numpy')\n"
        "try: rules['twice']\n"
        "except Exception as error: print(error)\n"
    )
    said = out.splitlines()
    assert said[0] == "True True False True"
    assert said[1] == "True freqopt.optimizers.adam probe"
    assert said[2].endswith("probe.py None")
    assert said[3] == (
        "the rule 'twice' is registered by bad and worse; uninstall one of them, or give the path "
        "of a file"
    )
    warned = [line for line in err.splitlines() if "is left out" in line]
    assert len(warned) == 5, err
    assert sum("SystemExit: no licence" in line for line in warned) == 3
    assert "freqopt has a rule of that name; update or uninstall bad" in err
    assert "its file is called probe.py; the entry point has the same name" in err


def test_a_folder_without_init_and_an_import_that_comes_too_late(tmp_path):
    (tmp_path / "ns").mkdir()
    (tmp_path / "ns" / "inner.py").write_text("V = 5\n")
    (tmp_path / "late.py").write_text("")
    file = tmp_path / "own.py"
    file.write_text("import ns.inner\nV = ns.inner.V\ndef f():\n    import late\n")
    module = load_file(file, "rule", RuleError)
    assert module.V == 5
    with pytest.raises(ImportError) as caught:
        module.f()
    assert own_mistake(caught.value).endswith("; import it at the top of the file")
