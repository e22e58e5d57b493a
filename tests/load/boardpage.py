"""What the board's measuring scripts share: figures, and their sections of docs/measured/board.md, of which each writes its own."""

import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "board"))

from browser import PROGRAM

PAGE: Final = Path(__file__).parents[2] / "docs/measured/board.md"
HEAD: Final = "# The shop-floor board\n"
TITLES: Final = (
    "From a machine's stop to the board and to Prometheus",
    "Two hundred machines and a hundred viewers",
)
"""Sections, in order."""


class Figure(NamedTuple):
    """One line of a table; without an aim it is only told."""

    what: str
    measured: str
    aim: str
    met: bool


def spread(values: Sequence[float], unit: str = "ms") -> str:
    """Median, 95th percentile and most."""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    return (
        f"median {statistics.median(ordered):.0f}, p95 {p95:.0f}, most {ordered[-1]:.0f} {unit} ({len(ordered)} times)"
    )


def section(script: str, about: str, figures: Sequence[Figure], after: str) -> str:
    """A section's text: how and on what it was measured, a table, and what it does not say."""
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    rows = (f"| {e.what} | {e.measured} | {e.aim} | {('yes' if e.met else 'no') if e.aim else ''} |" for e in figures)
    lines = (
        f"`python tests/load/{script} --write`, {datetime.now(UTC):%Y-%m-%d %H:%MZ}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}, {version}.",
        about,
        "",
        "| what | measured | aim | met |",
        "|---|---|---|---|",
        *rows,
        "",
        after,
    )
    return "\n".join(lines).rstrip() + "\n"


def page(before: str, title: str, text: str) -> str:
    """The page with one section put in; the others stay."""
    found = dict(part.split("\n\n", 1) for part in before.split("\n## ")[1:])
    found[title] = text
    return HEAD + "".join(f"\n## {each}\n\n{found[each].rstrip()}\n" for each in TITLES if each in found)


def write(title: str, text: str) -> None:
    """Put a section into the page's file."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), title, text), encoding="utf-8")
