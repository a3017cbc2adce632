"""Every benchmark of this folder, one after the other, and the page of what they printed.

    python -m benchmarks [NAME ...] [--page docs/benchmarks.md] [--limit 400]

A benchmark is a file here that can be run by itself. One that fails or runs out of time is named on
the page, and the others go on.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BRIEF = {"step": ["--rounds", "8"]}
"""Arguments that keep a benchmark short."""
HEAD = """# Benchmarks

What `python -m benchmarks` found on {date}. Ratios are meant, not times: contenders take
turns within one run, on whatever the machine was. What is not installed is listed as absent.

<!-- That command writes this page; do not edit. -->
"""


def benchmarks() -> dict[str, Path]:
    """Files that are a command."""
    return {
        path.stem: path
        for path in sorted(HERE.glob("*.py"))
        if path.stem != "__main__" and '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    }


def run(path: Path, limit: float) -> str:
    """What a benchmark prints, its headings one level down."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "PYTHONWARNINGS": "ignore"}
    try:
        done = subprocess.run(
            [sys.executable, str(path), *BRIEF.get(path.stem, [])],
            env=environment,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
        text, problem = done.stdout, ""
        if done.returncode:
            problem = f"`{path.name}` failed: {(done.stderr.splitlines() or ['?'])[-1]}"
    except subprocess.TimeoutExpired as error:
        text = (error.stdout or b"").decode()
        problem = f"`{path.name}` was stopped after {limit:g} s."
    lines = [f"#{line}" if line.startswith("#") else line for line in text.splitlines()]
    return "\n".join([*(lines or [f"## {path.stem}"]), "", problem]).strip()


def main() -> None:
    """Run what the command line asks for."""
    known = benchmarks()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[[], *known], help=", ".join(known))
    parser.add_argument("--page", type=Path, help="write here too")
    parser.add_argument("--limit", type=float, default=400, help="seconds of one benchmark")
    asked = parser.parse_args()
    parts = [HEAD.format(date=dt.datetime.now(dt.UTC).date())]
    for name in asked.names or known:
        parts.append(run(known[name], asked.limit))
        print(parts[-1], end="\n\n", flush=True)
    if asked.page:
        asked.page.write_text("\n\n".join(parts).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
