"""Planned time in local calendars: nights, breaks, closures, and the two nights a year that are not 24 hours."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantwright_api.wire.config import Break, Calendar, Shift
from plantwright_gateway.context.calendar import WorkCalendar

BERLIN = ZoneInfo("Europe/Berlin")
S = 10**9
HOUR = 3600 * S
ALL = list(range(7))


def at(text: str) -> int:
    """Local time in Berlin as ns since the epoch."""
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()) * S


def planned(calendar: Calendar, start: int, end: int) -> int:
    return sum(length for length, segment in WorkCalendar(calendar).segments(start, end) if segment.planned)


def shift(start: int, end: int, *, days: list[int] = ALL, breaks: list[tuple[int, int]] | None = None) -> Calendar:
    pauses = [Break(start_minute=a * 60, end_minute=b * 60) for a, b in breaks or []]
    made = Shift(name="s", weekdays=days, start_minute=start * 60, end_minute=end * 60, breaks=pauses)
    return Calendar(time_zone="Europe/Berlin", shifts=[made])


def test_without_shifts_all_time_is_planned() -> None:
    assert planned(Calendar(), 0, 1000 * HOUR) == 1000 * HOUR


@pytest.mark.parametrize(
    ("night", "hours"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-06-10", 8)], ids=["spring", "autumn", "summer"]
)
def test_a_night_shift_over_the_clock_change_is_as_long_as_it_is(night: str, hours: int) -> None:
    start = at(f"{night}T12:00:00")
    assert planned(shift(22, 6), start, start + 24 * HOUR) == hours * HOUR


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_days_of_23_and_25_hours_are_planned_whole(day: str, hours: int) -> None:
    next_day = (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()
    assert (
        planned(Calendar(time_zone="Europe/Berlin"), at(f"{day}T00:00:00"), at(f"{next_day}T00:00:00")) == hours * HOUR
    )


def test_breaks_are_not_planned_also_after_midnight() -> None:
    calendar = shift(22, 6, breaks=[(2, 3), (23, 0)])
    start = at("2026-06-10T12:00:00")
    assert planned(calendar, start, start + 24 * HOUR) == 6 * HOUR
    work = WorkCalendar(calendar)
    assert not work.segment_at(at("2026-06-11T02:30:00")).planned
    assert work.segment_at(at("2026-06-11T03:00:00")).planned


def test_on_a_closure_no_shift_starts_but_the_one_before_ends_in_it() -> None:
    calendar = Calendar(
        time_zone="Europe/Berlin",
        shifts=[Shift(name="night", weekdays=ALL, start_minute=22 * 60, end_minute=6 * 60)],
        closures=["2026-12-25"],
    )
    assert planned(calendar, at("2026-12-25T00:00:00"), at("2026-12-26T00:00:00")) == 6 * HOUR
    assert planned(calendar, at("2026-12-26T00:00:00"), at("2026-12-26T12:00:00")) == 0


def test_of_two_shifts_at_once_the_later_one_counts_also_after_a_break_of_the_earlier() -> None:
    early = Shift(
        name="early", weekdays=ALL, start_minute=360, end_minute=870, breaks=[Break(start_minute=780, end_minute=810)]
    )
    late = Shift(name="late", weekdays=ALL, start_minute=750, end_minute=1200)
    work = WorkCalendar(Calendar(time_zone="Europe/Berlin", shifts=[early, late]))
    asked = {"12:29": "early", "12:30": "late", "13:15": "late", "13:30": "late", "14:29": "late", "14:30": "late"}
    assert {time: work.segment_at(at(f"2026-06-10T{time}:00")).shift for time in asked} == asked


def test_weekdays_are_those_on_which_the_shift_starts() -> None:
    friday_night = shift(22, 6, days=[4])
    assert planned(friday_night, at("2026-06-12T00:00:00"), at("2026-06-15T00:00:00")) == 8 * HOUR
    assert WorkCalendar(friday_night).segment_at(at("2026-06-13T03:00:00")).shift == "s"


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(KeyError):
        WorkCalendar(Calendar(time_zone="Mars/Olympus"))


@given(
    start_hour=st.integers(0, 23),
    end_hour=st.integers(0, 23),
    begin=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1)),
    minutes=st.lists(st.integers(0, 3000), min_size=1, max_size=4),
)
def test_segments_cover_every_instant_once_however_the_span_is_cut(
    start_hour: int, end_hour: int, begin: datetime, minutes: list[int]
) -> None:
    calendar = shift(start_hour, end_hour)
    begin_ns = int(begin.replace(tzinfo=UTC).timestamp()) * S
    edges = [begin_ns]
    for step in minutes:
        edges.append(edges[-1] + step * 60 * S)
    work = WorkCalendar(calendar)
    pieces = [sum(n for n, s in work.segments(a, b) if s.planned) for a, b in pairwise(edges)]
    assert sum(n for n, _ in work.segments(edges[0], edges[-1])) == edges[-1] - edges[0]
    assert sum(pieces) == planned(calendar, edges[0], edges[-1])


@pytest.mark.parametrize(
    ("now", "name", "begun"),
    [
        ("2026-06-10T07:00:00", "s", "2026-06-10T06:00:00"),
        ("2026-06-10T12:30:00", "s", "2026-06-10T06:00:00"),  # in the break
        ("2026-06-10T23:00:00", "s", "2026-06-10T06:00:00"),  # after its end
        ("2026-06-10T05:59:59", "s", "2026-06-09T06:00:00"),
        ("2026-06-15T05:00:00", "s", "2026-06-12T06:00:00"),  # over the weekend
    ],
)
def test_the_shift_that_began_last(now: str, name: str, begun: str) -> None:
    work = WorkCalendar(shift(6, 14, days=[0, 1, 2, 3, 4], breaks=[(12, 13)]))
    assert work.shift_begun(at(now)) == (name, at(begun))


def test_without_shifts_the_local_day_counts_and_a_long_closure_leaves_none() -> None:
    assert WorkCalendar(Calendar(time_zone="Europe/Berlin")).shift_begun(at("2026-10-25T12:00:00")) == (
        "",
        at("2026-10-25T00:00:00"),
    )
    days = [f"2026-06-{day:02d}" for day in range(1, 29)]
    closed = Calendar(time_zone="Europe/Berlin", shifts=shift(6, 14).shifts, closures=days)
    assert WorkCalendar(closed).shift_begun(at("2026-06-28T12:00:00")) == ("", 0)
