"""`verify` on good and bad files: every mistake is one line, and the others still run."""

import json

import pytest

from freqopt.errors import TheoryError
from freqopt.theory import Word, verify

DOCSTRING = '''"""X-1: {title}

Source
    derived here.
Problem
    p
Algorithm
    a
Assumptions
    none
Statement
    measured <= bound
Checks
    exact
Literature
    none
"""
'''
GOOD = DOCSTRING.format(title="a theorem")
BODY = """
import math
import sympy as sp
from freqopt.theory import *

x = sp.Symbol("x", positive=True)


def theorem(constant=1, measured=lambda case: case.x / 2, fails=False):
    claim = Claim(
        "half", measured, Bound(constant * x),
        instances=lambda quick: [Case("one", x=1.0), Case("two", x=2.0)],
    )
    return Theorem(
        claims=(claim,),
        assumptions=(Assumption("x < 9", lambda case: case.x is not None and not fails),),
    )


MUTANTS = {"a third": Mutant("statement", constant=sp.Rational(1, 3))}
"""


CHECK = 'checks=(Check("own", "mine", lambda context: {}),), '
LIE = 'Verdict("", "", "", Word.EXACT, measured=2.0, bound=1.0)'
LOW = 'Verdict("", "", "", Word.EXACT, kind="lower", measured=1.0, bound=2.0)'
NAN = 'Verdict("", "", "", Word.EXACT, measured=math.nan)'


@pytest.fixture
def write(tmp_path):
    def write(name, body=BODY, docstring=GOOD):
        path = tmp_path / name
        path.write_text(docstring + body)
        return path

    return write


def test_a_good_file(write):
    report = verify([write("good.py")], mutants=True, jobs=1)
    (row,) = report.rows
    assert (row.theorem, row.word, row.ratio) == ("X-1", Word.EXACT, 0.5)
    (mutant,) = report.mutants
    assert mutant.killed_by == ("exact",)
    assert report.exit_code == 0
    assert json.loads(report.to_json())["rows"][0]["word"] == "EXACT"
    assert report.words("X-1") == {"exact": Word.EXACT}


def test_a_surviving_mutant_fails_the_run(write):
    path = write("loose.py", BODY.replace("sp.Rational(1, 3)", "sp.Rational(2, 3)"))
    report = verify([path], mutants=True, jobs=1)
    assert [m.mutant for m in report.survivors] == ["a third"]
    assert report.exit_code == 1
    assert verify([path], jobs=1).exit_code == 0  # mutants were not asked for


def test_a_full_run_goes_on_where_a_quick_one_sees_nothing_of_a_mutant(write):
    """x^2/2 <= c x holds at x = 1 for c = 1/2, and fails at x = 2, which a full run has alone."""
    body = BODY.replace("case.x / 2", "case.x**2 / 2").replace(
        "sp.Rational(1, 3)", "sp.Rational(1, 2)"
    )
    body = body.replace('Case("two", x=2.0)', '*([] if quick else [Case("two", x=2.0)])')
    path = write("later.py", body)
    assert [m.mutant for m in verify([path], mutants=True).survivors] == ["a third"]
    report = verify([path], mutants=True, quick=False)
    assert not report.survivors
    assert [m.killed_by for m in report.mutants] == [("exact",)]


def test_what_only_a_quick_run_does_not_say_is_no_notice(write):
    """Without an instance in a quick run the claim is VACUOUS there, true or not."""
    body = BODY.replace(
        '[Case("one", x=1.0), Case("two", x=2.0)]', '[] if quick else [Case("a", x=1.0)]'
    )
    path = write("late.py", body.replace("sp.Rational(1, 3)", "2"))
    (survivor,) = verify([path], mutants=True, quick=False).survivors
    assert survivor.killed_by == ()


def test_a_mutant_beyond_the_assumptions_is_not_noticed(write):
    body = BODY.replace('"statement", constant=sp.Rational(1, 3)', '"statement", fails=True')
    report = verify([write("beyond.py", body)], mutants=True, jobs=1)
    assert report.mutants[0].cells == {"exact": "INAPPLICABLE"}
    assert [row.mutant for row in report.survivors] == ["a third"]


def test_beside_a_survivor_stands_what_was_left_out(write):
    check = (
        'checks=(Check("solver", "every case", lambda context: None, needs="no_such_package"),), '
    )
    body = BODY.replace("assumptions=", check + "assumptions=").replace(
        "Rational(1, 3)", "Rational(2)"
    )
    report = verify([write("left.py", body)], mutants=True, jobs=1)
    assert report.exit_code == 1
    told = report.failures["X-1 mutant 'a third'"]
    assert "left out: solver: every case: needs no_such_package" in told
    assert "pip install" in told


def test_a_mutant_declared_true_must_not_be_refuted(write):
    weaker = BODY.replace('Mutant("statement", ', 'Mutant("statement", weaker="2 > 1", ')
    true = write("true.py", weaker.replace("sp.Rational(1, 3)", "2"))
    assert verify([true], mutants=True, jobs=1).exit_code == 0
    false = write("false.py", weaker)
    report = verify([false], mutants=True, jobs=1)
    assert report.mutants[0].mislabelled
    assert report.exit_code == 1


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (BODY.replace("constant=1,", "constant=sp.Rational(1, 3),"), Word.REFUTED),
        (BODY.replace("fails=False", "fails=True"), Word.INAPPLICABLE),
    ],
)
def test_a_false_or_inapplicable_statement_fails_the_run(write, body, word):
    report = verify([write("bad.py", body)], jobs=1)
    assert [row.word for row in report.rows] == [word]
    assert report.exit_code == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise RuntimeError('boom')", "RuntimeError: boom"),
        ("def theorem(:", "SyntaxError"),
        ("x = 1", "defines no function theorem"),
        (BODY.split("MUTANTS", maxsplit=1)[0], "has no mutants"),
        (BODY.split("MUTANTS", maxsplit=1)[0] + "MUTANTS = {'a': 3}", "has no mutants"),
        (BODY.replace('t("statement", ', 't("statement", weaker=True, '), 'as in weaker="2 > 8/7"'),
        (BODY.replace("case.x / 2", "math.nan"), "measured side is NaN"),
        (BODY.replace("case.x / 2", "case.y"), "has no 'y'"),
        (
            BODY.replace("case.x / 2", "[1.0, 2.0, 3.0]").replace(
                "x=1.0", "x=__import__('numpy').ones(2)"
            ),
            "measures",
        ),
        (BODY.replace("return Theorem(", "return dict("), "returned a dict"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        (
            BODY.replace("assumptions=", CHECK.format("None") + "assumptions="),
            "returned a NoneType",
        ),
        (BODY.replace("assumptions=", CHECK.format(NAN) + "assumptions="), "measured = NaN"),
        *(
            (BODY.replace("assumptions=", CHECK.format(given) + "assumptions="), told)
            for given, told in (
                (LIE, "2 <= 1, which is false"),
                (LOW, "1 >= 2, which is false"),
                (LIE.replace("Word.EXACT", "'exact'"), "says 'exact'; known: REFUTED"),
                (LIE.replace("measured=2.0, bound=1.0", "delta=0.5"), "pass on `context.delta`"),
                (LIE.replace("measured=2.0, bound=1.0", "lefts=(('d', 0, 0),)"), "no claim: 'd'"),
            )
        ),
    ],
)
def test_a_bad_file_is_one_line_and_the_others_run(write, body, message):
    good = write("good.py", docstring=GOOD.replace("X-1", "X-2"))
    report = verify([write("bad.py", body), good], jobs=1)
    (problem,) = report.problems
    assert problem.path.endswith("bad.py")
    assert message in problem.message
    assert "\n" not in problem.message
    assert [row.theorem for row in report.rows if row.theorem == "X-2"]
    assert report.exit_code == 1


@pytest.mark.parametrize(
    ("docstring", "message"),
    [
        ("", "the docstring begins ''"),
        ('"""No id here"""\n', "expected 'ID: title'"),
        (
            DOCSTRING.format(title="t").replace("Literature", "Books"),
            "lacks the heading 'Literature'",
        ),
        (DOCSTRING.format(title="t").replace("derived here", "Li et al."), "Source begins"),
    ],
)
def test_a_docstring_out_of_form_is_named(write, docstring, message):
    (problem,) = verify([write("bad.py", docstring=docstring)], jobs=1).problems
    assert message in problem.message


def test_a_claim_without_instances_is_listed(write):
    body = BODY.replace('[Case("one", x=1.0), Case("two", x=2.0)]', "[]")
    (problem,) = verify([write("empty.py", body)], jobs=1).problems
    assert "claim 'half' has no instance" in problem.message
    later = BODY.replace("lambda quick: [", "lambda quick: [] if quick else [")
    report = verify([write("later.py", later)], jobs=1)
    assert ("claim half", "no instances in this run") in [
        (item.check, item.reason) for item in report.not_verified
    ]
    (row,) = report.rows
    assert (row.word, row.failed, report.exit_code) == (Word.VACUOUS, True, 1)
    why = later.replace("assumptions=", 'allowed={"half": "an hour for each"}, assumptions=')
    assert verify([write("later.py", why)], jobs=1).exit_code == 0


def test_two_files_with_one_id_are_named(write):
    (problem,) = verify([write("a.py"), write("b.py")], jobs=1).problems
    assert problem.path.endswith("b.py")
    assert "its id 'X-1' is that of" in problem.message


def test_a_mutant_that_raises_is_a_problem_not_a_kill(write):
    path = write("raises.py", BODY.replace("constant=sp.Rational(1, 3)", "nothing=1"))
    report = verify([path], mutants=True, jobs=1)
    assert "mutant 'a third' TypeError" in report.problems[0].message
    assert report.exit_code == 1


def test_unknown_paths_and_options_are_refused(tmp_path, write):
    with pytest.raises(TheoryError, match="does not exist"):
        verify([tmp_path / "none.py"])
    with pytest.raises(TheoryError, match="holds no theorem file"):
        verify([tmp_path])
    path = write("good.py")
    for options in ({"budget": 0}, {"budget": 1.0}, {"seed": -1}, {"seed": True}, {"jobs": 0}):
        with pytest.raises(TheoryError):
            verify([path], **options)


def test_processes_change_nothing(write):
    paths = [write("a.py"), write("b.py", docstring=GOOD.replace("X-1", "X-2"))]
    one, two = verify(paths, mutants=True, jobs=1), verify(paths, mutants=True, jobs=2)
    strip = lambda report: [(r.theorem, r.word, r.ratio) for r in report.rows]  # noqa: E731
    assert strip(one) == strip(two)
    assert [m.killed_by for m in one.mutants] == [m.killed_by for m in two.mutants]
