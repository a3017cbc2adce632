"""The report's page as a text: whole, closed in itself, and with everything that was found."""

import re
from base64 import b64decode
from html.parser import HTMLParser

import pytest

from freqopt.cli import run
from tests.experiment.conftest import SMALL

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Tags that are open, identifiers, and everything that a page points to."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.to, self.tags, self.words = [], [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open += [] if tag in VOID else [tag]
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in ("src", "srcset", "href", "xlink:href", "data", "action", "poster"):
                self.to.append(value)
            self.to += re.findall(r"url\(([^)]*)\)", value or "")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open = self.open[: len(self.open) - (tag not in VOID)]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


@pytest.fixture(scope="module")
def page(report):
    text = report.read_text(encoding="utf-8")
    return text, Page(text)


def test_it_is_well_formed_and_points_to_nothing_outside_itself(page):
    text, read = page
    assert read.open == []
    assert len(set(read.ids)) == len(read.ids)  # also where a figure is there twice
    inside = {f"#{name}" for name in read.ids}
    assert [to for to in read.to if to not in inside and not to.startswith("data:")] == []
    assert sum(to in inside for to in read.to) > 20
    assert not {"script", "iframe", "object", "embed"} & set(read.tags)
    assert "@import" not in text
    for word in ("prefers-color-scheme: dark", "@media print", "width=device-width"):
        assert word in text


def test_it_tells_what_was_run_found_and_not_done(page):
    text, read = page
    words = " ".join(read.words.split())
    for said in (
        "Quick form", "tuned & <small>", "freqopt reproduce --out reproduced",
        "freqopt simulate tuned --quick --results reproduced/results",
        "figure broken: not drawn, because study absent could not run", "HALF-1", "exact EXACT",
        "absent: 'absent' is neither a file nor the name of a study", "choices: what was chosen",
        "steps: to what sgd ends with", "A curve, for the tests.", "points: at the last step",
        "Two studies, one figure.",
        "Not judged:", "Trials have random numbers of their own", "python: 3",
    ):  # fmt: skip
        assert said in words, said
    assert text.count("<figure>") == 3  # two figure files, and where the tuned rules end


def test_the_numbers_of_each_figure_are_in_it(page, report):
    numbers = dict(re.findall(r'download="([^"]*)" href="data:text/csv;base64,([^"]*)"', page[0]))
    assert {"curve.csv", "two.csv", "rules.csv"} == set(numbers)
    for name in ("curve.csv", "two.csv"):
        there = report.parents[1] / "figures" / name
        assert b64decode(numbers[name]) == there.read_bytes()


def test_a_users_own_study_without_any_figure_has_a_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(SMALL)
    assert run(["simulate", "mine.toml", "--jobs", "1"]) == 0
    capsys.readouterr()
    assert run(["report", "mine.toml"]) == 1  # sgd's best rate is at an edge of its grid
    told = capsys.readouterr().out
    assert (
        "index.html: open it in a browser. In it: best rates at an edge, marked ERROR: 2;" in told
    )
    assert "points, " in told
    read = Page((tmp_path / "report" / "index.html").read_text(encoding="utf-8"))
    assert "ERROR: sgd, batch = 1, best rate 0.2 is at the edge" in read.words
    assert "freqopt simulate mine.toml\nfreqopt report mine.toml" in read.words
    assert "Quick form" not in read.words
