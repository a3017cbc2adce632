"""The built site: nothing fetched from elsewhere, no link broken, readable without JavaScript.

`nox -s docs` builds it into site/ and runs this; elsewhere it is built if MkDocs is installed.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urldefrag, urlparse

import pytest

from tests.browser import CHROMIUM, CONTRAST, show, visit

ROOT = Path(__file__).parents[2]

pytest.importorskip("material", reason="needs the docs extra; nox -s docs")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if "SITE" in os.environ:
        return Path(os.environ["SITE"])
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "SITE_URL": ""}
    built = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return out


class Page(HTMLParser):
    """What a page links to, what it loads, its anchors, and the text of its article."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.images: list[dict[str, str | None]] = []
        self.language, self.headings, self.article, self.inside = "", [], "", 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors |= {given[key] or "" for key in ("id", "name") if key in given}
        if tag == "html":
            self.language = given.get("lang") or ""
        elif tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")
        elif tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.append(given["href"] or "")
        elif tag in ("script", "img", "iframe", "source") and given.get("src"):
            self.loads.append(given["src"] or "")
        if tag == "img":
            self.images.append(given)
        elif tag == "article":
            self.inside = 1
        elif self.inside and re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self.inside = 0

    def handle_data(self, data: str) -> None:
        self.article += data if self.inside else ""


@cache
def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path in pages(site):
        outside = [load for load in read(path).loads if urlparse(load).netloc]
        assert not outside, path
    for style in site.rglob("*.css"):
        found = re.findall(r"(?:url\(|@import\s+)[\"']?((?:https?:)?//[^\"')]+)", style.read_text())
        assert not found, style


def test_no_link_is_broken(site: Path) -> None:
    broken, seen = [], 0
    for path in pages(site):
        for link in [*read(path).links, *read(path).loads]:
            target, anchor = urldefrag(link)
            if urlparse(target).scheme:
                continue
            seen += 1
            file = (path.parent / unquote(target)).resolve() if target else path
            file = file / "index.html" if file.is_dir() else file
            if not file.exists():
                broken.append(f"{path.name}: {link}")
            elif anchor and file.suffix == ".html" and unquote(anchor) not in read(file).anchors:
                broken.append(f"{path.name}: {link} (no such anchor)")
    assert not broken
    assert seen > 1000
    proofs = read(site / "theory" / "frequency.html").links
    assert sum(link.startswith("../theorems.html#fa-") for link in proofs) > 10
    assert "theory/frequency.html" in read(site / "theorems.html").links


def test_every_page_reads_without_javascript(site: Path) -> None:
    for path in pages(site):
        page = read(path)
        assert page.language == "en", path
        assert len(page.article.split()) > 10, path
        assert "do not edit" not in page.article, f"{path}: meant for who writes it"
        assert all((image.get("alt") or "").strip() for image in page.images), path
        assert page.headings[:1] == [1], path


EATEN = re.compile(r"[\w)\]^/+]<(em|strong)>[^<]*</|</(?:em|strong)>[\w(\[^/+]")
"""Emphasis that touches a letter or a bracket: a product whose asterisks were taken for it."""


def test_no_formula_is_taken_for_markdown(site: Path) -> None:
    for path in pages(site):
        _, _, article = path.read_text(encoding="utf-8").partition("<article")
        prose = re.sub(r"<(pre|code)\b.*?</\1>", "", article, flags=re.S)
        assert EATEN.search(prose) is None, path
        assert re.search(r"\?\?\? \w+|\$\\|^```", prose, re.M) is None, path
    assert "mkdocs" not in read(site / "command.html").article


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_chromium_asks_nobody_else(site: Path, tmp_path: Path) -> None:
    for name in ("index.html", "gallery.html", "api/optimizers.html"):
        urls, dom, _ = show(site, name, tmp_path)
        assert any(url.endswith(".css") for url in urls)
        assert [url for url in urls if not url.startswith("/")] == []
        assert "</article>" in dom
    (tmp_path / "planted.html").write_text('<img src="http://outside.invalid/x.png">')
    assert "http://outside.invalid/x.png" in show(tmp_path, "planted.html", tmp_path).asked


def too_pale(folder: Path, name: str, scheme: str, scratch: Path) -> list[str]:
    """What on a page has too little contrast in a colour scheme, without its JavaScript."""
    text = re.sub(r"<script.*?</script>", "", (folder / name).read_text(), flags=re.S)
    text = text.replace('data-md-color-scheme="default"', f'data-md-color-scheme="{scheme}"')
    page = (folder / name).with_name("contrast.html")
    script = f"<script>{CONTRAST.read_text()}</script></body>"
    page.write_text(text.replace("</body>", script))
    try:
        dom = show(folder, page.relative_to(folder).as_posix(), scratch).dom
    finally:
        page.unlink()
    (found,) = re.findall(r'data-contrast="([^"]*)"', dom)
    return list(json.loads(unescape(found)))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.parametrize("scheme", ["default", "slate"])
def test_text_stands_out(scheme: str, site: Path, tmp_path: Path) -> None:
    for name in ("index.html", "tutorial.html", "api/optimizers.html"):
        assert too_pale(site, name, scheme, tmp_path) == []
    pale = '<article><p style="color: #888">grey</p><p>black</p></article></body>'
    (tmp_path / "pale.html").write_text(pale)
    assert [one[:6] for one in too_pale(tmp_path, "pale.html", scheme, tmp_path)] == ["P. 3.5"]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_a_page_that_is_opened_as_a_file_is_searched(site: Path, tmp_path: Path) -> None:
    page = (site / "api" / "optimizers.html").as_uri()
    shown = visit(f"{page}?q=catchup", tmp_path)
    assert shown.console == []
    assert re.search(r'href="file:[^"]*/rules.html#catchup_adam" class="md-search-', shown.dom)


def test_without_an_address_no_page_says_one(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [name for name in ("404.html", "sitemap.xml") if (site / name).exists()]
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    hooks = runpy.run_path(str(ROOT / "docs" / "hooks.py"))
    at = SimpleNamespace(site_url="https://example.org/here/")
    assert hooks["on_post_template"]("text", "sitemap.xml", at) == "text"


def test_the_search_index_holds_every_page(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text())
    found = {entry["location"].partition("#")[0] for entry in index["docs"]}
    missing = {p.relative_to(site).as_posix() for p in pages(site)} - found
    assert missing <= {"index.html"}, missing
