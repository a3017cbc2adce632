"""Every example in a docstring of the streams runs and prints what it says."""

import doctest
import importlib
import pkgutil

import pytest

import freqopt.streams

MODULES = [module.name for module in pkgutil.iter_modules(freqopt.streams.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(f"freqopt.streams.{name}")
    assert doctest.testmod(module).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    modules = [importlib.import_module(f"freqopt.streams.{name}") for name in MODULES]
    assert sum(bool(test.examples) for m in modules for test in finder.find(m)) >= 6
