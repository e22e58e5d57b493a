"""Counting time and parts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantwright_api.wire.config import Calendar, PartCounters, Shift, StateModel
from plantwright_gateway.context.calendar import WorkCalendar
from plantwright_gateway.context.counters import as_count, part_delta
from plantwright_gateway.context.kpi import Kpis, Totals, busy_ns, dump, load, planned_ns

S = 10**9
T0 = 1_760_000_000 * S
FRESH = 30 * S
STATES = StateModel(signal="state", values={"1": "Production", "stop": "Delay", "3": "PlannedDown"})


def kpis(totals: Totals | None = None, calendar: Calendar | None = None, **parts: Any) -> Kpis:
    counters = PartCounters(**parts) if parts else None
    return Kpis(totals or Totals(at_ns=T0), WorkCalendar(calendar or Calendar()), STATES, counters, FRESH)


def seconds(found: Kpis) -> dict[str, float]:
    return {state: sum(both) / S for state, both in found.totals.states.items()}


def test_a_state_counts_while_the_machine_confirms_it() -> None:
    found = kpis()
    found.confirm(T0)
    found.tell_state("1", "", T0)
    for step in range(1, 11):
        found.confirm(T0 + step * 10 * S)
    assert seconds(found) == {"Production": 100}


def test_what_is_not_confirmed_is_unknown_and_never_delay() -> None:
    found = kpis()
    found.confirm(T0)
    found.tell_state("1", "", T0)
    found.advance(T0 + 100 * S)
    assert seconds(found) == {"Production": 30, "Unknown": 70}
    found.confirm(T0 + 100 * S)
    found.advance(T0 + 110 * S)
    assert seconds(found) == {"Production": 40, "Unknown": 70}


def test_a_lost_session_makes_the_state_unknown_until_it_is_told_again() -> None:
    found = kpis()
    found.confirm(T0)
    found.tell_state("1", "", T0)
    found.lose(T0 + 5 * S)
    found.confirm(T0 + 10 * S)
    found.advance(T0 + 20 * S)
    assert seconds(found) == {"Production": 5, "Unknown": 15}


@pytest.mark.parametrize(
    ("code", "name", "state"), [("1", "", "Production"), ("2", "stop", "Delay"), ("9", "jog", "Unknown")]
)
def test_states_go_by_code_or_by_name(code: str, name: str, state: str) -> None:
    found = kpis()
    found.tell_state(code, name, T0)
    assert found.state == state


def test_time_is_split_by_the_plan() -> None:
    day = 1_760_054_400 * S  # 2025-10-10T00:00:00Z, a Friday
    early = Calendar(shifts=[Shift(name="early", weekdays=[4], start_minute=360, end_minute=840)])
    found = kpis(Totals(at_ns=day), early)
    found.tell_state("1", "", day)
    for step in range(24 * 120 + 1):
        found.confirm(day + step * 30 * S)
    assert found.totals.states["Production"] == [8 * 3600 * S, 16 * 3600 * S]
    assert planned_ns(found.totals) == busy_ns(found.totals) == 8 * 3600 * S


def test_busy_is_known_and_not_planned_down() -> None:
    found = kpis()
    for code, start in (("1", 0), ("3", 10), ("9", 20)):
        found.confirm(T0 + start * S)
        found.tell_state(code, "", T0 + start * S)
    found.advance(T0 + 30 * S)
    assert planned_ns(found.totals) == 30 * S
    assert busy_ns(found.totals) == 10 * S


@pytest.mark.row("C7")
def test_a_clock_that_goes_back_neither_subtracts_nor_confirms() -> None:
    found = kpis()
    found.confirm(T0)
    found.tell_state("1", "", T0)
    found.advance(T0 + 10 * S)
    found.advance(T0 - 3600 * S)
    found.advance(T0 - 3500 * S)
    assert seconds(found) == {"Production": 40, "Unknown": 70}


def test_totals_survive_as_bytes_and_rubbish_begins_anew() -> None:
    found = kpis(good="g")
    found.count("g", 5)
    found.count("g", 9)
    found.advance(T0 + S)
    assert load(dump(found.totals), 0) == found.totals
    assert load(b"rubbish", 7) == Totals(at_ns=7)
    assert load(None, 7) == Totals(at_ns=7)


def test_parts_are_counted_from_the_first_reading_on() -> None:
    found = kpis(good="g", rejected="r", rollover=65536)
    for good, rejected in ((65_530, 3), (65_535, 3), (4, 5)):
        found.count("g", good)
        found.count("r", float(rejected))
    assert (found.totals.good, found.totals.rejected) == (10, 2)
    found.count("g", "many")
    found.count("elsewhere", 1000)
    assert found.totals.good == 10


def test_a_new_planned_run_time_changes_no_past() -> None:
    before = kpis(good="g", planned_run_time_per_item_seconds=10.0)
    before.count("g", 0)
    before.count("g", 3)
    after = kpis(totals=before.totals, good="g", planned_run_time_per_item_seconds=4.0)
    after.count("g", 5)
    assert after.totals.planned_production_ns == (3 * 10 + 2 * 4) * 10**9


@pytest.mark.parametrize(
    ("before", "now", "rollover", "delta"),
    [
        (None, 500, None, 0),
        (10, 10, None, 0),
        (10, 15, None, 5),
        (10, 3, None, 3),
        (65_530, 4, 65_536, 10),
        (1000, 4, 65_536, 4),
        (10, 70_000, 65_536, 69_990),
        (70_000, 69_000, 65_536, 69_000),
    ],
    ids=["first", "still", "more", "reset", "wrap", "reset not wrap", "beyond", "beyond and back"],
)
@pytest.mark.row("C6")
def test_part_delta(before: int | None, now: int, rollover: int | None, delta: int) -> None:
    assert part_delta(before, now, rollover) == delta


@pytest.mark.row("C6")
def test_every_fall_that_is_no_wrap_is_told() -> None:
    found = kpis(good="g", rejected="r", rollover=65536)
    for good in (65_000, 65_535, 20, 15, 15, 9000, 8999):
        found.count("g", good)
    found.count("r", 7)
    assert found.resets == {"g": 2, "r": 0}, "65,535 to 20 is a wrap"
    after = kpis(totals=found.totals, good="g", reworked="w")
    after.succeed(found)
    assert after.resets == {"g": 2, "w": 0}


@given(rollover=st.integers(4, 10_000), steps=st.lists(st.integers(0, 4000), max_size=20))
@pytest.mark.row("C6")
def test_wraps_lose_no_part_while_steps_are_below_half_the_range(rollover: int, steps: list[int]) -> None:
    steps = [step % (rollover // 2) for step in steps]
    true, before, counted = 0, 0, 0
    for step in steps:
        true += step
        now = true % rollover
        counted += part_delta(before, now, rollover)
        before = now
    assert counted == true


@pytest.mark.parametrize(("value", "count"), [(3, 3), (3.0, 3), (3.5, None), (-1, None), (True, None), ("3", None)])
def test_what_is_a_count(value: object, count: int | None) -> None:
    assert as_count(value) == count


def test_a_failure_is_a_stretch_of_delay_in_planned_time() -> None:
    """Counted once, where it first is in planned time; what is not known in between makes two of it."""
    day = Shift(name="s", weekdays=list(range(7)), start_minute=6 * 60, end_minute=14 * 60)
    midnight = 1_780_012_800 * S  # 2026-05-29T00:00:00Z
    counted = kpis(Totals(at_ns=midnight), calendar=Calendar(shifts=[day]))
    expected = [
        (5.0, "stop", 0),  # before the shift
        (5.5, "stop", 0),
        (6.5, "stop", 1),  # the shift began at 6
        (7.0, "run", 1),
        (7.5, "stop", 1),
        (8.0, "run", 2),
        (8.5, "stop", 2),
        (9.0, "stop", 3),
    ]
    for hour, code, failures in expected:
        now = midnight + int(hour * 3600) * S
        counted.confirm(now)
        counted._known_until = now + 3600 * S
        counted.tell_state(code, "", now)
        assert counted.totals.failures == failures, hour
    counted.lose(midnight + 34_200 * S)
    counted.tell_state("stop", "", midnight + 36_000 * S)
    counted.confirm(midnight + 36_001 * S)
    counted.advance(midnight + 36_002 * S)
    assert counted.totals.failures == 4
