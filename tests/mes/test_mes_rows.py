"""From event to row, and which events are refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from plantwright_api.wire.delivery import CHANGE, PRODUCTION
from plantwright_mes.batch import parse
from plantwright_mes.rows import TABLES, RefusedError, place_of, row, timestamp
from plantwright_mes.streams import Stream, body

STREAM = Stream(machine="m")
DATA = {"plant": "p", "machine": "m", "config": "c"}
CONTRACT = {"contract": "k", "contractVersion": "1.0.0"}


def made(**changes: Any) -> dict[str, Any]:
    entry = row("http", parse(body([STREAM.event(1, **changes)])).items[0])
    return {"table": entry.table} | dict(zip(TABLES[entry.table], entry.values, strict=True))


def test_observation() -> None:
    got = made(time="2026-03-01T12:00:00.123456789+01:00")
    assert got["table"] == "observations"
    assert (got["sink"], got["seq"], got["machine"], got["version"]) == ("http", 1, "m", "1.0.0")
    assert got["source_time"] == datetime(2026, 3, 1, 11, 0, 0, 123456, UTC)
    assert got["fields"] == b'{"value":1}'


@pytest.mark.parametrize(
    ("kind", "data", "table"),
    [
        ("gap", {"reason": "Timeout", "startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T00:00:01Z"}, "gaps"),
        ("configuration", {"profile": "x 1.0.0", "contracts": {"k": "1.0.0"}, "gatewayVersion": "1"}, "configurations"),
        ("change", {"of": "State", "value": "Idle", "origin": "Machine"}, "changes"),
        ("production", {"good": 1}, "production"),
        ("production", {"good": 0, "falls": {"good": "SetBack"}}, "production"),
        ("quarantine", CONTRACT | {"field": "f", "signal": "s", "value": "v", "reason": "NotANumber"}, "quarantine"),
    ],
)
def test_other_types(kind: str, data: dict[str, Any], table: str) -> None:
    assert made(type=f"io.plantwright.{kind}.v1", data=DATA | data)["table"] == table


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"type": "io.plantwright.unheard.v1"}, "unknown"),
        ({"data": {}}, "missing required field `plant`"),
        ({"data": DATA | CONTRACT | {"fields": {"a": [1]}}}, r"\$.fields"),
        ({"data": DATA | CONTRACT | {"fields": {}, "plant": "p" * 600}}, "at most 512"),
        ({"type": CHANGE, "data": DATA | {"of": "State", "value": "Lunch", "origin": "Machine"}}, "no State"),
        ({"type": CHANGE, "data": DATA | {"of": "Mood", "value": "", "origin": "Machine"}}, r"\$.of"),
        ({"type": PRODUCTION, "data": DATA | {"good": -1}}, "at least 0"),
        (
            {"type": PRODUCTION, "data": DATA | {"good": 1, "plannedRunTimePerItemSeconds": -2}},
            "plannedRunTimePerItemSeconds",
        ),
        ({"time": "yesterday"}, "RFC 3339"),
        ({"time": "2026-01-01T00:00:00"}, "no time zone"),
        ({"recordedtime": "0001-01-01T00:00:00+14:00"}, "RFC 3339"),
    ],
)
def test_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(RefusedError, match=says):
        made(**changes)


def test_a_counter_that_is_not_there_is_not_zero() -> None:
    told = made(type=PRODUCTION, data=DATA | {"good": 3, "reworked": 0, "plannedRunTimePerItemSeconds": 0.1})
    assert (told["good"], told["rejected"], told["reworked"], told["planned_run_ns"]) == (3, 0, 0, 100_000_000)
    told = made(type=PRODUCTION, data=DATA | {"good": 3})
    assert (told["reworked"], told["planned_run_ns"]) == (None, None)


def test_the_place_is_in_the_source() -> None:
    place = {"enterprise": "ac/me", "site": "s", "area": "a b", "line": "l"}
    assert place_of("/ac%2Fme/s/a%20b/l/m") == place
    assert set(place_of("plantwright/x").values()) == {""}


def test_extreme_times_are_kept() -> None:
    assert timestamp("1601-01-01T00:00:00Z").year == 1601
    assert timestamp("9999-12-31T23:59:59.999999Z").year == 9999
