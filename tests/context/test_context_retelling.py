"""Orders that are entered late, corrected, heard late or no longer told: the changes say of each instant what the MES says of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plantwright_api.wire.schedule import EquipmentEvent, JobOrder, PersonnelActual, WorkSchedule
from plantwright_gateway.context.orders import Orders
from plantwright_gateway.context.retelling import MOST_REMEMBERED, Retelling
from plantwright_gateway.context.situation import CONTEXT_NAMES, Change, Situation

SECOND = 1_000_000_000
DAY = 24 * 3600
BEGIN = datetime(2026, 6, 1, 6, 0, tzinfo=UTC)
T0 = int(BEGIN.timestamp()) * SECOND
KINDS = ("JobOrder", "Person", "Reason")

Entry = tuple[str, int, int | None]
"""What, since when and until when, in seconds after T0."""


def time(seconds: int) -> str:
    return (BEGIN + timedelta(seconds=seconds)).isoformat()


def end(seconds: int | None) -> str | None:
    return None if seconds is None else time(seconds)


def schedule(of: str, *entries: Entry) -> Orders:
    told = WorkSchedule(equipment_id="press-01", published_date=time(0))
    match of:
        case "JobOrder":
            jobs = [
                JobOrder(id=what, start_time=time(a), end_time=end(b), work_request_id="P" + what)
                for what, a, b in entries
            ]
            return Orders(WorkSchedule(equipment_id="", published_date="", job_order=jobs))
        case "Person":
            people = [PersonnelActual(person_id=what, start_time=time(a), end_time=end(b)) for what, a, b in entries]
            return Orders(WorkSchedule(equipment_id="", published_date="", personnel_actual=people))
    stops = [EquipmentEvent(reason=what, start_time=time(a), end_time=end(b)) for what, a, b in entries]
    assert told.job_order == []
    return Orders(WorkSchedule(equipment_id="", published_date="", equipment_event=stops))


class Mes:
    """Stores changes as they come and says what was so then: the last by (time, sequence)."""

    def __init__(self, of: str) -> None:
        self.of, self.changes, self.around = of, list[Change](), Situation()

    def hear(self, now: int, *entries: Entry) -> "Mes":
        self.around.orders = schedule(self.of, *entries)
        return self.tick(now)

    def tick(self, now: int) -> "Mes":
        self.around.tick(T0 + now * SECOND)
        for change in self.around.changes():
            assert isinstance(change, Change)
            assert change.value != self._at(change.time_ns), "known already"
            self.changes.append(change)
        return self

    def restart(self, *entries: Entry) -> "Mes":
        self.around = Situation(self.around.dump(), retelling=Retelling(self.around.retelling.dump()))
        self.around.orders = schedule(self.of, *entries)
        return self

    def at(self, second: int) -> str:
        return self._at(T0 + second * SECOND)

    def _at(self, time_ns: int) -> str:
        known = [(each.time_ns, sequence, each.value) for sequence, each in enumerate(self.changes)]
        return max((each for each in known if each[0] <= time_ns), default=(0, 0, ""))[2]

    def joined(self, second: int) -> str:
        """What the context of a value of then says."""
        return self.around.at(T0 + second * SECOND, by_gateway=True).get(CONTEXT_NAMES[self.of], "")

    def told(self) -> list[tuple[str, int]]:
        return [(each.value, (each.time_ns - T0) // SECOND) for each in self.changes]


def stretches(mes: Mes, until: int) -> list[Entry]:
    """What was so from 0 on, as entries."""
    found: list[Entry] = []
    for second in range(until + 1):
        value = mes.at(second)
        assert mes.joined(second) == value, second
        if found and found[-1][0] == value:
            found[-1] = (value, found[-1][1], second + 1)
        else:
            found.append((value, second, second + 1))
    return [entry for entry in found if entry[0]]


@pytest.mark.parametrize("of", KINDS)
def test_what_began_and_ended_while_nobody_listened_is_told(of: str) -> None:
    mes = Mes(of).hear(1, ("A", 0, None))
    mes.hear(90, ("A", 0, 30), ("B", 35, 50), ("C", 60, None))
    assert mes.told() == [("A", 0), ("", 30), ("B", 35), ("", 50), ("C", 60)]
    assert [change.previous for change in mes.changes] == ["", "A", "", "B", ""]
    assert stretches(mes, 90) == [("A", 0, 30), ("B", 35, 50), ("C", 60, 91)]


@pytest.mark.parametrize("of", KINDS)
def test_what_begins_and_ends_between_two_ticks_is_told(of: str) -> None:
    entries = (("A", 0, 10), ("B", 10, 12), ("C", 12, 13))
    mes = Mes(of).hear(1, *entries).tick(20)
    assert mes.told() == [("A", 0), ("B", 10), ("C", 12), ("", 13)]


@pytest.mark.parametrize(
    ("entries", "expected", "so"),
    [
        ((("A", 0, None), ("B", 20, 100)), [("B", 20)], [("A", 0, 20), ("B", 20, 91)]),
        (
            (("A", 0, 20), ("C", 20, 40), ("B", 60, 80)),
            [("C", 20), ("", 40), ("", 80)],
            [("A", 0, 20), ("C", 20, 40), ("B", 60, 80)],
        ),
        ((("A", 0, 40), ("B", 60, 100)), [("", 40)], [("A", 0, 40), ("B", 60, 91)]),
        ((("A", 0, 70), ("B", 70, 100)), [("A", 60), ("B", 70)], [("A", 0, 70), ("B", 70, 91)]),
        ((("C", 10, 15), ("B", 60, 100)), [("C", 10), ("", 15)], [("A", 0, 10), ("C", 10, 15), ("B", 60, 91)]),
    ],
    ids=[
        "a start entered late",
        "start and end entered late",
        "an end entered late",
        "an end put off",
        "an order put before",
    ],
)
@pytest.mark.parametrize("of", KINDS)
def test_what_is_entered_late_is_told_with_its_own_time(
    of: str, entries: tuple[Entry, ...], expected: list[tuple[str, int]], so: list[Entry]
) -> None:
    mes = Mes(of).hear(1, ("A", 0, None)).hear(61, ("A", 0, None), ("B", 60, 100))
    assert mes.told() == [("A", 0), ("B", 60)]
    mes.hear(90, *entries)
    assert mes.told()[2:] == expected
    assert stretches(mes, 90) == so
    assert mes.around.told(of) == mes.at(90)


def test_a_job_orders_corrected_begin_takes_the_time_before_back() -> None:
    mes = Mes("JobOrder").hear(1, ("A", 0, None)).hear(50, ("A", 10, None))
    assert mes.told() == [("A", 0), ("", 0), ("A", 10)]
    mes.hear(60, ("A", 5, None))
    assert stretches(mes, 60) == [("A", 5, 61)]


def test_a_later_log_on_of_the_same_person_takes_nothing_back() -> None:
    mes = Mes("Person").hear(1, ("anna", 0, None)).hear(50, ("anna", 30, None))
    assert stretches(mes, 50) == [("anna", 0, 51)]


def test_a_log_on_that_ended_when_it_was_said_to_have_begun_is_the_same_put_before() -> None:
    mes = Mes("Person").tick(0).hear(6, ("anna", 5, 10)).hear(20, ("anna", 0, 5))
    assert stretches(mes, 20) == [("anna", 0, 5)]
    assert stretches(mes.restart(("anna", 0, 5)).tick(21), 21) == [("anna", 0, 5)]


def test_what_was_told_of_the_time_before_the_first_start_is_remembered_too() -> None:
    mes = Mes("JobOrder").hear(50, ("A", 0, None)).hear(60, ("A", 0, 10), ("B", 20, 30), ("C", 40, None))
    mes.hear(70, ("C", 40, None))
    assert stretches(mes, 70) == [("A", 0, 10), ("B", 20, 30), ("C", 40, 71)]


@pytest.mark.parametrize("of", KINDS)
def test_what_the_schedule_forgets_stays_told(of: str) -> None:
    mes = Mes(of).hear(1, ("A", 0, 10), ("B", 10, 20), ("A", 30, 40)).tick(50)
    before = mes.told()
    mes.hear(60, ("A", 30, 40)).hear(70)
    assert mes.told() == before, "expired"
    assert stretches(mes, 70) == [("A", 0, 10), ("B", 10, 20), ("A", 30, 40)]
    mes.hear(80, ("C", 75, None))
    assert mes.told()[len(before) :] == [("C", 75)]


@pytest.mark.parametrize("of", KINDS)
def test_what_is_under_way_and_simply_gone_was_so_until_now(of: str) -> None:
    mes = Mes(of).hear(1, ("A", 0, None)).hear(40).tick(50)
    assert mes.told() == [("A", 0), ("", 40)]
    assert stretches(mes, 50) == [("A", 0, 40)]
    mes.hear(60, ("A", 0, None))
    assert stretches(mes, 60) == [("A", 0, 61)], "it was a mistake"


def test_an_order_that_was_moved_is_told_from_one_that_was_taken_up_again() -> None:
    moved = Mes("JobOrder").hear(1, ("Z", -50, -10), ("A", 0, 10)).tick(15).hear(50, ("Z", -50, -10), ("A", 30, 40))
    assert stretches(moved, 50) == [("A", 30, 40)], "what ended before is still told, so this would be"
    again = Mes("JobOrder").hear(1, ("A", 0, 10)).tick(15).hear(50, ("A", 30, 40))
    assert stretches(again, 50) == [("A", 0, 10), ("A", 30, 40)]


def test_what_an_order_was_for_is_known_when_it_is_no_longer_told() -> None:
    mes = Mes("JobOrder").hear(1, ("A", 0, 10)).tick(20).hear(30).hear(40)
    assert mes.around.at(T0 + 5 * SECOND, by_gateway=True) == {"jobOrder": "A", "workRequest": "PA"}


@pytest.mark.parametrize("of", KINDS)
def test_after_a_restart_only_what_is_missing_is_told(of: str) -> None:
    mes = Mes(of).hear(1, ("A", 0, 10), ("B", 10, None)).tick(20)
    mes.restart(("A", 0, 10), ("B", 10, None)).tick(30)
    assert mes.told() == [("A", 0), ("B", 10)]
    mes.hear(60, ("A", 0, 5), ("B", 10, 40), ("C", 45, 50))
    assert mes.told()[2:] == [("", 5), ("", 40), ("C", 45), ("", 50)]
    mes.restart().tick(70)
    assert stretches(mes, 70) == [("A", 0, 5), ("B", 10, 40), ("C", 45, 50)], "and what it no longer tells"


def test_what_was_kept_before_this_was_remembered_is_read() -> None:
    mes = Mes("JobOrder").hear(1, ("A", 0, None))
    mes.around = Situation(b'{"State":"Production","JobOrder":"A"}')
    mes.hear(50, ("Z", -50, 0), ("A", 0, 20), ("B", 20, 30), ("C", 35, None))
    assert mes.told() == [("A", 0), ("B", 20), ("", 30), ("C", 35)]
    mes.around = Situation(b'{"JobOrder":"C"}', retelling=Retelling(b"no JSON"))
    mes.hear(60)
    assert mes.told()[4:] == [("", 60)]


def test_at_its_very_first_schedule_only_what_holds_is_told() -> None:
    assert Mes("JobOrder").tick(100).hear(101, ("A", 0, 50), ("B", 50, None)).told() == [("B", 50)]


def test_what_the_machine_tells_itself_is_not_asked_of_the_schedule() -> None:
    """Nor after a restart, until the machine has no signal for it any more."""
    mes = Mes("JobOrder").hear(1, ("A", 0, None))
    mes.around.note([T0 + 10 * SECOND], T0 + 10 * SECOND)
    mes.around.by_machine("JobOrder", "M", T0 + 10 * SECOND)
    mes.hear(20, ("A", 0, 5), ("B", 12, None))
    assert mes.around.told("JobOrder") == "M"
    mes.restart(("A", 0, 5), ("B", 12, None)).tick(30)
    mes.around.listen({"JobOrder"}, T0 + 30 * SECOND)
    mes.tick(35)
    assert mes.told() == [("A", 0), ("M", 10)]
    assert mes.around.told("JobOrder") == "M"
    mes.around.note([T0 + 36 * SECOND], T0 + 36 * SECOND)
    mes.around.by_machine("JobOrder", "N", T0 + 36 * SECOND)
    mes.around.listen(set(), T0 + 40 * SECOND)
    mes.tick(40).tick(50)
    assert mes.told()[2:] == [("N", 36), ("B", 40)]
    assert mes.joined(50) == "B"


def test_a_clock_that_was_set_back_tells_nothing_twice() -> None:
    mes = Mes("JobOrder").hear(100, ("A", 0, 60), ("B", 60, None)).tick(40).tick(50).tick(110)
    assert mes.told() == [("B", 60), ("A", 0)], "A, since it is under way again"


def test_a_clock_that_begins_years_ahead_is_outlived() -> None:
    ahead = 70 * 365 * DAY
    mes = Mes("JobOrder").tick(ahead).hear(ahead + 1, ("A", 0, None)).hear(100, ("A", 0, 50), ("B", 60, None))
    assert mes.told() == [("A", 0), ("", 50), ("B", 60)]


@pytest.mark.row("C12")
def test_what_is_remembered_is_bounded() -> None:
    many = tuple((f"J{number}", number, number + 1) for number in range(3 * MOST_REMEMBERED))
    mes = Mes("JobOrder").tick(0).hear(3 * MOST_REMEMBERED, *many)
    assert [change.value for change in mes.changes[:-1]] == [what for what, *_ in many[1 - MOST_REMEMBERED :]]
    assert mes.tick(4 * MOST_REMEMBERED).told()[MOST_REMEMBERED:] == []
    assert len(mes.around.retelling.dump()) < 40 * MOST_REMEMBERED
    mes.hear(3 * DAY, ("late", 2 * DAY, None))
    assert len(mes.around.retelling.dump()) < 200
    assert len(mes.hear(3 * DAY + 9, *many, ("late", 2 * DAY + 9, None)).told()) == MOST_REMEMBERED + 3


# any schedules, at any times

LATEST = 40
SPANS = st.tuples(st.sampled_from("ABC"), st.integers(0, LATEST), st.one_of(st.none(), st.integers(0, LATEST))).filter(
    lambda entry: entry[2] is None or entry[1] < entry[2]
)
STEPS = st.lists(st.tuples(st.integers(0, 9), st.none() | st.lists(SPANS, max_size=5), st.booleans()), max_size=9)


@settings(max_examples=200, deadline=None)
@given(of=st.sampled_from(KINDS), steps=STEPS)
def test_whatever_is_heard_whenever(of: str, steps: list[tuple[int, list[Entry] | None, bool]]) -> None:
    """Each step: after so many seconds another schedule (or time alone), perhaps after a restart.

    Where the schedule says something, so do the changes; where it is silent they say nothing new; a second look tells nothing.
    """
    mes, now, heard = Mes(of).tick(0), 0, list[Entry]()
    for seconds, entries, restarts in steps:
        now += seconds
        before = [mes.at(second) for second in range(now + 1)]
        heard = heard if entries is None else entries
        if restarts:
            mes.restart(*heard)
        mes.hear(now, *heard) if entries is not None else mes.tick(now)
        said = schedule(of, *heard).spans()[of]  # type: ignore[index]
        for second in range(now + 1):
            expected = {said.value(T0 + second * SECOND)} - {""} or {"", before[second]}
            assert mes.at(second) in expected, second
            assert mes.joined(second) == mes.at(second), second
        told = len(mes.changes)
        mes.tick(now).restart(*heard).tick(now)
        assert len(mes.changes) == told


class Plant:
    """What people enter, one thing after another: each entry has a number; the MES forgets what ended `history` ago."""

    def __init__(self, history: int) -> None:
        self.entries: dict[str, list[int | None]] = {}
        self.forgotten: dict[str, Entry] = {}
        self.heard: dict[str, Entry] = {}
        self.history = history

    def told(self, now: int) -> list[Entry]:
        for what, (start, until) in list(self.entries.items()):
            if until is not None and until <= now - self.history:
                assert start is not None
                self.forgotten[what] = (what, start, until)
                del self.entries[what]
        return [(what, start, until) for what, (start, until) in self.entries.items() if start is not None]

    def truth(self, now: int) -> list[Entry]:
        return sorted([*self.told(now), *self.forgotten.values()], key=lambda entry: entry[1])


def moved(plant: Plant, what: str, start: int, until: int | None, now: int) -> bool:
    """Enter or correct, where it overlaps nothing and is not to come yet."""
    if (
        what in plant.forgotten
        or (until is not None and not max(start, now - plant.history) < until <= now)
        or start > now
    ):
        return False
    _, a, b = plant.heard.get(what, (what, start, until))
    if not (start < (LATER if b is None else b) and a < (LATER if until is None else until)):
        return False  # moved away as a whole, which is told from taking up again only with what ended before
    others = [entry for entry in plant.truth(now) if entry[0] != what]
    if any(start < (LATER if b is None else b) and a < (LATER if until is None else until) for _, a, b in others):
        return False
    plant.entries[what] = [start, until]
    return True


LATER = 10**6
DEEDS = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.sampled_from([f"J{number}" for number in range(5)]),
        st.integers(-15, 0),
        st.none() | st.integers(1, 12),
        st.booleans(),
    ),
    max_size=30,
)


@settings(max_examples=200, deadline=None)
@given(deeds=DEEDS, history=st.integers(5, 60), deaf=st.sets(st.integers(0, 30)), restarts=st.sets(st.integers(0, 30)))
def test_an_mes_that_corrects_and_forgets(
    deeds: list[tuple[int, str, int, int | None, bool]], history: int, deaf: set[int], restarts: set[int]
) -> None:
    """What was entered last of each order is what the changes say of it, also once the MES has forgotten it."""
    mes, plant, now = Mes("JobOrder").tick(0), Plant(history), 0
    for number, (seconds, what, ago, lasts, ends) in enumerate(deeds):
        now += seconds
        heard_all = plant.told(now)
        start = max(now + ago, 0)
        moved(plant, what, start, None if lasts is None else start + lasts, now)
        if ends:
            for open_one, (since, until) in plant.entries.items():
                if until is None and since is not None and since < now:
                    plant.entries[open_one] = [since, now]
        if number in restarts:
            mes.restart(*heard_all)
        if number in deaf and all(b is None or b > now - history + 6 for _, _, b in plant.told(now)):
            continue
        plant.heard = {entry[0]: entry for entry in plant.told(now)}
        mes.hear(now, *plant.heard.values())
        true = schedule("JobOrder", *plant.truth(now)).jobs
        for second in range(now + 1):
            assert mes.at(second) == mes.joined(second) == true.value(T0 + second * SECOND), (second, plant.truth(now))
