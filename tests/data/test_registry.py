import doctest
import importlib
import pkgutil

import pytest

import freqopt.data
from freqopt.data import Ratings, format_names, installed_names, load
from freqopt.errors import DataError
from tests.data.samples import MOVIELENS_1M

MODULES = [module.name for module in pkgutil.walk_packages(freqopt.data.__path__, "freqopt.data.")]


def test_names_are_the_files():
    assert installed_names() == ("gcide", "movielens", "movielens_100k", "python_topics")
    assert "criteo" in format_names()
    for name in format_names():
        module = importlib.import_module(f"freqopt.data.formats.{name}")
        assert callable(module.read)
        assert callable(module.iterate)


def test_load_reads_a_path_or_its_text(write):
    path = write(MOVIELENS_1M)
    for source in (path, str(path)):
        assert isinstance(load(source, format="movielens_1m"), Ratings)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (
            "ml",
            {},
            r"data 'ml' without a format; expected .* \(gcide, movielens, movielens_100k, python",
        ),
        ("ratings.dat", {}, "'ratings.dat' without a format"),
        ("x", {"format": "lines"}, "format 'lines' is unknown; expected one of avazu, criteo"),
        ("x", {"format": 7}, "format 7 is unknown"),
        ("x", {"format": "__init__"}, "format '__init__' is unknown"),
        (
            *("x", {"format": "text", "preset": "dlrm", "limit": 3}),
            "format 'text' was given limit, preset; expected options among words, min_count, order",
        ),
        ("movielens", {"sha256": ""}, "data 'movielens' was given sha256; .* among order"),
        ("movielens", {"order": 1}, "order is 1; expected one of"),
    ],
)
def test_refusals(source, options, message):
    with pytest.raises(DataError, match=message):
        load(source, **options)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    module = importlib.import_module(name)
    assert not doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    found = [
        t for name in MODULES for t in finder.find(importlib.import_module(name)) if t.examples
    ]
    assert len(found) >= 3
