"""What is odd in a calendar has a name and a message that says how its time is counted, as the gateway does count it."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantwright_api.v1alpha1 import Plant
from plantwright_api.v1alpha1.plant import Calendar
from plantwright_api.v1alpha1.reasons import REASONS
from plantwright_gateway.context.calendar import WorkCalendar
from plantwright_operator.decide import calendars, plants
from plantwright_operator.desired import config

DAYS = calendars.WEEKDAYS
WORKDAYS = list(DAYS[:5])
DAY, WEEK = calendars.DAY, calendars.WEEK
MINUTE_NS = 60 * 10**9
MONDAY = 4 * DAY * MINUTE_NS
"""5 January 1970 as ns since the epoch: a week of UTC, whose clocks never change."""
MINUTES = st.integers(0, DAY - 1)


def clock(minute: int) -> str:
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def shift(name: str, times: str, *breaks: str, days: list[str] = WORKDAYS) -> dict[str, Any]:
    start, end = times.split("-")
    pauses = [dict(zip(("start", "end"), pause.split("-"), strict=True)) for pause in breaks]
    return {"name": name, "days": days, "start": start, "end": end, "breaks": pauses}


def judged(*shifts: dict[str, Any], **more: Any) -> calendars.Judgement:
    return calendars.judge(Calendar.model_validate({"shifts": list(shifts), **more}))


def planned(*shifts: dict[str, Any]) -> int:
    """Minutes of a week that the gateway plans, by the configuration that the operator makes of the Plant."""
    sink = {"name": "mes", "http": {"url": "http://10.9.0.1:8090/v1/events"}}
    spec = {"enterprise": "e", "site": "s", "mes": {"sinks": [sink]}, "calendar": {"shifts": list(shifts)}}
    plant = Plant.model_validate({"metadata": {"name": "p"}, "spec": spec})
    week = WorkCalendar(config._calendar(plant)).segments(MONDAY, MONDAY + WEEK * MINUTE_NS)
    return sum(length for length, segment in week if segment.planned) // MINUTE_NS


EARLY, LATE = shift("early", "06:00-14:00"), shift("late", "14:00-22:00")
LATE_TO_ONE = shift("late", "17:00-01:00")


@pytest.mark.parametrize(
    ("shifts", "reason"),
    [
        pytest.param([], "AroundTheClock", id="no shifts"),
        pytest.param([EARLY], "Consistent", id="closed by night"),
        pytest.param([shift("night", "22:00-06:00")], "Consistent", id="closed by day"),
        pytest.param([EARLY, LATE], "Consistent", id="two shifts, closed by night"),
        pytest.param([LATE_TO_ONE, shift("early", "06:00-17:00")], "Consistent", id="closed from one o'clock on"),
        pytest.param([shift("all", "00:00-00:00", days=list(DAYS))], "Consistent", id="whole days"),
        pytest.param([shift("night", "22:00-06:00", "02:00-03:00", "23:45-00:15")], "Consistent", id="breaks by night"),
        pytest.param([shift("early", "06:00-14:00", "06:00-06:15", "13:45-14:00")], "Consistent", id="breaks at ends"),
        pytest.param([EARLY, shift("weekend", "09:00-17:00", days=["Sunday"])], "Consistent", id="other days"),
        pytest.param([shift("late", "14:00-22:00"), shift("early", "06:00-14:30")], "ShiftsOverlap", id="in any order"),
        pytest.param(
            [shift("sunday", "22:00-07:00", days=["Sunday"]), shift("monday", "06:00-14:00", days=["Monday"])],
            "ShiftsOverlap",
            id="over the week's end",
        ),
        pytest.param([EARLY, shift("late", "16:00-22:00")], "GapBetweenShifts", id="two hours of one date"),
        pytest.param(
            [shift("night", "22:00-05:30", days=["Sunday"]), shift("early", "06:00-14:00", days=["Monday"])],
            "GapBetweenShifts",
            id="half an hour over the week's end",
        ),
        pytest.param([shift("early", "06:00-14:00", "14:00-14:15")], "BreakOutsideShift", id="break after the shift"),
        pytest.param([shift("early", "06:00-14:00", "05:45-06:15")], "BreakOutsideShift", id="break before the shift"),
        pytest.param([shift("early", "06:00-14:00", "12:30-12:00")], "BreakOutsideShift", id="break that ends first"),
        pytest.param([shift("early", "06:00-14:00", "12:00-12:00")], "BreakOutsideShift", id="break of no length"),
        pytest.param([shift("early", "06:00-14:00", "06:00-14:00")], "ShiftWithoutWork", id="break as long as it"),
        pytest.param([shift("early", "06:00-08:00", "07:00-08:00", "06:00-07:00")], "ShiftWithoutWork", id="two are"),
    ],
)
def test_each_calendar_has_a_reason(shifts: list[dict[str, Any]], reason: str) -> None:
    found = judged(*shifts)
    known = {each.name for each in REASONS if each.condition == "CalendarConsistent"}
    assert (found.reason, found.reason in known) == (reason, True)
    assert (found.status == "True") is (reason in ("AroundTheClock", "Consistent", "GapBetweenShifts"))
    assert bool(found.message) is (reason not in ("AroundTheClock", "Consistent"))


@pytest.mark.parametrize(
    ("shifts", "message"),
    [
        pytest.param(
            [EARLY, shift("late", "13:30-22:00")],
            "spec.calendar.shifts[late] begins before shifts[early] ends: 13:30 to 14:00 (Monday to Friday) is planned once, "
            "as time of the later shift, late; let one end where the other begins, unless a hand-over is meant",
            id="overlap",
        ),
        pytest.param(
            [
                shift("early", "05:30-14:00", days=["Monday", "Wednesday"]),
                shift("night", "22:00-06:00", days=["Tuesday", "Sunday"]),
            ],
            "spec.calendar.shifts[early] begins before shifts[night] ends: 05:30 to 06:00 (Monday, Wednesday) is planned once, "
            "as time of the later shift, early; let one end where the other begins, unless a hand-over is meant",
            id="overlap of two dates",
        ),
        pytest.param(
            [EARLY, shift("extra", "10:00-12:00", days=["Monday"]), LATE],
            "spec.calendar.shifts[extra] begins before shifts[early] ends: 10:00 to 12:00 (Monday) is planned once, as time "
            "of the later shift, extra; let one end where the other begins, unless a hand-over is meant",
            id="one within another",
        ),
        pytest.param(
            [shift("early", "06:00-13:00", days=list(DAYS)), shift("late", "14:00-22:00", days=list(DAYS))],
            "spec.calendar.shifts[early] ends before shifts[late] begins: 13:00 to 14:00 (every day) is of no shift and not "
            "planned, which is right if the plant is closed then",
            id="gap",
        ),
        pytest.param(
            [shift("early", "06:00-14:00", "09:00-09:15", "13:30-14:30")],
            "spec.calendar.shifts[early].breaks[1], 13:30 to 14:30, is not within the shift, 06:00 to 14:00, and ends its "
            "planned time at 13:30; mend its times or remove it",
            id="break over the end",
        ),
        pytest.param(
            [shift("early", "06:00-14:00", "15:00-15:15")],
            "spec.calendar.shifts[early].breaks[0], 15:00 to 15:15, is not within the shift, 06:00 to 14:00, and takes no "
            "time from it; mend its times or remove it",
            id="break beside it",
        ),
        pytest.param(
            [shift("early", "06:00-14:00", "06:00-14:00")],
            "spec.calendar.shifts[early].breaks take all of it: no time of it is planned; shorten them",
            id="nothing left",
        ),
    ],
)
def test_the_message_names_fields_effect_and_cure(shifts: list[dict[str, Any]], message: str) -> None:
    assert judged(*shifts).message == message


def test_the_gravest_finding_gives_the_reason_and_the_rest_is_counted() -> None:
    breaks = [f"{hour}:00-{hour}:30" for hour in (15, 16, 17, 18)]
    found = judged(shift("early", "06:00-14:00", *breaks), shift("late", "13:00-22:00"))
    assert (found.status, found.reason) == ("False", "ShiftsOverlap")
    assert found.message.count("spec.calendar.") == 3
    assert found.message.endswith("; and 2 more")


def test_every_pair_that_overlaps_is_told() -> None:
    found = judged(shift("day", "06:00-22:00"), shift("first", "08:00-10:00"), shift("second", "12:00-14:00"))
    told = [text.split(":")[0] for text in found.message.split("; ") if text.startswith("spec.")]
    assert told == [f"spec.calendar.shifts[{name}] begins before shifts[day] ends" for name in ("first", "second")]


@given(base=MINUTES, cuts=st.sets(st.integers(1, WEEK - 1), max_size=24))
def test_a_week_cut_into_shifts_is_consistent(base: int, cuts: set[int]) -> None:
    """Wherever it is cut, over midnight and over the week's end; no piece is longer than a day."""
    edges = sorted(cuts | {day * DAY for day in range(8)})
    pieces = [(base + start, base + end) for start, end in pairwise(edges)]
    found = judged(
        *(
            shift(f"s{place}", f"{clock(start)}-{clock(end)}", days=[DAYS[start // DAY % 7]])
            for place, (start, end) in enumerate(pieces)
        )
    )
    assert found == ("True", "Consistent", "")


A_SHIFT = st.tuples(MINUTES, MINUTES, st.sets(st.sampled_from(DAYS), min_size=1))


@given(parts=st.lists(A_SHIFT, min_size=1, max_size=5))
def test_an_overlap_is_told_just_where_the_gateway_counts_time_once_that_two_shifts_have(
    parts: list[tuple[int, int, set[str]]],
) -> None:
    shifts = [
        shift(f"s{place}", f"{clock(start)}-{clock(end)}", days=sorted(days))
        for place, (start, end, days) in enumerate(parts)
    ]
    apart = sum(planned(each) for each in shifts)
    assert (judged(*shifts).reason == "ShiftsOverlap") is (planned(*shifts) < apart)


@given(start=MINUTES, end=MINUTES, pause=st.tuples(MINUTES, MINUTES))
def test_a_break_is_told_just_where_the_gateway_does_not_take_its_length_from_the_shift(
    start: int, end: int, pause: tuple[int, int]
) -> None:
    times, length = f"{clock(start)}-{clock(end)}", ((end - start) % DAY or DAY)
    pause_length = (pause[1] - pause[0]) % DAY or DAY
    made = shift("s", times, f"{clock(pause[0])}-{clock(pause[1])}", days=["Wednesday"])
    left = planned(made)
    found = judged(made)
    assert (found.reason == "ShiftWithoutWork") is (left == 0)
    assert ("is not within the shift" in found.message) is (left != length - pause_length)


@given(
    start=MINUTES, length=st.integers(1, DAY - calendars.SHORT_GAP - 1), days=st.sets(st.sampled_from(DAYS), min_size=1)
)
def test_a_plant_that_closes_once_a_day_has_no_gap(start: int, length: int, days: set[str]) -> None:
    assert judged(shift("s", f"{clock(start)}-{clock(start + length)}", days=sorted(days))).reason == "Consistent"


def test_closures_are_never_odd_but_must_be_dates(raw: Callable[..., dict[str, Any]]) -> None:
    closed = {"shifts": [EARLY], "closures": ["1999-12-31", "2026-11-22", "2028-02-29"]}
    assert judged(EARLY, closures=closed["closures"]).reason == "Consistent"
    assert plants.judge(Plant.model_validate(raw("Plant", calendar=closed))) is None
    found = plants.judge(Plant.model_validate(raw("Plant", calendar={"closures": ["2026-12-25", "2026-02-30"]})))
    assert found is not None
    assert found.message == "spec.calendar.closures[1]: there is no 2026-02-30; write a date such as 2026-12-25"
