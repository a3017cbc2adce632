"""A page in headless Chromium: what it asks for, what it complains of, what it then is."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CONTRAST = Path(__file__).with_name("contrast.js")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-sync", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--virtual-time-budget=3000",
    "--enable-logging=stderr",
)  # fmt: skip


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Shown(NamedTuple):
    """Addresses that the page asked for, those of its own server without the server; its document
    after loading; lines of its console."""

    asked: set[str]
    dom: str
    console: list[str]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def show(folder: Path, name: str, scratch: Path, *flags: str) -> Shown:
    """A page of a folder; `scratch` is for the browser's profile."""
    with served(folder) as here:
        return visit(f"{here}/{name}", scratch, here, flags)


def visit(address: str, scratch: Path, here: str = "file:", flags: Sequence[str] = ()) -> Shown:
    """The page at an address of the server `here`; of a file it is not seen what it asks for."""
    log = scratch / "net.json"
    command = [str(CHROMIUM), *FLAGS, *flags, f"--user-data-dir={scratch / 'profile'}"]
    command += [f"--log-net-log={log}", "--dump-dom", address]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    # Chromium asks on its own behalf too, with no page as the initiator.
    started = re.findall(rf'"initiator":"{re.escape(here)}.*?"url":"([^"]*)"', log.read_text())
    urls = {url.removeprefix(here) for url in started if not url.startswith("data:")}
    console = re.findall(r"CONSOLE[:(].*", shown.stderr)
    return Shown(urls, shown.stdout, console)
