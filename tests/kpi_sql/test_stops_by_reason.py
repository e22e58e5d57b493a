"""For which reason a machine stood and how long, computed by hand.

10:00 Production, 10:10 Delay, 10:15 because of the tool, 10:30 Production, 10:40 Idle and nobody says why, 10:50 Setup, 10:55 Delay
because of a jam, 11:05 Production.
"""

from typing import Any

import pytest

pytestmark = pytest.mark.slow

ALWAYS = {"timeZone": "Etc/UTC"}
HOUR = ("25T10:00:00", "25T11:00:00")
STATES = (
    ("25T10:00:00", "Production"),
    ("25T10:10:00", "Delay"),
    ("25T10:30:00", "Production"),
    ("25T10:40:00", "Idle"),
    ("25T10:50:00", "Setup"),
    ("25T10:55:00", "Delay"),
    ("25T11:05:00", "Production"),
)


async def lathe(mes: Any, machine: Any, name: str = "lathe", line: str = "line-1") -> Any:
    made = machine(mes, name, line).configured("25T09:00:00", ALWAYS)
    for time, value in STATES:
        made.state(time, value)
    made.change("25T10:15:00", "Reason", "Tool").change("25T10:30:00", "Reason", "")
    made.change("25T10:55:00", "Reason", "Jam").change("25T11:05:00", "Reason", "")
    await made.observed("25T12:00:00", v=1).deliver()
    return made


def stood(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {row["reason"]: row["stoppedSeconds"] for row in rows}


async def test_stops_by_reason(mes: Any, machine: Any) -> None:
    """Without a reason 10:10-10:15 and 10:40-10:50, 900 s; for the tool 10:15-10:30, 900 s; for the jam up to 11:00, 300 s."""
    await lathe(mes, machine)
    rows = await mes.kpis(*HOUR, machine="lathe", by="reason")
    assert stood(rows) == {"": 900.0, "Jam": 300.0, "Tool": 900.0}
    # Of these, Idle is no delay; a failure belongs to the reason that was known as it began.
    assert {row["reason"]: row["actualDelaySeconds"] for row in rows} == {"": 300.0, "Jam": 300.0, "Tool": 900.0}
    assert {row["reason"]: row["failureEvents"] for row in rows} == {"": 1, "Jam": 1, "Tool": 0}
    [whole] = await mes.kpis(*HOUR, machine="lathe")
    assert whole["stoppedSeconds"] == 2100.0
    for name in ("plannedBusySeconds", "actualProductionSeconds", "actualUnitSetupSeconds", "failureEvents"):
        assert whole[name] == sum(row[name] for row in rows), name


async def test_a_reason_from_before_the_window_holds_in_it(mes: Any, machine: Any) -> None:
    await lathe(mes, machine)
    assert stood(await mes.kpis("25T10:20:00", "25T10:25:00", machine="lathe", by="reason")) == {"Tool": 300.0}


async def test_a_reason_that_is_told_late_changes_the_answer(mes: Any, machine: Any) -> None:
    made = await lathe(mes, machine)
    late = "25T13:00:00"
    made.change("25T10:42:00", "Reason", "No material", recorded=late).change(
        "25T10:50:00", "Reason", "", recorded=late
    )
    await made.deliver()
    rows = await mes.kpis(*HOUR, machine="lathe", by="reason")
    assert stood(rows) == {"": 420.0, "Jam": 300.0, "No material": 480.0, "Tool": 900.0}


async def test_a_serial_line_stands_as_its_bottleneck_does(mes: Any, machine: Any) -> None:
    await lathe(mes, machine)
    exit_machine = machine(mes, "packer").configured("25T09:00:00", ALWAYS).state("25T10:00:00", "Idle")
    await exit_machine.change("25T10:00:00", "Reason", "Starved").observed("25T12:00:00", v=1).deliver()
    parallel = await mes.kpis(*HOUR, line="line-1", by="reason")
    assert stood(parallel) == {"": 900.0, "Jam": 300.0, "Tool": 900.0, "Starved": 3600.0}
    serial = {"plant": "stuttgart", "area": "machining", "line": "line-1", "flow": "Serial"}
    await mes.send("PUT", "/v1/lines", [serial | {"bottleneck": "lathe", "exit": "packer"}])
    found = stood(await mes.kpis(*HOUR, line="line-1", by="reason"))
    assert {reason: seconds for reason, seconds in found.items() if seconds} == {"": 900.0, "Jam": 300.0, "Tool": 900.0}


async def test_times_out_of_the_plan_are_no_stops(mes: Any, machine: Any) -> None:
    shift = {"name": "day", "weekdays": list(range(7)), "startMinute": 0, "endMinute": 10 * 60 + 20}
    made = machine(mes, "lathe").configured("25T09:00:00", ALWAYS | {"shifts": [shift]})
    made.state("25T10:10:00", "Delay").change("25T10:10:00", "Reason", "Tool")
    await made.observed("25T12:00:00", v=1).deliver()
    assert stood(await mes.kpis(*HOUR, machine="lathe", by="reason"))["Tool"] == 600.0
