"""Counting time and parts."""

from typing import Any

import pytest

from plantwright_api.wire.config import Calendar, PartCounters, Shift, StateModel
from plantwright_gateway.context.calendar import WorkCalendar
from plantwright_gateway.context.counters import as_count
from plantwright_gateway.context.kpi import Kpis, Parts, Totals, busy_ns, dump, load, planned_ns

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
    found.count("g", 5, T0)
    found.count("g", 9, T0)
    found.advance(T0 + S)
    assert load(dump(found.totals), 0) == found.totals
    assert load(b"rubbish", 7) == Totals(at_ns=7)
    assert load(None, 7) == Totals(at_ns=7)


def test_parts_are_counted_from_the_first_reading_on() -> None:
    found = kpis(good="g", rejected="r", rollover=65536)
    for good, rejected in ((65_530, 3), (65_535, 3), (4, 5)):
        found.count("g", good, T0)
        found.count("r", float(rejected), T0)
    assert (found.totals.good, found.totals.rejected) == (10, 2)
    found.count("g", "many", T0)
    found.count("elsewhere", 1000, T0)
    assert found.totals.good == 10


def test_a_new_planned_run_time_changes_no_past() -> None:
    before = kpis(good="g", planned_run_time_per_item_seconds=10.0)
    before.count("g", 0, T0)
    before.count("g", 3, T0 + S)
    after = kpis(totals=before.totals, good="g", planned_run_time_per_item_seconds=4.0)
    after.count("g", 5, T0 + 2 * S)
    assert after.totals.planned_production_ns == (3 * 10 + 2 * 4) * 10**9


@pytest.mark.row("C6")
def test_every_fall_is_told_for_what_it_was_taken() -> None:
    found = kpis(good="g", rejected="r", rollover=65536)
    for second, good in enumerate((65_000, 65_535, 20, 15, 15, 9000, 8999, 3)):
        found.count("g", good, T0 + second * S)
    found.count("r", 7, T0)
    assert dict(found.falls) == {("g", "Wrap"): 1, ("g", "SetBack"): 2, ("g", "Reset"): 1}
    assert found.totals.good == 535 + 21 + 8985 + 3
    after = kpis(totals=found.totals, good="g", reworked="w")
    after.succeed(found)
    assert after.falls == found.falls


@pytest.mark.row("C6")
def test_a_reading_says_which_counter_fell_and_how() -> None:
    found = kpis(good="g", rejected="r")
    assert found.count("g", 1000, T0) == Parts()
    assert found.count("g", 990, T0 + S) == Parts(falls=(("good", "SetBack"),))
    assert found.count("g", 992, T0 + 2 * S) == Parts(good=2)
    found.count("r", 50, T0)
    found.count("r", 1, T0 + S)
    assert found.totals.rejected == 1
    both = Parts(1, 2, 0, (("good", "Wrap"),)).plus(Parts(3, 0, 1, (("rejected", "Reset"),)))
    assert both == Parts(4, 2, 1, (("good", "Wrap"), ("rejected", "Reset")))


@pytest.mark.row("C6")
def test_after_a_gap_what_fits_into_the_time_decides() -> None:
    """Eight hours at 60 s a part: a reset counter may well show 400 of 500 again, and cannot show 1900 of 2000."""
    for before, now, lost, counted in ((500, 400, (), 400), (500, 400, ("else",), 0), (2000, 1900, ("g",), 0)):
        found = kpis(good="g", planned_run_time_per_item_seconds=60.0)
        found.count("g", before, T0)
        found.lose_sight(lost)
        found.count("g", now, T0 + 8 * 3600 * S)
        assert found.totals.good == counted
        found.count("g", now - 1, T0 + 16 * 3600 * S)
        assert found.totals.good == counted, "it was seen in between"


@pytest.mark.row("C6")
def test_a_gateway_that_was_away_knows_when_it_read_last() -> None:
    found = kpis(good="g", planned_run_time_per_item_seconds=60.0)
    found.count("g", 500, T0)
    kept = load(dump(found.totals), 0)
    again = kpis(totals=kept, good="g", planned_run_time_per_item_seconds=60.0)
    assert again.count("g", 499, T0 + 60 * S).good == 0
    again = kpis(totals=load(dump(found.totals), 0), good="g", planned_run_time_per_item_seconds=60.0)
    assert again.count("g", 499, T0 + 16 * 3600 * S).good == 499


def test_totals_of_a_version_without_times_are_read() -> None:
    kept = load(b'{"atNs": 5, "good": 3, "baselines": {"g": 10}}', 0)
    found = kpis(totals=kept, good="g", planned_run_time_per_item_seconds=60.0)
    assert found.count("g", 4, T0).good == 4, "nobody knows how much time lies between"


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
