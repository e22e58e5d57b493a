"""Which job order, person and reason held at an instant: the MES's schedule made ready to be asked. Pure.

A schedule is taken as it is, and what is wrong in it is named and never guessed: an order that ends before it begins holds at no
time; of two that overlap the later one holds from its beginning on, and both are named.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from plantwright_api.wire.schedule import JobOrder, WorkSchedule
from plantwright_gateway.context.times import nanoseconds

FOREVER: Final = 2**63 - 1
MOST_SPANS: Final = 10_000
"""Of each kind, the newest; a schedule tells the last days, not a year."""


class Span(NamedTuple):
    """Something that held from `start` on and before `end`, in ns since the epoch."""

    start: int
    end: int
    value: str
    context: Mapping[str, str]


class Fault(NamedTuple):
    """What is wrong with an entry of the schedule; `reason` is a word of docs/reference/conditions.md."""

    reason: str
    subject: str


class Spans:
    """Spans in order of their start, none over another."""

    def __init__(self, spans: Iterable[Span], overlap: str = "") -> None:
        self.faults: list[Fault] = []
        ordered = sorted(spans, key=lambda span: (span.start, span.end, span.value))
        self._spans = _apart(ordered[-MOST_SPANS:], overlap, self.faults)
        self._starts = [span.start for span in self._spans]

    def at(self, ns: int) -> Span | None:
        """What held at this instant."""
        span = self.last(ns)
        return span if span and ns < span.end else None

    def last(self, ns: int) -> Span | None:
        """What began last before this instant or at it, whether it still holds or not."""
        place = bisect_right(self._starts, ns) - 1
        return self._spans[place] if place >= 0 else None

    def __len__(self) -> int:
        return len(self._spans)


def _apart(spans: Sequence[Span], overlap: str, faults: list[Fault]) -> list[Span]:
    apart: list[Span] = []
    for span in spans:
        if apart and apart[-1].end > span.start:
            if overlap and apart[-1].end != FOREVER:
                faults.append(Fault(overlap, f"{apart[-1].value} and {span.value}"))
            apart[-1] = apart[-1]._replace(end=span.start)
        apart.append(span)
    return [span for span in apart if span.start < span.end]


class Orders:
    """A schedule, ready to be asked about instants.

    Entries whose times cannot be read or that end before they begin are in `faults` and hold at no time.
    """

    def __init__(self, schedule: WorkSchedule | None = None) -> None:
        self.faults: list[Fault] = []
        schedule = schedule or WorkSchedule(equipment_id="", published_date="")
        self.jobs = self._spans((each.id, each.start_time, each.end_time, _job(each)) for each in schedule.job_order)
        people = schedule.personnel_actual
        self.people = self._spans((each.person_id, each.start_time, each.end_time, {}) for each in people)
        events = schedule.equipment_event
        self.reasons = self._spans((each.reason, each.start_time, each.end_time, {}) for each in events)
        self.wanted = {each.id: _quantity(each) for each in schedule.job_order}
        self._of = {each.id: _job(each) for each in schedule.job_order}

    def at(self, ns: int) -> dict[str, str]:
        """The context of an instant, as `wire.delivery.Observation` names it; what is not known is not in it."""
        job, person = self.jobs.at(ns), self.people.at(ns)
        found = dict(job.context) if job else {}
        if person:
            found["person"] = person.value
        if reason := self.reasons.at(ns):
            found["reason"] = reason.value
        return found

    def of(self, job_order: str) -> dict[str, str]:
        """The context of a job order, by its id; of one that the schedule does not have the id alone."""
        return dict(self._of.get(job_order) or {"jobOrder": job_order})

    def _spans(self, entries: Iterable[tuple[str, str, str | None, Mapping[str, str]]]) -> Spans:
        spans = Spans(self._readable(entries), overlap="Overlaps")
        self.faults.extend(spans.faults)
        return spans

    def _readable(self, entries: Iterable[tuple[str, str, str | None, Mapping[str, str]]]) -> Iterator[Span]:
        for value, start_time, end_time, context in entries:
            try:
                start, end = _ns(start_time), FOREVER if end_time is None else _ns(end_time)
            except ValueError:
                self.faults.append(Fault("TimeUnreadable", value))
                continue
            if end <= start:
                self.faults.append(Fault("EndsBeforeStart", value))
                continue
            yield Span(start, end, value, context)


def _job(order: JobOrder) -> dict[str, str]:
    made = next((each for each in order.material_requirement if each.material_use == "Material Produced"), None)
    found = {
        "jobOrder": order.id,
        "workRequest": order.work_request_id,
        "materialDefinition": made.material_definition_id if made else "",
        "materialLot": made.material_lot_id if made else "",
    }
    return {name: value for name, value in found.items() if value}


def _quantity(order: JobOrder) -> float | None:
    return next((each.quantity for each in order.material_requirement if each.quantity is not None), None)


def _ns(text: str) -> int:
    """An RFC 3339 time in ns.

    Raises:
        ValueError: it is none, or names no zone.
    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(text)
    return nanoseconds(time)
