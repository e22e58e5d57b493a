"""For how long a machine stood, by reason: in planned time, and never more reasons than can be shown."""

from plantwright_api.wire.config import Calendar, Shift, StateModel
from plantwright_gateway.context.calendar import WorkCalendar
from plantwright_gateway.context.kpi import Kpis, Totals, dump, load
from plantwright_gateway.context.stops import FORGOTTEN_NS, LONGEST, MOST, NO_REASON, OTHER, Stops, book

S = 10**9
MIDNIGHT = 1_780_012_800 * S  # 2026-05-29T00:00:00Z
DAY_SHIFT = Shift(name="day", weekdays=list(range(7)), start_minute=6 * 60, end_minute=14 * 60)
STATES = StateModel(signal="state", values={"run": "Production", "stop": "Delay", "idle": "Idle", "setup": "Setup"})


def machine(begin: int, *shifts: Shift, totals: Totals | None = None) -> Kpis:
    found = Kpis(totals or Totals(at_ns=begin), WorkCalendar(Calendar(shifts=list(shifts))), STATES, None, 86_400 * S)
    found.confirm(begin)
    return found


def seconds(found: Kpis) -> dict[str, float]:
    return {reason: ns / S for reason, (ns, _) in found.totals.stops.items()}


def test_time_counts_under_the_reason_that_was_known_then() -> None:
    found = machine(MIDNIGHT)
    for second, said, what in (
        (0, "state", "run"),
        (10, "reason", "Tool"),  # what is said of a machine that works counts once it stands
        (20, "state", "stop"),
        (50, "reason", ""),
        (55, "state", "idle"),
        (70, "reason", "No material"),
        (100, "state", "setup"),
        (200, "state", "run"),
    ):
        now = MIDNIGHT + second * S
        if said == "state":
            found.tell_state(what, "", now)
        else:
            found.explain(what, now)
    found.advance(MIDNIGHT + 300 * S)
    assert seconds(found) == {"Tool": 30.0, NO_REASON: 20.0, "No material": 30.0}


def test_only_planned_time_counts() -> None:
    found = machine(MIDNIGHT, DAY_SHIFT)
    found.tell_state("stop", "", MIDNIGHT)
    found.explain("Tool", MIDNIGHT)
    found.advance(MIDNIGHT + 7 * 3600 * S)
    assert seconds(found) == {"Tool": 3600.0}


def test_what_is_not_known_is_no_stop() -> None:
    found = machine(MIDNIGHT)
    found.tell_state("stop", "", MIDNIGHT)
    found.lose(MIDNIGHT + 10 * S)
    found.advance(MIDNIGHT + 60 * S)
    assert seconds(found) == {NO_REASON: 10.0}


def test_reasons_survive_a_restart_and_another_configuration() -> None:
    before = machine(MIDNIGHT)
    before.tell_state("stop", "", MIDNIGHT)
    before.explain("Tool", MIDNIGHT)
    before.advance(MIDNIGHT + 10 * S)
    after = machine(MIDNIGHT + 10 * S, totals=load(dump(before.totals), 0))
    after.succeed(before)
    after.advance(MIDNIGHT + 15 * S)
    assert seconds(after) == {"Tool": 15.0}


def test_totals_of_before_there_were_reasons_are_read() -> None:
    assert load(b'{"atNs": 5, "good": 7}', 0).stops == {}


def test_so_many_reasons_are_told_apart_and_no_more() -> None:
    stops: Stops = {}
    for number in range(100):
        book(stops, f"reason {number}", S, MIDNIGHT + number * S)
        book(stops, "", S, MIDNIGHT + number * S)
    assert stops.keys() == {f"reason {number}" for number in range(MOST)} | {NO_REASON, OTHER}
    assert stops[OTHER][0] == (100 - MOST) * S
    assert stops[NO_REASON][0] == 100 * S
    book(stops, "reason 3", S, MIDNIGHT + 200 * S)
    assert stops["reason 3"][0] == 2 * S


def test_a_reason_that_has_not_occurred_for_a_week_makes_room() -> None:
    stops: Stops = {}
    for number in range(MOST):
        book(stops, f"reason {number}", S, MIDNIGHT + number * S)
    later = MIDNIGHT + FORGOTTEN_NS
    book(stops, "new", S, later - 1)
    assert "new" not in stops
    book(stops, "new", S, later)
    assert "new" in stops
    assert "reason 0" not in stops
    book(stops, "another", S, later)
    assert "another" not in stops, "reason 1 occurred a second later"


def test_a_text_is_cut_before_it_becomes_a_label() -> None:
    stops: Stops = {}
    book(stops, "x" * 5000, S, MIDNIGHT)
    book(stops, "x" * 6000, S, MIDNIGHT)
    assert stops == {"x" * LONGEST: [2 * S, MIDNIGHT]}
