"""Locks are whole, and an audit never says "well" of what it could not look at."""

import re
from pathlib import Path

import pytest
from supply import NOT_LOOKED_AT, VULNERABLE, WELL, Finding, judge, verdict

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
ENTRY = re.compile(r"^[A-Za-z0-9_.-]+(\[[a-z,]+\])?==[^ ;]+( ;[^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: str(path.stem))
def test_every_entry_of_a_lock_is_pinned_and_hashed_and_names_no_index(path: Path) -> None:
    lines = path.read_text().splitlines()
    entries = [index for index, line in enumerate(lines) if not line.startswith(" ")]
    assert entries
    for index in entries:
        assert ENTRY.match(lines[index]), lines[index]
        assert HASH.match(lines[index + 1]), lines[index]
    assert all(HASH.match(line) for line in lines if line.startswith(" "))


def test_a_report_is_read() -> None:
    report = {
        "dependencies": [
            {"name": "well", "version": "1", "vulns": []},
            {"name": "ill", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1", "3"]}]},
            {"name": "worse", "version": "3", "vulns": [{"id": "PYSEC-2", "fix_versions": []}]},
            {"name": "strange", "skip_reason": "not found"},
        ]
    }
    assert judge(report) == Finding(("ill 2: PYSEC-1, mended in 3", "worse 3: PYSEC-2"), ("strange",))


CLEAN, ILL, DARK = Finding((), ()), Finding(("a 1: PYSEC-1",), ()), Finding((), ("a", "b"))
VERDICTS = {
    "clean": ({"gateway": CLEAN}, WELL, "no known vulnerability"),
    "ill": ({"gateway": CLEAN, "operator": ILL}, VULNERABLE, "requirements/operator.txt: a 1: PYSEC-1"),
    "the database does not know": ({"gateway": DARK}, NOT_LOOKED_AT, "2 not looked at"),
    "the database is not there": ({"gateway": "no route"}, NOT_LOOKED_AT, "not looked at: no route"),
    "ill and dark": ({"gateway": ILL, "operator": DARK}, VULNERABLE, "PYSEC-1"),
    "dark and ill": ({"gateway": "no route", "operator": ILL}, VULNERABLE, "PYSEC-1"),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_a_verdict(case: str) -> None:
    found, status, said = VERDICTS[case]
    got, lines = verdict(found)
    assert got == status
    assert said in "\n".join(lines)
