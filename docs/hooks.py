"""What the site shows beside the pages of this folder, made from the code when it is built.

The start page is the README; the command, the problems, the nested types, the data formats, the
gallery and the changelog are pages of their own. A page that the navigation does not name is added
to it, so that none is out of reach.
"""

from __future__ import annotations

import ast
import inspect
import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File
from notebook import TUTORIAL, notebook  # beside this file

ROOT = Path(__file__).parent.parent
HERE = {"theory": "Theorems"}
"""Section of the navigation for pages of a folder; others go to the explanations."""


def on_config(config: Any) -> Any:
    """Name every page in the navigation."""
    named = set(_named(config.nav))
    for path in sorted((ROOT / "docs").rglob("*.md")):
        name = path.relative_to(ROOT / "docs").as_posix()
        if name not in named:
            section = HERE.get(name.partition("/")[0], "Explanations")
            next(part[section] for part in config.nav if section in part).append(name)
    return config


def _named(nav: Any) -> Iterator[str]:
    """The pages that a navigation names."""
    if isinstance(nav, str):
        yield nav
    for part in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from _named(part)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages made here."""
    for name, make in PAGES.items():
        files.append(File.generated(config, name, content=make()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links out of this folder are names on the site: it shows pages, not the checkout."""
    if page.file.src_uri == "tutorial.md":
        markdown += "\nThis page is there [as a notebook](tutorial.ipynb) too.\n"
    folder = PurePosixPath("docs", page.file.src_uri).parent

    def name(link: re.Match[str]) -> str:
        text, path = link.groups()
        path = posixpath.normpath(folder / path)
        if path.startswith("docs/"):
            return link.group()
        return text if path in text or "`" in text else f"{text} (`{path}`)"

    return _prose(lambda text: re.sub(r"\[([^\]]*)\]\((\.\./[^)]*)\)", name, text), markdown)


def on_page_content(html: str, page: Any, files: Any, **_: Any) -> str:
    """Where a text names a page, `docs/laws.md`, it leads there."""

    def link(mention: re.Match[str]) -> str:
        target = files.get_file_from_path(mention[1])
        if target is None:
            return mention[0]
        return f'<a href="{target.url_relative_to(page.file)}">{mention[0]}</a>'

    parts = re.split(r"(<a\b.*?</a>|<[^>]*>)", html, flags=re.S)
    return "".join(
        part if part.startswith("<") else re.sub(r"\bdocs/([\w/]+\.md)\b", link, part)
        for part in parts
    )


def on_post_template(output_content: str, template_name: str, config: Any, **_: Any) -> str:
    """A sitemap and a page for wrong addresses link from the site's address, or not at all."""
    made = ("404.html", "sitemap.xml")
    return "" if template_name in made and not config.site_url else output_content


def _prose(change: Callable[[str], str], markdown: str) -> str:
    """The page with what stands outside its blocks of code changed."""
    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.S | re.M)
    return "".join(part if part.startswith("```") else change(part) for part in parts)


def _readme() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = _prose(lambda part: re.sub(r"\]\((?!docs/|http)", "](../", part), text)
    return text.replace("](docs/", "](")


def _command() -> str:
    from freqopt.cli import app

    text = app.generate_docs().replace(" -m mkdocs", "")  # the program that asks, not the command
    return re.sub(r"## Table of Contents\n.*?(?=\n## |\n\*\*Commands)", "", text, flags=re.S)


def _notebook() -> str:
    return notebook(TUTORIAL.read_text(encoding="utf-8"))


def _changelog() -> str:
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def _problems() -> str:
    from freqopt.report.problems_page import problems_page

    return problems_page()


def _types() -> str:
    from freqopt.report.problems_page import types_page

    return types_page()


FORMATS = """# Data formats

What `freqopt.data.load(path, format=...)` reads, and what packages bring
(`freqopt.data.load(name)`).
"""

GALLERY = """# Gallery

Every figure of the project: the picture in its quick form, the numbers in it, and the code that
draws it. `freqopt reproduce` computes and draws all of them anew; with `--full` at full size.
"""


def _formats() -> str:
    from freqopt.data import registry

    parts = [FORMATS]
    for folder, names in (
        (registry.formats, registry.format_names()),
        (registry.installed, registry.installed_names()),
    ):
        for name in names:
            module = __import__(f"{folder.__name__}.{name}", fromlist=["read"])
            signature = inspect.signature(module.read)
            about = f"{inspect.getdoc(module)}\n\n```python\nread{signature}\n```\n"
            parts.append(f"## {name}\n\n{about}\n```text\n{inspect.getdoc(module.read)}\n```\n")
    return "\n".join(parts)


def _gallery() -> str:
    parts = [GALLERY]
    for path in sorted((ROOT / "figures").glob("*.py")):
        code = path.read_text(encoding="utf-8")
        about = ast.get_docstring(ast.parse(code)) or ""
        title, _, rest = about.partition("\n")
        parts.append(f"## {path.stem}\n\n**{title}**\n{rest}\n")
        if (ROOT / "docs" / "images" / f"{path.stem}.svg").exists():
            parts.append(f"![{title}](images/{path.stem}.svg)\n")
            parts.append(f"[The numbers (CSV)](images/{path.stem}.csv)\n")
        parts.append(f'??? example "figures/{path.name}"\n')
        parts.append(f"    ```python\n{_indented(code)}\n    ```\n")
    return "\n".join(parts)


def _indented(code: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in code.splitlines())


PAGES: dict[str, Callable[[], str]] = {
    "index.md": _readme,
    "command.md": _command,
    "problems.md": _problems,
    "types.md": _types,
    "formats.md": _formats,
    "gallery.md": _gallery,
    "changelog.md": _changelog,
    "tutorial.ipynb": _notebook,
}
