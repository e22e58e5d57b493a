"""Two shifts of one machine, computed by hand: the late shift of 25 October 2025 and the night in which clocks go back.

Plant in Europe/Berlin. Times of the machine are UTC below.

* late, 14:00 to 22:00 CEST = 12:00 to 20:00 UTC, break 18:00 to 18:30 = 16:00 to 16:30. Planned: 8 h - 0.5 h = 27,000 s.
* night, 22:00 CEST to 06:00 CET = 20:00 to 05:00 UTC, so 9 h pass on a clock that shows 8; break from the first 02:00 to the first
  02:30 (CEST) = 00:00 to 00:30. Planned: 9 h - 0.5 h = 30,600 s.
"""

from typing import Any

import pytest

pytestmark = pytest.mark.slow

CALENDAR = {
    "timeZone": "Europe/Berlin",
    "shifts": [
        {
            "name": "late",
            "weekdays": [5],
            "startMinute": 14 * 60,
            "endMinute": 22 * 60,
            "breaks": [{"startMinute": 18 * 60, "endMinute": 18 * 60 + 30}],
        },
        {
            "name": "night",
            "weekdays": [5],
            "startMinute": 22 * 60,
            "endMinute": 6 * 60,
            "breaks": [{"startMinute": 2 * 60, "endMinute": 2 * 60 + 30}],
        },
    ],
}
STATES = (
    ("25T11:30:00", "Setup"),
    ("25T12:10:00.250", "Production"),
    ("25T13:00:00", "Delay"),
    ("25T13:20:00", "Production"),
    ("25T15:50:00", "Delay"),
    ("25T16:40:00", "Production"),
    ("25T18:00:00", "Unknown"),
    ("25T18:30:00", "Production"),
    ("25T19:30:00", "Idle"),
    ("25T19:50:00", "Delay"),
    ("25T20:15:00", "Production"),
    ("25T23:00:00", "PlannedDown"),
    ("25T23:45:00", "Production"),
    ("26T02:00:00", "Delay"),
    ("26T02:05:00", "Production"),
    ("26T05:30:00", "Idle"),
)
PARTS = (
    ("25T12:40:00", 60, {"good": 30, "rejected": 1, "reworked": 2}),
    ("25T14:00:00", 60, {"good": 60, "rejected": 3, "reworked": 0}),
    ("25T15:45:00", 60, {"good": 100, "rejected": 2, "reworked": 1}),
    ("25T17:30:00", 45, {"good": 50}),
    ("25T19:00:00", 45, {"good": 70, "rejected": 5, "reworked": 3}),
    ("25T21:00:00", 45, {"good": 120, "rejected": 2}),
    ("26T00:10:00", 45, {"good": 30}),
    ("26T04:59:59.999", 45, {"good": 200, "rejected": 4, "reworked": 2}),
    ("26T05:00:00", 45, {"good": 7}),
)
DAY = ("25T11:00:00", "26T06:00:00")


async def press(mes: Any, machine: Any) -> Any:
    made = machine(mes, "press-01").configured("25T11:00:00", CALENDAR)
    for time, value in STATES:
        made.state(time, value)
    for time, pri, counts in PARTS:
        made.parts(time, pri, **counts)
    made.change("25T12:10:00", "JobOrder", "JO-A", workRequest="WR-1", materialDefinition="P-1")
    made.change("25T15:50:00", "JobOrder", "")
    made.change("25T16:40:00", "JobOrder", "JO-B", workRequest="WR-2", materialDefinition="P-2")
    made.change("26T05:00:00", "JobOrder", "")
    made.change("25T12:00:00", "Person", "anna").change("25T20:00:00", "Person", "")
    made.observed("26T06:00:00", value=1)
    await made.deliver()
    return made


def same(got: dict[str, Any], expected: dict[str, Any]) -> None:
    """Counts exactly, times to 1 ms, ratios to 1e-9."""
    for name, value in expected.items():
        tolerance = 1e-3 if name.endswith("Seconds") else 1e-9
        is_same = (
            got[name] == value if value is None or isinstance(value, int | str) else abs(got[name] - value) <= tolerance
        )
        assert is_same, (name, got[name], value)


# Late shift, planned pieces 12:00-16:00 and 16:30-20:00:
#   Setup 12:00:00-12:10:00.250                                            600.25
#   Production 12:10:00.250-13:00 2,999.75, 13:20-15:50 9,000, 16:40-18:00 4,800, 18:30-19:30 3,600 = 20,399.75
#   Delay 13:00-13:20 1,200, 15:50-16:00 and 16:30-16:40 600 + 600 (one failure, with the break within), 19:50-20:00 600 = 3,000
#   Idle 19:30-19:50 1,200; Unknown 18:00-18:30 1,800.   Sum: 27,000.
# PBT = 27,000 - 1,800 unknown = 25,200 (nothing PlannedDown); AUPT = 20,399.75 + 600.25 = 21,000.
# Parts: good 30+60+100+50+70 = 310; scrap 1+3+2+0+5 = 11; rework 2+0+1+3 = 6; PQ 321.
# PRI x PQ = (31+63+102) x 60 + (50+75) x 45 = 11,760 + 5,625 = 17,385 s.
# Orders under way: JO-A 12:10-15:50 13,200 s, JO-B from 16:40 to the shift's end 12,000 s = 25,200 s; all 321 parts are theirs.
# Failures 13:00, 15:50, 19:50. Anna was there for all of it: APAT = PBT, APWT = AUPT.
LATE = {
    "day": "2025-10-25",
    "shift": "late",
    "plannedSeconds": 27000.0,
    "knownPlannedSeconds": 25200.0,
    "plannedBusySeconds": 25200.0,
    "actualProductionSeconds": 20399.75,
    "actualUnitProcessingSeconds": 21000.0,
    "actualUnitSetupSeconds": 600.25,
    "actualDelaySeconds": 3000.0,
    "actualOrderExecutionSeconds": 25200.0,
    "actualPersonnelAttendanceSeconds": 25200.0,
    "actualPersonnelWorkSeconds": 21000.0,
    "productionSeconds": 20399.75,
    "plannedProductionSeconds": 17385.0,
    "failureEvents": 3,
    "producedQuantity": 321,
    "goodQuantity": 310,
    "scrapQuantity": 11,
    "reworkQuantity": 6,
    "dataCoverage": 25200 / 27000,
    "availability": 20399.75 / 25200,
    "effectiveness": 17385 / 20399.75,
    "qualityRatio": 310 / 321,
    "oee": 17385 / 25200 * 310 / 321,
    "nee": 21000 / 25200 * 17385 / 20399.75 * 310 / 321,
    "setupRate": 600.25 / 21000,
    "scrapRatio": 11 / 321,
    "reworkRatio": 6 / 321,
    "firstPassYield": 304 / 321,
    "throughputPerHour": 321 / 7,
    "meanTimeBetweenFailuresSeconds": 7400.0,
    "meanTimeToRepairSeconds": 1000.0,
    "workerEfficiency": 21000 / 25200,
}
# What was Unknown from 18:00 to 18:30 comes late as Production, with 41 parts: APT + 1,800, PBT and known 27,000, coverage 1;
# good 350, scrap 12, PQ 362; PRI x PQ = 17,385 + 41 x 45 = 19,230; MTBF = (27,000 - 3,000) / 3.
LATE_WITH_BACKLOG = {
    "plannedSeconds": 27000.0,
    "knownPlannedSeconds": 27000.0,
    "plannedBusySeconds": 27000.0,
    "actualProductionSeconds": 22199.75,
    "actualUnitProcessingSeconds": 22800.0,
    "plannedProductionSeconds": 19230.0,
    "producedQuantity": 362,
    "goodQuantity": 350,
    "scrapQuantity": 12,
    "dataCoverage": 1.0,
    "availability": 22199.75 / 27000,
    "effectiveness": 19230 / 22199.75,
    "oee": 19230 / 27000 * 350 / 362,
    "firstPassYield": 344 / 362,
    "meanTimeBetweenFailuresSeconds": 8000.0,
    "meanTimeToRepairSeconds": 1000.0,
}
# Night, planned pieces 20:00-00:00 and 00:30-05:00:
#   Delay 20:00-20:15 900 (the failure of 19:50, counted in the late shift), 02:00-02:05 300 = 1,200
#   Production 20:15-23:00 9,900, 23:45-00:00 900, 00:30-02:00 5,400, 02:05-05:00 10,500 = 26,700; with the break's 1,800: 28,500
#   PlannedDown 23:00-23:45 2,700.   Sum: 30,600. PBT = 30,600 - 2,700 = 27,900.
# Parts: good 120+30+200 = 350 (30 of them read in the break), scrap 2+4 = 6, PQ 356; x 45 = 16,020. What is read at 05:00 is no
# longer the night's. Nobody is logged on.
NIGHT = {
    "day": "2025-10-25",
    "shift": "night",
    "plannedSeconds": 30600.0,
    "knownPlannedSeconds": 30600.0,
    "plannedBusySeconds": 27900.0,
    "actualProductionSeconds": 26700.0,
    "productionSeconds": 28500.0,
    "actualUnitSetupSeconds": 0.0,
    "actualDelaySeconds": 1200.0,
    "plannedProductionSeconds": 16020.0,
    "failureEvents": 1,
    "producedQuantity": 356,
    "goodQuantity": 350,
    "scrapQuantity": 6,
    "reworkQuantity": 2,
    "availability": 26700 / 27900,
    "effectiveness": 16020 / 28500,
    "qualityRatio": 350 / 356,
    "oee": 26700 / 27900 * 16020 / 28500 * 350 / 356,
    "nee": 26700 / 27900 * 16020 / 28500 * 350 / 356,
    "setupRate": 0.0,
    "firstPassYield": 348 / 356,
    "throughputPerHour": 356 / 9,
    "meanTimeBetweenFailuresSeconds": 26700.0,
    "meanTimeToRepairSeconds": 1200.0,
    "workerEfficiency": None,
}


async def test_shifts(mes: Any, machine: Any) -> None:
    await press(mes, machine)
    between, late, night = await mes.kpis(*DAY, machine="press-01", by="shift")
    same(late, LATE)
    same(night, NIGHT)
    # 11:00-12:00 and 05:00-06:00 are no shift's: nothing planned, and the 7 parts that were read at 05:00 sharp.
    same(between, {"shift": "", "plannedSeconds": 0.0, "producedQuantity": 7, "availability": None, "failureEvents": 0})
    # Production 05:00-05:30 = 1,800 s at 7 x 45 s.
    same(between, {"productionSeconds": 1800.0, "actualProductionSeconds": 0.0, "effectiveness": 315 / 1800})


async def test_a_backlog_that_comes_late_changes_the_answer(mes: Any, machine: Any) -> None:
    made = await press(mes, machine)
    await mes.kpis(*DAY, machine="press-01", by="shift")
    made.state("25T18:00:00", "Production", recorded="26T07:00:00")
    made.parts("25T18:15:00", 45, recorded="26T07:00:00", good=40, rejected=1)
    await made.deliver()
    _, late, night = await mes.kpis(*DAY, machine="press-01", by="shift")
    same(late, LATE_WITH_BACKLOG)
    same(night, NIGHT)


async def test_orders_and_products(mes: Any, machine: Any) -> None:
    """JO-A 12:10-15:50 = 13,200 s: Setup 0.25, Production 2,999.75 + 9,000, Delay 1,200. JO-B 16:40-05:00 = 44,400 s.

    JO-B in planned time: late 16:40-20:00 12,000 less 1,800 unknown = 10,200; night 27,900 busy; Production 4,800 + 3,600 + 26,700.
    """
    await press(mes, machine)
    none, first, second = await mes.kpis(*DAY, machine="press-01", by="order")
    same(
        first,
        {"workRequest": "WR-1", "jobOrder": "JO-A", "actualOrderExecutionSeconds": 13200.0, "producedQuantity": 196},
    )
    same(first, {"plannedBusySeconds": 13200.0, "actualUnitSetupSeconds": 0.25, "actualProductionSeconds": 11999.75})
    same(first, {"plannedProductionSeconds": 11760.0, "throughputPerHour": 196 / (13200 / 3600), "failureEvents": 1})
    same(second, {"workRequest": "WR-2", "jobOrder": "JO-B", "actualOrderExecutionSeconds": 44400.0})
    same(second, {"plannedBusySeconds": 38100.0, "actualProductionSeconds": 35100.0, "producedQuantity": 50 + 75 + 356})
    # 12:00-12:10 Setup; 15:50-16:40 the failure that began as JO-A ended; the 7 parts of 05:00.
    same(none, {"jobOrder": "", "actualUnitSetupSeconds": 600.0, "actualDelaySeconds": 1200.0, "producedQuantity": 7})
    by_product = await mes.kpis(*DAY, machine="press-01", by="product")
    assert [row["materialDefinition"] for row in by_product] == ["", "P-1", "P-2"]
    assert [row["producedQuantity"] for row in by_product] == [7, 196, 481]
    whole = (await mes.kpis(*DAY, machine="press-01"))[0]
    for name in (
        "plannedBusySeconds",
        "actualDelaySeconds",
        "producedQuantity",
        "failureEvents",
        "plannedProductionSeconds",
    ):
        assert whole[name] == sum(row[name] for row in (none, first, second)), name


async def test_a_failure_is_counted_where_it_begins(mes: Any, machine: Any) -> None:
    await press(mes, machine)
    (inside,) = await mes.kpis("25T19:55:00", "25T20:10:00", machine="press-01")
    same(inside, {"actualDelaySeconds": 900.0, "failureEvents": 0, "meanTimeToRepairSeconds": None})
    (breaks,) = await mes.kpis("25T16:10:00", "25T16:35:00", machine="press-01")
    same(breaks, {"actualDelaySeconds": 300.0, "failureEvents": 0})


@pytest.mark.parametrize(
    ("query", "says"), [("from=x&to=y", "from"), ("by=moon", "by"), ("level=moon", "level"), ("", "from")]
)
async def test_a_wrong_question_names_the_parameter(mes: Any, query: str, says: str) -> None:
    window = "from=2025-10-25T00:00:00Z&to=2025-10-26T00:00:00%2B00:00&" if "from" not in query and query else ""
    status, text = await mes.send("GET", f"/v1/kpis?{window}{query}")
    assert (status, text.split(":")[0]) == (400, says)
