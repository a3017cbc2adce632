"""The report in headless Chromium: `nox -s browser`, on the page of a whole quick reproduction."""

import json
import re
from html import unescape
from pathlib import Path

import pytest

from tests.browser import CHROMIUM, CONTRAST, show

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium"),
]

HERE = Path(__file__).parent
LOOK = f"<script>{(HERE / 'present.js').read_text()}</script>"
PHONE = f"""<iframe src="index.html" style="width: 390px; height: 800px; border: 0"></iframe>
<script>{(HERE / "phone.js").read_text()}</script>"""


def found(dom, name):
    (value,) = re.findall(f'data-{name}="([^"]*)"', dom)
    return json.loads(unescape(value))


def with_script(report, folder, script):
    text = report.read_text(encoding="utf-8")
    (folder / "index.html").write_text(text.replace("</body>", f"{script}</body>"))


def test_no_script_error_no_outside_request_every_image_present(report, tmp_path):
    with_script(report, tmp_path, "")
    shown = show(tmp_path, "index.html", tmp_path)
    assert shown.console == []
    assert shown.asked <= {"/index.html"}
    with_script(report, tmp_path, LOOK)
    shown = show(tmp_path, "index.html", tmp_path)
    assert shown.console == []
    assert found(shown.dom, "missing") == []
    assert found(shown.dom, "figures") == report.read_text(encoding="utf-8").count("<figure>") >= 3


@pytest.mark.parametrize("flags", [[], ["--blink-settings=preferredColorScheme=0"]])
def test_text_stands_out_in_light_and_in_dark(flags, report, tmp_path):
    with_script(report, tmp_path, f"{LOOK}<script>{CONTRAST.read_text()}</script>")
    shown = show(tmp_path, "index.html", tmp_path, *flags)
    assert found(shown.dom, "dark") == bool(flags)
    assert found(shown.dom, "contrast") == []


def test_it_fits_a_phone(report, tmp_path):
    with_script(report, tmp_path, "")
    (tmp_path / "phone.html").write_text(PHONE)
    assert found(show(tmp_path, "phone.html", tmp_path).dom, "over") == [False]


@pytest.mark.parametrize(
    ("planted", "sees"),
    [
        ("<script>nowhere()</script>", lambda shown: shown.console),
        (
            '<img src="http://outside.invalid/x.png">',
            lambda shown: "http://outside.invalid/x.png" in shown.asked,
        ),
        ('<figure><svg><use xlink:href="#gone"/></svg></figure>', None),
        ('<img src="data:image/png;base64,AAAA">', None),
        ('<figure><svg><image href="data:image/png;base64,AAAA"/></svg></figure>', None),
    ],
)
def test_what_is_planted_is_seen(planted, sees, report, tmp_path):
    with_script(report, tmp_path, planted + LOOK)
    shown = show(tmp_path, "index.html", tmp_path)
    assert sees(shown) if sees else found(shown.dom, "missing")
