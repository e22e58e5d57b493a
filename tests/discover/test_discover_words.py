"""Names as machines write them become the words of a contract."""

import pytest

from plantwright_cli.discover import units
from plantwright_cli.discover.words import mentions, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("spindleSpeed", ["spindle", "speed"]),
        ("SPINDLE_SPEED", ["spindle", "speed"]),
        ("fActVelo", ["act", "velo"]),
        ("DB10.DBW4 Öltemp", ["oeltemp"]),
        ("MES2Status", ["mes", "status"]),
        ("", []),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Schleifspindeldrehzahl", {"spindle", "speed"}),
        ("Betriebsstundenzähler", {"operating", "hours"}),
        ("Kühlschmierstofftemperatur", {"coolant", "temperature"}),
        ("Zykluszeit", {"cycle", "time"}),
        ("opMode", {"mode"}),
        ("Stk_NIO", {"part", "rejected"}),
        ("Leimviskositaet", {"=leimviskositaet"}),
    ],
)
def test_concepts(text: str, expected: set[str]) -> None:
    assert {mention.concept for mention in mentions(text)} == expected


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("U/min", "1/min"),
        ("°C", "Cel"),
        ("kWh", "kW.h"),
        ("Stk", "{part}"),
        ("l/min", "L/min"),
        ("parsecs per jiffy", None),
    ],
)
def test_units_as_machines_spell_them(written: str, code: str | None) -> None:
    assert units.code_of(written) == code


@pytest.mark.parametrize(
    ("wanted", "written", "excludes"),
    [("kW", "W", False), ("kW", "kvar", True), ("kW", "kWh", True), ("bar", "MPa", False), ("%", "Stk", True)],
)
def test_units_of_another_kind_exclude(wanted: str, written: str, excludes: bool) -> None:
    assert units.agree(wanted, written).excludes is excludes


def test_a_word_without_end_is_looked_at_once() -> None:
    assert len(mentions("spindel" * 20_000)) == 1
