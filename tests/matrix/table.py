"""Makes docs/measured/reliability.md of the recorded outcomes: `python tests/matrix/table.py`."""

import json
from pathlib import Path
from typing import Any

from rows import ABSENT, PROMISED

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "measured" / "reliability.json"
PAGE = ROOT / "docs" / "measured" / "reliability.md"
HEAD = """# Faults and bad input, row by row

Made by `python tests/matrix/table.py` of what `pytest --record-rows` kept. F rows are faults of gateway, machine and MES, O rows of
operator and API server, B rows bad input from specs, servers and answers, C rows from orders, people, clocks, calendars and signals. "long" is the full figure, "quick" what every test run does.

| row | promised | measured | form | command | date |
| --- | --- | --- | --- | --- | --- |
"""


def page(results: list[dict[str, Any]]) -> str:
    """The page: every row, with each test's last outcome, long forms first."""
    lines = []
    for row, promised in PROMISED.items():
        found = sorted((each for each in results if each["row"] == row), key=lambda each: (each["form"], each["test"]))
        shown = [(each["measured"], each["form"], f"`pytest {each['test']}`", each["date"]) for each in found]
        first, *others = shown or [(ABSENT.get(row, "not measured"), "", "", "")]
        lines += [(row, promised, *first), *((row, "", *other) for other in others)]
    return HEAD + "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8")
