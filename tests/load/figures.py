"""The one table of measured figures, docs/measured/figures.md: a row per figure, replaced by each new measurement."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).parents[2] / "docs" / "measured" / "figures.md"
COLUMNS = ("what", "aimed at", "measured", "met", "machine", "command", "date")
HEAD = """# Figures

Written by the scripts under tests/load, one row per figure; a new measurement replaces its row. "machine" says how busy the
machine was when the script began and when it ended (load average of a minute: what is measured, and all that ran beside it).

"""
BUSY = os.getloadavg()[0]
"""Before the script did anything."""


class Figure(NamedTuple):
    """One figure: what was measured, what it should be, what it is, and whether that is good enough."""

    what: str
    aimed_at: str
    measured: str
    met: bool


def record(figures: list[Figure], table: Path = TABLE) -> bool:
    """Print the figures, put them into the table, and say whether all are met. A try with another count is only printed."""
    rows = _rows(table.read_text(encoding="utf-8") if table.exists() else "")
    for figure in figures:
        print(
            f"{'ok  ' if figure.met else 'MISS'}  {figure.what}: {figure.measured} (aim: {figure.aimed_at})", flush=True
        )
        rows[figure.what] = _cells(figure)
    if "--count" not in sys.argv:
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(render(rows), encoding="utf-8")
    return all(figure.met for figure in figures)


def render(rows: dict[str, tuple[str, ...]]) -> str:
    """The file's text."""
    lines = [COLUMNS, tuple("---" for _ in COLUMNS), *rows.values()]
    return HEAD + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _rows(text: str) -> dict[str, tuple[str, ...]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
    cells = [tuple(cell.strip() for cell in line.strip("| ").split(" | ")) for line in lines]
    return {row[0]: row for row in cells if len(row) == len(COLUMNS)}


def _cells(figure: Figure) -> tuple[str, ...]:
    command = " ".join(["python", "tests/load/" + Path(sys.argv[0]).name, *(w for w in sys.argv[1:] if w != "--keep")])
    machine = f"{os.cpu_count()} cores, load {BUSY:.1f} before, {os.getloadavg()[0]:.1f} after"
    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%MZ")
    found = (
        figure.what,
        figure.aimed_at,
        figure.measured,
        "yes" if figure.met else "no",
        machine,
        f"`{command}`",
        date,
    )
    return tuple(cell.replace("|", "/").replace("\n", " ") for cell in found)


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed; NaN for none."""
    from plantwright_demo.summary import percentile as found

    return found(values, share)


def spread(values: list[float], unit: str = "s") -> str:
    """Such as `p50 1.20, p95 2.31, max 2.50 s`."""
    parts = {"p50": percentile(values, 0.5), "p95": percentile(values, 0.95), "max": max(values, default=float("nan"))}
    return ", ".join(f"{name} {value:.2f}" for name, value in parts.items()) + f" {unit}"
