"""Calendars with a hole and with shifts over one another: no time is counted twice, none is lost, each row says whose it is."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from plantwright_api.wire.config import Calendar, Shift
from plantwright_gateway.context.calendar import WorkCalendar
from plantwright_gateway.context.times import nanoseconds

pytestmark = pytest.mark.slow

HOUR = 3600.0
DAY = ("25T03:00:00", "25T21:00:00")
"""Saturday, 25 October 2025: Europe/Berlin is two hours ahead."""


def shift(name: str, begin: float, end: float) -> Shift:
    """A shift on Saturdays, in hours of the wall clock."""
    return Shift(name=name, weekdays=[5], start_minute=round(begin * 60), end_minute=round(end * 60))


def body(*shifts: Shift) -> dict[str, Any]:
    told = [
        {"name": s.name, "weekdays": s.weekdays, "startMinute": s.start_minute, "endMinute": s.end_minute}
        for s in shifts
    ]
    return {"timeZone": "Europe/Berlin", "shifts": told}


def planned_at_the_gateway(*shifts: Shift) -> dict[str, float]:
    """Planned seconds of the day by shift, as the gateway counts them."""
    begin, end = (nanoseconds(datetime.fromisoformat(f"2025-10-{text}").replace(tzinfo=UTC)) for text in DAY)
    found: dict[str, float] = {}
    for length, segment in WorkCalendar(Calendar(time_zone="Europe/Berlin", shifts=list(shifts))).segments(begin, end):
        if segment.planned:
            found[segment.shift] = found.get(segment.shift, 0.0) + length / 1e9
    return found


async def asked(mes: Any, made: Any, *shifts: Shift) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Figures of a day on which the machine stood from 12:30 to 13:15 local time and made 60 parts: of all, and by shift."""
    made.configured("25T00:00:00", body(*shifts)).state("25T02:00:00", "Production")
    made.state("25T10:30:00", "Delay").state("25T11:15:00", "Production")
    for time, good in (("25T06:00:00", 10), ("25T10:10:00", 20), ("25T12:10:00", 30)):
        made.parts(time, good=good)
    await made.observed("25T22:00:00", v=1).deliver()
    (whole,) = await mes.kpis(*DAY, machine="a")
    rows = await mes.kpis(*DAY, machine="a", by="shift")
    assert sum(row["goodQuantity"] or 0 for row in rows) == whole["goodQuantity"] == 60
    for name in ("plannedSeconds", "actualProductionSeconds", "actualDelaySeconds"):
        assert sum(row[name] for row in rows) == whole[name], name
    by_shift = {row["shift"]: row for row in rows}
    planned = {name: row["plannedSeconds"] for name, row in by_shift.items() if row["plannedSeconds"]}
    assert planned == planned_at_the_gateway(*shifts), "MES and gateway plan the same"
    return whole, by_shift


@pytest.mark.row("C8")
async def test_time_between_shifts_is_in_no_ratio_and_stands_in_a_row_of_its_own(
    mes: Any, machine: Any, measured: Callable[[str], None]
) -> None:
    whole, rows = await asked(mes, machine(mes, "a"), shift("early", 6, 12), shift("late", 14, 22))
    assert whole["plannedSeconds"] == 14 * HOUR
    assert (whole["actualDelaySeconds"], whole["failureEvents"]) == (0.0, 0), "it stood while nothing was planned"
    assert whole["availability"] == 1.0
    assert {name: row["goodQuantity"] for name, row in rows.items()} == {"": 20, "early": 10, "late": 30}
    assert (rows[""]["plannedSeconds"], rows[""]["availability"], rows[""]["oee"]) == (0.0, None, None)
    measured(
        "2 h without a shift: 0 s planned, 45 min of standing in no figure, 20 parts of that time in a row without a shift"
    )


@pytest.mark.row("C9")
async def test_where_shifts_overlap_each_second_is_the_later_ones(
    mes: Any, machine: Any, measured: Callable[[str], None]
) -> None:
    whole, rows = await asked(mes, machine(mes, "a"), shift("early", 6, 14.5), shift("late", 12, 22))
    assert whole["plannedSeconds"] == 16 * HOUR
    assert {name: row["plannedSeconds"] for name, row in rows.items()} == {
        "": 0.0,
        "early": 6 * HOUR,
        "late": 10 * HOUR,
    }
    assert {name: row["goodQuantity"] for name, row in rows.items() if name} == {"early": 10, "late": 50}
    assert (rows["late"]["actualDelaySeconds"], rows["late"]["failureEvents"]) == (0.75 * HOUR, 1)
    assert (rows["early"]["actualDelaySeconds"], rows["early"]["failureEvents"]) == (0.0, 0)
    measured(
        "2.5 h of two shifts: 16 h planned of a day of 16 h, not 18.5; parts, stop and failure once, in the later shift"
    )
