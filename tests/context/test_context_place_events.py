"""Names, times and rows."""

import json
from typing import Any

import pytest

from plantwright_api.wire.config import (
    Asset,
    Buffer,
    Contract,
    ContractField,
    Location,
    Machine,
    ModbusSource,
)
from plantwright_gateway.context.events import EventWriter, Original, original_text
from plantwright_gateway.context.place import asset_context, labels_of, source_of, topic_of
from plantwright_gateway.context.times import rfc3339

PLACE = Location(enterprise="Acme GmbH", site="S/1", area="machining", line="line+1")


def test_source_and_topic() -> None:
    assert source_of(PLACE, "lathe-07") == "/Acme%20GmbH/S%2F1/machining/line%2B1/lathe-07"
    assert topic_of("plantwright/v1/", PLACE, "lathe-07", "state") == (
        "plantwright/v1/Acme GmbH/S-1/machining/line-1/lathe-07/_state"
    )
    assert topic_of("p", PLACE, "#", "").split("/")[-2:] == ["-", "_gateway"]


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_760_000_000_123_456_000, "2025-10-09T08:53:20.123456Z"),
        (1_760_000_000_123_456_789, "2025-10-09T08:53:20.123456789Z"),
        (-11_644_473_600 * 10**9, "1601-01-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (10**30, "9999-12-31T23:59:59.000000Z"),
        (-(10**30), "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_times_are_as_fine_as_they_were_given(ns: int, text: str) -> None:
    assert rfc3339(ns) == text


@pytest.fixture
def machine() -> Machine:
    contract = Contract(name="state", version="1.2.0", fields=[ContractField(name="f", type="Number")])
    return Machine(
        uid="u", name="lathe-07", namespace="n", plant="p", location=PLACE, source=ModbusSource(host="h"),
        contracts=[contract], signals=[], sinks=[], buffer=Buffer(path="/b", max_bytes=1), profile="lathe/1.0.0",
        asset=Asset(serial_number="42", asset_id="A-7"),
    )  # fmt: skip


def body(row: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row.body)
    return found


def test_rows_know_what_is_lost_with_them(machine: Machine) -> None:
    events = EventWriter(machine, "abc", "0.1.0")
    good = events.observation("state", {"f": 1.5}, 5, 9, {}, {}, {})
    flagged = events.observation("state", {"f": 1.5}, 5, 9, {}, {"f": "OutOfRange"}, {"shift": "early"})
    gap = events.gap("Full", 1, 2, 9, 17, ("a",), "message")
    assert [(row.weight, row.meets) for row in (good, flagged, gap, events.configuration(9))] == [
        (1, True),
        (1, False),
        (17, False),
        (0, False),
    ]
    assert body(flagged)["data"]["flags"] == {"f": "OutOfRange"}
    assert "quality" not in body(flagged)["data"]
    assert body(gap)["data"]["count"] == 17
    assert body(events.configuration(9))["data"]["asset"] == {"serialNumber": "42", "assetId": "A-7"}


def test_source_times_beyond_64_bits_bound_a_gap_and_break_nothing(machine: Machine) -> None:
    row = EventWriter(machine, "abc", "0.1.0").observation("state", {"f": 1}, 10**25, 9, {}, {}, {})
    assert row.end_ns == 2**63 - 1
    assert body(row)["time"].startswith("9999")


def test_originals_are_printable_and_bounded(machine: Machine) -> None:
    assert original_text(float("nan")) == "nan"
    assert original_text("x" * 5000) == "x" * 1024
    row = EventWriter(machine, "abc", "0.1.0").quarantined(
        Original("state", "f", "s", original_text("\ud800"), "WrongType", 5), 9
    )
    assert body(row)["data"]["value"] == "\\ud800"


def test_labels_and_assets(machine: Machine) -> None:
    assert labels_of(machine) == {"plant": "p", "area": "machining", "line": "line+1", "machine": "lathe-07"}
    assert asset_context(Asset()) == {}
