"""Figures: from results to files, the same bytes every time."""

import csv
import json
import math
import re
import shutil

import numpy as np
import pyarrow as pa
import pytest

from freqopt.cli import run
from freqopt.crosscheck.guests import guests
from freqopt.errors import FigureError
from freqopt.report.agreement_page import Row
from freqopt.report.figure import FigureFile, make, read_csv, write_csv
from tests.cli.conftest import FIGURE


def test_a_figure_is_svg_pdf_and_the_data_it_shows(here, capsys):
    run(["simulate", "small", "--quick", "--jobs", "1"])
    capsys.readouterr()
    assert run(["figures", "curve", "--quick", "--out", "out"]) == 0
    assert capsys.readouterr().out.split() == ["out/curve.csv", "out/curve.svg", "out/curve.pdf"]
    with (here / "out" / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["rule"] for row in rows} == {"sgd", "counted"}
    assert (here / "out" / "curve.pdf").read_bytes().startswith(b"%PDF")
    assert "sgd" in (here / "out" / "curve.svg").read_text()


def test_equal_data_give_equal_bytes_also_redrawn_from_the_csv(here):
    run(["simulate", "small", "--quick", "--jobs", "1"])
    for out in ("one", "two"):
        assert run(["figures", "--quick", "--out", out]) == 0
    files = ("curve.csv", "curve.svg", "curve.pdf")
    first = {name: (here / "one" / name).read_bytes() for name in files}
    assert first == {name: (here / "two" / name).read_bytes() for name in files}
    for name in files[1:]:
        (here / "two" / name).unlink()
    shutil.rmtree(here / "results")
    assert run(["figures", "--reuse-data", "--out", "two"]) == 0
    assert first == {name: (here / "two" / name).read_bytes() for name in files}


def test_csv_keeps_every_digit_and_every_kind(tmp_path):
    columns = {
        "step": np.array([0, 10**15]),
        "value": np.array([1 / 3, math.inf]),
        "whole": np.array([1.0, 2.0]),
        "absent": [None, 2.5],
        "text": ["a, b", 'say "x"'],
    }
    write_csv(tmp_path / "x.csv", "x", columns)
    back = read_csv(tmp_path / "x.csv")
    assert {name: values.dtype.kind for name, values in back.items()} == {
        "step": "i", "value": "f", "whole": "f", "absent": "f", "text": "U",
    }  # fmt: skip
    for name in ("step", "value", "whole", "text"):
        assert back[name].tolist() == list(columns[name])
    assert math.isnan(back["absent"][0])
    write_csv(tmp_path / "y.csv", "y", pa.table({"a": [1, 2]}))
    assert read_csv(tmp_path / "y.csv")["a"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("STUDIES = ()\n", "has no data and no draw"),
        (FIGURE.replace('("small",)', '"small"'), "has no tuple STUDIES"),
        ("def broken(:\n", "cannot be imported"),
        ("import no_such_package_at_all\n", "cannot be imported"),
    ],
)
def test_a_file_that_is_no_figure_says_so(tmp_path, text, message):
    (tmp_path / "f.py").write_text(text)
    with pytest.raises(FigureError, match=message):
        FigureFile.read(tmp_path / "f.py")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "expected one length"),
        ({"a": [1], "b": [1, 2]}, "expected one length"),
        ({"a": ["\ud800"]}, "gave what is no text"),
    ],
)
def test_data_that_are_no_table_are_refused(tmp_path, data, said):
    (tmp_path / "f.py").write_text(FIGURE)
    figure = FigureFile.read(tmp_path / "f.py")
    ragged = FigureFile(figure.path, "", (), lambda results: data, figure.draw)
    with pytest.raises(FigureError, match=said):
        make(ragged, {}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unwritable_folder_is_a_message(here, capsys):
    run(["simulate", "small", "--quick", "--jobs", "1"])
    (here / "taken").write_text("a file")
    assert run(["figures", "curve", "--quick", "--out", "taken"]) == 2
    assert "choose another folder with --out" in capsys.readouterr().err


def test_reproduce_runs_what_figures_need_and_draws_them(here, capsys, monkeypatch):
    assert run(["reproduce", "--jobs", "1", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert [report["runs"] for report in done["studies"]] == [4]
    assert done["written"]["curve"] == [
        f"reproduced/figures/curve.{kind}" for kind in ("csv", "svg", "pdf")
    ]
    for path in done["written"]["curve"]:
        assert (here / path).is_file()
    judged = {row["guest"] for row in done["agreement"]}
    assert judged == {name for name, guest in guests.items() if guest.library.present}
    lacking = [name for name in guests if name not in judged]
    assert all(any(f" {name}" in line for line in done["absent"]) for name in lacking)
    page = (here / "reproduced" / "agreement.md").read_text()
    assert all(f"| {name} |" in page for name in judged)
    assert all(line in page for line in done["absent"])
    monkeypatch.setattr("freqopt.cli.reproduce.rows", lambda quick: iter(()))
    assert run(["reproduce", "--jobs", "1", "--full"]) == 0
    assert "12 runs and 1 figures in reproduced" in capsys.readouterr().out


def test_reproduce_tells_of_a_guest_that_does_not_agree(here, capsys, monkeypatch):
    told = Row("a.B", "sgd", "the defaults", "float32", "1.0", 3, 99.0, 8.0, "step 1, row 0")
    monkeypatch.setattr("freqopt.cli.reproduce.rows", lambda quick: iter([told]))
    (here / "reproduced").mkdir()
    (here / "reproduced" / "agreement.md").mkdir()
    assert run(["reproduce", "--jobs", "1"]) == 2
    printed = capsys.readouterr()
    assert "a.B in float32: step 1, row 0" in printed.err
    assert "agreement.md: not written" in printed.err
    assert "0 of 1 lines agree" in printed.out


def test_reproduce_goes_on_without_a_study_that_cannot_run(here, capsys):
    """As where its data are an extra that is not installed."""
    (here / "simulations" / "lacking.py").write_text(
        "from freqopt.errors import DataError\nfrom freqopt.problems.token_quadratic import "
        "TokenQuadratic\n\n\nclass Lacking(TokenQuadratic):\n    @property\n"
        "    def constants(self):\n        raise DataError("
        "\"the data are not installed; pip install '.[movielens]'\")\n"
    )
    text = (here / "simulations" / "small.toml").read_text()
    (here / "simulations" / "real.toml").write_text(text.replace("token_quadratic", "lacking.py"))
    (here / "figures" / "another.py").write_text(FIGURE.replace("small", "real"))
    assert run(["reproduce", "--jobs", "1"]) == 2
    printed = capsys.readouterr()
    assert "pip install '.[movielens]'" in printed.err
    assert "figure another: not drawn, because study real could not run" in printed.err
    assert "4 runs and 1 figures" in printed.out
    assert (here / "reproduced" / "figures" / "curve.svg").is_file()
    assert not (here / "reproduced" / "figures" / "another.svg").exists()


def test_a_bug_in_one_figure_does_not_stop_the_others(here, capsys):
    (here / "figures" / "buggy.py").write_text(FIGURE.replace("axes.legend()", "axes.legendary()"))
    assert run(["reproduce", "--jobs", "1"]) == 2
    printed = capsys.readouterr()
    assert "draw() of the figure file figures/buggy.py failed: line 19, `axes.leg" in printed.err
    assert "mend the file" in printed.err
    assert "Traceback" not in printed.err
    assert (here / "reproduced" / "figures" / "curve.svg").is_file()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("STUDIES", "x = 1 / 0\nSTUDIES", r"imported: line 5, `x = 1 / 0`: ZeroDivisionError"),
        ("STUDIES", "def (\nSTUDIES", "imported: line 5: SyntaxError: "),
        ("import matplotlib", "import matplot", r"imported: line 3, `import mat.*: ModuleNotFound"),
        ("STUDIES", "raise SystemExit\nSTUDIES", "imported: line 5, `raise SystemExit`"),
        ('STUDIES = ("small",)', "STUDIES = 5", "has no tuple STUDIES"),
        ('STUDIES = ("small",)', 'STUDIES = ("small", 5)', "has no tuple STUDIES"),
        ("return figure", "return None", r"draw\(\) .* returned NoneType, expected a Matplotlib"),
        ("axes.legend()", 'axes.set_title("$\\\\frac$")', r"draw\(\) of .*another\.py failed"),
        ("return {name", "return 5, {name", r"data\(\) of figure another gave \(5"),
        ("return {name", "return 5  # ", r"data\(\) of figure another gave 5; expected columns"),
        ("return {name: [r", 'return {"a": 5} or {name: [r', r"gave {'a': 5}; expected columns"),
        ('results["small"]', 'results["large"]', r"line 9, `rows = .*KeyError: 'large'"),
    ],
)
def test_a_broken_figure_file_is_named_and_the_others_are_drawn(here, capsys, old, new, message):
    assert old in FIGURE
    (here / "figures" / "another.py").write_text(FIGURE.replace(old, new, 1))
    assert run(["reproduce", "--jobs", "1"]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert "another.py" in error or "figure another" in error
    assert "Traceback" not in error
    assert (here / "reproduced" / "figures" / "curve.svg").is_file()
    assert not (here / "reproduced" / "figures" / "another.svg").exists()


def test_list_shows_a_figure_that_cannot_be_read(here, capsys):
    (here / "figures" / "another.py").write_text("def (")
    assert run(["list", "--json"]) == 0
    assert "cannot be read" in json.loads(capsys.readouterr().out)["figures"]["another"]


@pytest.mark.parametrize("place", ["", "simulations/"])
def test_a_figures_own_studies_are_found_beside_it(place, here):
    (here / "simulations" / "small.toml").rename(here / "mine.toml")
    own = here / "project" / "figures"
    own.mkdir(parents=True)
    study = (own if not place else own.parent / "simulations") / "mine.toml"
    study.parent.mkdir(exist_ok=True)
    (here / "mine.toml").rename(study)
    text = (here / "figures" / "curve.py").read_text()
    (own / "curve.py").write_text(text.replace("small", "mine"))
    assert run(["simulate", str(study), "--quick", "--jobs", "1"]) == 0
    assert run(["figures", "project/figures/curve.py", "--quick", "--out", "out"]) == 0
    assert (here / "out" / "curve.svg").exists()
