"""The tutorial as a notebook: its text, its files, its commands and its Python, cell by cell."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat

TUTORIAL = Path(__file__).with_name("tutorial.md")
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.S | re.M)
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\.md[^)]*\)")


def notebook(page: str) -> str:
    """The page as a notebook, which needs `freqopt` in the environment of its kernel.

    Parameters
    ----------
    page : str
        Markdown. A block with a title becomes a file of that name, one of Bash its commands.

    Returns
    -------
    str
        JSON of the notebook format 4. The same page gives the same text.
    """
    cells, end = [], 0
    for block in BLOCK.finditer(page):
        cells += [_prose(page[end : block.start()]), _code(*block.groups())]
        end = block.end()
    cells += [_prose(page[end:])]
    made = nbformat.v4.new_notebook(cells=[cell for cell in cells if cell["source"]])
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number}"
    made.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    return nbformat.writes(made)


def _prose(text: str) -> nbformat.NotebookNode:
    """Links to pages of the site are names here: the notebook travels without them."""
    return nbformat.v4.new_markdown_cell(LINK.sub(r"*\1*", text).strip())


def _code(kind: str, title: str | None, text: str) -> nbformat.NotebookNode:
    if title:
        text = f"%%writefile {title}\n{text}"
    elif kind == "bash":
        text = "".join(f"!{line}\n" for line in text.splitlines())
    return nbformat.v4.new_code_cell(text.rstrip("\n"))
