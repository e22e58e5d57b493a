"""Lines, areas, plants and the enterprise: sums over sums, and of a serial line the time of its bottleneck, the parts of its exit."""

from typing import Any

import pytest

pytestmark = pytest.mark.slow

ALWAYS = {"timeZone": "Etc/UTC"}
HOUR = ("25T10:00:00", "25T11:00:00")


async def deliver(made: Any, busy: int, pri: float | None, **counts: int) -> None:
    """In [10:00, 11:00): Production for `busy` minutes, then Delay; parts at 10:30."""
    made.configured("25T09:00:00", ALWAYS).state("25T10:00:00", "Production").state(f"25T10:{busy}:00", "Delay")
    if counts:
        made.parts("25T10:30:00", pri, **counts)
    await made.observed("25T12:00:00", v=1).deliver()


@pytest.fixture
async def plant(mes: Any, machine: Any) -> Any:
    """line-1 parallel with a and b; line-2 serial: saw (bottleneck) before pack (exit)."""
    await deliver(machine(mes, "a"), 30, 20, good=60, rejected=0, reworked=6)
    await deliver(machine(mes, "b"), 45, 40, good=40, rejected=20)
    await deliver(machine(mes, "saw", "line-2"), 50, 50, good=50, rejected=10)
    await deliver(machine(mes, "pack", "line-2"), 20, 5, good=40, rejected=5)
    serial = {"plant": "stuttgart", "area": "machining", "line": "line-2", "flow": "Serial"}
    put = await mes.send("PUT", "/v1/lines", [serial | {"bottleneck": "saw", "exit": "pack"}])
    assert put == (200, {"accepted": 1, "faults": []})
    return mes


async def test_lines(plant: Any) -> None:
    """line-1: APT (30+45) min of PBT 120 min; PRI x PQ = 60x20 + 60x40 = 3,600 s; good 100 of 120; rework only of a: 6 of 60.

    line-2: APT 50 of 60 min (saw); PRI 50 s (saw) x PQ 45 (pack) = 2,250 s of 3,000 s; good 40 of 45; no rework counter at its exit.
    """
    first, second = await plant.kpis(*HOUR, plant="stuttgart", level="line")
    assert (first["line"], second["line"]) == ("line-1", "line-2")
    assert (first["actualProductionSeconds"], first["plannedBusySeconds"]) == (4500.0, 7200.0)
    assert (first["plannedProductionSeconds"], first["effectiveness"]) == (
        3600.0,
        pytest.approx(3600 / 4500, abs=1e-12),
    )
    assert first["oee"] == pytest.approx(4500 / 7200 * 3600 / 4500 * 100 / 120, abs=1e-12)
    assert (first["producedQuantity"], first["failureEvents"]) == (120, 2)
    assert (first["reworkQuantity"], first["reworkRatio"], first["firstPassYield"]) == (6, 0.1, 0.9)
    assert (second["actualProductionSeconds"], second["plannedBusySeconds"], second["failureEvents"]) == (
        3000.0,
        3600.0,
        1,
    )
    assert (second["producedQuantity"], second["goodQuantity"]) == (45, 40)
    assert (second["plannedProductionSeconds"], second["effectiveness"]) == (2250.0, 0.75)
    assert second["oee"] == pytest.approx(3000 / 3600 * 0.75 * 40 / 45, abs=1e-12)
    assert (second["reworkQuantity"], second["reworkRatio"], second["firstPassYield"]) == (None, None, None)


@pytest.mark.parametrize("narrowed", [{"area": "machining"}, {"plant": "stuttgart"}, {}])
async def test_above_lines_figures_are_sums_over_lines(plant: Any, narrowed: dict[str, str]) -> None:
    (whole,) = await plant.kpis(*HOUR, **narrowed)
    assert (whole["enterprise"], whole.get("plant")) == ("acme", "stuttgart" if narrowed else None)
    assert (whole["actualProductionSeconds"], whole["plannedBusySeconds"]) == (7500.0, 10800.0)
    assert (whole["producedQuantity"], whole["goodQuantity"], whole["plannedProductionSeconds"]) == (165, 140, 5850.0)
    assert whole["oee"] == pytest.approx(7500 / 10800 * 5850 / 7500 * 140 / 165, abs=1e-12)


async def test_machines_of_a_serial_line_keep_their_own_figures(plant: Any) -> None:
    saw, pack = [
        row for row in await plant.kpis(*HOUR, line="line-2", level="machine") if row["machine"] in ("saw", "pack")
    ][::-1]
    assert (saw["producedQuantity"], pack["producedQuantity"], pack["actualProductionSeconds"]) == (60, 45, 1200.0)


async def test_a_bottleneck_that_counts_no_parts_takes_the_exits_run_time(mes: Any, machine: Any) -> None:
    await deliver(machine(mes, "saw", "line-2"), 50, None)
    await deliver(machine(mes, "pack", "line-2"), 20, 5, good=40)
    serial = {
        "plant": "stuttgart",
        "area": "machining",
        "line": "line-2",
        "flow": "Serial",
        "bottleneck": "saw",
        "exit": "pack",
    }
    await mes.send("PUT", "/v1/lines", [serial])
    (line,) = await mes.kpis(*HOUR, line="line-2")
    assert (line["plannedProductionSeconds"], line["effectiveness"]) == (200.0, pytest.approx(200 / 3000))


async def test_a_role_that_no_machine_has_is_named(mes: Any, machine: Any) -> None:
    await deliver(machine(mes, "pack", "line-2"), 20, 5, good=40)
    serial = {
        "plant": "stuttgart",
        "area": "machining",
        "line": "line-2",
        "flow": "Serial",
        "bottleneck": "gone",
        "exit": "pack",
    }
    await mes.send("PUT", "/v1/lines", [serial])
    _, answer = await mes.send("GET", "/v1/kpis?from=2025-10-25T10:00:00Z&to=2025-10-25T11:00:00Z&line=line-2")
    assert [fault["reason"] for fault in answer["faults"]] == ["LineRoleUnknown"]
    assert (answer["figures"][0]["oee"], answer["figures"][0]["producedQuantity"]) == (None, 40)


async def test_a_machine_without_counters_does_not_spoil_its_line(mes: Any, machine: Any) -> None:
    """b has no counters: its production is not held against a's parts, and its time is in availability all the same."""
    await deliver(machine(mes, "a"), 30, 20, good=60)
    await deliver(machine(mes, "b"), 45, None)
    (line,) = await mes.kpis(*HOUR, line="line-1")
    assert line["availability"] == 75 / 120
    assert line["effectiveness"] == pytest.approx(1200 / 1800)
    a, b = await mes.kpis(*HOUR, line="line-1", level="machine")
    assert (a["effectiveness"], b["effectiveness"], b["qualityRatio"], b["oee"]) == (
        pytest.approx(2 / 3),
        None,
        None,
        None,
    )


async def test_parts_without_a_planned_run_time_make_effectiveness_unknown(mes: Any, machine: Any) -> None:
    made = machine(mes, "a").parts("25T10:10:00", good=1)
    await deliver(made, 30, 20, good=60)
    (figures,) = await mes.kpis(*HOUR, machine="a")
    assert (figures["producedQuantity"], figures["effectiveness"]) == (61, None)


async def test_unknown_is_never_down(mes: Any, machine: Any) -> None:
    """Known from the first change (10:00) until the gateway was last heard (10:30): then nobody knows."""
    made = machine(mes, "a").configured("25T09:00:00", ALWAYS).state("25T10:00:00", "Delay")
    await made.observed("25T10:30:00", v=1).deliver()
    (figures,) = await mes.kpis("25T09:30:00", "25T11:00:00", machine="a")
    assert (figures["plannedSeconds"], figures["knownPlannedSeconds"], figures["actualDelaySeconds"]) == (
        5400,
        1800,
        1800,
    )
    assert figures["dataCoverage"] == pytest.approx(1 / 3)
    (none,) = await mes.kpis("25T10:30:00", "25T11:00:00", machine="a")
    assert (none["availability"], none["oee"], none["setupRate"], none["dataCoverage"]) == (None, None, None, 0.0)


async def test_each_configuration_brings_its_calendar_and_place(mes: Any, machine: Any) -> None:
    """Around the clock until 10:30, then only from 10:45 on and in line-2; before 10:00 there was no configuration."""
    made = machine(mes, "a").configured("25T10:00:00", ALWAYS).state("25T09:00:00", "Production")
    made.parts("25T10:10:00", good=1)
    made.source = made.source.replace("line-1", "line-2")
    shift = {"name": "s", "weekdays": [5], "startMinute": 10 * 60 + 45, "endMinute": 12 * 60}
    made.configured("25T10:30:00", ALWAYS | {"shifts": [shift]}).parts("25T10:50:00", good=2)
    await made.observed("25T12:00:00", v=1).deliver()
    rows = await mes.kpis("25T09:00:00", "25T11:00:00", level="line")
    assert [(row["line"], row["plannedSeconds"], row["goodQuantity"]) for row in rows] == [
        ("line-1", 1800.0, 1),
        ("line-2", 900.0, 2),
    ]
    (whole,) = await mes.kpis("25T09:00:00", "25T11:00:00", machine="a")
    assert (whole["plannedSeconds"], whole["actualProductionSeconds"], whole["productionSeconds"]) == (
        2700.0,
        2700.0,
        None,
    )
    assert "line" not in whole


async def test_a_calendar_that_cannot_be_read_is_named(mes: Any, machine: Any) -> None:
    made = (
        machine(mes, "a").configured("25T09:00:00", {"timeZone": "Europe/Atlantis"}).state("25T10:00:00", "Production")
    )
    await made.observed("25T12:00:00", v=1).deliver()
    _, answer = await mes.send("GET", "/v1/kpis?from=2025-10-25T10:00:00Z&to=2025-10-25T11:00:00Z&machine=a")
    assert [(fault["reason"], fault["subject"]) for fault in answer["faults"]] == [
        ("CalendarUnreadable", "stuttgart/a")
    ]
    assert (answer["figures"][0]["plannedSeconds"], answer["figures"][0]["availability"]) == (0.0, None)


async def test_closures_are_not_planned(mes: Any, machine: Any) -> None:
    made = machine(mes, "a").configured("25T00:00:00", ALWAYS | {"closures": ["2025-10-26"]})
    await made.observed("28T00:00:00", v=1).deliver()
    (figures,) = await mes.kpis("25T00:00:00", "28T00:00:00", machine="a")
    assert figures["plannedSeconds"] == 2 * 86400


async def test_what_has_not_happened_is_not_counted(mes: Any, machine: Any) -> None:
    await deliver(machine(mes, "a"), 30, 20, good=1)
    _, answer = await mes.send("GET", "/v1/kpis?from=2100-01-01T00:00:00Z&to=2100-01-02T00:00:00Z&machine=a")
    assert (answer["figures"], answer["to"]) == ([], "2100-01-01T00:00:00Z")
